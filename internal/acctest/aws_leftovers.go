package acctest

import "encoding/json"

// leftovers lists what an account holds in the services that Tidegate uses, apart
// from what every account has.
const leftovers = `
found = []

def pages(client, operation, key, **arguments):
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(key, [])

for f in pages(lambda_, "list_functions", "Functions"):
    name = f["FunctionName"]
    found.append("function " + name)
    for v in pages(lambda_, "list_versions_by_function", "Versions", FunctionName=name):
        if v["Version"] != "$LATEST":
            found.append("version " + name + ":" + v["Version"])
    for a in pages(lambda_, "list_aliases", "Aliases", FunctionName=name):
        found.append("alias " + name + ":" + a["Name"])
for m in pages(lambda_, "list_event_source_mappings", "EventSourceMappings"):
    found.append("event source mapping of " + m["EventSourceArn"])
for l in pages(lambda_, "list_layers", "Layers"):
    for v in pages(lambda_, "list_layer_versions", "LayerVersions", LayerName=l["LayerName"]):
        found.append("layer %s:%s" % (l["LayerName"], v["Version"]))
for r in pages(iam, "list_roles", "Roles"):
    if not r["Path"].startswith("/aws-service-role/"):
        found.append("role " + r["RoleName"])
for p in pages(iam, "list_policies", "Policies", Scope="Local"):
    found.append("policy " + p["PolicyName"])
for g in pages(logs, "describe_log_groups", "logGroups"):
    found.append("log group " + g["logGroupName"])
for p in logs.describe_resource_policies().get("resourcePolicies", []):
    found.append("log resource policy " + p["policyName"])
for u in pages(sqs, "list_queues", "QueueUrls"):
    found.append("queue " + u.rsplit("/", 1)[1])
for a in pages(apigatewayv2, "get_apis", "Items"):
    found.append("HTTP API " + a["Name"])
for g in pages(scheduler, "list_schedule_groups", "ScheduleGroups"):
    if g["Name"] != "default":
        found.append("schedule group " + g["Name"])
for s in pages(scheduler, "list_schedules", "Schedules"):
    found.append("schedule %s/%s" % (s["GroupName"], s["Name"]))
for b in s3.list_buckets().get("Buckets", []):
    objects = len(list(pages(s3, "list_objects_v2", "Contents", Bucket=b["Name"])))
    found.append("bucket %s with %d objects" % (b["Name"], objects))
for r in pages(ecr, "describe_repositories", "repositories"):
    found.append("repository " + r["repositoryName"])

result = sorted(found)
`

// Leftovers lists everything the account holds, sorted, each with its kind and
// name ("function shop-pay", "version shop-pay:1"). It is empty in a new account.
func (a *AWSAccount) Leftovers() []string {
	a.t.Helper()
	var found []string
	if err := json.Unmarshal(a.Python(leftovers, nil), &found); err != nil {
		a.t.Fatal(err)
	}
	return found
}

// NothingLeft fails the test if the account holds anything.
func (a *AWSAccount) NothingLeft() {
	a.t.Helper()
	for _, thing := range a.Leftovers() {
		a.t.Errorf("%s is left", thing)
	}
}
