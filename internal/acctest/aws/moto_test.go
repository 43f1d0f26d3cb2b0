package aws

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// A stack of each kind, with everything it can have, from its creation to its end.
func TestStacksOfAllKindsOnMoto(t *testing.T) {
	w := open(t, acctest.Moto, rich...)
	w.Apply()
	w.planReads()
	w.seesRich()
	w.seesOutputs()

	// New code is one new version, and the alias moves; nothing else does.
	before := w.files["code/resize/app.py"]
	for n, function := range []string{"resize", "create", "fulfil", "report"} {
		w.put("code/"+function+"/app.py", fmt.Sprintf("def handler(event, context):\n    return %d\n", n))
	}
	w.applied()
	w.sees(
		sight{
			"changed functions", `[routing(f) + [versions(f)] for f in ("media-resize", "shop-create", "orders-fulfil", "reports-report")]`,
			`[["2", {}, ["1", "2"]], ["2", {}, ["1", "2"]], ["2", {}, ["1", "2"]], ["2", {}, ["1", "2"]]]`,
		},
		sight{
			"other functions", `[routing(f) + [versions(f)] for f in ("media-inside", "shop-read", "orders-audit", "ledger-post")]`,
			`[["1", {}, ["1"]], ["1", {}, ["1"]], ["1", {}, ["1"]], ["1", {}, ["1"]]]`,
		},
		sight{"what hangs on an alias stays", `[sorted(granted("media-resize")), lambda_.get_function_url_config(FunctionName="media-resize", Qualifier="live")["AuthType"],
			pick(lambda_.get_function_event_invoke_config(FunctionName="media-resize", Qualifier="live"), "MaximumRetryAttempts")]`, `[["tidegate-url", "tidegate-url-invoke"], "NONE", [1]]`},
	)
	if n := w.Proxy.Count("lambda:PublishVersion", "lambda:UpdateFunctionCode"); n != 8 {
		t.Errorf("four changed packages took %d calls, want an update and a publication each", n)
	}

	w.changeEverything()
	w.applied()
	w.seesChanges()

	// Former code is the former version, and what was added goes.
	w.put("code/resize/app.py", before)
	for _, name := range rich {
		w.put(name, configuration(t, name)[name])
	}
	w.applied()
	w.sees(
		sight{"former code", `[routing("media-resize"), versions("media-resize")]`, `[["1", {}], ["1", "2", "3"]]`},
		sight{"what was removed", `[[f["FunctionName"] for f in lambda_.list_functions()["Functions"] if f["FunctionName"] in ("media-extra", "shop-extra")],
			[r["RouteKey"] for r in apigatewayv2.get_routes(ApiId=api())["Items"] if "extra" in r["RouteKey"]],
			sorted(s["Name"] for s in scheduler.list_schedules(GroupName="reports")["Schedules"])]`, `[[], [], ["hourly", "nightly", "once"]]`},
	)
	w.seesRich()

	// As many versions as are to be kept.
	for n := range 3 {
		w.put("code/resize/app.py", fmt.Sprintf("def handler(event, context):\n    return 'version %d'\n", n))
		w.Apply()
	}
	w.EmptyPlan()
	w.sees(sight{"versions kept", `[routing("media-resize"), versions("media-resize")]`, `[["6", {}], ["4", "5", "6"]]`})

	// Everything that is optional goes.
	for n, name := range rich {
		w.remove(name)
		w.put(plain[n], configuration(t, plain[n])[plain[n]])
	}
	w.applied()
	w.seesPlain()
	w.destroyAll()
}

// applied applies the configuration, and checks that nothing is left to do.
func (w *workspace) applied() {
	w.t.Helper()
	w.Proxy.Forget()
	w.Apply()
	w.EmptyPlan()
}

// reading is how the names of the operations begin that change nothing.
var reading = regexp.MustCompile(`^(Get|List|Describe|Head)`)

// changes are the calls recorded that were no reads.
func (w *workspace) changes() []*awswire.Request {
	return slices.DeleteFunc(w.Proxy.Requests(), func(r *awswire.Request) bool { return reading.MatchString(r.Operation) })
}

// planReads checks that a plan is empty, and reads only.
func (w *workspace) planReads() {
	w.t.Helper()
	w.Proxy.Forget()
	w.EmptyPlan()
	if w.Proxy.Count("*") == 0 {
		w.t.Error("the plan asked nobody")
	}
	for _, r := range w.changes() {
		w.t.Errorf("the plan made the call %v", r)
	}
}

// seesRich checks, by name, that what is there is what a careful engineer would have made.
func (w *workspace) seesRich() {
	w.t.Helper()
	w.sees(
		sight{"a function's role does the least", `statements("media", "resize")`, `{
			"Logs": [["logs:CreateLogStream", "logs:PutLogEvents"], "arn:aws:logs:us-east-1:ACCOUNT:log-group:/aws/lambda/media-resize:*"],
			"DestinationQueues": ["sqs:SendMessage", "arn:aws:sqs:us-east-1:ACCOUNT:elsewhere"],
			"Tracing": [["xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"], "*"],
			"Permission0": [["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::pictures/*"]}`},
		sight{
			"a function's role is Lambda's to assume", `[s["Principal"] for s in iam.get_role(RoleName=role("media", "resize"))["Role"]["AssumeRolePolicyDocument"]["Statement"]]`,
			`[{"Service": "lambda.amazonaws.com"}]`,
		},
		sight{"a role in a VPC", `sorted(statements("media", "inside"))`, `["Key", "Logs", "Network"]`},
		sight{
			"a consumer's role", `statements("orders", "fulfil")["Queue"]`,
			`[["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ChangeMessageVisibility"], "arn:aws:sqs:us-east-1:ACCOUNT:orders"]`,
		},
		sight{"a function beside the consumer gets no messages", `sorted(statements("orders", "audit"))`, `["Logs"]`},
		sight{"schedules' role", `statements("reports", "Schedules")`, `{
			"Functions": ["lambda:InvokeFunction", "arn:aws:lambda:us-east-1:ACCOUNT:function:reports-report:live"],
			"DeadLetters": ["sqs:SendMessage", "arn:aws:sqs:us-east-1:ACCOUNT:elsewhere"]}`},

		sight{
			"a function", `pick(lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live"), "Runtime", "Handler", "Timeout", "MemorySize", "EphemeralStorage", "TracingConfig", "Architectures")`,
			`["python3.13", "app.handler", 20, 512, {"Size": 1024}, {"Mode": "Active"}, ["x86_64"]]`,
		},
		sight{
			"its environment with a secret", `{k: v for k, v in lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live")["Environment"]["Variables"].items() if k != "TIDEGATE_SECRETS"}`,
			`{"API_KEY": "correct-horse-battery", "BUCKET": "pictures"}`,
		},
		sight{
			"its layer", `[l["Arn"].rsplit(":", 1)[0] for l in lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live")["Layers"]]`,
			`["arn:aws:lambda:us-east-1:ACCOUNT:layer:media-resize"]`,
		},
		sight{"its concurrency", `lambda_.get_function_concurrency(FunctionName="media-resize")["ReservedConcurrentExecutions"]`, `7`},
		sight{
			"its asynchronous invocations", `pick(lambda_.get_function_event_invoke_config(FunctionName="media-resize", Qualifier="live"), "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")`,
			`[1, 3600, {"OnSuccess": {"Destination": "arn:aws:sqs:us-east-1:ACCOUNT:elsewhere"}, "OnFailure": {"Destination": "arn:aws:sqs:us-east-1:ACCOUNT:elsewhere"}}]`,
		},
		sight{
			"its address", `pick(lambda_.get_function_url_config(FunctionName="media-resize", Qualifier="live"), "AuthType") + [lambda_.get_function_url_config(FunctionName="media-resize", Qualifier="live")["Cors"]["AllowOrigins"]]`,
			`["NONE", ["https://media.example.org"]]`,
		},
		sight{"who may use it", `granted("media-resize")`, `{
			"tidegate-url": ["*", "lambda:InvokeFunctionUrl", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}],
			"tidegate-url-invoke": ["*", "lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}]}`},
		sight{"its log group", `group("/aws/lambda/media-resize")["retentionInDays"]`, `14`},
		sight{"a function in a VPC", `[len(lambda_.get_function_configuration(FunctionName="media-inside", Qualifier="live")["VpcConfig"][k]) for k in ("SubnetIds", "SecurityGroupIds")]`, `[2, 1]`},
		sight{"its key", `lambda_.get_function_configuration(FunctionName="media-inside", Qualifier="live")["KMSKeyArn"]`, `"arn:aws:kms:us-east-1:ACCOUNT:key/0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f"`},

		sight{
			"a queue", `attributes("orders", "VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "MaximumMessageSize", "SqsManagedSseEnabled", "RedrivePolicy")`,
			`["180", "172800", "5", "65536", "true", {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:ACCOUNT:orders-dead-letters", "maxReceiveCount": 5}]`,
		},
		sight{
			"its dead letters", `attributes("orders-dead-letters", "MessageRetentionPeriod", "RedriveAllowPolicy")`,
			`["259200", {"redrivePermission": "byQueue", "sourceQueueArns": ["arn:aws:sqs:us-east-1:ACCOUNT:orders"]}]`,
		},
		sight{"a FIFO queue", `attributes("ledger.fifo", "FifoQueue", "ContentBasedDeduplication")`, `["true", "true"]`},
		sight{"its dead letters are FIFO too", `attributes("ledger-dead-letters.fifo", "FifoQueue")`, `["true"]`},
		sight{
			"the mapping is of the alias", `pick(mapping("orders"), "FunctionArn", "BatchSize", "MaximumBatchingWindowInSeconds", "State", "FunctionResponseTypes", "ScalingConfig") + [len(mapping("orders")["FilterCriteria"]["Filters"])]`,
			`["arn:aws:lambda:us-east-1:ACCOUNT:function:orders-fulfil:live", 20, 2, "Enabled", ["ReportBatchItemFailures"], {"MaximumConcurrency": 10}, 2]`,
		},
		sight{"a mapping that waits", `pick(mapping("ledger.fifo"), "FunctionArn", "State")`, `["arn:aws:lambda:us-east-1:ACCOUNT:function:ledger-post:live", "Disabled"]`},

		sight{
			"the API's CORS", `pick(apigatewayv2.get_api(ApiId=api())["CorsConfiguration"], "AllowOrigins", "AllowMethods", "AllowHeaders", "ExposeHeaders", "AllowCredentials", "MaxAge")`,
			`[["https://shop.example.org"], ["GET", "POST"], ["authorization", "content-type"], ["x-request-id"], true, 3600]`,
		},
		sight{
			"its stage", `pick(stage(), "AutoDeploy") + pick(stage()["DefaultRouteSettings"], "ThrottlingRateLimit", "ThrottlingBurstLimit") + [stage()["AccessLogSettings"]["DestinationArn"]]`,
			`[true, 50.5, 100, "arn:aws:logs:us-east-1:ACCOUNT:log-group:/aws/vendedlogs/tidegate/shop"]`,
		},
		sight{
			"its authorizer", `pick(authorizer(), "AuthorizerType", "IdentitySource", "JwtConfiguration")`,
			`["JWT", ["$request.header.Authorization"], {"Issuer": "https://login.example.org/shop", "Audience": ["shop", "admin"]}]`,
		},
		sight{"its routes", `{r["RouteKey"]: [r["AuthorizationType"], r.get("AuthorizationScopes", []), r["Target"] == "integrations/" + integration("shop-read")["IntegrationId"]] for r in apigatewayv2.get_routes(ApiId=api())["Items"]}`, `{
			"POST /orders": ["JWT", ["orders"], false], "GET /orders/{id}": ["JWT", ["orders/read"], true], "ANY /files/{key+}": ["JWT", ["orders"], true],
			"GET /health": ["NONE", [], true], "$default": ["JWT", ["orders"], false]}`},
		sight{"its integrations", `[pick(i, "IntegrationType", "PayloadFormatVersion") for i in apigatewayv2.get_integrations(ApiId=api())["Items"]]`, `[["AWS_PROXY", "2.0"], ["AWS_PROXY", "2.0"]]`},
		sight{"who may invoke its functions", `granted("shop-read")["tidegate-api"] == [{"Service": "apigateway.amazonaws.com"}, "lambda:InvokeFunction", {"ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:us-east-1:ACCOUNT:" + api() + "/*/*"}}]`, `true`},
		sight{"its access log", `group("/aws/vendedlogs/tidegate/shop")["retentionInDays"]`, `30`},

		sight{"a schedule", `pick(schedule("nightly"), "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "State") + pick(schedule("nightly")["Target"], "Arn", "RetryPolicy", "DeadLetterConfig")`, `[
			"cron(0 2 * * ? *)", "Europe/Berlin", {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10}, "ENABLED",
			"arn:aws:lambda:us-east-1:ACCOUNT:function:reports-report:live", {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 1800}, {"Arn": "arn:aws:sqs:us-east-1:ACCOUNT:elsewhere"}]`},
		sight{"its input", `json.loads(schedule("nightly")["Target"]["Input"])`, `{"at": "<aws.scheduler.scheduled-time>", "full": true}`},
		sight{"a schedule that is off", `schedule("once")["State"]`, `"DISABLED"`},
		sight{"a schedule that starts later", `str(schedule("hourly")["StartDate"].timestamp())`, `"3768458400.0"`},

		sight{"everything is tagged", untagged, `[]`},
		sight{"the user's tags", `[lambda_.get_function(FunctionName="media-resize")["Tags"]["team"], sqs.list_queue_tags(QueueUrl=url("orders"))["Tags"]["team"]]`, `["media", "orders"]`},
	)
}

// untagged lists what has no tag with its stack's name.
const untagged = `sorted(
	[f["FunctionName"] for f in lambda_.list_functions()["Functions"] if not f["FunctionName"].startswith(lambda_.get_function(FunctionName=f["FunctionName"])["Tags"].get("tidegate:stack", "?") + "-")] +
	[m["UUID"] for m in lambda_.list_event_source_mappings()["EventSourceMappings"] if "tidegate:stack" not in lambda_.list_tags(Resource=m["EventSourceMappingArn"])["Tags"]] +
	[r["RoleName"] for r in iam.list_roles()["Roles"] if {"Key": "tidegate:stack", "Value": r["Path"].split("/")[2]} not in iam.get_role(RoleName=r["RoleName"])["Role"]["Tags"]] +
	[g["logGroupName"] for g in logs.describe_log_groups()["logGroups"] if "tidegate:stack" not in logs.list_tags_for_resource(resourceArn=g["arn"].removesuffix(":*"))["tags"]] +
	[q for q in sqs.list_queues()["QueueUrls"] if not q.endswith("/elsewhere") and "tidegate:stack" not in sqs.list_queue_tags(QueueUrl=q)["Tags"]] +
	[a["Name"] for a in apigatewayv2.get_apis()["Items"] if a["Tags"].get("tidegate:stack") != a["Name"] or "tidegate:stack" not in stage()["Tags"]] +
	[g["Name"] for g in scheduler.list_schedule_groups()["ScheduleGroups"] if g["Name"] != "default" and {"Key": "tidegate:stack", "Value": g["Name"]} not in scheduler.list_tags_for_resource(ResourceArn=g["Arn"])["Tags"]])`

// seesOutputs checks what the state tells of what was made.
func (w *workspace) seesOutputs() {
	w.t.Helper()
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":us-east-1:" + w.Account + ":" + resource
	}
	state := w.state()
	expect := func(address, output, pattern string) {
		w.t.Helper()
		var value any = state[address]
		for _, step := range strings.Split(output, "/") {
			object, _ := value.(map[string]any)
			value = object[step]
		}
		if ok, err := regexp.MatchString("^"+pattern+"$", fmt.Sprint(value)); err != nil || !ok {
			w.t.Errorf("%s of %s is %v, want %s", output, address, value, pattern)
		}
	}
	for _, f := range [][2]string{{"tidegate_stack.media", "resize"}, {"tidegate_http_api.shop", "read"}, {"tidegate_queue.orders", "fulfil"}, {"tidegate_schedule.reports", "report"}} {
		_, name, _ := strings.Cut(f[0], ".")
		at, full := "functions/"+f[1]+"/", name+"-"+f[1]
		expect(f[0], at+"arn", arn("lambda", "function:"+full))
		expect(f[0], at+"alias_arn", arn("lambda", "function:"+full+":live"))
		expect(f[0], at+"version", "1")
		expect(f[0], at+"routing", `map\[1:100\]`)
		expect(f[0], at+"log_group", "/aws/lambda/"+full)
		expect(f[0], at+"role_arn", "arn:aws:iam::"+w.Account+":role/tidegate/"+name+"/"+full+"-[0-9a-f]{8}")
		expect(f[0], at+"code_sha256", "[A-Za-z0-9+/]{43}=")
		expect(f[0], "id", name)
		expect(f[0], "release_id", "r-[0-9a-f]{12}")
	}
	expect("tidegate_stack.media", "functions/resize/function_url", `https://\w+\.lambda-url\.us-east-1\.on\.aws/?`)
	expect("tidegate_http_api.shop", "url", `https://\w+\.execute-api\.us-east-1\.amazonaws\.com`)
	expect("tidegate_http_api.shop", "arn", arn("execute-api", `\w+`))
	expect("tidegate_queue.orders", "url", `.*/`+w.Account+`/orders`)
	expect("tidegate_queue.orders", "arn", arn("sqs", "orders"))
	expect("tidegate_queue.orders", "dead_letter_arn", arn("sqs", "orders-dead-letters"))
	expect("tidegate_queue.ledger", "dead_letter_arn", arn("sqs", "ledger-dead-letters.fifo"))
	for address, values := range state {
		components, _ := values["components"].(map[string]any)
		if len(components) == 0 {
			w.t.Errorf("%s has no components", address)
		}
		for component, is := range components {
			if is != "ready" {
				w.t.Errorf("%s of %s is %v", component, address, is)
			}
		}
		if text := fmt.Sprint(values); strings.Contains(text, "correct-horse") {
			w.t.Errorf("the state of %s holds a secret", address)
		}
	}
}

// changeEverything edits every stack: settings, and functions, routes, schedules and
// parts that come and go.
func (w *workspace) changeEverything() {
	w.t.Helper()
	const extra = `
    extra = {
      source  = "${path.module}/code/layer"
      runtime = "python3.13"
      handler = "python/words.handler"
    }
`
	w.edit("stack.tf", "memory            = 512", "memory = 1024")
	w.edit("stack.tf", `secrets_wo        = { API_KEY = "correct-horse-battery" }`, `secrets_wo = { API_KEY = "staple" }`)
	w.edit("stack.tf", `secrets_version   = "1"`, `secrets_version = "2"`)
	w.edit("stack.tf", `concurrency   = { reserved = 7 }`, ``)
	w.edit("stack.tf", `async         = { retries = 1, max_age = "1h", on_failure = var.elsewhere, on_success = var.elsewhere }`, `async = { retries = 0, on_failure = var.elsewhere }`)
	w.edit("stack.tf", "retention_days = 14", "retention_days = 0")
	w.edit("stack.tf", `
      url = {
        auth = "none"
        cors = { allow_origins = ["https://media.example.org"], allow_methods = ["GET"], max_age = "10m" }
      }
`, "\n")
	w.edit("stack.tf", "      url          = {}\n", "      url = { auth = \"none\" }\n")
	w.edit("stack.tf", "      network      = { subnet_ids = var.subnets, security_group_ids = var.security_groups }\n", "")
	w.edit("stack.tf", "    inside = {", extra+"    inside = {")
	w.edit("stack.tf", `tags = { team = "media" }`, `tags = { team = "pictures", stage = "live" }`)

	w.edit("http_api.tf", `"GET /health"       = { function = "read", auth = "none" }`, `"GET /extra" = { function = "extra" }`)
	w.edit("http_api.tf", `scopes = ["orders/read"]`, `scopes = ["orders/see"]`)
	w.edit("http_api.tf", "{ rate = 50.5, burst = 100 }", "{ rate = 20, burst = 10 }")
	w.edit("http_api.tf", `allow_methods     = ["GET", "POST"]`, `allow_methods = ["*"]`)
	w.edit("http_api.tf", `audience = ["shop", "admin"]`, `audience = ["shop"]`)
	w.edit("http_api.tf", "access_log = { retention_days = 30 }", "access_log = { format = \"$context.requestId $context.status\" }")
	w.edit("http_api.tf", "    create = {", extra+"    create = {")

	w.edit("queue.tf", `dead_letter        = { max_receives = 5, retention = "72h" }`, "")
	w.edit("queue.tf", `visibility_timeout = "3m"`, `visibility_timeout = "4m"`)
	w.edit("queue.tf", "max_concurrency  = 10", "")
	w.edit("queue.tf", "partial_failures = true", "enabled = false")
	w.edit("queue.tf", `, jsonencode({ body = { total = [{ numeric = [">", 100] }] } })`, "")
	w.edit("queue.tf", `{ function = "post", enabled = false }`, `{ function = "post", batch_size = 5 }`)

	w.edit("schedule.tf", `flexible_window = "10m"`, "")
	w.edit("schedule.tf", `"Europe/Berlin"`, `"Asia/Tokyo"`)
	w.edit("schedule.tf", `start           = "2024-01-01T00:00:00Z"`, "")
	w.edit("schedule.tf", "enabled    = false", "enabled    = true")
	w.edit("schedule.tf", "    hourly = {", "    extra = { function = \"report\", expression = \"rate(2 days)\" }\n    later = {")
}

// seesChanges checks what changeEverything changed.
func (w *workspace) seesChanges() {
	w.t.Helper()
	w.sees(
		sight{"settings", `pick(lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live"), "MemorySize", "Version")`, `[1024, "3"]`},
		sight{"a secret", `lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live")["Environment"]["Variables"]["API_KEY"]`, `"staple"`},
		sight{"no reserved concurrency", `lambda_.get_function_concurrency(FunctionName="media-resize").get("ReservedConcurrentExecutions")`, `null`},
		sight{"asynchronous invocations", `pick(lambda_.get_function_event_invoke_config(FunctionName="media-resize", Qualifier="live"), "MaximumRetryAttempts", "MaximumEventAgeInSeconds")`, `[0, 21600]`},
		sight{"no retention", `group("/aws/lambda/media-resize").get("retentionInDays")`, `null`},
		sight{"an address that went, and one that opened", `[absent(lambda: lambda_.get_function_url_config(FunctionName="media-resize", Qualifier="live")), absent(lambda: granted("media-resize")), sorted(granted("media-inside"))]`, `[true, true, ["tidegate-url", "tidegate-url-invoke"]]`},
		sight{"no VPC", `lambda_.get_function_configuration(FunctionName="media-inside", Qualifier="live").get("VpcConfig", {}).get("SubnetIds", [])`, `[]`},
		sight{"new functions", `[routing("media-extra"), routing("shop-extra")]`, `[["1", {}], ["1", {}]]`},
		sight{"tags", `[lambda_.get_function(FunctionName="media-inside")["Tags"][k] for k in ("team", "stage")]`, `["pictures", "live"]`},
		sight{"routes", `sorted(r["RouteKey"] for r in apigatewayv2.get_routes(ApiId=api())["Items"])`, `["$default", "ANY /files/{key+}", "GET /extra", "GET /orders/{id}", "POST /orders"]`},
		sight{"scopes", `route("GET /orders/{id}")["AuthorizationScopes"]`, `["orders/see"]`},
		sight{"throttle", `pick(stage()["DefaultRouteSettings"], "ThrottlingRateLimit", "ThrottlingBurstLimit")`, `[20.0, 10]`},
		sight{"CORS", `apigatewayv2.get_api(ApiId=api())["CorsConfiguration"]["AllowMethods"]`, `["*"]`},
		sight{"audience", `authorizer()["JwtConfiguration"]["Audience"]`, `["shop"]`},
		sight{"access log", `[stage()["AccessLogSettings"]["Format"], group("/aws/vendedlogs/tidegate/shop").get("retentionInDays")]`, `["$context.requestId $context.status", null]`},
		sight{"no dead letters", `[q.rsplit("/", 1)[1] for q in sqs.list_queues(QueueNamePrefix="orders")["QueueUrls"]]`, `["orders"]`},
		sight{"the mapping", `pick(mapping("orders"), "State", "FunctionResponseTypes", "BatchSize") + [mapping("orders").get("ScalingConfig") or {}, len(mapping("orders")["FilterCriteria"]["Filters"])]`, `["Disabled", [], 20, {}, 1]`},
		sight{"the other mapping", `pick(mapping("ledger.fifo"), "State", "BatchSize")`, `["Enabled", 5]`},
		sight{"schedules", `sorted(s["Name"] for s in scheduler.list_schedules(GroupName="reports")["Schedules"])`, `["extra", "later", "nightly", "once"]`},
		sight{"a schedule", `pick(schedule("nightly"), "FlexibleTimeWindow", "ScheduleExpressionTimezone")`, `[{"Mode": "OFF"}, "Asia/Tokyo"]`},
	)
}

// seesPlain checks that nothing optional is left when the plain stacks have taken the
// rich ones' place.
func (w *workspace) seesPlain() {
	w.t.Helper()
	w.sees(
		sight{"functions", `sorted(f["FunctionName"] for f in lambda_.list_functions()["Functions"])`, `["media-resize", "orders-fulfil", "reports-report", "shop-create"]`},
		sight{"roles", `sorted(r["RoleName"].rsplit("-", 1)[0] for r in iam.list_roles(PathPrefix="/tidegate/")["Roles"])`, `["media-resize", "orders-fulfil", "reports-Schedules", "reports-report", "shop-create"]`},
		sight{"policy", `sorted(statements("media", "resize"))`, `["Logs"]`},
		sight{"a layer stays with the versions that have it", `[l["LayerName"] for l in lambda_.list_layers()["Layers"]]`, `["media-resize"]`},
		sight{"variables", `lambda_.get_function_configuration(FunctionName="media-resize", Qualifier="live").get("Environment", {}).get("Variables", {})`, `{}`},
		sight{
			"log groups", `sorted(g["logGroupName"] for g in logs.describe_log_groups()["logGroups"])`,
			`["/aws/lambda/media-resize", "/aws/lambda/orders-fulfil", "/aws/lambda/reports-report", "/aws/lambda/shop-create", "/tidegate/media", "/tidegate/orders", "/tidegate/reports", "/tidegate/shop"]`,
		},
		sight{"queues", `sorted(q.rsplit("/", 1)[1] for q in sqs.list_queues()["QueueUrls"])`, `["elsewhere", "orders", "orders-dead-letters"]`},
		sight{"routes", `[r["RouteKey"] for r in apigatewayv2.get_routes(ApiId=api())["Items"]]`, `["$default"]`},
		sight{"authorizers", `apigatewayv2.get_authorizers(ApiId=api())["Items"]`, `[]`},
		sight{"integrations", `len(apigatewayv2.get_integrations(ApiId=api())["Items"])`, `1`},
		sight{"CORS", `apigatewayv2.get_api(ApiId=api()).get("CorsConfiguration")`, `null`},
		sight{"throttle", `stage()["DefaultRouteSettings"].get("ThrottlingRateLimit")`, `null`},
		sight{"schedules", `[s["Name"] for s in scheduler.list_schedules(GroupName="reports")["Schedules"]]`, `["hourly"]`},
	)
}
