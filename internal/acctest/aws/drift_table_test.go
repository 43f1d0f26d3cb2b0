package aws

// drifts are what the target finds, by component.
var drifts = []drift{
	// A function's settings, each an attribute.
	{"media/resize/memory", "memory", `lambda_.update_function_configuration(FunctionName="media-resize", MemorySize=128)`, `functions["resize"].memory is 128 now (was 512)`},
	{"media/resize/timeout", "timeout", `lambda_.update_function_configuration(FunctionName="media-resize", Timeout=60)`, `functions["resize"].timeout is 1m now (was 20s)`},
	{"media/resize/storage", "storage", `lambda_.update_function_configuration(FunctionName="media-resize", EphemeralStorage={"Size": 2048})`, `functions["resize"].ephemeral_storage is 2048 now (was 1024)`},
	{"media/resize/tracing", "tracing", `lambda_.update_function_configuration(FunctionName="media-resize", TracingConfig={"Mode": "PassThrough"})`, `functions["resize"].tracing was changed`},
	{"media/resize/handler", "handler", `lambda_.update_function_configuration(FunctionName="media-resize", Handler="app.other")`, `functions["resize"].handler was changed`},
	{"media/inside/variables", "a variable", `lambda_.update_function_configuration(FunctionName="media-inside", Environment={"Variables": {"TABLE": "other"}})`, `functions["inside"].environment["TABLE"] was changed`},
	{"media/inside/variables", "a further variable", `lambda_.update_function_configuration(FunctionName="media-inside", Environment={"Variables": {"TABLE": "pictures", "DEBUG": "1"}})`, `functions["inside"].environment["DEBUG"] was added`},
	{"media/inside/key", "key", `lambda_.update_function_configuration(FunctionName="media-inside", KMSKeyArn="")`, `functions["inside"].kms_key_arn was removed`},
	{"media/inside/network", "network", `lambda_.update_function_configuration(FunctionName="media-inside", VpcConfig={"SubnetIds": [], "SecurityGroupIds": []})`, `functions["inside"].network was removed`},
	{"media/resize/secret", "a secret", `
variables = lambda_.get_function_configuration(FunctionName="media-resize")["Environment"]["Variables"]
lambda_.update_function_configuration(FunctionName="media-resize", Environment={"Variables": {**variables, "API_KEY": "hunter2"}})`, `functions/resize/function is not ready: ... the secret API_KEY was changed`},
	{"media/resize/layers", "layers", `lambda_.update_function_configuration(FunctionName="media-resize", Layers=[])`, `functions["resize"].layer_sha256 was removed`},
	{"media/resize/layers", "a layer of somebody else's", `
other = lambda_.publish_layer_version(LayerName="other", Content={"ZipFile": package("")})["LayerVersionArn"]
layers = [l["Arn"] for l in lambda_.get_function_configuration(FunctionName="media-resize")["Layers"]]
lambda_.update_function_configuration(FunctionName="media-resize", Layers=layers + [other])
lambda_.delete_layer_version(LayerName="other", VersionNumber=1)`, `functions/resize/function is not ready: ... it has layers of others: arn:aws:lambda:us-east-1:ACCOUNT:layer:other:1`},
	{"media/resize/description", "description", `lambda_.update_function_configuration(FunctionName="media-resize", Description="mine")`, `functions/resize/function is not ready: ... its description was changed`},
	{"media/resize/tag", "a tag", `lambda_.untag_resource(Resource="arn:aws:lambda:us-east-1:" + account + ":function:media-resize", TagKeys=["team"])`, `functions/resize/function is not ready: ... its tag team differs`},
	{"media/resize/keep_versions", "keep_versions", `lambda_.tag_resource(Resource="arn:aws:lambda:us-east-1:" + account + ":function:media-resize", Tags={"tidegate:keep-versions": "1"})`, `functions["resize"].keep_versions is 1 now (was 3)`},

	// Code, versions and alias.
	{"orders/fulfil/code", "code", `lambda_.update_function_code(FunctionName="orders-fulfil", ZipFile=package("def handler(e, c): return 'other'"))`, `functions["fulfil"].code_sha256 was changed`},
	{"orders/audit/alias", "code that was released", `
lambda_.update_function_code(FunctionName="orders-audit", ZipFile=package("def handler(e, c): return 'released'"))
version = lambda_.publish_version(FunctionName="orders-audit")["Version"]
lambda_.update_alias(FunctionName="orders-audit", Name="live", FunctionVersion=version)`, `the alias of function "audit" points at version 2 now (was version 1)`},
	{
		"orders/audit/alias", "a weight of the alias", `lambda_.update_alias(FunctionName="orders-audit", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.1}})`,
		`the alias of function "audit" points at version 1 (90 %) and version 2 (10 %) now (was version 1)`,
	},
	{"orders/audit/alias", "the alias moved", `lambda_.update_alias(FunctionName="orders-audit", Name="live", FunctionVersion="2")`, `the alias of function "audit" points at version 2 now (was version 1)`},
	{"reports/report/alias", "the alias at no version", `lambda_.update_alias(FunctionName="reports-report", Name="live", FunctionVersion="$LATEST")`, `the alias of function "report" points at $LATEST now (was version 1)`},
	{"shop/read/alias", "the alias deleted", `lambda_.delete_alias(FunctionName="shop-read", Name="live")`, `the alias of function "read" was deleted (it pointed at version 1)`},
	{"media/inside/*", "the function deleted", `lambda_.delete_function(FunctionName="media-inside")`, `functions/inside/function is not ready: missing`},

	// What hangs on a function.
	{"media/resize/concurrency", "reserved concurrency", `lambda_.put_function_concurrency(FunctionName="media-resize", ReservedConcurrentExecutions=3)`, `functions["resize"].concurrency.reserved is 3 now (was 7)`},
	{"media/resize/concurrency", "no reserved concurrency", `lambda_.delete_function_concurrency(FunctionName="media-resize")`, `functions/resize/concurrency is not ready: missing`},
	{"media/inside/concurrency", "a reserved concurrency", `lambda_.put_function_concurrency(FunctionName="media-inside", ReservedConcurrentExecutions=0)`, `functions["inside"].concurrency.reserved was added (0)`},
	{"media/resize/async", "asynchronous retries", `
lambda_.put_function_event_invoke_config(FunctionName="media-resize", Qualifier="live", MaximumRetryAttempts=0, MaximumEventAgeInSeconds=3600,
    DestinationConfig={"OnFailure": {"Destination": elsewhere}, "OnSuccess": {"Destination": elsewhere}})`, `functions["resize"].async.retries is 0 now (was 1)`},
	{"media/resize/async", "a destination", `
lambda_.put_function_event_invoke_config(FunctionName="media-resize", Qualifier="live", MaximumRetryAttempts=1, MaximumEventAgeInSeconds=3600,
    DestinationConfig={"OnFailure": {"Destination": elsewhere}})`, `functions["resize"].async.on_success was removed`},
	{"media/resize/async", "no asynchronous settings", `lambda_.delete_function_event_invoke_config(FunctionName="media-resize", Qualifier="live")`, `functions/resize/async is not ready: missing`},
	{"media/resize/url/*", "who may use the address", `lambda_.update_function_url_config(FunctionName="media-resize", Qualifier="live", AuthType="AWS_IAM")`, `functions["resize"].url.auth was changed`},
	{"media/resize/url/*", "CORS of the address", `lambda_.update_function_url_config(FunctionName="media-resize", Qualifier="live", Cors={"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 600})`, `functions["resize"].url.cors.allow_origins was changed`},
	{"media/resize/url/*", "no address", `lambda_.delete_function_url_config(FunctionName="media-resize", Qualifier="live")`, `functions/resize/url is not ready: missing`},
	{"media/resize/url/less", "a permission taken away", `lambda_.remove_permission(FunctionName="media-resize", Qualifier="live", StatementId="tidegate-url")`, `functions/resize/permissions is not ready: ... its statement tidegate-url is missing`},
	{
		"media/resize/url/more", "an extra permission", `lambda_.add_permission(FunctionName="media-resize", Qualifier="live", StatementId="mine", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")`,
		`functions/resize/permissions is not ready: ... it has a further statement mine`,
	},
	{
		"media/resize/url/latest", "an extra permission on the function itself", `lambda_.add_permission(FunctionName="media-resize", StatementId="mine", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com")`,
		`functions/resize/permissions is not ready: ... the function itself has the statement mine, which the alias alone should have`,
	},
	{
		"media/inside/permissions", "a permission where there is none", `lambda_.add_permission(FunctionName="media-inside", Qualifier="live", StatementId="all", Action="lambda:InvokeFunction", Principal="*")`,
		`functions/inside/permissions is not ready: left over`,
	},

	// Roles, policies and log groups.
	{"orders/fulfil/trust", "trust", `
iam.update_assume_role_policy(RoleName=role("orders", "fulfil"), PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))`, `functions/fulfil/role is not ready: its trust policy was changed`},
	{"media/resize/attached", "a policy attached", `
arn = iam.create_policy(PolicyName="further", PolicyDocument=harmless)["Policy"]["Arn"]
iam.attach_role_policy(RoleName=role("media", "resize"), PolicyArn=arn)`, `functions/resize/role is not ready: it has the further policy further attached`},
	{
		"media/inside/inline", "a policy in the role", `iam.put_role_policy(RoleName=role("media", "inside"), PolicyName="more", PolicyDocument=harmless)`,
		`functions/inside/role is not ready: it has the further policy more`,
	},
	{"shop/read/boundary", "a boundary", `
iam.put_role_permissions_boundary(RoleName=role("shop", "read"), PermissionsBoundary=iam.create_policy(PolicyName="bound", PolicyDocument=harmless)["Policy"]["Arn"])
iam.delete_policy(PolicyArn="arn:aws:iam::" + account + ":policy/bound")`, `functions/read/role is not ready: it has the permissions boundary arn:aws:iam::ACCOUNT:policy/bound`},
	{"shop/create/role tag", "a tag of the role", `iam.untag_role(RoleName=role("shop", "create"), TagKeys=["team"])`, `functions/create/role is not ready: its tag team differs`},
	{
		"orders/fulfil/policy", "the policy", `
iam.put_role_policy(RoleName=role("orders", "fulfil"), PolicyName="tidegate", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}]}))`,
		`functions/fulfil/policy is not ready: its statement Logs is missing, its statement Queue is missing, it has a further statement All`,
	},
	{"orders/audit/policy", "no policy", `iam.delete_role_policy(RoleName=role("orders", "audit"), PolicyName="tidegate")`, `functions/audit/policy is not ready: missing`},
	{"orders/fulfil/*", "no role", `
name = role("orders", "fulfil")
iam.delete_role_policy(RoleName=name, PolicyName="tidegate")
iam.delete_role(RoleName=name)`, `functions/fulfil/role is not ready: missing`},
	{"ledger/post/another role", "another role", `
lambda_.update_function_configuration(FunctionName="ledger-post", Role=iam.get_role(RoleName=role("orders", "audit"))["Role"]["Arn"])`, `functions["post"].role_arn was changed`},
	{"media/resize/retention", "retention", `logs.put_retention_policy(logGroupName="/aws/lambda/media-resize", retentionInDays=1)`, `functions["resize"].logs.retention_days is 1 now (was 14)`},
	{"media/resize/retention", "no retention", `logs.delete_retention_policy(logGroupName="/aws/lambda/media-resize")`, `functions["resize"].logs.retention_days is 0 now (was 14)`},
	{
		"shop/read/logs", "a tag of the log group", `logs.untag_resource(resourceArn=group("/aws/lambda/shop-read")["arn"].removesuffix(":*"), tagKeys=["tidegate:function"])`,
		`functions/read/log_group is not ready: its tag tidegate:function differs`,
	},
	{"shop/create/logs", "no log group", `logs.delete_log_group(logGroupName="/aws/lambda/shop-create")`, `functions/create/log_group is not ready: missing`},

	// The stack itself.
	{"media/tags", "the stack's tags", `logs.tag_resource(resourceArn=group("/tidegate/media")["arn"].removesuffix(":*"), tags={"team": "other"})`, `tags["team"] was changed`},
	{"media/*", "no marker", `logs.delete_log_group(logGroupName="/tidegate/media")`, `marker is not ready: missing`},

	// An HTTP API.
	{"shop/GET /mine", "a route added", `apigatewayv2.create_route(ApiId=api(), RouteKey="GET /mine", Target=route("GET /health")["Target"])`, `routes["GET /mine"] was added`},
	{"shop/GET /health", "a route removed", `apigatewayv2.delete_route(ApiId=api(), RouteId=route("GET /health")["RouteId"])`, `routes["GET /health"] was removed`},
	{
		"shop/GET /health", "a route that leads elsewhere", `apigatewayv2.update_route(ApiId=api(), RouteId=route("GET /health")["RouteId"], Target="integrations/" + integration("shop-create")["IntegrationId"])`,
		`routes["GET /health"].function was changed`,
	},
	{"shop/GET /orders/{id}", "scopes of a route", `apigatewayv2.update_route(ApiId=api(), RouteId=route("GET /orders/{id}")["RouteId"], AuthorizationScopes=["all"])`, `routes["GET /orders/{id}"].scopes was changed`},
	{"shop/POST /orders", "a route open to all", `apigatewayv2.update_route(ApiId=api(), RouteId=route("POST /orders")["RouteId"], AuthorizationType="NONE")`, `routes["POST /orders"].auth was changed`},
	{"shop/POST /orders", "an operation's name", `apigatewayv2.update_route(ApiId=api(), RouteId=route("POST /orders")["RouteId"], OperationName="order")`, `routes is not ready: ... "POST /orders" differs: it has the operation name "order"`},
	{"shop/integrations", "an integration", `apigatewayv2.update_integration(ApiId=api(), IntegrationId=integration("shop-read")["IntegrationId"], TimeoutInMillis=1000)`, `integrations is not ready: that of the function "read" is missing; there is one with the function "read" that differs: its timeout is 1000 ms`},
	{"shop/integrations", "an integration with the function itself", `
i = integration("shop-read")
apigatewayv2.update_integration(ApiId=api(), IntegrationId=i["IntegrationId"], IntegrationUri=i["IntegrationUri"].removesuffix(":live"))`, `integrations is not ready: that of the function "read" is missing; there is one with arn:aws:lambda:us-east-1:ACCOUNT:function:shop-read`},
	{"shop/integrations", "a further integration", `apigatewayv2.create_integration(ApiId=api(), IntegrationType="HTTP_PROXY", IntegrationMethod="GET", IntegrationUri="https://example.org", PayloadFormatVersion="1.0")`, `integrations is not ready: there is one with https://example.org`},
	{"shop/authorizer issuer", "the issuer", `
z = authorizer()
apigatewayv2.update_authorizer(ApiId=api(), AuthorizerId=z["AuthorizerId"], JwtConfiguration={**z["JwtConfiguration"], "Issuer": "https://evil.example.org"})`, `auth.issuer was changed`},
	{
		"shop/authorizer source", "where tokens are", `apigatewayv2.update_authorizer(ApiId=api(), AuthorizerId=authorizer()["AuthorizerId"], IdentitySource=["$request.querystring.token"])`,
		`authorizer is not ready: it looks for tokens elsewhere than in the header Authorization`,
	},
	{"shop/cors", "CORS", `apigatewayv2.update_api(ApiId=api(), CorsConfiguration={"AllowOrigins": ["*"]})`, `cors.allow_origins was changed`},
	{"shop/cors", "no CORS", `apigatewayv2.delete_cors_configuration(ApiId=api())`, `cors was removed`},
	{"shop/api description", "the API's description", `apigatewayv2.update_api(ApiId=api(), Description="mine")`, `api is not ready: ... it has a description`},
	{"shop/api name", "the API's name", `apigatewayv2.update_api(ApiId=api(), Name="other")`, `api is not ready: ... it is called "other"`},
	{"shop/api url", "no URL", `apigatewayv2.update_api(ApiId=api(), DisableExecuteApiEndpoint=True)`, `api is not ready: ... its URL is disabled`},
	{"shop/api tag", "a tag of the API", `apigatewayv2.untag_resource(ResourceArn="arn:aws:apigateway:us-east-1::/apis/" + api(), TagKeys=["team"])`, `api is not ready: ... its tag team differs`},
	{"shop/api second", "a second API", `apigatewayv2.create_api(Name="shop", ProtocolType="HTTP", Tags={"tidegate:stack": "shop"})`, `api is not ready: ... there is a second API`},
	{"shop/stage throttle", "the throttle", `apigatewayv2.update_stage(ApiId=api(), StageName="$default", DefaultRouteSettings={"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1})`, `throttle.rate is 1 now (was 50.5)`},
	{"shop/stage access log", "no access log", `apigatewayv2.delete_access_log_settings(ApiId=api(), StageName="$default")`, `stage is not ready: ... it writes no access log`},
	{"shop/stage access log", "the access log's format", `apigatewayv2.update_stage(ApiId=api(), StageName="$default", AccessLogSettings={**stage()["AccessLogSettings"], "Format": "$context.requestId"})`, `access_log.format was changed`},
	{"shop/stage deploy", "changes not deployed", `apigatewayv2.update_stage(ApiId=api(), StageName="$default", AutoDeploy=False)`, `stage is not ready: ... it does not deploy changes by itself`},
	{"shop/stage route", "settings of one route", `apigatewayv2.update_stage(ApiId=api(), StageName="$default", RouteSettings={"GET /health": {"ThrottlingRateLimit": 1, "ThrottlingBurstLimit": 1}})`, `stage is not ready: ... it has settings of its own for the route "GET /health"`},
	{"shop/stage variable", "a variable of the stage", `apigatewayv2.update_stage(ApiId=api(), StageName="$default", StageVariables={"mine": "1"})`, `stage is not ready: ... it has the variables mine`},
	{"shop/stage further", "a further stage", `apigatewayv2.create_stage(ApiId=api(), StageName="mine")`, `stage is not ready: ... there is a further stage "mine"`},
	{"shop/access log", "retention of the access log", `logs.put_retention_policy(logGroupName="/aws/vendedlogs/tidegate/shop", retentionInDays=1)`, `access_log.retention_days is 1 now (was 30)`},
	{"shop/access log", "no access log group", `logs.delete_log_group(logGroupName="/aws/vendedlogs/tidegate/shop")`, `access_log is not ready: missing`},
	{"shop/*", "no stage", `apigatewayv2.delete_stage(ApiId=api(), StageName="$default")`, `stage is not ready: missing`},
	{"shop/read/permission", "the API's permission", `lambda_.remove_permission(FunctionName="shop-read", Qualifier="live", StatementId="tidegate-api")`, `functions/read/permissions is not ready: missing`},
	{
		"shop/create/permission", "the API's permission for everybody's APIs", `
lambda_.remove_permission(FunctionName="shop-create", Qualifier="live", StatementId="tidegate-api")
lambda_.add_permission(FunctionName="shop-create", Qualifier="live", StatementId="tidegate-api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com")`,
		`functions/create/permissions is not ready: its statement tidegate-api differs`,
	},
	{"shop/*", "no API", `apigatewayv2.delete_api(ApiId=api())`, `api is not ready: missing`},

	// A queue.
	{"orders/visibility", "visibility timeout", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"VisibilityTimeout": "60"})`, `visibility_timeout is 1m now (was 3m)`},
	{"orders/retention", "retention", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"MessageRetentionPeriod": "60"})`, `retention is 1m now (was 48h)`},
	{"orders/delay", "delay", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"DelaySeconds": "0"})`, `delay is 0s now (was 5s)`},
	{"orders/size", "message size", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"MaximumMessageSize": "1024"})`, `max_message_size is 1024 now (was 65536)`},
	{"orders/encryption", "encryption", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"SqsManagedSseEnabled": "false"})`, `queue is not ready: ... its encryption by SQS`},
	{"orders/wait", "receive wait time", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"ReceiveMessageWaitTimeSeconds": "20"})`, `queue is not ready: ... its receive wait time`},
	{"orders/dead/*", "an access policy", `
sqs.set_queue_attributes(QueueUrl=url("orders-dead-letters"), Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:" + account + ":orders-dead-letters"}]})})`, `dead_letters is not ready: its access policy differs`},
	{"orders/redrive", "receives", `
sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"RedrivePolicy": json.dumps(
    {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:" + account + ":orders-dead-letters", "maxReceiveCount": 9})})`, `dead_letter.max_receives is 9 now (was 5)`},
	{
		"orders/redrive", "dead letters that go elsewhere", `
sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": elsewhere, "maxReceiveCount": 5})})`,
		`queue is not ready: ... moves messages that were received too often to arn:aws:sqs:us-east-1:ACCOUNT:elsewhere`,
	},
	{"orders/redrive", "no redrive", `sqs.set_queue_attributes(QueueUrl=url("orders"), Attributes={"RedrivePolicy": ""})`, `queue is not ready: ... does not move messages that were received too often to the dead letters`},
	{"orders/tag", "a tag of the queue", `sqs.untag_queue(QueueUrl=url("orders"), TagKeys=["team"])`, `queue is not ready: ... its tag team differs`},
	{"orders/dead/retention", "retention of dead letters", `sqs.set_queue_attributes(QueueUrl=url("orders-dead-letters"), Attributes={"MessageRetentionPeriod": "60"})`, `dead_letter.retention is 1m now (was 72h)`},
	{
		"orders/dead/redrive", "who may redrive to the dead letters", `sqs.set_queue_attributes(QueueUrl=url("orders-dead-letters"), Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "allowAll"})})`,
		`dead_letters is not ready: its redrive allow policy differs`,
	},
	{"orders/dead/*", "no queue of dead letters", `sqs.delete_queue(QueueUrl=url("orders-dead-letters"))`, `dead_letters is not ready: missing`},
	{"orders/*", "no queue", `sqs.delete_queue(QueueUrl=url("orders"))`, `queue is not ready: missing`},
	{"ledger/deduplication", "deduplication", `sqs.set_queue_attributes(QueueUrl=url("ledger.fifo"), Attributes={"ContentBasedDeduplication": "false"})`, `content_based_deduplication is false now (was true)`},
	{
		"ledger/throughput", "throughput", `sqs.set_queue_attributes(QueueUrl=url("ledger.fifo"), Attributes={"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"})`,
		`queue is not ready: its deduplication scope, its throughput limit differ`,
	},
	{"ledger/enabled", "a mapping that polls", `lambda_.update_event_source_mapping(UUID=mapping("ledger.fifo")["UUID"], Enabled=True)`, `consumer.enabled is true now (was false)`},

	// Its consumer.
	{"orders/mapping/enabled", "a mapping disabled", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], Enabled=False)`, `consumer.enabled is false now (was true)`},
	{"orders/mapping/batch", "batch size", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], BatchSize=1)`, `consumer.batch_size is 1 now (was 20)`},
	{"orders/mapping/window", "batch window", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], MaximumBatchingWindowInSeconds=5)`, `consumer.batch_window is 5s now (was 2s)`},
	{"orders/mapping/filters", "filters", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], FilterCriteria={"Filters": []})`, `consumer.filters was removed`},
	{"orders/mapping/partial", "partial failures", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], FunctionResponseTypes=[])`, `consumer.partial_failures is false now (was true)`},
	{"orders/mapping/concurrency", "concurrency", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], ScalingConfig={"MaximumConcurrency": 2})`, `consumer.max_concurrency is 2 now (was 10)`},
	{
		"orders/mapping/function", "a mapping to the function itself", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], FunctionName="orders-fulfil")`,
		`consumer is not ready: ... invokes arn:aws:lambda:us-east-1:ACCOUNT:function:orders-fulfil instead of the alias live`,
	},
	{"orders/mapping/function", "a mapping to another function", `lambda_.update_event_source_mapping(UUID=mapping("orders")["UUID"], FunctionName="orders-audit:live")`, `consumer.function was changed`},
	{
		"orders/mapping/second", "a second mapping", `lambda_.create_event_source_mapping(EventSourceArn="arn:aws:sqs:us-east-1:" + account + ":orders", FunctionName="media-inside:live")`,
		`consumer is not ready: ... the queue is also consumed by arn:aws:lambda:us-east-1:ACCOUNT:function:media-inside:live`,
	},
	{"orders/mapping/tag", "a tag of the mapping", `lambda_.untag_resource(Resource=mapping("orders")["EventSourceMappingArn"], TagKeys=["team"])`, `consumer is not ready: ... its tag team differs`},
	{"orders/mapping/*", "no mapping", `lambda_.delete_event_source_mapping(UUID=mapping("orders")["UUID"])`, `consumer is not ready: missing`},

	// Schedules.
	{"reports/expression", "expression", `scheduler.update_schedule(**schedule("nightly", ScheduleExpression="rate(1 minutes)"))`, `schedules["nightly"].expression was changed`},
	{"reports/zone", "zone", `scheduler.update_schedule(**schedule("nightly", ScheduleExpressionTimezone="UTC"))`, `schedules["nightly"].timezone was changed`},
	{"reports/input", "input", `s = schedule("nightly"); s["Target"]["Input"] = "{}"; scheduler.update_schedule(**s)`, `schedules["nightly"].input was changed`},
	{"reports/window", "flexible window", `scheduler.update_schedule(**schedule("nightly", FlexibleTimeWindow={"Mode": "OFF"}))`, `schedules["nightly"].flexible_window is 0s now (was 10m)`},
	{"reports/retries", "retries", `s = schedule("nightly"); s["Target"]["RetryPolicy"]["MaximumRetryAttempts"] = 0; scheduler.update_schedule(**s)`, `schedules["nightly"].retry.attempts is 0 now (was 3)`},
	{"reports/dead", "dead letters", `s = schedule("nightly"); del s["Target"]["DeadLetterConfig"]; scheduler.update_schedule(**s)`, `schedules["nightly"].dead_letter was removed`},
	{"reports/end", "end", `s = schedule("nightly"); del s["EndDate"]; scheduler.update_schedule(**s)`, `schedules["nightly"].end was removed`},
	{"reports/start", "start that has passed", `s = schedule("nightly"); del s["Description"]; scheduler.update_schedule(**s)`, `schedules["nightly"].start was removed`},
	{"reports/hourly", "a schedule disabled", `scheduler.update_schedule(**schedule("hourly", State="DISABLED"))`, `schedules["hourly"].enabled is false now (was true)`},
	{
		"reports/target", "another target", `s = schedule("nightly"); s["Target"]["Arn"] = s["Target"]["Arn"].removesuffix(":live"); scheduler.update_schedule(**s)`,
		`schedules/nightly is not ready: ... invokes arn:aws:lambda:us-east-1:ACCOUNT:function:reports-report instead of arn:aws:lambda:us-east-1:ACCOUNT:function:reports-report:live`,
	},
	{"reports/role", "another role", `
s = schedule("nightly")
s["Target"]["RoleArn"] = iam.get_role(RoleName=role("reports", "report"))["Role"]["Arn"]
scheduler.update_schedule(**s)`, `schedules/nightly is not ready: ... has the role arn:aws:iam::ACCOUNT:role/tidegate/reports/reports-report`},
	{"reports/once", "a schedule that deletes itself", `scheduler.update_schedule(**schedule("once", ActionAfterCompletion="DELETE"))`, `schedules/once is not ready: deletes itself after its last firing`},
	{"reports/hourly", "a schedule deleted", `scheduler.delete_schedule(GroupName="reports", Name="hourly")`, `schedules/hourly is not ready: missing`},
	{"reports/mine", "a schedule added", `scheduler.create_schedule(**schedule("once", Name="mine"))`, `schedules["mine"] was added`},
	{"reports/tag", "a tag of the group", `scheduler.untag_resource(ResourceArn=scheduler.get_schedule_group(Name="reports")["Arn"], TagKeys=["team"])`, `schedule_group is not ready: its tag team differs`},
	{"reports/trust", "trust of the schedules' role", `
iam.update_assume_role_policy(RoleName=role("reports", "Schedules"), PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}]}))`, `schedule_role is not ready: its trust policy was changed`},
	{"reports/policy", "policy of the schedules' role", `iam.delete_role_policy(RoleName=role("reports", "Schedules"), PolicyName="tidegate")`, `schedule_policy is not ready: missing`},
	{"reports/policy", "no role of the schedules", `
name = role("reports", "Schedules")
iam.delete_role_policy(RoleName=name, PolicyName="tidegate")
iam.delete_role(RoleName=name)`, `schedule_role is not ready: missing`},
	{"reports/*", "no group", `
for s in scheduler.list_schedules(GroupName="reports")["Schedules"]:
    scheduler.delete_schedule(GroupName="reports", Name=s["Name"])
scheduler.delete_schedule_group(Name="reports")`, `schedule_group is not ready: missing`},
}
