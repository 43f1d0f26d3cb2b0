package aws

import (
	"slices"
	"strings"
)

// A permission says what IAM has to allow for one of the calls in api.go.
type permission struct {
	// service is the SDK's name for it, and call the method of its client.
	service, call string
	// actions of IAM: the call's own, by name or by another, and one more where AWS's
	// documentation and its behaviour differ.
	actions []string
	// on are patterns of ARNs, see the constants below.
	on []string
	// why says what Tidegate does it for.
	why string
}

// plan tells whether reading a stack makes the call, and so planning does.
func (p permission) plan() bool {
	if p.service == "S3" || p.call == "SimulatePrincipalPolicy" || p.call == "GetEventSourceMapping" || p.call == "GetMetricData" {
		return false // Uploads, looking into a role that cannot be assumed, waiting for a consumer, and a release's gate.
	}
	return p.reads()
}

// reads tells whether the call changes nothing.
func (p permission) reads() bool {
	return slices.ContainsFunc([]string{"Get", "List", "Describe", "Simulate"}, func(verb string) bool { return strings.HasPrefix(p.call, verb) })
}

// Patterns of ARNs, where REGION and ACCOUNT stand for the user's own.
const (
	anything    = "*"
	onFunctions = "arn:aws:lambda:REGION:ACCOUNT:function:*"
	onLayers    = "arn:aws:lambda:REGION:ACCOUNT:layer:*"
	onMappings  = "arn:aws:lambda:REGION:ACCOUNT:event-source-mapping:*"
	onRoles     = "arn:aws:iam::ACCOUNT:role/tidegate/*"
	// IAM finds the path of a role by its name, and one that is not there has none.
	onAnyRole      = "arn:aws:iam::ACCOUNT:role/*"
	onMarkers      = "arn:aws:logs:REGION:ACCOUNT:log-group:/tidegate/*"
	onFunctionLogs = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda/*"
	onAccessLogs   = "arn:aws:logs:REGION:ACCOUNT:log-group:/aws/vendedlogs/tidegate/*"
	onLogs         = "arn:aws:logs:REGION:ACCOUNT:log-group:*"
	onQueues       = "arn:aws:sqs:REGION:ACCOUNT:*"
	onAPIs         = "arn:aws:apigateway:REGION::/apis"
	onAPI          = "arn:aws:apigateway:REGION::/apis/*"
	onAPITags      = "arn:aws:apigateway:REGION::/tags/*"
	onGroups       = "arn:aws:scheduler:REGION:ACCOUNT:schedule-group/*"
	onSchedules    = "arn:aws:scheduler:REGION:ACCOUNT:schedule/*"
	onBucket       = "arn:aws:s3:::tidegate-ACCOUNT-REGION"
	onObjects      = "arn:aws:s3:::tidegate-ACCOUNT-REGION/*"
	onRepositories = "arn:aws:ecr:REGION:ACCOUNT:repository/*"
	onKeys         = "arn:aws:kms:REGION:ACCOUNT:key/*"
)

// permissions are those of all calls.
var permissions = slices.Concat(lambdaPermissions, iamPermissions, logsPermissions, cloudwatchPermissions, sqsPermissions, gatewayPermissions, schedulerPermissions, s3Permissions)

// A further is what some calls need beside their own action, or that they need on
// other things than the call is about.
type further struct {
	action string
	on     []string
	why    string
	// calls that need it, as "Lambda.CreateFunction".
	calls []string
	// passedTo are the services that a role may be passed to, for iam:PassRole.
	passedTo []string
}

// furthers are what AWS documents for each call beside the action of its own name.
var furthers = []further{
	{
		action: "iam:PassRole", on: []string{onRoles}, passedTo: []string{"lambda.amazonaws.com", "scheduler.amazonaws.com"},
		why:   "gives a function or a schedule its role",
		calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration", "Scheduler.CreateSchedule", "Scheduler.UpdateSchedule"},
	},
	{action: "iam:TagRole", on: []string{onRoles}, why: "makes a role with its tags", calls: []string{"IAM.CreateRole"}},
	{action: "lambda:TagResource", on: []string{onFunctions, onMappings}, why: "makes a function or a consumer with its tags", calls: []string{"Lambda.CreateFunction", "Lambda.CreateEventSourceMapping"}},
	{action: "lambda:GetLayerVersion", on: []string{"arn:aws:lambda:*:*:layer:*"}, why: "puts layers into a function", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "logs:TagResource", on: []string{onMarkers, onFunctionLogs, onAccessLogs}, why: "makes a log group with its tags", calls: []string{"CloudWatch Logs.CreateLogGroup"}},
	{action: "sqs:TagQueue", on: []string{onQueues}, why: "makes a queue with its tags", calls: []string{"SQS.CreateQueue"}},
	{action: "scheduler:TagResource", on: []string{onGroups}, why: "makes a schedule group with its tags", calls: []string{"Scheduler.CreateScheduleGroup"}},
	{action: "s3:GetObject", on: []string{onObjects}, why: "has Lambda take a package of more than 50 MB from the staging bucket", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionCode", "Lambda.PublishLayerVersion"}},
	{action: "ec2:DescribeSecurityGroups", on: []string{anything}, why: "puts a function into a VPC", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "ec2:DescribeSubnets", on: []string{anything}, why: "puts a function into a VPC", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "ec2:DescribeVpcs", on: []string{anything}, why: "puts a function into a VPC", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "ecr:BatchGetImage", on: []string{onRepositories}, why: "runs a function from an image", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionCode"}},
	{action: "ecr:GetDownloadUrlForLayer", on: []string{onRepositories}, why: "runs a function from an image", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionCode"}},
	{action: "ecr:GetRepositoryPolicy", on: []string{onRepositories}, why: "has Lambda let itself read the image's repository", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionCode"}},
	{action: "ecr:SetRepositoryPolicy", on: []string{onRepositories}, why: "has Lambda let itself read the image's repository", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionCode"}},
	{action: "kms:CreateGrant", on: []string{onKeys}, why: "encrypts a function's environment with a key of yours", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "kms:Encrypt", on: []string{onKeys}, why: "encrypts a function's environment with a key of yours", calls: []string{"Lambda.CreateFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "kms:Decrypt", on: []string{onKeys}, why: "reads a function's environment that a key of yours encrypts", calls: []string{"Lambda.GetFunction", "Lambda.UpdateFunctionConfiguration"}},
	{action: "logs:CreateLogDelivery", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
	{action: "logs:DeleteLogDelivery", on: []string{anything}, why: "has API Gateway write no more access logs", calls: []string{"ApiGatewayV2.UpdateStage", "ApiGatewayV2.DeleteStage", "ApiGatewayV2.DeleteAccessLogSettings"}},
	{action: "logs:DescribeResourcePolicies", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
	{action: "logs:GetLogDelivery", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
	{action: "logs:ListLogDeliveries", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
	{action: "logs:PutResourcePolicy", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
	{action: "logs:UpdateLogDelivery", on: []string{anything}, why: "has API Gateway write access logs", calls: []string{"ApiGatewayV2.CreateStage", "ApiGatewayV2.UpdateStage"}},
}
