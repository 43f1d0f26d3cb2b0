package aws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// clientsOf are clients of whatever answers.
func clientsOf(answer aws.HTTPClient, endpoint string) clients {
	config := aws.Config{
		Region: "eu-central-1", HTTPClient: answer, Credentials: credentials.NewStaticCredentialsProvider("AKID", "SECRET", ""),
		Retryer: func() aws.Retryer { return newRetryer(0) },
	}
	return newClients(config, &endpointSet{options: Options{Endpoint: endpoint}, used: map[string]string{}})
}

// One call of each protocol.
var (
	callLambda = func(ctx context.Context, c clients) error {
		_, err := c.lambda.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String("shop-create")})
		return err
	}
	callIAM = func(ctx context.Context, c clients) error {
		_, err := c.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String("{}")})
		return err
	}
	callLogs = func(ctx context.Context, c clients) error {
		_, err := c.logs.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/tidegate/shop")})
		return err
	}
	callQueues = func(ctx context.Context, c clients) error {
		_, err := c.sqs.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("shop")})
		return err
	}
	callGateway = func(ctx context.Context, c clients) error {
		_, err := c.gateway.GetApis(ctx, &apigatewayv2.GetApisInput{})
		return err
	}
	callScheduler = func(ctx context.Context, c clients) error {
		_, err := c.scheduler.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: aws.String("shop")})
		return err
	}
	callBuckets = func(ctx context.Context, c clients) error {
		_, err := c.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("tidegate-1-r"), Key: aws.String("k"), Body: strings.NewReader("x")})
		return err
	}
)

const user = "arn:aws:iam::111111111111:user/jo"

func TestEveryErrorOfAWSIsASentence(t *testing.T) {
	for name, c := range map[string]struct {
		call   func(context.Context, clients) error
		status int
		// errorType is the header of REST protocols.
		errorType, body string
		want            string
	}{
		"denied by Lambda": {
			callLambda, 403, "AccessDeniedException",
			`{"Message":"User: ` + user + ` is not authorized to perform: lambda:GetFunction on resource: arn:aws:lambda:eu-central-1:111111111111:function:shop-create because no identity-based policy allows the lambda:GetFunction action"}`,
			user + " lacks the permission lambda:GetFunction on arn:aws:lambda:eu-central-1:111111111111:function:shop-create; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied by a boundary": {
			callIAM, 403, "", iamError("AccessDenied", "User: "+user+" is not authorized to perform: iam:CreateRole on resource: arn:aws:iam::111111111111:role/tidegate/shop/r because no permissions boundary allows the iam:CreateRole action"),
			user + " lacks the permission iam:CreateRole on arn:aws:iam::111111111111:role/tidegate/shop/r, because no permissions boundary gives it; all that Tidegate needs is listed in " + guide + " (AccessDenied, request r1)",
		},
		"denied by IAM, which names the role": {
			callIAM, 403, "", iamError("AccessDenied", "User: "+user+" is not authorized to perform: iam:PutRolePolicy on resource: role shop-create-0a1b2c3d because no identity-based policy allows the iam:PutRolePolicy action"),
			user + " lacks the permission iam:PutRolePolicy on role shop-create-0a1b2c3d; all that Tidegate needs is listed in " + guide + " (AccessDenied, request r1)",
		},
		"denied by EC2 to Lambda": {
			callLambda, 403, "AccessDeniedException",
			`{"Message":"Your access has been denied by EC2, please make sure your request credentials have permission to DescribeSecurityGroups for sg-0a1b2c3d. EC2 Error Code: UnauthorizedOperation. EC2 Error Message: You are not authorized to perform this operation."}`,
			"whoever the credentials belong to lacks the permission ec2:DescribeSecurityGroups on sg-0a1b2c3d; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied by S3 to Lambda": {
			callLambda, 403, "AccessDeniedException",
			`{"Message":"Your access has been denied by S3, please make sure your request credentials have permission to GetObject for tidegate-1-r/shop/k.zip. S3 Error Code: AccessDenied. S3 Error Message: Access Denied"}`,
			"whoever the credentials belong to lacks the permission s3:GetObject on tidegate-1-r/shop/k.zip; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied by an image's repository": {
			callLambda, 403, "AccessDeniedException", `{"Message":"Lambda does not have permission to access the ECR image. Check the ECR permissions."}`,
			"Lambda may not read the image; let it do so by the policy of the image's repository, or give whoever the credentials belong to " +
				"the permissions on ecr with which Lambda sets that policy itself, which are listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied explicitly": {
			callLogs, 400, "", `{"__type":"AccessDeniedException","Message":"User: ` + user + ` is not authorized to perform: logs:CreateLogGroup on resource: arn:aws:logs:eu-central-1:111111111111:log-group:/tidegate/shop:log-stream: with an explicit deny in a service control policy"}`,
			user + " lacks the permission logs:CreateLogGroup on arn:aws:logs:eu-central-1:111111111111:log-group:/tidegate/shop:log-stream:, which a service control policy denies explicitly (AccessDeniedException, request r1)",
		},
		"denied by SQS": {
			callQueues, 403, "", `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: ` + user + ` is not authorized to perform: sqs:createqueue on resource: arn:aws:sqs:eu-central-1:111111111111:shop"}`,
			user + " lacks the permission sqs:CreateQueue on arn:aws:sqs:eu-central-1:111111111111:shop; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied by API Gateway": {
			callGateway, 403, "AccessDeniedException", `{"message":"User: ` + user + ` is not authorized to perform: apigateway:GET on resource: arn:aws:apigateway:eu-central-1::/apis because no identity-based policy allows the apigateway:GET action"}`,
			user + " lacks the permission apigateway:GET on arn:aws:apigateway:eu-central-1::/apis; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"denied without a word": {
			callGateway, 403, "", `{"message":null}`,
			"whoever the credentials belong to lacks the permission apigateway:GET; all that Tidegate needs is listed in " + guide + " (request r1)",
		},
		"denied by S3": {
			callBuckets, 403, "", `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>User: ` + user + ` is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::tidegate-1-r/k" because no identity-based policy allows the s3:PutObject action</Message><RequestId>r1</RequestId></Error>`,
			user + " lacks the permission s3:PutObject on arn:aws:s3:::tidegate-1-r/k; all that Tidegate needs is listed in " + guide + " (AccessDenied, request r1)",
		},
		"denied by S3 in short": {
			callBuckets, 403, "", `<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>r1</RequestId></Error>`,
			"whoever the credentials belong to lacks the permission s3:PutObject; all that Tidegate needs is listed in " + guide + " (AccessDenied, request r1)",
		},
		"another account's function": {
			callLambda, 403, "AccessDeniedException", `{"Message":null}`,
			"whoever the credentials belong to lacks the permission lambda:GetFunction; all that Tidegate needs is listed in " + guide + " (AccessDeniedException, request r1)",
		},
		"expired": {
			callLambda, 403, "ExpiredTokenException", `{"message":"The security token included in the request is expired"}`,
			"the credentials for AWS have expired; renew them (for single sign-on: aws sso login) and run Terraform again (ExpiredTokenException, request r1)",
		},
		"expired at SQS": {
			callQueues, 403, "", `{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"The security token included in the request is expired"}`,
			"the credentials for AWS have expired; renew them (for single sign-on: aws sso login) and run Terraform again (ExpiredTokenException, request r1)",
		},
		"unknown": {
			callScheduler, 403, "UnrecognizedClientException", `{"message":"The security token included in the request is invalid"}`,
			"AWS does not know the credentials; they may be deleted, mistyped, of another partition, or not good for this region (UnrecognizedClientException, request r1)",
		},
		"a wrong clock": {
			callIAM, 403, "", iamError("SignatureDoesNotMatch", "Signature expired: 20261121T100000Z is now earlier than 20261121T105500Z (20261121T110000Z - 5 min.)"),
			"AWS refuses the request because of its time; set the clock of this machine (SignatureDoesNotMatch, request r1)",
		},
		"a wrong signature": {
			callLambda, 403, "InvalidSignatureException", `{"message":"The Canonical String for this request should have been 'GET /x x-amz-security-token:TOKEN'"}`,
			"AWS refuses the signature; the secret key does not belong to the access key (InvalidSignatureException, request r1)",
		},
		"a service that is off": {
			callLogs, 400, "", `{"__type":"OptInRequired","message":"The AWS Access Key Id needs a subscription for the service"}`,
			"the account may not use CloudWatch Logs in this region; enable the region in the account's settings, or sign up for the service (OptInRequired, request r1)",
		},
		"a quota of roles": {
			callIAM, 409, "", iamError("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000"),
			"a quota of the account is used up: Cannot exceed quota for RolesPerAccount: 1000; free some, or ask for more in Service Quotas (LimitExceeded, request r1)",
		},
		"a quota of log groups": {
			callLogs, 400, "", `{"__type":"LimitExceededException","message":"Resource limit exceeded."}`,
			"a quota of the account is used up: Resource limit exceeded; free some, or ask for more in Service Quotas (LimitExceededException, request r1)",
		},
		"a quota of code": {
			callLambda, 400, "CodeStorageExceededException", `{"Type":"User","Message":"Code storage limit exceeded."}`,
			"a quota of the account is used up: Code storage limit exceeded; free some, or ask for more in Service Quotas (CodeStorageExceededException, request r1)",
		},
		"a quota of APIs": {
			callGateway, 429, "TooManyRequestsException", `{"message":"Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs."}`,
			"a quota of the account is used up: Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs; free some, or ask for more in Service Quotas (TooManyRequestsException, request r1)",
		},
		"a quota of authorizers": {
			callGateway, 429, "ConflictException", `{"message":"Maximum number of Authorizers for this API has been reached. Please contact AWS if you need additional Authorizers."}`,
			"a quota of the account is used up: Maximum number of Authorizers for this API has been reached. Please contact AWS if you need additional Authorizers; free some, or ask for more in Service Quotas (ConflictException, request r1)",
		},
		"a subnet that is not there": {
			callLambda, 400, "InvalidParameterValueException", `{"Type":"User","message":"Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error Message: The subnet ID 'subnet-1' does not exist"}`,
			"The subnet ID 'subnet-1' does not exist in this account and region; correct the function's network (InvalidParameterValueException, request r1)",
		},
		"a security group that is not there": {
			callLambda, 400, "InvalidParameterValueException", `{"Type":"User","message":"Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error Message: The security group 'sg-1' does not exist"}`,
			"The security group 'sg-1' does not exist in this account and region; correct the function's network (InvalidParameterValueException, request r1)",
		},
		"an HTML page": {
			callLambda, 200, "", "<html>hello</html>",
			"what answers at ENDPOINT is not Lambda of AWS: its answer to GetFunction, with status 200, cannot be understood; correct the endpoint (request r1)",
		},
		"an HTML page for XML": {
			callIAM, 200, "", "<html><br/>hello</html>",
			"what answers at ENDPOINT is not IAM of AWS: its answer to CreateRole, with status 200, cannot be understood; correct the endpoint (request r1)",
		},
		"a page that is missing": {
			callLogs, 404, "", "404 page not found",
			"what answers at ENDPOINT is not CloudWatch Logs of AWS: its answer to CreateLogGroup, with status 404, cannot be understood; correct the endpoint (request r1)",
		},
		"AWS's own words": {
			callLambda, 400, "InvalidParameterValueException", `{"Type":"User","message":"The role defined for the function cannot be assumed by Lambda."}`,
			"The role defined for the function cannot be assumed by Lambda (InvalidParameterValueException, request r1)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				for _, header := range []string{"X-Amzn-Requestid", "X-Amz-Request-Id"} {
					w.Header().Set(header, "r1")
				}
				if c.errorType != "" {
					w.Header().Set("X-Amzn-Errortype", c.errorType)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			cause := c.call(t.Context(), clientsOf(server.Client(), server.URL))
			err := explain(cause)
			if want := strings.ReplaceAll(c.want, "ENDPOINT", server.URL); err == nil || err.Error() != want {
				t.Errorf("explain says %v\n              want %s\n                of %v", err, want, cause)
			}
			if !errors.Is(err, cause) {
				t.Error("the answer is not in the error's chain")
			}
		})
	}
}

func iamError(code, message string) string {
	return fmt.Sprintf(`<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r1</RequestId></ErrorResponse>`, code, message)
}

func TestRecordedErrorsAreSentences(t *testing.T) {
	for _, c := range []struct{ operation, testCase, step, want string }{
		{"CreateFunction", "test_large_environment_variables_fails", "failed_create_fn_result", "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit (InvalidParameterValueException)"},
		{"PutFunctionConcurrency", "test_function_concurrency_limits", "put_function_concurrency_account_limit_exceeded", "a quota of the account is used up: Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [<min_unreserved_concurrency>]; free some, or ask for more in Service Quotas (InvalidParameterValueException)"},
		{"PutProvisionedConcurrencyConfig", "test_provisioned_concurrency_limits", "put_provisioned_concurrency_account_limit_exceeded", "a quota of the account is used up: Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [<unreserved_concurrency>]; free some, or ask for more in Service Quotas (InvalidParameterValueException)"},
		{"CreateFunction", "test_oversized_zipped_create_lambda", "invalid_param_exc", "Zipped size must be smaller than 52428800 bytes (RequestEntityTooLargeException)"},
		{"GetFunction", "test_function_arns", "function_arn_other_account_exc", "whoever the credentials belong to lacks the permission lambda:GetFunction; all that Tidegate needs is listed in " + guide + " (AccessDeniedException)"},
		{"UpdateFunctionCode", "test_function_revisions_basic", "update_function_revision_exception", "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id (PreconditionFailedException)"},
		{"CreateSchedule", "tests_create_schedule_with_invalid_schedule_expression", "invalid-schedule-expression", "Invalid Schedule Expression rate(10 seconds) (ValidationException)"},
	} {
		err := explain(fmt.Errorf("cannot make it: %w", &smithy.OperationError{ServiceID: "Lambda", OperationName: c.operation, Err: recordedError(t, "errors.json", c.testCase, c.step)}))
		if want := "cannot make it: " + c.want; err.Error() != want {
			t.Errorf("explain says %s\n       want %s", err, want)
		}
	}
}

// denialOf is an answer of Lambda's that an action is missing.
func denialOf(action string) error {
	return &smithy.OperationError{ServiceID: "Lambda", OperationName: "X", Err: &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "User: u is not authorized to perform: " + action}}
}

func TestOneCauseIsToldOnce(t *testing.T) {
	expired := func() error {
		return &smithy.OperationError{ServiceID: "Lambda", OperationName: "X", Err: &smithy.GenericAPIError{Code: "ExpiredToken"}}
	}
	err := explain(joined([]error{
		fmt.Errorf("cannot read a: %w", expired()), fmt.Errorf("cannot read b: %w", expired()),
		fmt.Errorf("cannot read c: %w", denialOf("lambda:GetAlias")), fmt.Errorf("cannot read d: %w", denialOf("lambda:GetPolicy")),
	}))
	if text := err.Error(); strings.Count(text, "expired") != 1 || !strings.Contains(text, "lambda:GetAlias") || !strings.Contains(text, "lambda:GetPolicy") || strings.Contains(text, "read b") {
		t.Errorf("explain says %s", text)
	}
	if again := explain(fmt.Errorf("so: %w", err)); again.Error() != "so: "+err.Error() {
		t.Errorf("explained again, it says %s", again)
	}
	own := errors.New("a sentence of our own")
	if explain(own) != own || explain(nil) != nil {
		t.Error("what needs no explanation is changed")
	}
}

func TestSecretsAreHidden(t *testing.T) {
	secrets := map[string]map[string]string{"f": {"TOKEN": "hunter2", "FLAG": "on"}}
	if err := hide(errors.New("Value 'hunter2' is wrong on this line"), secrets); err.Error() != "Value '(secret)' is wrong on this line" {
		t.Errorf("hide says %v", err)
	}
	invalid := &smithy.OperationError{ServiceID: "Lambda", OperationName: "CreateFunction", Err: &smithy.GenericAPIError{
		Code:    "ValidationException",
		Message: "1 validation error detected: Value '{a=hunter2, b='x'}' at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint",
	}}
	if text := explain(invalid).Error(); strings.Contains(text, "hunter2") || !strings.Contains(text, "a value at 'environment.variables' failed") {
		t.Errorf("explain says %s", text)
	}
}

// answers gives each attempt the same answer.
type answers struct {
	status int
	// code of AWS's error, and the body.
	code, body string
	err        error
	attempts   int
}

func (a *answers) Do(r *http.Request) (*http.Response, error) {
	a.attempts++
	if a.err != nil {
		return nil, a.err
	}
	header := http.Header{}
	if a.code != "" {
		header.Set("X-Amzn-Errortype", a.code)
	}
	return &http.Response{Proto: "HTTP/1.1", StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

func TestABrokenServiceIsNotWaitedForForLong(t *testing.T) {
	for name, c := range map[string]struct {
		answer   answers
		attempts int
		want     string
	}{
		"it answers with errors": {answers{status: 503, body: "oops"}, 6, "Lambda at https://lambda.example.test keeps answering GetFunction with status 503; apply again later, or correct the endpoint"},
		"it cannot be reached":   {answers{err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}, 3, "Lambda at its endpoint cannot be reached (connection refused); see to the network, the proxy and the endpoint"},
		"it is somebody else":    {answers{status: 418, body: "oops"}, 1, "what answers at https://lambda.example.test is not Lambda of AWS: its answer to GetFunction, with status 418, cannot be understood; correct the endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				err := explain(callLambda(t.Context(), clientsOf(&c.answer, "https://lambda.example.test")))
				if err == nil || c.want != "" && err.Error() != c.want {
					t.Errorf("explain says %v", err)
				}
				if c.answer.attempts != c.attempts {
					t.Errorf("it took %d attempts, want %d", c.answer.attempts, c.attempts)
				}
				if took := time.Since(begun); took > time.Minute {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// API Gateway answers both with one code.
func TestWaitingIsForThrottlingOnlyAndNotForQuotas(t *testing.T) {
	for message, c := range map[string]struct {
		attempts int
		want     string
	}{
		"Too Many Requests": {26, "API Gateway throttles GetApis, even after 26 attempts; "},
		"Maximum number of APIs for this account has been reached. Please contact AWS if you need additional APIs.": {
			1, "a quota of the account is used up: Maximum number of APIs for this account has been reached",
		},
	} {
		t.Run(message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := answers{status: http.StatusTooManyRequests, code: "TooManyRequestsException", body: `{"message":"` + message + `"}`}
				err := explain(callGateway(t.Context(), clientsOf(&answer, "https://apigateway.example.test")))
				if err == nil || !strings.HasPrefix(err.Error(), c.want) {
					t.Errorf("explain says %v", err)
				}
				if answer.attempts != c.attempts {
					t.Errorf("it took %d attempts, want %d", answer.attempts, c.attempts)
				}
			})
		})
	}
}

func TestTheGuideToPermissionsIsNamedOnce(t *testing.T) {
	denied := func(action string) error {
		f := failure{message: "User: " + user + " is not authorized to perform: " + action + " on resource: *"}
		return &explainedError{text: f.denial()}
	}
	want := user + " lacks the permission lambda:GetFunction on *; moreover, " + user + " lacks the permission lambda:GetPolicy on *" + listedIn
	if is := joined([]error{denied("lambda:GetFunction"), denied("lambda:GetPolicy")}).Error(); is != want {
		t.Errorf("the errors say\n%s\nwant\n%s", is, want)
	}
}
