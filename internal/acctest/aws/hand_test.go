package aws

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// hand are functions for snippets that look at an account by the names of things, or
// change them behind Terraform's back.
const hand = `
def role(stack, of):
    found = [r["RoleName"] for r in iam.list_roles(PathPrefix="/tidegate/" + stack + "/")["Roles"]]
    return next(r for r in found if r.rsplit("-", 1)[0] == stack + "-" + of)

def statements(stack, of):
    document = iam.get_role_policy(RoleName=role(stack, of), PolicyName="tidegate")["PolicyDocument"]
    return {s["Sid"]: [s["Action"], s["Resource"]] for s in document["Statement"]}

def routing(function):
    live = lambda_.get_alias(FunctionName=function, Name="live")
    return [live["FunctionVersion"], live.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})]

def versions(function):
    return [v["Version"] for v in lambda_.list_versions_by_function(FunctionName=function)["Versions"] if v["Version"] != "$LATEST"]

def granted(function, qualifier="live"):
    policy = json.loads(lambda_.get_policy(FunctionName=function, Qualifier=qualifier)["Policy"])
    return {s["Sid"]: [s["Principal"], s["Action"], s.get("Condition")] for s in policy["Statement"]}

def url(queue):
    return sqs.get_queue_url(QueueName=queue)["QueueUrl"]

def attributes(queue, *names):
    all = sqs.get_queue_attributes(QueueUrl=url(queue), AttributeNames=["All"])["Attributes"]
    return [json.loads(all[n]) if n.endswith("Policy") else all[n] for n in names]

def mapping(queue):
    all = lambda_.list_event_source_mappings()["EventSourceMappings"]
    return next(m for m in all if m["EventSourceArn"].endswith(":" + queue))

def api():
    return next(a for a in apigatewayv2.get_apis()["Items"] if apigatewayv2.get_routes(ApiId=a["ApiId"])["Items"])["ApiId"]

def stage():
    return apigatewayv2.get_stage(ApiId=api(), StageName="$default")

def route(key):
    return next(r for r in apigatewayv2.get_routes(ApiId=api())["Items"] if r["RouteKey"] == key)

def integration(function):
    all = apigatewayv2.get_integrations(ApiId=api())["Items"]
    return next(i for i in all if i["IntegrationUri"].endswith(":" + function + ":live"))

def authorizer():
    return apigatewayv2.get_authorizers(ApiId=api())["Items"][0]

def group(name):
    found = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next(g for g in found if g["logGroupName"] == name)

def schedule(name, **change):
    s = scheduler.get_schedule(GroupName="reports", Name=name)
    for noise in ("ResponseMetadata", "Arn", "CreationDate", "LastModificationDate"):
        s.pop(noise, None)
    return {**s, **change}

def absent(look):
    from botocore.exceptions import ClientError
    try:
        look()
    except ClientError as e:
        return e.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    return False

def pick(object, *keys):
    return [object.get(k) for k in keys]

harmless = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]})

def package(text):
    import io, zipfile
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("app.py", text)
    return buffer.getvalue()
`

// by executes a snippet that may use hand, and returns its result.
func (w *workspace) by(code string) json.RawMessage {
	w.t.Helper()
	return w.Python(hand+code, map[string]any{"account": w.Account, "elsewhere": w.elsewhere})
}

// A sight is a value of Python, and the JSON of what it should be; in both, ACCOUNT
// stands for the account.
type sight struct{ name, is, want string }

// sees compares what there is on the account.
func (w *workspace) sees(sights ...sight) {
	w.t.Helper()
	code := strings.Builder{}
	code.WriteString("\nresult = []\n")
	for _, s := range sights {
		code.WriteString("result.append(" + strings.ReplaceAll(s.is, "ACCOUNT", w.Account) + ")\n")
	}
	var all []json.RawMessage
	if err := json.Unmarshal(w.by(code.String()), &all); err != nil {
		w.t.Fatal(err)
	}
	for n, s := range sights {
		if is, want := sorted(w.t, all[n]), sorted(w.t, []byte(strings.ReplaceAll(s.want, "ACCOUNT", w.Account))); is != want {
			w.t.Errorf("%s:\n%s\nwant\n%s", s.name, is, want)
		}
	}
}

// sorted is JSON in one spelling.
func sorted(t testing.TB, text []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// state returns the attributes of each resource in the state, by address.
func (w *workspace) state() map[string]map[string]any {
	w.t.Helper()
	text, err := w.Run(w.t.Context(), "show", "-json")
	if err != nil {
		w.t.Fatal(err)
	}
	_, text, _ = strings.Cut("\n"+text, "\n{") // After warnings.
	var shown struct {
		Values struct {
			RootModule struct {
				Resources []struct {
					Address string
					Values  map[string]any
				}
			} `json:"root_module"`
		}
	}
	if err := json.NewDecoder(strings.NewReader("{" + text)).Decode(&shown); err != nil {
		w.t.Fatalf("%v:\n%s", err, text)
	}
	all := map[string]map[string]any{}
	for _, r := range shown.Values.RootModule.Resources {
		all[r.Address] = r.Values
	}
	return all
}
