package aws

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// What is somebody else's is left alone, and named; what has the stack's tag is adopted.
func TestNamesThatAreTaken(t *testing.T) {
	w := open(t, acctest.Moto, plain...)
	w.by(takeNames)
	before := string(w.by(contentOfNames))
	out := w.applyFails()
	for _, message := range []string{
		`there is a function "media-resize" already`, `there is a role "media-resize-`, `there is a queue "orders" already`,
		`there is a queue "orders-dead-letters" already`, `there is a log group "/aws/lambda/shop-create" already`, `there is a schedule group "reports" already`,
		`it does not belong to this stack`, `the tag tidegate:stack`,
	} {
		if !strings.Contains(strings.ToLower(out), strings.ToLower(message)) {
			t.Errorf("no error says %q:\n%s", message, out)
		}
	}
	if after := string(w.by(contentOfNames)); before != after {
		t.Errorf("what was there is now\n%s\nand was\n%s", after, before)
	}

	w.by(`
lambda_.tag_resource(Resource="arn:aws:lambda:us-east-1:" + account + ":function:media-resize", Tags={"tidegate:stack": "media"})
iam.tag_role(RoleName="media-resize-b5f45a13", Tags=[{"Key": "tidegate:stack", "Value": "media"}])
scheduler.delete_schedule(GroupName="reports", Name="mine")
for q in ("orders", "orders-dead-letters"):
    sqs.tag_queue(QueueUrl=url(q), Tags={"tidegate:stack": "orders"})
logs.tag_resource(resourceArn=group("/aws/lambda/shop-create")["arn"].removesuffix(":*"), tags={"tidegate:stack": "shop"})
scheduler.tag_resource(ResourceArn=scheduler.get_schedule_group(Name="reports")["Arn"], Tags=[{"Key": "tidegate:stack", "Value": "reports"}])
`)
	w.applied()
	w.destroyAll()
}

// takeNames makes, by hand and for another purpose, things that have the names of what
// the plain stacks need.
const takeNames = `
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
made = iam.create_role(RoleName="media-resize-b5f45a13", Path="/tidegate/media/", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
lambda_.create_function(FunctionName="media-resize", Runtime="python3.12", Handler="other.handler", Role=made, Code={"ZipFile": package("")})
sqs.create_queue(QueueName="orders", Attributes={"VisibilityTimeout": "17"})
sqs.create_queue(QueueName="orders-dead-letters", tags={"tidegate:stack": "order"})
logs.create_log_group(logGroupName="/aws/lambda/shop-create")
scheduler.create_schedule_group(Name="reports")
scheduler.create_schedule(GroupName="reports", Name="mine", ScheduleExpression="rate(3 days)", FlexibleTimeWindow={"Mode": "OFF"},
    Target={"Arn": "arn:aws:sqs:us-east-1:" + account + ":elsewhere", "RoleArn": made})
`

// contentOfNames is everything there is of those things, and whatever else there is.
const contentOfNames = `
def f(name):
    found = lambda_.get_function(FunctionName=name)
    return [found["Configuration"], found.get("Tags")]

result = [
    [f(x["FunctionName"]) for x in lambda_.list_functions()["Functions"]],
    [iam.get_role(RoleName=r["RoleName"])["Role"] for r in iam.list_roles()["Roles"]],
    [[q, sqs.get_queue_attributes(QueueUrl=q, AttributeNames=["All"])["Attributes"], sqs.list_queue_tags(QueueUrl=q).get("Tags")] for q in sqs.list_queues()["QueueUrls"]],
    [[g["logGroupName"], logs.list_tags_for_resource(resourceArn=g["arn"].removesuffix(":*"))["tags"]] for g in logs.describe_log_groups()["logGroups"]],
    [schedule("mine"), scheduler.list_tags_for_resource(ResourceArn=scheduler.get_schedule_group(Name="reports")["Arn"])["Tags"], len(scheduler.list_schedules()["Schedules"])],
    apigatewayv2.get_apis()["Items"],
]
`

// applyFails applies the configuration, which must fail, and returns what Terraform
// printed, in one line.
func (w *workspace) applyFails() string {
	w.t.Helper()
	out, err := w.AWSWorkspace.Workspace.Workspace.Apply(w.t.Context())
	if err == nil {
		w.t.Fatalf("the apply did not fail:\n%s", out)
	}
	return inOneLine(out)
}

// inOneLine undoes the breaking of lines.
func inOneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// Names that, put together, are another stack's.
func TestStacksWhoseNamesNest(t *testing.T) {
	w := open(t, acctest.Moto)
	w.put("main.tf", `
locals {
  functions = { source = "${path.module}/code/report", runtime = "python3.13", handler = "app.handler" }
}

resource "tidegate_stack" "a" {
  name      = "a"
  functions = { b = local.functions, c = local.functions }
}

resource "tidegate_queue" "a-b" {
  name        = "a-b"
  dead_letter = { max_receives = 2 }
  consumer    = { function = "d" }
  functions   = { d = local.functions }
}
`)
	w.applied()
	w.sees(sight{
		"functions", `{f["FunctionName"]: lambda_.get_function(FunctionName=f["FunctionName"])["Tags"]["tidegate:stack"] for f in lambda_.list_functions()["Functions"]}`,
		`{"a-b": "a", "a-c": "a", "a-b-d": "a-b"}`,
	})

	// The function "b-d" of "a" would be the function "d" of "a-b".
	w.edit("main.tf", "c = local.functions }", "b-d = local.functions }")
	if out := w.applyFails(); !strings.Contains(out, `function "a-b-d"`) || !strings.Contains(out, "does not belong to this stack") {
		t.Errorf("the error is:\n%s", out)
	}
	w.sees(sight{"functions", `sorted(f["FunctionName"] for f in lambda_.list_functions()["Functions"])`, `["a-b", "a-b-d", "a-c"]`})
	w.edit("main.tf", "b-d = local.functions }", "c = local.functions }")
	w.EmptyPlan()

	// Neither takes the other with it.
	w.Destroy("-target=tidegate_stack.a")
	w.sees(sight{"functions", `[f["FunctionName"] for f in lambda_.list_functions()["Functions"]]`, `["a-b-d"]`})
	w.applied()
	w.Destroy("-target=tidegate_queue.a-b")
	w.sees(sight{"functions", `sorted(f["FunctionName"] for f in lambda_.list_functions()["Functions"])`, `["a-b", "a-c"]`})
	w.destroyAll()
}

// An import finds all but what no target keeps: where the code comes from. The apply
// after it changes nothing on the target, and after that there is nothing left to do.
func TestImportedStacksAreLeftAsTheyAre(t *testing.T) {
	w := open(t, acctest.Moto, rich...)
	w.Write("provider.tf", strings.Replace(w.Provider(), "  aws = {", "  aws = {\n    default_tags = { owner = \"tests\", team = \"default\" }", 1))
	w.applied()
	w.sees(sight{
		"default tags", `[lambda_.get_function(FunctionName="media-resize")["Tags"][k] for k in ("owner", "team")] + pick(sqs.list_queue_tags(QueueUrl=url("ledger.fifo"))["Tags"], "owner", "team")`,
		`["tests", "media", "tests", "default"]`,
	})
	addresses := map[string]string{
		"tidegate_stack.media": "media", "tidegate_http_api.shop": "shop", "tidegate_queue.orders": "orders",
		"tidegate_queue.ledger": "ledger", "tidegate_schedule.reports": "reports",
	}
	before := w.state()
	imports := ""
	for address, name := range addresses {
		w.run("state", "rm", address)
		imports += "import {\n  to = " + address + "\n  id = \"" + name + "\"\n}\n"
	}
	w.Write("imports.tf", imports)

	_, out := w.Plan()
	if !strings.Contains(out, "Plan: 5 to import, 0 to add, 5 to change, 0 to destroy.") {
		t.Errorf("the plan after the import is\n%s", out)
	}
	for _, change := range regexp.MustCompile(`(?m)^ +[-+~] "?([^" ]+)`).FindAllStringSubmatch(out, -1) {
		if !slices.Contains(unknowable, change[1]) {
			t.Errorf("the plan after the import changes %s:\n%s", change[1], out)
		}
	}
	w.Proxy.Forget()
	w.Apply()
	for _, r := range w.changes() {
		t.Errorf("the apply after the import made the call %v %s", r, r.Body)
	}
	w.EmptyPlan()
	for address, values := range w.state() {
		// A time is kept as it was written where it means the same.
		was := strings.ReplaceAll(encoded(t, before[address]), "2089-06-01T12:00:00+02:00", "2089-06-01T10:00:00Z")
		if is := encoded(t, values); is != was {
			t.Errorf("%s is in the state as\n%s\nand was\n%s", address, is, was)
		}
	}
	w.destroyAll()
}

// unknowable are the words of a plan after an import that are there for what no import
// can know: where the code is, and whether a scope that all routes ask for is the API's.
var unknowable = []string{
	"update", "resource", "tidegate-io/tidegate", "functions", "resize", "inside", "create", "read", "fulfil", "audit", "post", "report",
	"source", "code_manifest", "app.py", "layers", "./code/layer",
	"auth", "scopes", "orders", "routes", "POST", "ANY", "$default",
}

// run executes a Terraform command.
func (w *workspace) run(command string, args ...string) string {
	w.t.Helper()
	out, err := w.Run(w.t.Context(), command, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func encoded(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
