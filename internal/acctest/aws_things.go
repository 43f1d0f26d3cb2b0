package acctest

import (
	"encoding/json"
	"regexp"
	"strings"
)

// things lists what there is of each kind, with what tells two of a kind apart. Numbers
// and ids that AWS makes up are left out.
const things = `
found = []

def pages(client, operation, key, **arguments):
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])

versions = {}
for f in pages(lambda_, "list_functions", "Functions", FunctionVersion="ALL"):
    if f["Version"] != "$LATEST":
        versions.setdefault(f["FunctionName"], []).append((int(f["Version"]), f["CodeSha256"], f["MemorySize"]))
for f in pages(lambda_, "list_functions", "Functions"):
    name = f["FunctionName"]
    own = sorted(versions.get(name, []))
    place = {str(v[0]): n + 1 for n, v in enumerate(own)}
    found.append("function %s: %s with %s MB" % (name, f["CodeSha256"], f["MemorySize"]))
    found += ["function %s, version %d: %s with %s MB" % (name, n + 1, v[1], v[2]) for n, v in enumerate(own)]
    for a in lambda_.list_aliases(FunctionName=name)["Aliases"]:
        found.append("function %s, alias %s: version %s" % (name, a["Name"], place.get(a["FunctionVersion"])))
for m in pages(lambda_, "list_event_source_mappings", "EventSourceMappings"):
    found.append("mapping of %s to %s: %s" % (m["EventSourceArn"], m["FunctionArn"], m["State"]))
for l in pages(lambda_, "list_layers", "Layers"):
    for v in pages(lambda_, "list_layer_versions", "LayerVersions", LayerName=l["LayerName"]):
        found.append("layer %s: %s" % (l["LayerName"], v.get("Description")))
for r in pages(iam, "list_roles", "Roles"):
    found.append("role " + r["RoleName"].rsplit("-", 1)[0])
for g in pages(logs, "describe_log_groups", "logGroups"):
    found.append("log group %s for %s days" % (g["logGroupName"], g.get("retentionInDays")))
for u in pages(sqs, "list_queues", "QueueUrls"):
    found.append("queue " + u.rsplit("/", 1)[1])
for a in pages(apigatewayv2, "get_apis", "Items"):
    name, id = a["Name"], a["ApiId"]
    found.append("HTTP API " + name)
    uris = {i["IntegrationId"]: i["IntegrationUri"] for i in apigatewayv2.get_integrations(ApiId=id)["Items"]}
    found += ["HTTP API %s, integration: %s" % (name, uri) for uri in uris.values()]
    for r in apigatewayv2.get_routes(ApiId=id)["Items"]:
        found.append("HTTP API %s, route %s: %s" % (name, r["RouteKey"], uris.get(r.get("Target", "").rpartition("/")[2])))
    for s in apigatewayv2.get_stages(ApiId=id)["Items"]:
        found.append("HTTP API %s, stage %s" % (name, s["StageName"]))
    for z in apigatewayv2.get_authorizers(ApiId=id)["Items"]:
        found.append("HTTP API %s, authorizer %s" % (name, z["Name"]))
for g in pages(scheduler, "list_schedule_groups", "ScheduleGroups"):
    if g["Name"] != "default":
        found.append("schedule group " + g["Name"])
for s in pages(scheduler, "list_schedules", "Schedules"):
    found.append("schedule %s/%s" % (s["GroupName"], s["Name"]))
for b in s3.list_buckets().get("Buckets", []):
    found.append("bucket " + b["Name"])

result = sorted(found)
`

// Things lists everything the account holds by the name of the stack that it is named
// after, which the pattern matches, or "". The name itself is replaced by "NAME", so that
// stacks which are alike have the same things; numbers and ids that AWS makes up are left
// out.
func (a *AWSAccount) Things(names *regexp.Regexp) map[string][]string {
	a.t.Helper()
	var found []string
	if err := json.Unmarshal(a.Python(things, nil), &found); err != nil {
		a.t.Fatal(err)
	}
	byStack := map[string][]string{}
	for _, thing := range found {
		name := names.FindString(thing)
		if name != "" {
			thing = strings.ReplaceAll(thing, name, "NAME")
		}
		byStack[name] = append(byStack[name], thing)
	}
	return byStack
}
