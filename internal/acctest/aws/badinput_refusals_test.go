package aws

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A refusal is what AWS refuses to a stack: an answer to one of its calls.
type refusal struct {
	// kind of the stack, with lines of its own and of its function.
	kind, lines, function string
	call                  string
	reply                 awswire.Reply
	want                  complaint
	// lacks are the components that are missing then; all if there is "*".
	lacks []string
}

// givenUp are the stacks that are destroyed half made; the others are gone on with.
var givenUp = []string{"denied-api", "denied-logs", "denied-pass", "denied-sqs", "quota-roles"}

// What the calls for a function come after its alias.
var afterFunction = []string{"function", "versions", "alias"}

const whole = "registry.terraform.io/providers/tidegate-io/tidegate/latest/docs/guides/aws-permissions"

var refusals = map[string]refusal{
	// Permissions that are missing: one call of each service.
	"denied-logs": {
		call: "logs:CreateLogGroup", reply: awswire.AccessDenied("logs:CreateLogGroup", "arn:aws:logs:us-east-1:123456789012:log-group:/tidegate/denied-logs:log-stream:"),
		want:  complaint{"annot make the log group \"/tidegate/denied-logs\"", "lacks the permission logs:CreateLogGroup on arn:aws:logs:us-east-1:123456789012:log-group:/tidegate/denied-logs", whole},
		lacks: []string{"*"},
	},
	"denied-iam": {
		call: "iam:CreateRole", reply: awswire.AccessDenied("iam:CreateRole", "arn:aws:iam::123456789012:role/tidegate/denied-iam/denied-iam-f-0a1b2c3d"),
		want:  complaint{"annot make the role \"denied-iam-f-", "lacks the permission iam:CreateRole on arn:aws:iam::123456789012:role/tidegate/denied-iam/denied-iam-f-0a1b2c3d", whole},
		lacks: append([]string{"role", "policy"}, afterFunction...),
	},
	"denied-pass": {
		call: "lambda:CreateFunction", reply: awswire.AccessDenied("iam:PassRole", "arn:aws:iam::123456789012:role/tidegate/denied-pass/denied-pass-f-0a1b2c3d"),
		want:  complaint{"annot make the function \"denied-pass-f\"", "lacks the permission iam:PassRole on arn:aws:iam::123456789012:role/tidegate/denied-pass/denied-pass-f-0a1b2c3d", whole},
		lacks: afterFunction,
	},
	"denied-lambda": {
		call: "lambda:CreateAlias", reply: awswire.AccessDenied("lambda:CreateAlias", "arn:aws:lambda:us-east-1:123456789012:function:denied-lambda-f"),
		want:  complaint{"annot make the alias \"live\" of function \"denied-lambda-f\"", "lacks the permission lambda:CreateAlias on arn:aws:lambda:us-east-1:123456789012:function:denied-lambda-f", whole},
		lacks: []string{"alias"},
	},
	"denied-sqs": {
		kind: "queue", lines: "consumer = { function = \"f\" }",
		call: "sqs:CreateQueue", reply: awswire.AccessDenied("sqs:createqueue", "arn:aws:sqs:us-east-1:123456789012:denied-sqs"),
		want:  complaint{"annot make the queue \"denied-sqs\"", "lacks the permission sqs:CreateQueue on arn:aws:sqs:us-east-1:123456789012:denied-sqs", whole},
		lacks: append([]string{"queue", "consumer"}, afterFunction...), // Lambda checks the function against the queue.
	},
	"denied-api": {
		kind: "http_api", lines: "routes = { \"$default\" = { function = \"f\" } }",
		call: "apigatewayv2:CreateStage", reply: awswire.AccessDenied("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis/*/stages"),
		want:  complaint{"annot make the stage", "lacks the permission apigateway:POST on arn:aws:apigateway:us-east-1::/apis/*/stages", whole},
		lacks: []string{"stage"},
	},
	"denied-schedule": {
		kind: "schedule", lines: "schedules = { s = { function = \"f\", expression = \"rate(1 day)\" } }",
		call: "scheduler:CreateSchedule", reply: awswire.AccessDenied("scheduler:CreateSchedule", "arn:aws:scheduler:us-east-1:123456789012:schedule/denied-schedule/s"),
		want:  complaint{"annot make the schedule \"denied-schedule/s\"", "lacks the permission scheduler:CreateSchedule on arn:aws:scheduler:us-east-1:123456789012:schedule/denied-schedule/s", whole},
		lacks: []string{"schedules/s"},
	},
	"denied-bucket": {
		lines: "provider = tidegate.staged", function: "source = \"${path.module}/code/large\"",
		call: "s3:PutObject", reply: awswire.Error("403 AccessDenied", `User: arn:aws:iam::123456789012:user/tester is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::somebody-elses/denied-bucket/x.zip" because no resource-based policy allows the s3:PutObject action`),
		want:  complaint{"annot make the function \"denied-bucket-f\"", "cannot be uploaded to the bucket somebody-elses", "lacks the permission s3:PutObject on arn:aws:s3:::somebody-elses/denied-bucket/x.zip", "because no resource-based policy gives it"},
		lacks: afterFunction,
	},

	// Quotas that are used up.
	"quota-code": {
		call: "lambda:CreateFunction", reply: awswire.Error("CodeStorageExceededException", "Code storage limit exceeded."),
		want:  complaint{"annot make the function \"quota-code-f\"", "a quota of the account is used up: Code storage limit exceeded", "Service Quotas"},
		lacks: afterFunction,
	},
	"quota-reserved": {
		function: "concurrency = { reserved = 990 }",
		call:     "lambda:PutFunctionConcurrency", reply: awswire.Error("InvalidParameterValueException", "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100]."),
		want:  complaint{"annot make the reserved concurrency of function \"quota-reserved-f\"", "with 990 instances for this function, fewer than 100 would be left", "raise the account's limit"},
		lacks: []string{"concurrency"},
	},
	"quota-roles": {
		call: "iam:CreateRole", reply: awswire.Error("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000"),
		want:  complaint{"annot make the role \"quota-roles-f-", "a quota of the account is used up: Cannot exceed quota for RolesPerAccount: 1000", "Service Quotas"},
		lacks: append([]string{"role", "policy"}, afterFunction...),
	},
	"quota-apis": {
		kind: "http_api", lines: "routes = { \"$default\" = { function = \"f\" } }",
		call: "apigatewayv2:CreateApi", reply: awswire.Error("TooManyRequestsException", "Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs."),
		want:  complaint{"annot make the HTTP API \"quota-apis\"", "a quota of the account is used up: Maximum number of APIs for this account has been reached", "Service Quotas"},
		lacks: []string{"api", "stage", "integrations", "routes", "permissions"},
	},
	"quota-groups": {
		kind: "schedule", lines: "schedules = { s = { function = \"f\", expression = \"rate(1 day)\" } }",
		call: "scheduler:CreateScheduleGroup", reply: awswire.Error("ServiceQuotaExceededException", "Service Quota exceeded for account."),
		want:  complaint{"annot make the schedule group \"quota-groups\"", "a quota of the account is used up: Service Quota exceeded for account", "Service Quotas"},
		lacks: []string{"schedule_group", "schedules/s"},
	},

	// Credentials that end in the middle.
	"expired": {
		call: "lambda:CreateFunction", reply: awswire.Error("403 ExpiredTokenException", "The security token included in the request is expired"),
		want:  complaint{"annot make the function \"expired-f\"", "the credentials for AWS have expired", "aws sso login"},
		lacks: afterFunction,
	},

	// Somebody else answers one call in AWS's name.
	"garbage": {
		call: "lambda:CreateFunction", reply: awswire.Raw(200, "text/html", "<html><body>Welcome to the hotel's network!</body></html>"),
		want:  complaint{"annot make the function \"garbage-f\"", "is not Lambda of AWS: its answer to CreateFunction, with status 200, cannot be understood", "correct the endpoint"},
		lacks: afterFunction,
	},

	// What AWS cannot do with what it was given.
	"no-subnet": {
		function: "network = { subnet_ids = [\"subnet-0a1b2c3d4e5f60718\"], security_group_ids = [\"sg-0a1b2c3d4e5f60718\"] }",
		call:     "lambda:CreateFunction", reply: awswire.Error("InvalidParameterValueException", "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-0a1b2c3d4e5f60718' does not exist"),
		want:  complaint{"annot make the function \"no-subnet-f\"", "The subnet ID 'subnet-0a1b2c3d4e5f60718' does not exist in this account and region", "correct the function's network"},
		lacks: afterFunction,
	},
	"no-trust": {
		function: "role_arn = \"ROLE\"",
		call:     "lambda:CreateFunction", reply: cannotBeAssumed,
		want:  complaint{"annot make the function \"no-trust-f\"", "the role ROLE cannot be assumed by Lambda: its trust policy does not allow the service lambda.amazonaws.com the action sts:AssumeRole", "add that to the trust policy"},
		lacks: afterFunction,
	},
}

var cannotBeAssumed = awswire.Error("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda.")

// slowness is how often AWS says of one more stack that its role cannot be assumed, as
// when a new role is not known everywhere yet: longer than the provider goes on before
// it looks at the role, in which it finds nothing wrong.
const slowness = 6

// refuse makes AWS refuse what it is to refuse, and be slow.
func (o *ordeal) refuse() {
	for name, r := range refusals {
		o.Proxy.Answer(awswire.On(r.call).Where(mentions(name)), r.reply)
	}
	o.Proxy.Answer(awswire.On("lambda:CreateFunction").Where(mentions("slow")).First(slowness), cannotBeAssumed)
}

// mentions matches requests that are about a stack.
func mentions(stack string) func(*awswire.Request) bool {
	return func(r *awswire.Request) bool {
		if r.Service == "apigatewayv2" && r.Operation == "CreateStage" {
			return stack == "denied-api" // The only one with an API, whose id says nothing.
		}
		of := r.URL.Path
		for _, param := range []string{"FunctionName", "RoleName", "QueueName", "logGroupName", "Name", "GroupName"} {
			of += " " + r.Param(param)
		}
		return strings.Contains(of, stack)
	}
}

// An apply to which AWS refuses something says what, of each stack once, and keeps what
// it has made: it can be destroyed, or gone on with.
func TestWhatAWSRefusesIsToldOnceAndCanBeGoneOnWith(t *testing.T) {
	o := suffer(t)
	large := make([]byte, 51<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(large)
	o.Write("code/large/noise", string(large))
	o.Write("code/large/app.py", "def handler(event, context):\n    return event\n")
	var role string
	if err := json.Unmarshal(o.Python(makeRole, map[string]any{"service": "ec2.amazonaws.com"}), &role); err != nil {
		t.Fatal(err)
	}
	var config strings.Builder
	config.WriteString(o.provider("staged", "staging_bucket = \"somebody-elses\"\n"))
	config.WriteString(o.stack("slow", "", ""))
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		r := refusals[name]
		r.function += "\nsecrets_wo = { API_KEY = \"" + secretOfStack + "\" }\nsecrets_version = \"1\""
		config.WriteString(strings.ReplaceAll(o.stackOf(r.kind, name, r.lines, r.function), "ROLE", role))
	}
	o.put("main.tf", config.String())

	o.refuse()
	o.failsAsRefused(t, role)
	o.Proxy.Reset()
	text := strings.Replace(o.files["main.tf"], "somebody-elses", "tidegate-"+o.Account+"-"+acctest.Region, 1)
	for _, name := range givenUp {
		before, after, _ := strings.Cut(text, fmt.Sprintf("\nresource \"tidegate_%s\" %q {", cmp.Or(refusals[name].kind, "stack"), name))
		_, after, _ = strings.Cut(after, "\n}\n")
		text = before + after
	}
	o.put("main.tf", text)
	o.Python(letLambdaIn, map[string]any{"service": "lambda.amazonaws.com"})
	o.applied()
	o.Destroy()
	o.nothingLeftBut(role)
}

// failsAsRefused checks what an apply says of the refusals, and what the state has then.
func (o *ordeal) failsAsRefused(t *testing.T, role string) {
	t.Helper()
	o.Proxy.Forget()
	errs := o.fails("apply", "-auto-approve", "-parallelism=30")
	state := o.state()
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		r := refusals[name]
		address := r.address(name)
		var want complaint
		for _, words := range r.want {
			want = append(want, strings.ReplaceAll(words, "ROLE", role))
		}
		t.Run(name, func(t *testing.T) {
			want.check(t, errs[address])
			r.checkState(t, componentsIn(state, address))
		})
		delete(errs, address)
	}
	if len(errs) > 0 {
		o.t.Errorf("there are further errors: %q", errs)
	}
	tries := map[string]int{}
	for _, r := range o.Proxy.Matching("lambda:CreateFunction") {
		tries[r.Param("FunctionName")]++
	}
	for function, want := range map[string]int{"no-trust-f": slowness - 1, "slow-f": slowness + 1, "no-subnet-f": 1, "quota-code-f": 1} {
		if tries[function] != want {
			o.t.Errorf("AWS was asked %d times for the function %s, want %d", tries[function], function, want)
		}
	}
	for component, is := range componentsIn(state, "tidegate_stack.slow") {
		if is != "ready" {
			o.t.Errorf("%s of the stack whose role was slow is %v", component, is)
		}
	}
}

// address of the stack in the configuration.
func (r refusal) address(name string) string {
	return "tidegate_" + cmp.Or(r.kind, "stack") + "." + name
}

// checkState checks that those components are missing that cannot be there, and no
// others.
func (r refusal) checkState(t *testing.T, components map[string]any) {
	t.Helper()
	if slices.Contains(r.lacks, "*") {
		if len(components) > 0 {
			t.Errorf("the state has %v", components)
		}
		return
	}
	var missing []string
	for name, is := range components {
		switch is {
		case "missing":
			missing = append(missing, strings.TrimPrefix(name, "functions/f/"))
		case "ready":
		default:
			t.Errorf("%s is %v", name, is)
		}
	}
	slices.Sort(missing)
	if want := slices.Sorted(slices.Values(r.lacks)); !slices.Equal(missing, want) {
		t.Errorf("%v are missing in the state, want %v", missing, want)
	}
}

// A role that lets a service in, and one's change of mind.
const (
	trustOf  = `trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]})`
	makeRole = trustOf + `
result = iam.create_role(RoleName="shop-by-hand", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
`
	letLambdaIn = trustOf + `
iam.update_assume_role_policy(RoleName="shop-by-hand", PolicyDocument=trust)
`
)

// nothingLeftBut checks that of all that was made only the role made by hand is there.
func (o *ordeal) nothingLeftBut(role string) {
	o.t.Helper()
	own := []string{"queue elsewhere", "role " + role[strings.LastIndex(role, "/")+1:]}
	if left := o.Leftovers(); !slices.Equal(left, own) {
		o.t.Errorf("there are %q, want %q", left, own)
	}
}

// stackOf is a stack of a kind, as stack makes one.
func (o *ordeal) stackOf(kind, name, lines, function string) string {
	text := o.stack(name, lines, function)
	if kind != "" {
		text = strings.Replace(text, "tidegate_stack", "tidegate_"+kind, 1)
	}
	if strings.Contains(function, "source = ") {
		text = strings.Replace(text, fmt.Sprintf("source  = %q\n", "${path.module}/code/resize"), "", 1)
	}
	return text
}
