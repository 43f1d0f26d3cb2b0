package aws

import (
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// A failure is what an error of the SDK says.
type failure struct {
	err error
	// service as people call it and serviceID as the SDK does, and the operation called.
	service, serviceID, operation string
	// endpoint that was called, as "http://host:port".
	endpoint string
	// status of the answer; 0 if there was none.
	status int
	// code and message of AWS's error; empty if it sent none.
	code, message string
	requestID     string
	// attempts made, 0 if the call was not worth a second one.
	attempts int
}

// unknownCode is what the SDK calls the code or message of an error that has none.
const unknownCode = "UnknownError"

func failureOf(call *smithy.OperationError) failure {
	f := failure{err: call.Err, service: serviceName(call.ServiceID), serviceID: call.ServiceID, operation: call.OperationName, endpoint: "its endpoint"}
	var answer *awshttp.ResponseError
	if errors.As(call.Err, &answer) {
		f.requestID = answer.RequestID
		f.status = answer.HTTPStatusCode()
		if r := answer.HTTPResponse(); r != nil && r.Response != nil && r.Request != nil && r.Request.URL != nil {
			f.endpoint = hostOf(r.Request.URL)
		}
	}
	var unsent *url.Error
	if errors.As(call.Err, &unsent) {
		if u, err := url.Parse(unsent.URL); err == nil {
			f.endpoint = hostOf(u)
		}
	}
	var said smithy.APIError
	if errors.As(call.Err, &said) {
		f.code, f.message = said.ErrorCode(), tidy(said.ErrorMessage())
		if f.message == unknownCode {
			f.message = ""
		}
	}
	var last *retry.MaxAttemptsError
	if errors.As(call.Err, &last) {
		f.attempts = last.Attempt
	}
	return f
}

func hostOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// serviceName is how people call a service that the SDK calls by its id.
func serviceName(id string) string {
	switch id {
	case "ApiGatewayV2":
		return "API Gateway"
	case "Scheduler":
		return "EventBridge Scheduler"
	}
	return id
}

func (f failure) is(codes ...string) bool { return slices.Contains(codes, f.code) }

// request names the request, by which AWS's support finds it, and AWS's word for what
// is wrong with it.
func (f failure) request() string {
	known := f.code != "" && f.code != unknownCode
	switch {
	case known && f.requestID != "":
		return fmt.Sprintf(" (%s, request %s)", f.code, f.requestID)
	case known:
		return fmt.Sprintf(" (%s)", f.code)
	case f.requestID != "":
		return fmt.Sprintf(" (request %s)", f.requestID)
	}
	return ""
}
