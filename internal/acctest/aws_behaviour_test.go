package acctest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// reachable makes a function that every trigger reaches, with boto3. The function
// prints its event.
const reachable = `
import io, zipfile
buffer = io.BytesIO()
with zipfile.ZipFile(buffer, "w") as z:
    z.writestr("app.py", "import json\ndef handler(event, context):\n    print('EVENT', json.dumps(event))\n    return 'hello'\n")
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"Service": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}, "Action": "sts:AssumeRole"}]})
role = iam.create_role(RoleName="f", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
function = lambda_.create_function(FunctionName="f", Runtime="python3.12", Role=role, Handler="app.handler",
    Code={"ZipFile": buffer.getvalue()})["FunctionArn"]
url = lambda_.create_function_url_config(FunctionName="f", AuthType="NONE")["FunctionUrl"]
lambda_.add_permission(FunctionName="f", StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*", FunctionUrlAuthType="NONE")
api = apigatewayv2.create_api(Name="f", ProtocolType="HTTP")["ApiId"]
integration = apigatewayv2.create_integration(ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=function, PayloadFormatVersion="2.0")["IntegrationId"]
apigatewayv2.create_route(ApiId=api, RouteKey="$default", Target="integrations/" + integration)
apigatewayv2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
lambda_.add_permission(FunctionName="f", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
    SourceArn="arn:aws:execute-api:us-east-1:%s:%s/*/*" % (account, api))
result = {"url": url, "api": api}
`

// The other triggers. Each is made when the one before has been heard of: of what several
// first invocations at a time print, the emulator may keep some only.
const (
	fromTheQueue = `
queue = sqs.create_queue(QueueName="f")["QueueUrl"]
lambda_.create_event_source_mapping(FunctionName="f", EventSourceArn=sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"])
sqs.send_message(QueueUrl=queue, MessageBody="from the queue")
result = None
`
	fromTheSchedule = `
import datetime
config = lambda_.get_function(FunctionName="f")["Configuration"]
function, role = config["FunctionArn"], config["Role"]
soon = datetime.datetime.now(datetime.timezone.utc)
scheduler.create_schedule(Name="f", ScheduleExpression="at(%s)" % soon.strftime("%Y-%m-%dT%H:%M:%S"), FlexibleTimeWindow={"Mode": "OFF"},
    Target={"Arn": function, "RoleArn": role, "Input": json.dumps({"from": "the schedule"})})
result = None
`
)

func TestMinistackRunsAFunctionForEveryTrigger(t *testing.T) {
	a := StartAWS(t, Ministack)
	var made struct{ URL, API string }
	if err := json.Unmarshal(a.Python(reachable, map[string]any{"account": a.Account}), &made); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{a.Emulator.FunctionURL(made.URL) + "/from-the-url", a.Emulator.HTTPAPI(made.API, "$default") + "/from-the-api"} {
		resp, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "hello") {
			t.Errorf("%s answers %d %q (%v)", address, resp.StatusCode, body, err)
		}
	}
	for _, trigger := range []struct{ make, event string }{
		{event: "/from-the-url"}, {event: "/from-the-api"}, {fromTheQueue, "from the queue"}, {fromTheSchedule, "the schedule"},
	} {
		if trigger.make != "" {
			a.Python(trigger.make, nil)
		}
		waitForEvent(t, a, trigger.event)
	}
}

// waitForEvent waits until the function has printed an event.
func waitForEvent(t *testing.T, a *AWSAccount, event string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var printed string
	err := harness.Wait(ctx, "the function to print its event", func() (bool, error) {
		printed = string(a.Python(`
result = ""
if logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/f")["logGroups"]:
    result = " ".join(e["message"] for e in logs.filter_log_events(logGroupName="/aws/lambda/f")["events"] if "EVENT" in e["message"])
`, nil))
		return strings.Contains(printed, event), nil
	})
	if err != nil {
		t.Errorf("%q: %v; it has printed %s", event, err, printed)
	}
}
