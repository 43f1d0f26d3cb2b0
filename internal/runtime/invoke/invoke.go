// Package invoke is the way of an event to a function: from a name and a
// qualifier to an alias, a version, an instance and back, at once or later.
package invoke

import (
	"context"
	"time"
)

// MaxSyncPayload and MaxAsyncPayload are Lambda's limits on events, in bytes.
// MaxResponse is the limit on what a function returns.
const (
	MaxSyncPayload  = 6 << 20
	MaxAsyncPayload = 1 << 20
	MaxResponse     = 6 << 20
)

// An Invoker invokes functions. Triggers and the API know this, and nothing
// else, of what runs functions.
type Invoker interface {
	// Invoke runs the function once and waits for its answer. A function that fails
	// is no error: its Response says so. Errors are *Error.
	Invoke(ctx context.Context, r Request) (Response, error)
	// InvokeAsync queues the event durably and returns: nothing it accepted is
	// lost. Errors are *Error.
	InvokeAsync(ctx context.Context, r Request) error
}

// A Request is one event for one function.
type Request struct {
	// ID is the request's id, a UUID; empty means a new one. InvokeAsync with an id
	// that was accepted in the last ten minutes does nothing.
	ID string
	// Function is the full name, "<stack>-<function>".
	Function string
	// Qualifier is a version number, an alias, "$LATEST" or empty. Triggers use
	// stack.AliasLive. Empty means $LATEST, as on Lambda.
	Qualifier string
	// Payload is the event: JSON, at most MaxSyncPayload or MaxAsyncPayload.
	// Empty means none, which the function sees as {}.
	Payload []byte
	// ClientContext is JSON for the function's context; may be empty.
	ClientContext []byte
	// TraceID is an X-Amzn-Trace-Id header's value; empty means a new one.
	TraceID string
	// Source names what invoked ("http_api", "queue", "schedule", "api", ...) for
	// logs and metrics.
	Source string
	// LogTail asks for the end of the invocation's log, at most 4 KB.
	LogTail bool
	// Sink, unless nil, gets the function's answer as the function writes it; the
	// Response then has no Payload but that of an error. For Invoke only.
	Sink Sink

	// The rest is for InvokeAsync only.

	// MaxAge and Retries, if not nil, take the place of the function's own.
	MaxAge  *time.Duration
	Retries *int
	// DeadLetter is the ARN of a queue that gets events given up, beside the
	// function's on_failure; empty means none.
	DeadLetter string
}

// A Response is a function's answer.
type Response struct {
	// Payload is the function's answer, or Lambda's error object.
	Payload []byte
	// ContentType of an answer in streaming mode that nobody wanted as a stream, as the
	// function's runtime gave it; else empty.
	ContentType string
	// FunctionError is "" on success, else "Unhandled" or "Handled" as in Lambda's
	// X-Amz-Function-Error.
	FunctionError string
	// ExecutedVersion is the number of the version that ran, or "$LATEST".
	ExecutedVersion string
	RequestID       string
	// LogTail, if asked for.
	LogTail []byte
	// Duration of the invocation without a cold start.
	Duration time.Duration
	// Init is the instance's, if this was its first event.
	Init Initialization
}

// An Error says why a function was not run, in Lambda's words.
type Error struct {
	// Status is the HTTP status Lambda's Invoke answers with.
	Status int
	// Type is Lambda's exception: "ResourceNotFoundException",
	// "TooManyRequestsException", "InvalidRequestContentException",
	// "RequestTooLargeException", "ServiceException", ...
	Type    string
	Message string
	// Reason goes with TooManyRequestsException:
	// "ReservedFunctionConcurrentInvocationLimitExceeded" or
	// "ConcurrentInvocationLimitExceeded".
	Reason string
	// RetryAfter, if known.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Throttled tells whether trying again later may help because the limit on
// concurrency was reached.
func (e *Error) Throttled() bool { return e.Type == "TooManyRequestsException" }
