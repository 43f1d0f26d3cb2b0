package invoke

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// Types of Error.
const (
	typeNotFound       = "ResourceNotFoundException"
	typeThrottled      = "TooManyRequestsException"
	typeInvalidContent = "InvalidRequestContentException"
	typeTooLarge       = "RequestTooLargeException"
	typeService        = "ServiceException"
	typeRecursive      = "RecursiveInvocationException"
	typeInvalidRuntime = "InvalidRuntimeException"
)

// Reasons of a TooManyRequestsException.
const (
	reasonReserved = "ReservedFunctionConcurrentInvocationLimitExceeded"
	reasonAccount  = "ConcurrentInvocationLimitExceeded"
)

func notFound(arn string) *Error {
	return &Error{Status: http.StatusNotFound, Type: typeNotFound, Message: "Function not found: " + arn}
}

func throttled(reason string) *Error {
	return &Error{Status: http.StatusTooManyRequests, Type: typeThrottled, Message: "Rate Exceeded.", Reason: reason}
}

func tooLarge(size int, kind string, limit int) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge, Type: typeTooLarge,
		Message: fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)", size, kind, limit),
	}
}

func invalidContent(err error) *Error {
	return &Error{
		Status: http.StatusBadRequest, Type: typeInvalidContent,
		Message: "Could not parse request body into json: " + err.Error(),
	}
}

func serviceError(format string, args ...any) *Error {
	return &Error{Status: http.StatusInternalServerError, Type: typeService, Message: fmt.Sprintf(format, args...)}
}

// errClosing answers requests that come, or are cut off, while the service closes.
var errClosing = &Error{
	Status: http.StatusServiceUnavailable, Type: typeService,
	Message: "This node is shutting down; try again.", RetryAfter: time.Second,
}

// unhandled is what X-Amz-Function-Error says of every failed function. Lambda
// once said "Handled" of errors a function returns, but has not for years.
const unhandled = "Unhandled"

// Types of a functionError. Lambda calls them so in its answers and in REPORT
// lines.
const (
	errorTimeout         = "Sandbox.Timedout"
	errorExit            = "Runtime.ExitError"
	errorOutOfMemory     = "Runtime.OutOfMemory"
	errorEntrypoint      = "Runtime.InvalidEntrypoint"
	errorTooLarge        = "Function.ResponseSizeTooLarge"
	errorExtensionCrash  = "Extension.Crash"
	errorExtensionExit   = "Extension.ExitError"
	errorExtensionInit   = "Extension.InitError"
	errorExtensionLaunch = "Extension.LaunchError"
	errorTruncated       = "Runtime.TruncatedResponse"
	errorUnknown         = "Runtime.Unknown"
	errorFunctionUnknown = "Function.Unknown"
)

// A functionError is why an invocation failed, in a function's or Lambda's own
// words.
type functionError struct {
	// Type as in Lambda-Runtime-Function-Error-Type.
	Type string
	// Message of an error that the runtime found; empty if payload is the
	// function's.
	Message string
	// payload is the function's own error object, if it gave one.
	payload []byte
}

// body is the answer's payload. The order of the keys is Lambda's.
func (e functionError) body(requestID string) []byte {
	if e.Message == "" {
		return e.payload
	}
	message := e.Message
	if e.Type != errorTooLarge {
		message = "RequestId: " + requestID + " Error: " + message
	}
	text, _ := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{e.Type, message})
	return text
}

// timedOut is the error of an invocation that took too long. Until 2024 Lambda
// answered {"errorMessage":"<time> <id> Task timed out after 3.00 seconds"}; this
// is its present shape.
func timedOut(timeout time.Duration) functionError {
	return functionError{Type: errorTimeout, Message: timeoutText(timeout)}
}

func timeoutText(timeout time.Duration) string {
	return fmt.Sprintf("Task timed out after %.2f seconds", timeout.Seconds())
}

// exited is the error of an invocation whose instance ended under it.
//
// Lambda has long reported running out of memory as Runtime.ExitError, "signal:
// killed", and has named it Runtime.OutOfMemory in REPORT lines and in the
// Telemetry API for some time (DataDog/datadog-lambda-extension#776). Here it is
// always named; the message is the same.
func exited(exit sandbox.Exit) functionError {
	switch {
	case exit.OutOfMemory:
		return functionError{Type: errorOutOfMemory, Message: "Runtime exited with error: signal: killed"}
	case exit.StartError != "":
		return functionError{Type: errorEntrypoint, Message: exit.StartError}
	case exit.Signal != "":
		return functionError{Type: errorExit, Message: "Runtime exited with error: signal: " + signalText(exit.Signal)}
	case exit.Code != 0:
		return functionError{Type: errorExit, Message: fmt.Sprintf("Runtime exited with error: exit status %d", exit.Code)}
	default:
		return functionError{Type: errorExit, Message: "Runtime exited without providing a reason"}
	}
}

// signalText is how the kernel, and so Lambda, calls a signal.
func signalText(name string) string {
	texts := map[string]string{
		"SIGKILL": "killed", "SIGTERM": "terminated", "SIGSEGV": "segmentation fault",
		"SIGABRT": "aborted", "SIGBUS": "bus error", "SIGILL": "illegal instruction",
		"SIGFPE": "floating point exception", "SIGINT": "interrupt", "SIGHUP": "hangup",
		"SIGPIPE": "broken pipe", "SIGTRAP": "trace/breakpoint trap", "SIGSYS": "bad system call",
	}
	if text, ok := texts[name]; ok {
		return text
	}
	return strings.ToLower(strings.TrimPrefix(name, "SIG"))
}

// tooLargeAnswer is the error of an invocation whose answer is over the limit.
func tooLargeAnswer() functionError {
	return functionError{
		Type:    errorTooLarge,
		Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxAnswer),
	}
}
