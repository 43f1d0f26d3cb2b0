package acctest

import (
	"slices"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A deviation is something that an emulator does otherwise than AWS does, and that the
// tests' stacks meet. The product follows AWS; an account's proxies correct the
// emulator, for Terraform and for boto3 alike. docs/fidelity.md lists all of them.
type deviation struct {
	emulator harness.EmulatorKind
	// name of it, a few words.
	name string
	// does says what the emulator does, aws what AWS does, evidence how that is known.
	does, aws, evidence string
	// calls that are corrected: "lambda:GetPolicy". None if it is not in answers; then
	// tests allow for it by its name (Allow).
	calls []string
	// correct answers a call, with the help of the emulator.
	correct correction
}

// A correction answers a request as AWS would; ask asks the emulator.
type correction func(m *memory, r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error)

// deviations of the emulators, by the service.
var deviations = []deviation{
	{
		emulator: Moto, name: "mappings to an alias",
		does:     "reads an event source mapping to an alias back as one to the version that the alias points at",
		aws:      "keeps the alias in FunctionArn",
		evidence: "answers to CreateEventSourceMapping recorded from AWS; Lambda's guide on aliases",
		calls: []string{
			"lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping",
			"lambda:GetEventSourceMapping", "lambda:ListEventSourceMappings",
		},
		correct: keepAliasOfMapping,
	},
	{
		emulator: Moto, name: "mappings made again",
		does:     "makes a second mapping of a queue to a function",
		aws:      "refuses with ResourceConflictException",
		evidence: "answers to CreateEventSourceMapping recorded from AWS",
		calls:    []string{"lambda:CreateEventSourceMapping"},
		correct:  refuseSecondMapping,
	},
	{
		emulator: Moto, name: "policies of aliases",
		does: "keeps the statements on an alias with the version that it points at, so that they are lost when it moves, " +
			"removes none from an alias, and writes conditions on function URLs as members of the statement",
		aws:      "keeps a policy for each qualifier, with the conditions lambda:FunctionUrlAuthType and lambda:InvokedViaFunctionUrl",
		evidence: "answers to AddPermission recorded from AWS; Lambda's guide on resource-based policies and on access to function URLs",
		calls:    []string{"lambda:AddPermission", "lambda:RemovePermission", "lambda:GetPolicy", "lambda:DeleteFunction", "lambda:DeleteAlias"},
		correct:  keepPolicies,
	},
	{
		emulator: Moto, name: "aliases made again",
		does:     "refuses with ConflictException to make an alias that exists",
		aws:      "refuses with ResourceConflictException",
		evidence: "answers to CreateAlias recorded from AWS; botocore's model of CreateAlias",
		calls:    []string{"lambda:CreateAlias"},
		correct:  nameConflict,
	},
	{
		emulator: Moto, name: "revisions of aliases",
		does:     "gives an alias one revision id for ever, and ignores the one in UpdateAlias",
		aws:      "gives it a new one with each change, and refuses with PreconditionFailedException what is for another",
		evidence: "answers to UpdateAlias recorded from AWS",
		calls:    []string{"lambda:CreateAlias", "lambda:GetAlias", "lambda:ListAliases", "lambda:UpdateAlias"},
		correct:  keepRevisions,
	},
	{
		emulator: Moto, name: "CloudWatch in CBOR",
		does:     "does not find CloudWatch under the addresses of the protocol that AWS's SDKs speak",
		aws:      "speaks it",
		evidence: "botocore's model of CloudWatch: its first protocol is smithy-rpc-v2-cbor",
		calls:    []string{"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData"},
		correct:  speakCBOR,
	},
	{
		emulator: Moto, name: "percentiles of metrics",
		does:     "answers with status 500 to GetMetricData for a percentile",
		aws:      "knows the percentiles of values that were not aggregated before",
		evidence: "CloudWatch's guide on statistics definitions",
		calls:    []string{"cloudwatch:GetMetricData"},
		correct:  askForPercentiles,
	},
	{
		emulator: Moto, name: "numbers of versions",
		does:     "gives a new version the number of a deleted one, and then has two of a number",
		aws:      "counts on: a number is never used again while the function lives",
		evidence: "Lambda's guide on versions; answers to PublishVersion recorded from AWS",
		calls:    []string{"lambda:DeleteFunction", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction"},
		correct:  hideDeletedVersions,
	},
	{
		emulator: Moto, name: "settings of a function",
		does:     "ignores EphemeralStorage, KMSKeyArn and TracingConfig in UpdateFunctionConfiguration",
		aws:      "changes them",
		evidence: "botocore's model of UpdateFunctionConfiguration",
		calls: []string{
			"lambda:DeleteFunction", "lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:ListVersionsByFunction",
			"lambda:PublishVersion", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration",
		},
		correct: keepSettings,
	},
	{
		emulator: Moto, name: "stopped functions",
		does:     "does not tell of a reserved concurrency of 0",
		aws:      "tells it",
		evidence: "Lambda's guide on reserved concurrency: 0 stops a function",
		calls:    []string{"lambda:DeleteFunction", "lambda:DeleteFunctionConcurrency", "lambda:GetFunction", "lambda:PutFunctionConcurrency"},
		correct:  keepZeroReserved,
	},
	{
		emulator: Moto, name: "asynchronous settings put again",
		does:     "keeps the settings that PutFunctionEventInvokeConfig was given first",
		aws:      "overwrites them",
		evidence: "botocore's documentation of PutFunctionEventInvokeConfig: \"overwrites the existing configuration\"",
		calls:    []string{"lambda:PutFunctionEventInvokeConfig"},
		correct:  replaceAsync,
	},
	{
		emulator: Moto, name: "tags of missing log groups",
		does:     "answers for a log group that is gone, or never was, that it has the tags it had, or none",
		aws:      "answers with ResourceNotFoundException",
		evidence: "botocore's model of ListTagsForResource",
		calls:    []string{"logs:ListTagsForResource"},
		correct:  missTagsOfMissingGroups,
	},
	{
		emulator: Moto, name: "redrive allow policies",
		does:     "takes the attribute RedriveAllowPolicy of a queue and forgets it",
		aws:      "returns it",
		evidence: "botocore's documentation of GetQueueAttributes",
		calls:    []string{"sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:GetQueueAttributes", "sqs:DeleteQueue"},
		correct:  keepRedriveAllow,
	},
	{
		emulator: Moto, name: "changed schedules",
		does:     "ignores ActionAfterCompletion in UpdateSchedule",
		aws:      "replaces the whole schedule; what is not told becomes the default",
		evidence: "botocore's documentation of UpdateSchedule",
		calls:    []string{"scheduler:UpdateSchedule"},
		correct:  replaceSchedule,
	},
	{
		emulator: Moto, name: "schedule groups deleted again",
		does:     "answers with status 500 to the deletion of a schedule group that is gone",
		aws:      "answers with ResourceNotFoundException",
		evidence: "botocore's model of DeleteScheduleGroup",
		calls:    []string{"scheduler:DeleteScheduleGroup"},
		correct:  missMissingScheduleGroup,
	},
	{
		emulator: Moto, name: "listing authorizers",
		does:     "has no GetAuthorizers",
		aws:      "lists them",
		evidence: "botocore's model of API Gateway v2",
		calls:    []string{"apigatewayv2:CreateAuthorizer", "apigatewayv2:GetAuthorizers"},
		correct:  listAuthorizers,
	},
	{
		emulator: Moto, name: "authorizers made again",
		does:     "makes a second authorizer of the same name",
		aws:      "refuses with BadRequestException",
		evidence: "AWS's answer in the issues 13711 and 20170 of aws-cdk",
		calls:    []string{"apigatewayv2:CreateAuthorizer"},
		correct:  refuseSecondAuthorizer,
	},
	{
		emulator: Moto, name: "routes made again",
		does:     "makes a second route of the same key",
		aws:      "refuses with ConflictException",
		evidence: "botocore's model of CreateRoute, which has this error for conflicts with what exists",
		calls:    []string{"apigatewayv2:CreateRoute"},
		correct:  refuseSecondRoute,
	},
	{
		emulator: Moto, name: "changing stages",
		does:     "has no UpdateStage, DeleteAccessLogSettings and DeleteRouteSettings",
		aws:      "changes what it is told, and leaves the rest",
		evidence: "botocore's model of API Gateway v2",
		calls:    []string{"apigatewayv2:UpdateStage", "apigatewayv2:DeleteAccessLogSettings", "apigatewayv2:DeleteRouteSettings"},
		correct:  changeStage,
	},
	{
		emulator: Moto, name: "policies of users",
		does: "matches only the actions of a user's policies, as if each call were on \"*\", so that what is allowed on ARNs alone is denied, " +
			"names API Gateway's actions by the operation in place of the method, and finds correct signatures of requests without a body wrong",
		aws:      "matches actions, resources and conditions",
		evidence: "what the beginning of moto's access control lists as missing; IAM's guide on the evaluation of policies",
	},
	{
		emulator: Ministack, name: "weights of aliases",
		does:     "keeps the weights of an alias, and sends every invocation to its main version",
		aws:      "sends each version its share",
		evidence: "Lambda's guide on weighted aliases; botocore's documentation of Invoke (ExecutedVersion)",
	},
	{
		emulator: Ministack, name: "addresses of HTTP APIs",
		does:     "gives an API an address whose host name nobody resolves",
		aws:      "gives it one at which the API answers",
		evidence: "API Gateway's guide on invoking HTTP APIs",
		calls:    []string{"apigatewayv2:CreateApi", "apigatewayv2:UpdateApi", "apigatewayv2:GetApi", "apigatewayv2:GetApis"},
		correct:  addressAPI,
	},
	{
		emulator: Ministack, name: "authorizers made again",
		does:     "makes a second authorizer of the same name",
		aws:      "refuses with BadRequestException",
		evidence: "AWS's answer in the issues 13711 and 20170 of aws-cdk",
		calls:    []string{"apigatewayv2:CreateAuthorizer"},
		correct:  refuseSecondAuthorizer,
	},
	{
		emulator: Ministack, name: "routes made again",
		does:     "makes a second route of the same key",
		aws:      "refuses with ConflictException",
		evidence: "botocore's model of CreateRoute, which has this error for conflicts with what exists",
		calls:    []string{"apigatewayv2:CreateRoute"},
		correct:  refuseSecondRoute,
	},
	{
		emulator: Ministack, name: "events of HTTP APIs",
		does: "leaves out the headers X-Forwarded and X-Amzn-Trace-Id, domainPrefix and the Content-Length of requests without a body, " +
			"keeps cookies in a header, joins headers of the same name with a comma and a space, and writes null where there are no path parameters",
		aws:      "has those, puts cookies into a list, joins by a comma, and leaves out what there is none of",
		evidence: "API Gateway's guide on integrations with Lambda, payload format version 2.0",
	},
	{
		emulator: Ministack, name: "events of queues",
		does:     "leaves out the digest of a message's attributes, and their lists",
		aws:      "has the digest, and empty lists",
		evidence: "Lambda's guide on SQS; SQSMessage in aws-lambda-go",
	},
	{
		emulator: Ministack, name: "events of schedules",
		does:     "sends an object as the detail of a schedule without an input",
		aws:      "sends the text \"{}\"",
		evidence: "the event in EventBridge Scheduler's guide on templated targets",
	},
}

// corrections of an emulator, as a proxy takes them. All proxies of an account share
// the memory.
func corrections(kind harness.EmulatorKind, m *memory) func(*awswire.Request, awswire.Ask) (*awswire.Answer, error) {
	return func(r *awswire.Request, ask awswire.Ask) (*awswire.Answer, error) {
		for _, d := range deviations {
			if d.emulator != kind || !slices.Contains(d.calls, r.Call()) {
				continue
			}
			next := ask
			ask = func(r *awswire.Request) (*awswire.Answer, error) { return d.correct(m, r, next) }
		}
		return ask(r)
	}
}

// Allow is called by a test that allows for a deviation, to say which it is.
func Allow(t testing.TB, kind harness.EmulatorKind, name string) {
	t.Helper()
	if !slices.ContainsFunc(deviations, func(d deviation) bool { return d.emulator == kind && d.name == name && d.correct == nil }) {
		t.Fatalf("no deviation of %s that tests allow for is called %q", kind, name)
	}
}
