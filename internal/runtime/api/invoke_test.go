package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// lambdaClient is Amazon's own client, pointed at the runtime. It does not sign:
// the runtime takes a bearer token.
func (f *fixture) lambdaClient(endpoint, token string) *lambda.Client {
	return lambda.New(lambda.Options{
		BaseEndpoint: aws.String(endpoint),
		Region:       stack.Region,
		Credentials:  aws.AnonymousCredentials{},
		Retryer:      aws.NopRetryer{},
		APIOptions: []func(*middleware.Stack) error{func(s *middleware.Stack) error {
			return s.Finalize.Add(middleware.FinalizeMiddlewareFunc("bearer", func(
				ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
			) (middleware.FinalizeOutput, middleware.Metadata, error) {
				if token != "" {
					in.Request.(*smithyhttp.Request).Header.Set("Authorization", "Bearer "+token)
				}
				return next.HandleFinalize(ctx, in)
			}), middleware.After)
		}},
	})
}

func (f *fixture) operator() *lambda.Client {
	return f.lambdaClient(f.management, f.server.Store.ManagementToken())
}

func TestAmazonsClientInvokesAFunction(t *testing.T) {
	f := newFixture(t)
	f.invoker.response = invoke.Response{
		Payload: []byte(`{"ok":true}`), ExecutedVersion: "3", LogTail: []byte("START\nEND\n"),
	}
	out, err := f.operator().Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName:  aws.String("orders-fulfil"),
		Qualifier:     aws.String("live"),
		Payload:       []byte(`{"id":7}`),
		LogType:       types.LogTypeTail,
		ClientContext: aws.String(base64.StdEncoding.EncodeToString([]byte(`{"client":{}}`))),
	})
	if err != nil {
		t.Fatal(err)
	}
	log, _ := base64.StdEncoding.DecodeString(aws.ToString(out.LogResult))
	if out.StatusCode != 200 || string(out.Payload) != `{"ok":true}` || aws.ToString(out.ExecutedVersion) != "3" ||
		out.FunctionError != nil || string(log) != "START\nEND\n" {
		t.Errorf("got %+v", out)
	}
	got := f.invoker.requests[0]
	if got.Function != "orders-fulfil" || got.Qualifier != "live" || string(got.Payload) != `{"id":7}` ||
		!got.LogTail || string(got.ClientContext) != `{"client":{}}` || got.Source != "api" || got.ID == "" {
		t.Errorf("the function was invoked with %+v", got)
	}
}

func TestAnAnswerTellsOfItsInstancesInitialisation(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		init                   invoke.Initialization
		duration, kind, pooled string
	}{
		{invoke.Initialization{Took: 12345600 * time.Nanosecond}, "12.35", "on-demand", "false"},
		{invoke.Initialization{Took: time.Second, Pooled: true, Provisioned: true}, "1000.00", "provisioned-concurrency", "true"},
		{invoke.Initialization{}, "", "", ""},
	} {
		f.invoker.response = invoke.Response{Payload: []byte(`{}`), ExecutedVersion: "3", Init: c.init}
		for _, way := range []string{"/2015-03-31/functions/orders-fulfil/invocations", "/2021-11-15/functions/orders-fulfil/response-streaming-invocations"} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.management+way, nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+f.server.Store.ManagementToken())
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			for name, want := range map[string]string{
				"X-Tidegate-Init-Duration": c.duration, "X-Tidegate-Init-Type": c.kind, "X-Tidegate-Init-Pooled": c.pooled,
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s: of %+v %s is %q, want %q", way, c.init, name, got, want)
				}
			}
		}
	}
}

func TestAFunctionThatFailsIsToldApartFromAnInvokeThatFails(t *testing.T) {
	f := newFixture(t)
	f.invoker.response = invoke.Response{Payload: []byte(`{"errorMessage":"no"}`), FunctionError: "Unhandled", ExecutedVersion: "1"}
	out, err := f.operator().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("orders-fulfil")})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.FunctionError) != "Unhandled" || string(out.Payload) != `{"errorMessage":"no"}` {
		t.Errorf("got %+v", out)
	}

	f.invoker.err = &invoke.Error{
		Status: 429, Type: "TooManyRequestsException", Message: "Rate Exceeded.",
		Reason: "ReservedFunctionConcurrentInvocationLimitExceeded", RetryAfter: 1500 * time.Millisecond,
	}
	_, err = f.operator().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("orders-fulfil")})
	var throttled *types.TooManyRequestsException
	if !errors.As(err, &throttled) {
		t.Fatalf("got %v, want a TooManyRequestsException", err)
	}
	if throttled.ErrorMessage() != "Rate Exceeded." || throttled.Reason != "ReservedFunctionConcurrentInvocationLimitExceeded" ||
		aws.ToString(throttled.Type) != "User" || aws.ToString(throttled.RetryAfterSeconds) != "2" {
		t.Errorf("got %+v", throttled)
	}

	f.invoker.err = &invoke.Error{Status: 400, Type: "RecursiveInvocationException", Message: "a loop"}
	_, err = f.operator().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("orders-fulfil")})
	var recursive *types.RecursiveInvocationException
	if !errors.As(err, &recursive) || recursive.ErrorMessage() != "a loop" || aws.ToString(recursive.Type) != "User" {
		t.Errorf("got %v, want a RecursiveInvocationException", err)
	}

	f.invoker.err = errors.New("the disk burns")
	_, err = f.operator().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("orders-fulfil")})
	var service *types.ServiceException
	if !errors.As(err, &service) || strings.Contains(service.ErrorMessage(), "disk") {
		t.Errorf("got %v, want a ServiceException that keeps the cause to itself", err)
	}
}

func TestAnEventIsAcceptedAndADryRunRunsNothing(t *testing.T) {
	f := newFixture(t)
	f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).want(http.StatusOK)
	out, err := f.operator().Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String("orders-fulfil"), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{}`),
	})
	if err != nil || out.StatusCode != 202 || len(f.invoker.async) != 1 {
		t.Fatalf("got %+v, %v, with %d accepted", out, err, len(f.invoker.async))
	}
	for name, found := range map[string]bool{
		"orders-fulfil": true, "orders-fulfil:live": true, "orders-fulfil:1": true, "orders-fulfil:$LATEST": true,
		"orders-fulfil:2": false, "orders-fulfil:beta": false, "orders-other": false,
	} {
		out, err = f.operator().Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name), InvocationType: types.InvocationTypeDryRun})
		var missing *types.ResourceNotFoundException
		switch {
		case found && (err != nil || out.StatusCode != 204):
			t.Errorf("%s: got %+v, %v", name, out, err)
		case !found && !errors.As(err, &missing):
			t.Errorf("%s: got %v, want a ResourceNotFoundException", name, err)
		}
	}
	if len(f.invoker.requests) != 0 {
		t.Errorf("a dry run ran %+v", f.invoker.requests)
	}
}

func TestPayloadsBeyondLambdasLimitsAreRefused(t *testing.T) {
	f := newFixture(t)
	for _, c := range []struct {
		kind  types.InvocationType
		limit int
	}{
		{types.InvocationTypeRequestResponse, invoke.MaxSyncPayload},
		{types.InvocationTypeEvent, invoke.MaxAsyncPayload},
	} {
		payload := func(size int) []byte { return []byte(`"` + strings.Repeat("x", size-2) + `"`) }
		call := func(size int) error {
			_, err := f.operator().Invoke(t.Context(), &lambda.InvokeInput{
				FunctionName: aws.String("orders-fulfil"), InvocationType: c.kind, Payload: payload(size),
			})
			return err
		}
		if err := call(c.limit); err != nil {
			t.Errorf("%s of %d bytes: %v", c.kind, c.limit, err)
		}
		var tooLarge *types.RequestTooLargeException
		if err := call(c.limit + 1); !errors.As(err, &tooLarge) {
			t.Errorf("%s of %d bytes: got %v, want a RequestTooLargeException", c.kind, c.limit+1, err)
		} else if want := fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)", c.limit+1, c.kind, c.limit); tooLarge.ErrorMessage() != want {
			t.Errorf("got %q, want %q", tooLarge.ErrorMessage(), want)
		}
	}
}

func TestAPayloadOfUnknownLengthIsBoundedToo(t *testing.T) {
	f := newFixture(t)
	endless := strings.NewReader(strings.Repeat("x", invoke.MaxAsyncPayload+1))
	a := f.send(f.management, http.MethodPost, "/2015-03-31/functions/orders-fulfil/invocations", struct{ *strings.Reader }{endless},
		"Authorization", "Bearer "+f.server.Store.ManagementToken(), "X-Amz-Invocation-Type", "Event")
	a.want(http.StatusRequestEntityTooLarge)
	if got := a.header.Get("X-Amzn-Errortype"); got != "RequestTooLargeException" {
		t.Errorf("the error is %q", got)
	}
}

func TestParametersOutsideTheirEnumerationAreRefusedAsAWSDoes(t *testing.T) {
	f := newFixture(t)
	for header, want := range map[string]string{
		"X-Amz-Invocation-Type": "1 validation error detected: Value 'Maybe' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event, DryRun]",
		"X-Amz-Log-Type":        "1 validation error detected: Value 'Maybe' at 'logType' failed to satisfy constraint: Member must satisfy enum value set: [None, Tail]",
	} {
		a := f.call(http.MethodPost, "/2015-03-31/functions/f/invocations", nil, header, "Maybe").want(http.StatusBadRequest)
		var body struct{ Message string }
		a.decode(&body)
		if a.header.Get("X-Amzn-Errortype") != "ValidationException" || body.Message != want {
			t.Errorf("got %s %q", a.header.Get("X-Amzn-Errortype"), body.Message)
		}
	}
	f.call(http.MethodPost, "/2015-03-31/functions/f/invocations", nil, "X-Amz-Client-Context", "{}").want(http.StatusBadRequest)
	f.call(http.MethodPost, "/2015-03-31/functions/f/invocations", nil, "X-Amz-Client-Context", strings.Repeat("A", 3584)).want(http.StatusBadRequest)
}

func TestAFunctionInvokesAnotherWithItsOwnToken(t *testing.T) {
	f := newFixture(t)
	fn := f.function()
	fn.Permissions = []stack.Permission{{
		Actions: []string{"lambda:InvokeFunction"}, Resources: []string{stack.AliasARN("orders", "fulfil")},
	}}
	d := f.call(http.MethodPut, "/v1/stacks/shop", stack.Stack{Name: "shop", Functions: map[string]stack.Function{"order": fn}}).deployment()
	record, err := f.server.Store.Record(t.Context(), d.Stack.Name)
	if err != nil {
		t.Fatal(err)
	}
	token := f.server.Access.FunctionToken("shop", record.Incarnation, "order")
	call := func(endpoint, token, function string) error {
		_, err := f.lambdaClient(endpoint, token).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(function)})
		return err
	}
	if err := call(f.ingress, token, "orders-fulfil:live"); err != nil {
		t.Errorf("the function may not invoke what its permissions name: %v", err)
	}
	for _, c := range []struct{ what, endpoint, token, function, want string }{
		{"another alias", f.ingress, token, "orders-fulfil", "AccessDeniedException"},
		{"no token", f.ingress, "", "orders-fulfil:live", "MissingAuthenticationTokenException"},
		{"a wrong token", f.ingress, "tgf_x.y", "orders-fulfil:live", "UnrecognizedClientException"},
	} {
		var api smithy.APIError
		if err := call(c.endpoint, c.token, c.function); !errors.As(err, &api) || api.ErrorCode() != c.want {
			t.Errorf("%s: got %v, want %s", c.what, err, c.want)
		}
	}
	var response *smithyhttp.ResponseError
	if err := call(f.management, token, "orders-fulfil:live"); !errors.As(err, &response) || response.HTTPStatusCode() != http.StatusUnauthorized {
		t.Errorf("a function's token on the operators' listener: got %v, want 401", err)
	}
	if len(f.invoker.requests) != 1 {
		t.Errorf("%d invocations went through, want 1", len(f.invoker.requests))
	}
}

// What real AWS answers to odd names, with the region and account put to ours.
func TestNamesAreUnderstoodAndRefusedAsAWSDoes(t *testing.T) {
	type exception struct {
		Code    string
		Message string
		Errors  []string
	}
	var recorded struct {
		Cases map[string]struct {
			Invoke exception `json:"invoke_exception"`
		} `json:"cases"`
	}
	text, err := os.ReadFile("testdata/invoke_names.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:lambda:open-1:000000000000:function:"
	long := strings.Repeat("a", 129)
	// The recordings hold the answers; the requests are those of the test that made
	// them.
	for id, request := range map[string][2]string{
		"function_name_is_single_invalid":                    {"*", ""},
		"invalid_characters_in_function_name":                {"my-function!", ""},
		"invalid_characters_in_qualifier":                    {"my-function", "invalid!"},
		"qualifier_too_long":                                 {"my-function", long},
		"invalid_account_id_in_partial_arn":                  {"invalid-account:function:my-function", ""},
		"invalid_region_in_arn":                              {"arn:aws:lambda:invalid-region:000000000000:function:my-function", ""},
		"non_lambda_arn":                                     {"arn:aws:ec2:open-1:000000000000:instance:i-1234567890abcdef0", ""},
		"full_arn_with_multiple_qualifiers":                  {arn + "my-function:1:2", ""},
		"full_arn_and_qualifier_too_long_and_invalid_region": {"arn:aws:lambda:invalid-region:000000000000:function:my-function-" + strings.Repeat("a", 170), long},
		"partial_arn_with_extra_qualifier":                   {"function:my-function:$LATEST:extra", ""},
		"latest_version_with_additional_qualifier":           {"my-function:$LATEST", "1"},
		"missing_region_in_arn":                              {"arn:aws:lambda::000000000000:function:my-function", ""},
		"missing_account_id_in_arn":                          {"arn:aws:lambda:open-1::function:my-function", ""},
		"misspelled_latest_in_arn":                           {arn + "my-function:$LATES", ""},
	} {
		want := recorded.Cases["test_function_name_and_qualifier_validation["+id+"-invoke]"].Invoke
		if want.Code == "" {
			t.Errorf("%s was not recorded", id)
			continue
		}
		_, got := parseFunctionName(request[0], request[1])
		if got == nil {
			t.Errorf("%s: %q was understood, AWS answers %+v", id, request, want)
			continue
		}
		if got.Type != want.Code || got.Status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want %s", id, got.Status, got.Type, want.Code)
		}
		if want.Message != "" && got.Message != want.Message {
			t.Errorf("%s: got %q, want %q", id, got.Message, want.Message)
		}
		for _, e := range want.Errors {
			// Up to the constraint: values hold placeholders, patterns another region.
			_, constraint, _ := strings.Cut(e, "' at ")
			constraint, _, _ = strings.Cut(constraint, " pattern: ")
			if !strings.Contains(got.Message, constraint) {
				t.Errorf("%s: got %q, want it to say %q", id, got.Message, constraint)
			}
		}
	}
}

func TestEveryFormOfANameIsUnderstood(t *testing.T) {
	for _, c := range []struct{ name, qualifier, want, wantQualifier string }{
		{"orders-fulfil", "", "orders-fulfil", ""},
		{"orders-fulfil", "3", "orders-fulfil", "3"},
		{"orders-fulfil:live", "", "orders-fulfil", "live"},
		{"orders-fulfil:live", "live", "orders-fulfil", "live"},
		{"orders-fulfil:$LATEST", "", "orders-fulfil", "$LATEST"},
		{"function:orders-fulfil", "", "orders-fulfil", ""},
		{"000000000000:function:orders-fulfil:2", "", "orders-fulfil", "2"},
		{"open-1:000000000000:function:orders-fulfil", "", "orders-fulfil", ""},
		{"arn:aws:lambda:open-1:000000000000:function:orders-fulfil", "live", "orders-fulfil", "live"},
		{"arn:aws:lambda:open-1:000000000000:function:orders-fulfil:7", "", "orders-fulfil", "7"},
	} {
		got, failure := parseFunctionName(c.name, c.qualifier)
		if failure != nil || got.Name != c.want || got.Qualifier != c.wantQualifier {
			t.Errorf("%q %q: got %+v, %v", c.name, c.qualifier, got, failure)
		}
	}
	_, failure := parseFunctionName("arn:aws:lambda:eu-central-1:000000000000:function:f", "")
	if failure == nil || failure.Status != 404 || failure.Message != "Functions from 'eu-central-1' are not reachable in this region ('open-1')" {
		t.Errorf("another region: got %+v", failure)
	}
	if _, failure = parseFunctionName("123456789012:function:f", ""); failure == nil || failure.Status != http.StatusForbidden {
		t.Errorf("another account: got %+v", failure)
	}
}

func FuzzParseFunctionName(f *testing.F) {
	f.Add("arn:aws:lambda:open-1:000000000000:function:orders-fulfil:7", "7")
	f.Add("function:f:$LATEST", "")
	f.Add("::", "!")
	f.Add("0", "$") // the parameter may hold what a name may not
	f.Fuzz(func(t *testing.T, name, qualifier string) {
		got, failure := parseFunctionName(name, qualifier)
		if (failure == nil) != (got.Name != "") {
			t.Fatalf("%q %q: got %+v and %+v", name, qualifier, got, failure)
		}
		if failure == nil && qualifier == "" {
			again, failure := parseFunctionName(got.ARN(), "")
			if failure != nil || again != got {
				t.Fatalf("%q %q: %+v is not what its ARN %s names: %+v, %+v", name, qualifier, got, got.ARN(), again, failure)
			}
		}
	})
}
