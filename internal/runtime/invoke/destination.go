package invoke

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A QueueSender puts messages on queues. It returns once the message is durable.
// An *Error with a status of the 400s, other than 429, says that trying again is
// of no use: there is no such queue, or the message is too large for it. dedupID
// is the same for the same message, should it be sent twice; trace is an
// X-Amzn-Trace-Id, or empty.
type QueueSender interface {
	Send(ctx context.Context, queueARN string, body []byte, dedupID, trace string) error
}

// Why an event needs no more attempts, as a record's requestContext.condition.
const (
	conditionSuccess = "Success"
	conditionRetries = "RetriesExhausted"
	conditionAge     = "EventAgeExceeded"
	// conditionZero: the function's reservation is 0, and Lambda does not even wait.
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
	conditionZero = "ZeroReservedConcurrency"
	// conditionRecursion: the event is one too many of a loop. What Lambda calls it is not
	// documented.
	conditionRecursion = "RecursiveInvocation"
)

// An invocationRecord is what destinations get.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type invocationRecord struct {
	Version         string           `json:"version"`
	Timestamp       string           `json:"timestamp"`
	RequestContext  requestContext   `json:"requestContext"`
	RequestPayload  json.RawMessage  `json:"requestPayload"`
	ResponseContext *responseContext `json:"responseContext,omitempty"`
	ResponsePayload json.RawMessage  `json:"responsePayload,omitempty"`
}

type requestContext struct {
	RequestID   string `json:"requestId"`
	FunctionARN string `json:"functionArn"`
	Condition   string `json:"condition"`
	Count       int    `json:"approximateInvokeCount"`
}

type responseContext struct {
	StatusCode      int    `json:"statusCode"`
	ExecutedVersion string `json:"executedVersion"`
	FunctionError   string `json:"functionError,omitempty"`
}

// A verdict is the end of an event.
type verdict struct {
	condition string
	// attempts that were made.
	attempts int
	// response of the last attempt; nil if the function did not run.
	response *Response
}

func (f *function) record(ev event, v verdict, now time.Time) []byte {
	qualifier := ev.Qualifier
	if qualifier == "" {
		qualifier = stack.Latest
	}
	record := invocationRecord{
		Version:   "1.0",
		Timestamp: now.UTC().Format("2006-01-02T15:04:05.000Z"),
		RequestContext: requestContext{
			RequestID: ev.ID, FunctionARN: stack.QualifiedARN(f.stack, f.name, qualifier),
			Condition: v.condition, Count: v.attempts,
		},
		RequestPayload: asJSON(ev.payload),
	}
	if r := v.response; r != nil {
		record.ResponseContext = &responseContext{http.StatusOK, r.ExecutedVersion, r.FunctionError}
		record.ResponsePayload = asJSON(r.Payload)
	}
	text := marshal(record)
	// A destination takes 1 MB at most. On AWS what is larger is not delivered at
	// all; here it goes without the payloads.
	for _, payload := range []*json.RawMessage{&record.ResponsePayload, &record.RequestPayload} {
		if len(text) > MaxAsyncPayload && *payload != nil {
			*payload = json.RawMessage("null")
			text = marshal(record)
		}
	}
	return text
}

// marshal writes JSON as others do, with < > & as they are.
func marshal(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(v) // the values are valid JSON
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// asJSON is the payload, or, if it is not JSON, a string of it.
func asJSON(payload []byte) json.RawMessage {
	switch {
	case len(payload) == 0:
		return json.RawMessage("{}")
	case json.Valid(payload):
		return payload
	}
	return marshal(string(payload))
}

// destinations that a verdict goes to, each once.
func destinations(ev event, v verdict, async stack.Async) []string {
	if v.condition == conditionSuccess {
		if async.OnSuccess == "" {
			return nil
		}
		return []string{async.OnSuccess}
	}
	var arns []string
	if async.OnFailure != "" {
		arns = append(arns, async.OnFailure)
	}
	if ev.DeadLetter != "" && ev.DeadLetter != async.OnFailure {
		arns = append(arns, ev.DeadLetter)
	}
	return arns
}

// deliver sends the record of an event to its destinations. It returns when
// all have it, or can never have it; an error means that the queue stops.
func (q *eventQueue) deliver(ev event, v verdict) error {
	arns := destinations(ev, v, q.function.settings.Load().function.Async)
	if len(arns) == 0 {
		return nil
	}
	record := q.function.record(ev, v, time.Now())
	for _, arn := range arns {
		err := q.insist("deliver the record of an event to "+arn, func(ctx context.Context) error {
			return q.async.send(ctx, arn, record, ev.ID, q.function.descend(ev.TraceID))
		})
		switch {
		case err == nil:
		case final(err):
			q.async.runner.opts.Log.Error("the record of an asynchronous invocation cannot be delivered",
				"stack", q.function.stack, "function", q.function.name, "request", ev.ID, "destination", arn, "error", err)
			q.count(telemetry.AsyncUndelivered)
		default:
			return err
		}
	}
	return nil
}

// send sends a record to a function or a queue.
func (a *async) send(ctx context.Context, destination string, record []byte, id, trace string) error {
	arn, err := stack.ParseARN(destination)
	if err != nil {
		return &Error{Status: http.StatusBadRequest, Type: "InvalidParameterValueException", Message: err.Error()}
	}
	if full, qualifier, ok := arn.Function(); ok {
		return a.invoke(ctx, Request{
			ID:       uuid.NewSHA1(uuid.NameSpaceURL, []byte(destination+"/"+id)).String(),
			Function: full, Qualifier: qualifier, Payload: record, Source: "destination", TraceID: trace,
		})
	}
	if _, ok := arn.Queue(); ok {
		if sender := a.sender(); sender != nil {
			return sender.Send(ctx, destination, record, id, trace)
		}
		return serviceError("the queues are not there yet")
	}
	return &Error{
		Status: http.StatusBadRequest, Type: "InvalidParameterValueException",
		Message: "The destination " + destination + " is neither a function nor a queue.",
	}
}

// final tells whether trying again is of no use.
func final(err error) bool {
	var known *Error
	return errors.As(err, &known) && known.Status >= 400 && known.Status < 500 && !known.Throttled()
}
