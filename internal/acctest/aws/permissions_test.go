package aws

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// policies are those of the guide to permissions, for an account: what planning needs
// and what applying does.
func policies(t testing.TB, account string) (plan, apply string) {
	t.Helper()
	root, err := harness.Root()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "guides", "aws-permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) != 2 {
		t.Fatalf("the guide has %d policies, want 2", len(blocks))
	}
	filled := strings.NewReplacer("ACCOUNT", account, "REGION", acctest.Region)
	return filled.Replace(blocks[0][1]), filled.Replace(blocks[1][1])
}

// unneeded are the actions of the apply policy that these stacks do not need, or moto
// cannot show to be needed.
var unneeded = map[string]string{
	"apigateway:PUT":                            "tagging an API is documented as PUT, and answered as POST",
	"cloudwatch:GetMetricData":                  "for gates with metrics, which are minutes late",
	"iam:SimulatePrincipalPolicy":               "asked when AWS refuses a role, which moto does not",
	"lambda:DeleteAlias":                        "further aliases",
	"lambda:DeleteProvisionedConcurrencyConfig": "moto has no provisioned concurrency",
	"lambda:PutProvisionedConcurrencyConfig":    "moto has no provisioned concurrency",
	// See TestLargePackagesAndImages for these.
	"ecr:BatchGetImage": "images", "ecr:GetDownloadUrlForLayer": "images", "ecr:GetRepositoryPolicy": "images", "ecr:SetRepositoryPolicy": "images",
	"s3:CreateBucket": "large packages", "s3:DeleteBucket": "large packages", "s3:DeleteObject": "large packages", "s3:GetBucketTagging": "large packages",
	"s3:GetObject": "large packages", "s3:ListBucket": "large packages", "s3:PutBucketPublicAccessBlock": "large packages",
	"s3:PutBucketTagging": "large packages", "s3:PutLifecycleConfiguration": "large packages", "s3:PutObject": "large packages",
}

// An absence is a permission that a policy lacks, and what the error on each stack has
// to say then.
type absence map[string]complaint

// lacks runs a Terraform command under a policy without some actions, of which the
// errors tell; nothing else fails.
func (o *ordeal) lacks(g *acctest.Guard, policy string, without []string, wants absence, command string, args ...string) {
	o.t.Helper()
	g.Allow(policy, without...)
	errs := o.fails(command, args...)
	for address, want := range wants {
		// What is destroyed has no place in the configuration, by which to tell its errors.
		_, name, _ := strings.Cut(address, ".")
		about := fmt.Sprintf("stack %q", name)
		for _, text := range errs[""] {
			if strings.Contains(text, about) {
				errs[address] = append(errs[address], text)
			}
		}
		errs[""] = slices.DeleteFunc(errs[""], func(text string) bool { return strings.Contains(text, about) })
		want.check(o.t, errs[address])
		delete(errs, address)
	}
	for address, more := range errs {
		if len(more) > 0 {
			o.t.Errorf("%s of %q failed: %q", command, address, more)
		}
	}
}

// meddle changes behind Terraform's back what only a repair needs permissions for.
const meddle = `
harmless = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]})
lambda_role = role("media", "resize")
iam.attach_role_policy(RoleName=lambda_role, PolicyArn=iam.create_policy(PolicyName="further", PolicyDocument=harmless)["Policy"]["Arn"])
iam.put_role_permissions_boundary(RoleName=lambda_role, PermissionsBoundary="arn:aws:iam::" + account + ":policy/further")
iam.update_assume_role_policy(RoleName=lambda_role, PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))
iam.tag_role(RoleName=lambda_role, Tags=[{"Key": "more", "Value": "x"}])
lambda_.tag_resource(Resource="arn:aws:lambda:us-east-1:" + account + ":function:media-resize", Tags={"more": "x"})
lambda_.tag_resource(Resource=mapping("orders")["EventSourceMappingArn"], Tags={"more": "x"})
logs.tag_resource(resourceArn="arn:aws:logs:us-east-1:" + account + ":log-group:/aws/lambda/shop-read", tags={"more": "x"})
sqs.tag_queue(QueueUrl=url("orders"), Tags={"more": "x"})
apigatewayv2.tag_resource(ResourceArn="arn:aws:apigateway:us-east-1::/apis/" + api(), Tags={"more": "x"})
scheduler.tag_resource(ResourceArn="arn:aws:scheduler:us-east-1:" + account + ":schedule-group/reports", Tags=[{"Key": "more", "Value": "x"}])
`

// Stacks live under the guide's policies, of which each action is needed. Whatever is
// taken away is told by name, and given back the next apply goes on.
func TestThePoliciesOfTheGuideAreEnough(t *testing.T) {
	acctest.Allow(t, acctest.Moto, "policies of users")
	o := &ordeal{workspace: open(t, acctest.Moto, rich...)}
	guard := o.Guard()
	plan, apply := policies(t, o.Account)
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":us-east-1:" + o.Account + ":" + resource
	}

	o.lacks(guard, apply, []string{"ec2:DescribeSubnets", "sqs:TagQueue", "scheduler:CreateSchedule", "apigateway:TagResource"}, absence{
		"tidegate_stack.media":      {"function \"media-inside\"", "ec2:DescribeSubnets on sg-"},
		"tidegate_http_api.shop":    {"HTTP API \"shop\"", "apigateway:TagResource on arn:aws:apigateway:us-east-1::/apis"},
		"tidegate_queue.orders":     {"sqs:TagQueue on " + arn("sqs", "orders")},
		"tidegate_queue.ledger":     {"sqs:TagQueue on " + arn("sqs", "ledger")},
		"tidegate_schedule.reports": {"scheduler:CreateSchedule on " + arn("scheduler", "schedule/reports/")},
	}, "apply", "-auto-approve")
	if is := o.components("tidegate_stack.media")["functions/resize/function"]; is != "ready" {
		t.Errorf("the state has the other function as %v", is)
	}
	guard.Allow(apply)
	o.Apply()

	// A release that has a gate and a function to run, and a look at its history.
	o.by(`cloudwatch.put_metric_alarm(AlarmName="errors", MetricName="Errors", Namespace="AWS/Lambda", Period=60, EvaluationPeriods=1,
    Threshold=1, ComparisonOperator="GreaterThanThreshold", Statistic="Sum")`)
	o.put("http_api.tf", strings.Replace(o.files["http_api.tf"], "\n  functions = {", `
  release = { strategy = "canary", interval = "1s", before = "read", gate = { alarms = ["errors"] } }

  functions = {`, 1))
	o.put("history.tf", "data \"tidegate_releases\" \"shop\" {\n  stack = \"shop\"\n}\n")
	o.Apply()

	needed := guard.Forget()
	guard.Allow(plan)
	o.planReads()
	// A plan that has something to do looks whether alarms exist.
	o.edit("http_api.tf", `interval = "1s"`, `interval = "2s"`)
	if _, err := o.Run(t.Context(), "plan"); err != nil {
		t.Error(err)
	}
	for _, action := range guard.Unused() {
		t.Errorf("planning does not need %s", action)
	}
	o.lacks(guard, plan, []string{"lambda:ListTags", "apigateway:GET", "sqs:GetQueueAttributes", "scheduler:GetScheduleGroup"}, absence{
		"tidegate_stack.media":      {"annot read the function \"media-inside\"", "lambda:ListTags on " + arn("lambda", "function:media-inside")},
		"tidegate_http_api.shop":    {"apigateway:GET on arn:aws:apigateway:us-east-1::/apis"},
		"tidegate_queue.orders":     {"annot read the queue \"orders\"", "sqs:GetQueueAttributes on " + arn("sqs", "orders")},
		"tidegate_queue.ledger":     {"annot read the queue \"ledger\"", "sqs:GetQueueAttributes on " + arn("sqs", "ledger.fifo")},
		"tidegate_schedule.reports": {"annot read the schedule group \"reports\"", "scheduler:GetScheduleGroup on " + arn("scheduler", "schedule-group/reports")},
	}, "plan")

	o.by(meddle)
	o.changeEverything()
	o.put("code/create/app.py", "def handler(event, context):\n    return 1\n")
	o.lacks(guard, apply, []string{"lambda:UpdateEventSourceMapping", "iam:PassRole", "sqs:SetQueueAttributes", "scheduler:UpdateSchedule"}, absence{
		"tidegate_stack.media":      {"function \"media-extra\"", "iam:PassRole on arn:aws:iam::" + o.Account + ":role/tidegate/media/media-"},
		"tidegate_http_api.shop":    {"iam:PassRole on arn:aws:iam::" + o.Account + ":role/tidegate/shop/shop-extra-"},
		"tidegate_queue.orders":     {"sqs:SetQueueAttributes on " + arn("sqs", "orders")},
		"tidegate_queue.ledger":     {"lambda:UpdateEventSourceMapping on " + arn("lambda", "event-source-mapping:")},
		"tidegate_schedule.reports": {"scheduler:UpdateSchedule on " + arn("scheduler", "schedule/reports/")},
	}, "apply", "-auto-approve")
	guard.Allow(apply)
	o.Apply()

	o.lacks(guard, apply, []string{"iam:DeleteRole", "apigateway:DELETE", "sqs:DeleteQueue", "scheduler:DeleteSchedule"}, absence{
		"tidegate_stack.media":      {"iam:DeleteRole on role media-"},
		"tidegate_http_api.shop":    {"apigateway:DELETE on arn:aws:apigateway:us-east-1::/apis/"},
		"tidegate_queue.orders":     {"sqs:DeleteQueue on " + arn("sqs", "orders")},
		"tidegate_queue.ledger":     {"sqs:DeleteQueue on " + arn("sqs", "ledger")},
		"tidegate_schedule.reports": {"scheduler:DeleteSchedule on " + arn("scheduler", "schedule/reports/")},
	}, "destroy", "-auto-approve")
	guard.Allow(apply)
	o.Destroy()

	for _, action := range guard.Unused() {
		if _, known := unneeded[action]; !known && !needed[action] {
			t.Errorf("applying and destroying do not need %s", action)
		}
	}
	for action := range unneeded {
		if needed[action] || !slices.Contains(guard.Unused(), action) {
			t.Errorf("%s is needed after all, or not in the guide", action)
		}
	}
	guard.Stop()
	o.Python(`cloudwatch.delete_alarms(AlarmNames=["errors"])`, nil)
	o.Python(`iam.delete_policy(PolicyArn="arn:aws:iam::" + account + ":policy/further")`, map[string]any{"account": o.Account})
	o.nothingLeft()
}
