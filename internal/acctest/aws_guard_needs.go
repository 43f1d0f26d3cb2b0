package acctest

import (
	"net/http"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// An awsNeed is an action that somebody must be allowed on something.
type awsNeed struct {
	action, on string
	// passedTo is the service that a role is passed to, for iam:PassRole.
	passedTo string
}

// needs are what AWS wants for a call: the action of its own, and what its documentation
// lists besides.
func (g *Guard) needs(r *awswire.Request) []awsNeed {
	switch r.Service {
	case "lambda":
		return g.lambdaNeeds(r)
	case "iam":
		return g.iamNeeds(r)
	case "logs":
		return g.logsNeeds(r)
	case "sqs":
		return g.sqsNeeds(r)
	case "apigatewayv2":
		return g.gatewayNeeds(r)
	case "scheduler":
		return g.schedulerNeeds(r)
	case "s3":
		return s3Needs(r)
	case "sts":
		if r.Operation == "GetCallerIdentity" {
			return nil // Nobody needs to be allowed that.
		}
	}
	return []awsNeed{{action: r.Call(), on: "*"}}
}

func (g *Guard) arn(service, region, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + g.account.Account + ":" + resource
}

// function is the ARN of what a call is about: the function, or a version or alias of it.
func (g *Guard) function(r *awswire.Request) string {
	arn := r.Param("FunctionName")
	if !strings.HasPrefix(arn, "arn:") {
		arn = g.arn("lambda", Region, "function:"+arn)
	}
	if qualifier := r.Param("Qualifier"); qualifier != "" {
		arn += ":" + qualifier
	}
	return arn
}

func (g *Guard) lambdaNeeds(r *awswire.Request) []awsNeed {
	const anyMapping = "event-source-mapping:*"
	own := awsNeed{action: r.Call(), on: g.function(r)}
	switch r.Operation {
	case "CreateEventSourceMapping", "ListEventSourceMappings", "ListLayerVersions":
		own.on = "*" // They are about no resource.
	case "GetEventSourceMapping", "UpdateEventSourceMapping", "DeleteEventSourceMapping":
		own.on = g.arn("lambda", Region, "event-source-mapping:"+r.Param("UUID"))
	case "PublishLayerVersion":
		own.on = g.arn("lambda", Region, "layer:"+r.Param("LayerName"))
	case "DeleteLayerVersion":
		own.on = g.arn("lambda", Region, "layer:"+r.Param("LayerName")+":"+r.Param("VersionNumber"))
	case "TagResource", "UntagResource", "ListTags":
		own.on = r.Param("Resource")
	case "Invoke":
		own.action = "lambda:InvokeFunction"
	}
	needs := []awsNeed{own}
	if tagged(r) {
		on := own.on
		if r.Operation == "CreateEventSourceMapping" {
			on = g.arn("lambda", Region, anyMapping)
		}
		needs = append(needs, awsNeed{action: "lambda:TagResource", on: on})
	}
	needs = append(needs, lambdaCode(r)...)
	if r.Operation != "CreateFunction" && r.Operation != "UpdateFunctionConfiguration" {
		return needs
	}
	if role := r.Param("Role"); role != "" {
		needs = append(needs, awsNeed{action: "iam:PassRole", on: role, passedTo: "lambda.amazonaws.com"})
	}
	layers, _ := r.Params["Layers"].([]any)
	for _, layer := range layers {
		needs = append(needs, awsNeed{action: "lambda:GetLayerVersion", on: layer.(string)})
	}
	if network, _ := r.Params["VpcConfig"].(map[string]any); network != nil {
		if subnets, _ := network["SubnetIds"].([]any); len(subnets) > 0 {
			for _, action := range []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"} {
				needs = append(needs, awsNeed{action: action, on: "*"})
			}
		}
	}
	if key := r.Param("KMSKeyArn"); key != "" {
		for _, action := range []string{"kms:CreateGrant", "kms:Encrypt", "kms:Decrypt"} {
			needs = append(needs, awsNeed{action: action, on: key})
		}
	}
	return needs
}

// lambdaCode is what taking code from S3 or ECR needs.
func lambdaCode(r *awswire.Request) (needs []awsNeed) {
	code := r.Params
	for _, name := range []string{"Code", "Content"} {
		if inner, ok := r.Params[name].(map[string]any); ok {
			code = inner
		}
	}
	if bucket, ok := code["S3Bucket"].(string); ok {
		needs = append(needs, awsNeed{action: "s3:GetObject", on: "arn:aws:s3:::" + bucket + "/" + code["S3Key"].(string)})
	}
	if image, ok := code["ImageUri"].(string); ok {
		registry, repository, _ := strings.Cut(image, "/")
		repository, _, _ = strings.Cut(repository, "@")
		repository, _, _ = strings.Cut(repository, ":")
		account, _, _ := strings.Cut(registry, ".")
		for _, action := range []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:SetRepositoryPolicy"} {
			needs = append(needs, awsNeed{action: action, on: "arn:aws:ecr:" + Region + ":" + account + ":repository/" + repository})
		}
	}
	return needs
}

// iamNeeds are on a role: by its path if there is one, and else by its name alone,
// because IAM does not know where it would be.
func (g *Guard) iamNeeds(r *awswire.Request) []awsNeed {
	name := r.Param("RoleName")
	g.mu.Lock()
	on, exists := g.roles[name]
	g.mu.Unlock()
	if arn := r.Param("PolicySourceArn"); arn != "" {
		on, exists = arn, true
	}
	if !exists {
		on = g.arn("iam", "", "role"+first(r.Param("Path"), "/")+name)
	}
	needs := []awsNeed{{action: r.Call(), on: on}}
	if r.Operation == "CreateRole" && tagged(r) {
		needs = append(needs, awsNeed{action: "iam:TagRole", on: on})
	}
	return needs
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// logsNeeds are on a log group, the name of which has its streams' after it but in
// tagging.
func (g *Guard) logsNeeds(r *awswire.Request) []awsNeed {
	group := g.arn("logs", Region, "log-group:"+r.Param("logGroupName"))
	switch r.Operation {
	case "TagResource", "UntagResource", "ListTagsForResource":
		return []awsNeed{{action: r.Call(), on: r.Param("resourceArn")}}
	case "CreateLogStream", "GetLogEvents", "PutLogEvents":
		return []awsNeed{{action: r.Call(), on: group + ":log-stream:" + r.Param("logStreamName")}}
	case "DescribeLogGroups":
		group = g.arn("logs", Region, "log-group:") // Whatever the prefix is.
	}
	needs := []awsNeed{{action: r.Call(), on: group + ":log-stream:"}}
	if r.Operation == "CreateLogGroup" && tagged(r) {
		needs = append(needs, awsNeed{action: "logs:TagResource", on: group})
	}
	return needs
}

func (g *Guard) sqsNeeds(r *awswire.Request) []awsNeed {
	url := r.Param("QueueUrl")
	queue := g.arn("sqs", Region, first(r.Param("QueueName"), url[strings.LastIndex(url, "/")+1:]))
	needs := []awsNeed{{action: r.Call(), on: queue}}
	if r.Operation == "CreateQueue" && tagged(r) {
		needs = append(needs, awsNeed{action: "sqs:TagQueue", on: queue})
	}
	return needs
}

// gatewayNeeds are the HTTP method on the path.
func (g *Guard) gatewayNeeds(r *awswire.Request) []awsNeed {
	on := "arn:aws:apigateway:" + Region + "::" + strings.TrimPrefix(r.URL.EscapedPath(), "/v2")
	needs := []awsNeed{{action: "apigateway:" + r.Method, on: on}}
	switch {
	case r.Method == http.MethodPost && tagged(r):
		needs = append(needs, awsNeed{action: "apigateway:TagResource", on: on})
	case r.Operation == "UntagResource":
		needs = append(needs, awsNeed{action: "apigateway:UntagResource", on: on})
	}
	if r.Params["AccessLogSettings"] != nil {
		for _, action := range []string{
			"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
			"logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies",
		} {
			needs = append(needs, awsNeed{action: action, on: "*"})
		}
	}
	return needs
}

func (g *Guard) schedulerNeeds(r *awswire.Request) []awsNeed {
	own := awsNeed{action: r.Call(), on: g.arn("scheduler", Region, "schedule/"+r.Param("GroupName")+"/"+r.Param("Name"))}
	switch r.Operation {
	case "CreateScheduleGroup", "GetScheduleGroup", "DeleteScheduleGroup":
		own.on = g.arn("scheduler", Region, "schedule-group/"+r.Param("Name"))
	case "TagResource", "UntagResource", "ListTagsForResource":
		own.on = r.Param("ResourceArn")
	case "ListSchedules":
		own.on = "*" // It is about no resource.
	}
	needs := []awsNeed{own}
	if r.Operation == "CreateScheduleGroup" && tagged(r) {
		needs = append(needs, awsNeed{action: "scheduler:TagResource", on: own.on})
	}
	if target, ok := r.Params["Target"].(map[string]any); ok {
		needs = append(needs, awsNeed{action: "iam:PassRole", on: target["RoleArn"].(string), passedTo: "scheduler.amazonaws.com"})
	}
	return needs
}

// s3Actions are those whose name is not their call's.
var s3Actions = map[string]string{
	"ListObjectsV2":                   "s3:ListBucket",
	"PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
	"PutPublicAccessBlock":            "s3:PutBucketPublicAccessBlock",
}

func s3Needs(r *awswire.Request) []awsNeed {
	on := "arn:aws:s3:::" + r.Param("Bucket")
	if key := r.Param("Key"); key != "" {
		on += "/" + key
	}
	return []awsNeed{{action: first(s3Actions[r.Operation], r.Call()), on: on}}
}

// tagged tells whether a call gives something tags.
func tagged(r *awswire.Request) bool {
	for _, name := range []string{"Tags", "tags"} {
		switch tags := r.Params[name].(type) {
		case map[string]any:
			return len(tags) > 0
		case []any:
			return len(tags) > 0
		}
	}
	return false
}
