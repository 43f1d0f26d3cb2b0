package aws

// The calls of each service, in the order of its interface in api.go. AWS's Service
// Authorization Reference says which actions and resources there are.

var lambdaPermissions = []permission{
	{"Lambda", "AddPermission", []string{"lambda:AddPermission"}, []string{onFunctions}, "lets the trigger, or callers of the URL, invoke the alias"},
	{"Lambda", "CreateAlias", []string{"lambda:CreateAlias"}, []string{onFunctions}, "makes the alias"},
	{"Lambda", "CreateEventSourceMapping", []string{"lambda:CreateEventSourceMapping"}, []string{anything}, "has a function consume a queue"},
	{"Lambda", "CreateFunction", []string{"lambda:CreateFunction"}, []string{onFunctions}, "makes functions"},
	{"Lambda", "CreateFunctionUrlConfig", []string{"lambda:CreateFunctionUrlConfig"}, []string{onFunctions}, "makes function URLs"},
	{"Lambda", "DeleteAlias", []string{"lambda:DeleteAlias"}, []string{onFunctions}, "removes aliases beside `live`"},
	{"Lambda", "DeleteEventSourceMapping", []string{"lambda:DeleteEventSourceMapping"}, []string{onMappings}, "removes consumers"},
	{"Lambda", "DeleteFunction", []string{"lambda:DeleteFunction"}, []string{onFunctions}, "removes functions and old versions"},
	{"Lambda", "DeleteFunctionConcurrency", []string{"lambda:DeleteFunctionConcurrency"}, []string{onFunctions}, "gives reserved concurrency back"},
	{"Lambda", "DeleteFunctionEventInvokeConfig", []string{"lambda:DeleteFunctionEventInvokeConfig"}, []string{onFunctions}, "removes asynchronous settings"},
	{"Lambda", "DeleteFunctionUrlConfig", []string{"lambda:DeleteFunctionUrlConfig"}, []string{onFunctions}, "removes function URLs"},
	{"Lambda", "DeleteLayerVersion", []string{"lambda:DeleteLayerVersion"}, []string{onLayers}, "removes layers"},
	{"Lambda", "DeleteProvisionedConcurrencyConfig", []string{"lambda:DeleteProvisionedConcurrencyConfig"}, []string{onFunctions}, "removes provisioned concurrency"},
	{"Lambda", "GetEventSourceMapping", []string{"lambda:GetEventSourceMapping"}, []string{onMappings}, "waits for a consumer"},
	{"Lambda", "GetFunction", []string{"lambda:GetFunction"}, []string{onFunctions}, "reads functions and versions"},
	{"Lambda", "GetFunctionEventInvokeConfig", []string{"lambda:GetFunctionEventInvokeConfig"}, []string{onFunctions}, "reads asynchronous settings"},
	{"Lambda", "GetFunctionUrlConfig", []string{"lambda:GetFunctionUrlConfig"}, []string{onFunctions}, "reads function URLs"},
	{"Lambda", "GetPolicy", []string{"lambda:GetPolicy"}, []string{onFunctions}, "reads who may invoke the alias"},
	{"Lambda", "GetProvisionedConcurrencyConfig", []string{"lambda:GetProvisionedConcurrencyConfig"}, []string{onFunctions}, "reads provisioned concurrency"},
	{"Lambda", "Invoke", []string{"lambda:InvokeFunction"}, []string{onFunctions}, "runs the functions that a release names to run before and after its traffic moves"},
	{"Lambda", "ListAliases", []string{"lambda:ListAliases"}, []string{onFunctions}, "reads the alias, and how far a release is"},
	{"Lambda", "ListEventSourceMappings", []string{"lambda:ListEventSourceMappings"}, []string{anything}, "reads consumers"},
	{"Lambda", "ListLayerVersions", []string{"lambda:ListLayerVersions"}, []string{anything}, "finds layers"},
	{"Lambda", "ListTags", []string{"lambda:ListTags"}, []string{onFunctions, onMappings}, "reads the tags of consumers"},
	{"Lambda", "ListVersionsByFunction", []string{"lambda:ListVersionsByFunction"}, []string{onFunctions}, "reads versions"},
	{"Lambda", "PublishLayerVersion", []string{"lambda:PublishLayerVersion"}, []string{onLayers}, "makes layers"},
	{"Lambda", "PublishVersion", []string{"lambda:PublishVersion"}, []string{onFunctions}, "publishes versions"},
	{"Lambda", "PutFunctionConcurrency", []string{"lambda:PutFunctionConcurrency"}, []string{onFunctions}, "reserves concurrency"},
	{"Lambda", "PutFunctionEventInvokeConfig", []string{"lambda:PutFunctionEventInvokeConfig"}, []string{onFunctions}, "sets retries and destinations of asynchronous invocations"},
	{"Lambda", "PutProvisionedConcurrencyConfig", []string{"lambda:PutProvisionedConcurrencyConfig"}, []string{onFunctions}, "sets provisioned concurrency"},
	{"Lambda", "RemovePermission", []string{"lambda:RemovePermission"}, []string{onFunctions}, "removes permissions on the alias"},
	{"Lambda", "TagResource", []string{"lambda:TagResource"}, []string{onFunctions, onMappings}, "changes tags"},
	{"Lambda", "UntagResource", []string{"lambda:UntagResource"}, []string{onFunctions, onMappings}, "changes tags"},
	{"Lambda", "UpdateAlias", []string{"lambda:UpdateAlias"}, []string{onFunctions}, "releases a version"},
	{"Lambda", "UpdateEventSourceMapping", []string{"lambda:UpdateEventSourceMapping"}, []string{onMappings}, "changes consumers"},
	{"Lambda", "UpdateFunctionCode", []string{"lambda:UpdateFunctionCode"}, []string{onFunctions}, "changes code"},
	{"Lambda", "UpdateFunctionConfiguration", []string{"lambda:UpdateFunctionConfiguration"}, []string{onFunctions}, "changes functions"},
	{"Lambda", "UpdateFunctionUrlConfig", []string{"lambda:UpdateFunctionUrlConfig"}, []string{onFunctions}, "changes function URLs"},
}

var iamPermissions = []permission{
	{"IAM", "CreateRole", []string{"iam:CreateRole"}, []string{onRoles}, "makes roles of functions and schedules"},
	{"IAM", "DeleteRole", []string{"iam:DeleteRole"}, []string{onRoles}, "removes roles"},
	{"IAM", "DeleteRolePermissionsBoundary", []string{"iam:DeleteRolePermissionsBoundary"}, []string{onRoles}, "removes a boundary that somebody else set"},
	{"IAM", "DeleteRolePolicy", []string{"iam:DeleteRolePolicy"}, []string{onRoles}, "removes policies"},
	{"IAM", "DetachRolePolicy", []string{"iam:DetachRolePolicy"}, []string{onRoles}, "detaches policies that somebody else attached"},
	{"IAM", "GetRole", []string{"iam:GetRole"}, []string{onAnyRole}, "reads roles"},
	{"IAM", "GetRolePolicy", []string{"iam:GetRolePolicy"}, []string{onAnyRole}, "reads policies"},
	{"IAM", "ListAttachedRolePolicies", []string{"iam:ListAttachedRolePolicies"}, []string{onAnyRole}, "finds policies that somebody else attached"},
	{"IAM", "ListRolePolicies", []string{"iam:ListRolePolicies"}, []string{onAnyRole}, "finds policies that somebody else added"},
	{"IAM", "PutRolePolicy", []string{"iam:PutRolePolicy"}, []string{onRoles}, "sets what a function may do"},
	{"IAM", "SimulatePrincipalPolicy", []string{"iam:SimulatePrincipalPolicy"}, []string{onRoles}, "finds out why a role does not do for a function"},
	{"IAM", "TagRole", []string{"iam:TagRole"}, []string{onRoles}, "changes tags"},
	{"IAM", "UntagRole", []string{"iam:UntagRole"}, []string{onRoles}, "changes tags"},
	{"IAM", "UpdateAssumeRolePolicy", []string{"iam:UpdateAssumeRolePolicy"}, []string{onRoles}, "repairs who may assume a role"},
}

var logsPermissions = []permission{
	{"CloudWatch Logs", "CreateLogGroup", []string{"logs:CreateLogGroup"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "makes log groups, and the one that marks a stack"},
	{"CloudWatch Logs", "CreateLogStream", []string{"logs:CreateLogStream"}, []string{onMarkers}, "keeps the history of a stack's releases"},
	{"CloudWatch Logs", "DeleteLogGroup", []string{"logs:DeleteLogGroup"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "removes log groups"},
	{"CloudWatch Logs", "DeleteRetentionPolicy", []string{"logs:DeleteRetentionPolicy"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "keeps logs for ever"},
	{"CloudWatch Logs", "DescribeLogGroups", []string{"logs:DescribeLogGroups"}, []string{onLogs}, "finds log groups"},
	{"CloudWatch Logs", "GetLogEvents", []string{"logs:GetLogEvents"}, []string{onMarkers}, "reads the history of a stack's releases"},
	{"CloudWatch Logs", "ListTagsForResource", []string{"logs:ListTagsForResource"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "reads whose a log group is"},
	{"CloudWatch Logs", "PutLogEvents", []string{"logs:PutLogEvents"}, []string{onMarkers}, "keeps the history of a stack's releases, and says that one is being driven"},
	{"CloudWatch Logs", "PutRetentionPolicy", []string{"logs:PutRetentionPolicy"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "sets how long logs are kept"},
	{"CloudWatch Logs", "TagResource", []string{"logs:TagResource"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "changes tags, and marks a stack as finished"},
	{"CloudWatch Logs", "UntagResource", []string{"logs:UntagResource"}, []string{onMarkers, onFunctionLogs, onAccessLogs}, "changes tags"},
}

var cloudwatchPermissions = []permission{
	{"CloudWatch", "DescribeAlarms", []string{"cloudwatch:DescribeAlarms"}, []string{anything}, "reads the alarms of a release's gate, and whether they exist"},
	{"CloudWatch", "GetMetricData", []string{"cloudwatch:GetMetricData"}, []string{anything}, "compares two versions for a release's gate"},
}

var sqsPermissions = []permission{
	{"SQS", "CreateQueue", []string{"sqs:CreateQueue"}, []string{onQueues}, "makes queues"},
	{"SQS", "DeleteQueue", []string{"sqs:DeleteQueue"}, []string{onQueues}, "removes queues"},
	{"SQS", "GetQueueAttributes", []string{"sqs:GetQueueAttributes"}, []string{onQueues}, "reads queues"},
	{"SQS", "ListQueueTags", []string{"sqs:ListQueueTags"}, []string{onQueues}, "reads whose a queue is"},
	{"SQS", "SetQueueAttributes", []string{"sqs:SetQueueAttributes"}, []string{onQueues}, "changes queues"},
	{"SQS", "TagQueue", []string{"sqs:TagQueue"}, []string{onQueues}, "changes tags"},
	{"SQS", "UntagQueue", []string{"sqs:UntagQueue"}, []string{onQueues}, "changes tags"},
}

var gatewayPermissions = []permission{
	{"ApiGatewayV2", "CreateApi", []string{"apigateway:POST", "apigateway:TagResource"}, []string{onAPIs, onAPI}, "makes HTTP APIs"},
	{"ApiGatewayV2", "CreateAuthorizer", []string{"apigateway:POST"}, []string{onAPI}, "makes authorizers"},
	{"ApiGatewayV2", "CreateIntegration", []string{"apigateway:POST"}, []string{onAPI}, "makes integrations"},
	{"ApiGatewayV2", "CreateRoute", []string{"apigateway:POST"}, []string{onAPI}, "makes routes"},
	{"ApiGatewayV2", "CreateStage", []string{"apigateway:POST", "apigateway:TagResource"}, []string{onAPI}, "makes stages"},
	{"ApiGatewayV2", "DeleteAccessLogSettings", []string{"apigateway:DELETE"}, []string{onAPI}, "removes the access log"},
	{"ApiGatewayV2", "DeleteApi", []string{"apigateway:DELETE"}, []string{onAPI}, "removes HTTP APIs"},
	{"ApiGatewayV2", "DeleteAuthorizer", []string{"apigateway:DELETE"}, []string{onAPI}, "removes authorizers"},
	{"ApiGatewayV2", "DeleteCorsConfiguration", []string{"apigateway:DELETE"}, []string{onAPI}, "removes CORS settings"},
	{"ApiGatewayV2", "DeleteIntegration", []string{"apigateway:DELETE"}, []string{onAPI}, "removes integrations"},
	{"ApiGatewayV2", "DeleteRoute", []string{"apigateway:DELETE"}, []string{onAPI}, "removes routes"},
	{"ApiGatewayV2", "DeleteRouteSettings", []string{"apigateway:DELETE"}, []string{onAPI}, "removes a route's own limits"},
	{"ApiGatewayV2", "DeleteStage", []string{"apigateway:DELETE"}, []string{onAPI}, "removes stages"},
	{"ApiGatewayV2", "GetApis", []string{"apigateway:GET"}, []string{onAPIs}, "finds HTTP APIs"},
	{"ApiGatewayV2", "GetAuthorizers", []string{"apigateway:GET"}, []string{onAPI}, "reads authorizers"},
	{"ApiGatewayV2", "GetIntegrations", []string{"apigateway:GET"}, []string{onAPI}, "reads integrations"},
	{"ApiGatewayV2", "GetRoutes", []string{"apigateway:GET"}, []string{onAPI}, "reads routes"},
	{"ApiGatewayV2", "GetStages", []string{"apigateway:GET"}, []string{onAPI}, "reads stages"},
	{"ApiGatewayV2", "TagResource", []string{"apigateway:POST", "apigateway:PUT", "apigateway:TagResource"}, []string{onAPI, onAPITags}, "changes tags"},
	{"ApiGatewayV2", "UntagResource", []string{"apigateway:DELETE", "apigateway:UntagResource"}, []string{onAPI, onAPITags}, "changes tags"},
	{"ApiGatewayV2", "UpdateApi", []string{"apigateway:PATCH"}, []string{onAPI}, "changes HTTP APIs"},
	{"ApiGatewayV2", "UpdateAuthorizer", []string{"apigateway:PATCH"}, []string{onAPI}, "changes authorizers"},
	{"ApiGatewayV2", "UpdateRoute", []string{"apigateway:PATCH"}, []string{onAPI}, "changes routes"},
	{"ApiGatewayV2", "UpdateStage", []string{"apigateway:PATCH"}, []string{onAPI}, "changes stages"},
}

var schedulerPermissions = []permission{
	{"Scheduler", "CreateSchedule", []string{"scheduler:CreateSchedule"}, []string{onSchedules}, "makes schedules"},
	{"Scheduler", "CreateScheduleGroup", []string{"scheduler:CreateScheduleGroup"}, []string{onGroups}, "makes the schedules' group"},
	{"Scheduler", "DeleteSchedule", []string{"scheduler:DeleteSchedule"}, []string{onSchedules}, "removes schedules"},
	{"Scheduler", "DeleteScheduleGroup", []string{"scheduler:DeleteScheduleGroup"}, []string{onGroups}, "removes the schedules' group"},
	{"Scheduler", "GetSchedule", []string{"scheduler:GetSchedule"}, []string{onSchedules}, "reads schedules"},
	{"Scheduler", "GetScheduleGroup", []string{"scheduler:GetScheduleGroup"}, []string{onGroups}, "reads the schedules' group"},
	{"Scheduler", "ListSchedules", []string{"scheduler:ListSchedules"}, []string{anything}, "finds schedules"},
	{"Scheduler", "ListTagsForResource", []string{"scheduler:ListTagsForResource"}, []string{onGroups}, "reads whose a group is"},
	{"Scheduler", "TagResource", []string{"scheduler:TagResource"}, []string{onGroups}, "changes tags"},
	{"Scheduler", "UntagResource", []string{"scheduler:UntagResource"}, []string{onGroups}, "changes tags"},
	{"Scheduler", "UpdateSchedule", []string{"scheduler:UpdateSchedule"}, []string{onSchedules}, "changes schedules"},
}

var s3Permissions = []permission{
	{"S3", "CreateBucket", []string{"s3:CreateBucket"}, []string{onBucket}, "makes the staging bucket for packages of more than 50 MB"},
	{"S3", "DeleteBucket", []string{"s3:DeleteBucket"}, []string{onBucket}, "removes the staging bucket"},
	{"S3", "DeleteObject", []string{"s3:DeleteObject"}, []string{onObjects}, "removes a package from the staging bucket"},
	{"S3", "GetBucketTagging", []string{"s3:GetBucketTagging"}, []string{onBucket}, "reads whose the staging bucket is"},
	{"S3", "ListObjectsV2", []string{"s3:ListBucket"}, []string{onBucket}, "finds packages that were left in the staging bucket"},
	{"S3", "PutBucketLifecycleConfiguration", []string{"s3:PutLifecycleConfiguration"}, []string{onBucket}, "has the staging bucket forget what is left there"},
	{"S3", "PutBucketTagging", []string{"s3:PutBucketTagging"}, []string{onBucket}, "marks the staging bucket"},
	{"S3", "PutObject", []string{"s3:PutObject"}, []string{onObjects}, "uploads a package of more than 50 MB"},
	{"S3", "PutPublicAccessBlock", []string{"s3:PutBucketPublicAccessBlock"}, []string{onBucket}, "keeps the staging bucket private"},
}
