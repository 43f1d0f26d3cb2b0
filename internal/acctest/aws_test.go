package acctest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// awsStack makes one of everything that Tidegate makes, with boto3.
const awsStack = `
import io, zipfile

def package(text):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as z:
        z.writestr("app.py", text)
    return buffer.getvalue()

tags = {"team": "shop"}
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
sts.get_caller_identity()
logs.create_log_group(logGroupName="/aws/lambda/shop-pay", tags=tags)
logs.put_retention_policy(logGroupName="/aws/lambda/shop-pay", retentionInDays=14)
role = iam.create_role(RoleName="shop-pay", AssumeRolePolicyDocument=trust, Description="Runs shop-pay",
    Tags=[{"Key": k, "Value": v} for k, v in tags.items()])["Role"]["Arn"]
iam.put_role_policy(RoleName="shop-pay", PolicyName="tidegate", PolicyDocument=json.dumps({"Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]}))
queue = sqs.create_queue(QueueName="shop-dead", Attributes={"MessageRetentionPeriod": "1209600"}, tags=tags)["QueueUrl"]
queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["QueueArn"]
s3.create_bucket(Bucket="shop-" + account)
s3.put_bucket_tagging(Bucket="shop-" + account, Tagging={"TagSet": [{"Key": "team", "Value": "shop"}]})
s3.put_object(Bucket="shop-" + account, Key="a/b c+d.zip", Body=b"x" * 1000, Metadata={"stack": "shop"})
s3.get_object(Bucket="shop-" + account, Key="a/b c+d.zip")["Body"].read()
s3.list_objects_v2(Bucket="shop-" + account, Prefix="a/")
layer = lambda_.publish_layer_version(LayerName="shop", Content={"ZipFile": package("")}, CompatibleRuntimes=["python3.12"])["LayerVersionArn"]
lambda_.create_function(FunctionName="shop-pay", Runtime="python3.12", Role=role, Handler="app.handler",
    Code={"ZipFile": package("def handler(e, c): return e")}, Timeout=30, MemorySize=256, Publish=False,
    Environment={"Variables": {"TABLE": "orders"}}, Tags=tags, Layers=[layer])
version = lambda_.publish_version(FunctionName="shop-pay", Description="first")["Version"]
alias = lambda_.create_alias(FunctionName="shop-pay", Name="live", FunctionVersion=version)["AliasArn"]
lambda_.list_tags(Resource=alias.rsplit(":", 1)[0])
lambda_.put_function_event_invoke_config(FunctionName="shop-pay", Qualifier="live", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=3600)
lambda_.put_function_concurrency(FunctionName="shop-pay", ReservedConcurrentExecutions=5)
lambda_.create_function_url_config(FunctionName="shop-pay", Qualifier="live", AuthType="NONE")
lambda_.add_permission(FunctionName="shop-pay", Qualifier="live", StatementId="url", Action="lambda:InvokeFunctionUrl",
    Principal="*", FunctionUrlAuthType="NONE")
lambda_.create_event_source_mapping(EventSourceArn=queue_arn, FunctionName=alias, BatchSize=10, Enabled=False,
    FilterCriteria={"Filters": [{"Pattern": json.dumps({"body": {"a": [1]}})}]})
lambda_.list_versions_by_function(FunctionName="shop-pay", MaxItems=50)
api = apigatewayv2.create_api(Name="shop", ProtocolType="HTTP", Tags=tags, CorsConfiguration={"AllowOrigins": ["*"]})["ApiId"]
integration = apigatewayv2.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=alias, PayloadFormatVersion="2.0")["IntegrationId"]
apigatewayv2.create_route(ApiId=api, RouteKey="POST /pay/{id}", Target="integrations/" + integration)
apigatewayv2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True, DefaultRouteSettings={"ThrottlingRateLimit": 10.5, "ThrottlingBurstLimit": 20})
apigatewayv2.get_stage(ApiId=api, StageName="$default")
scheduler.create_schedule_group(Name="shop", Tags=[{"Key": "team", "Value": "shop"}])
scheduler.create_schedule(Name="nightly", GroupName="shop", ScheduleExpression="rate(1 hours)", FlexibleTimeWindow={"Mode": "OFF"},
    StartDate="2030-01-01T00:00:00Z", Target={"Arn": alias, "RoleArn": role, "Input": "{}"})
scheduler.get_schedule(Name="nightly", GroupName="shop")
ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": ["vpc-12345678"]}])
ecr.create_repository(repositoryName="shop/pay")
`

// through executes a snippet whose requests go through the proxy.
func (a *AWSAccount) through(code string) json.RawMessage {
	a.t.Helper()
	python, err := shared.boto3(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	result, err := python.Do(harness.Account{Endpoint: a.Proxy.URL, ID: a.Account}, code, map[string]any{"account": a.Account})
	if err != nil {
		a.t.Fatal(err)
	}
	return result
}

func TestBoto3sOwnRequestsAreValidAndWhatTheyMakeIsFound(t *testing.T) {
	for _, kind := range []harness.EmulatorKind{Moto, Ministack} {
		t.Run(string(kind), func(t *testing.T) {
			a := StartAWS(t, kind)
			a.NothingLeft()
			a.through(awsStack)
			for _, r := range a.Proxy.Requests() {
				if r.Status/100 != 2 {
					t.Errorf("%v: %d", r, r.Status)
				}
			}
			want := []string{
				"HTTP API shop", "alias shop-pay:live", "bucket shop-" + a.Account + " with 1 objects",
				"event source mapping of arn:aws:sqs:us-east-1:" + a.Account + ":shop-dead",
				"function shop-pay", "layer shop:1", "log group /aws/lambda/shop-pay", "queue shop-dead", "repository shop/pay",
				"role shop-pay", "schedule group shop", "schedule shop/nightly", "version shop-pay:1",
			}
			if got := a.Leftovers(); !slices.Equal(got, want) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			other := StartAWS(t, kind)
			other.NothingLeft()
		})
	}
}

func TestAProxyFailsCallsAsAWSDoes(t *testing.T) {
	a := StartAWS(t, Moto)
	a.Proxy.Answer(awswire.On("*"), awswire.AccessDenied("do:It", "*"))
	for call, want := range map[string]string{
		`lambda_.list_functions()`:          "AccessDeniedException 403",
		`iam.list_roles()`:                  "AccessDenied 403",
		`sqs.list_queues()`:                 "AccessDenied 403",
		`logs.describe_log_groups()`:        "AccessDeniedException 400",
		`apigatewayv2.get_apis()`:           "AccessDeniedException 403",
		`scheduler.list_schedules()`:        "AccessDeniedException 403",
		`s3.list_buckets()`:                 "AccessDenied 403",
		`s3.list_objects_v2(Bucket="shop")`: "AccessDenied 403",
		`sts.get_caller_identity()`:         "AccessDenied 403",
		`ec2.describe_vpcs()`:               "UnauthorizedOperation 403",
		`ecr.describe_repositories()`:       "AccessDeniedException 400",
		`autoscaling.describe_scaling_policies(ServiceNamespace="lambda")`: "AccessDeniedException 400",
	} {
		got := a.through(`
from botocore.exceptions import ClientError
try:
    ` + call + `
except ClientError as e:
    result = "%s %s" % (e.response["Error"]["Code"], e.response["ResponseMetadata"]["HTTPStatusCode"])
    assert "is not authorized to perform: do:It" in e.response["Error"]["Message"], e.response
`)
		if string(got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s raises %s, want %s", call, got, want)
		}
	}
}
