package trigger

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// How long to wait before a throttled invocation is tried again: doubling, from
// the first to the last.
const (
	firstThrottleWait = 100 * time.Millisecond
	lastThrottleWait  = 5 * time.Second
)

// A batchOutcome says which messages of a batch are done.
type batchOutcome struct {
	// all is true if none is; otherwise failed has those that are not.
	all    bool
	failed map[string]bool
	// throttled tells that the function's limit stood in the way at least once.
	throttled bool
}

func (o batchOutcome) done(id string) bool { return !o.all && !o.failed[id] }

// failure says for a trace that the whole batch failed.
func (o batchOutcome) failure() string {
	if o.all {
		return "the whole batch failed"
	}
	return ""
}

// A batchInvoker invokes a consumer's function with batches.
type batchInvoker struct {
	env Env
	log *slog.Logger
	// function's full name.
	function string
	// partial: the function says which messages failed.
	partial bool
}

// invoke runs the function with the batch. While the function is throttled it
// tries again until the time at which the messages are visible again: they are
// received once however often that is, as with Lambda's pollers.
func (i batchInvoker) invoke(ctx context.Context, b *batch, until time.Time) (outcome batchOutcome) {
	request := invoke.Request{
		Function:  i.function,
		Qualifier: stack.AliasLive,
		Payload:   b.event(),
		TraceID:   b.lineage,
		Source:    "queue",
	}
	if i.env.Traces != nil {
		span := i.env.Traces.Start(trace.SpanKindConsumer, b.arn, "", b.traces, attribute.String("messaging.system", "tidegate"),
			attribute.String("messaging.operation.type", "process"), attribute.Int("messaging.batch.message_count", len(b.ids)))
		request.TraceID = span.Header(request.TraceID)
		defer func() { span.End(outcome.failure(), attribute.Int("tidegate.messages_failed", len(outcome.failed))) }()
	}
	for wait := firstThrottleWait; ; wait = min(2*wait, lastThrottleWait) {
		response, err := i.env.Invoker.Invoke(ctx, request)
		if err == nil {
			i.judge(&outcome, b, response)
			return outcome
		}
		var failure *invoke.Error
		if !errors.As(err, &failure) || !failure.Throttled() {
			if ctx.Err() == nil {
				i.log.Error("a batch was not delivered", "messages", len(b.ids), "error", err)
			}
			outcome.all = true
			return outcome
		}
		outcome.throttled = true
		pause := max(wait, failure.RetryAfter)
		if i.env.Clock.Now().Add(pause).After(until) || !i.sleep(ctx, pause) {
			i.log.Warn("a batch goes back to its queue: the function is throttled", "messages", len(b.ids))
			outcome.all = true
			return outcome
		}
	}
}

// judge reads the function's answer.
func (i batchInvoker) judge(o *batchOutcome, b *batch, response invoke.Response) {
	switch {
	case response.FunctionError != "":
		o.all = true
	case i.partial:
		var valid bool
		o.failed, valid = failedMessages(response.Payload, b.ids)
		if !valid {
			i.log.Warn("the whole batch counts as failed: the function's answer is not {\"batchItemFailures\": [{\"itemIdentifier\": <messageId>}, ...]}",
				"messages", len(b.ids), "request", response.RequestID)
			o.all = true
		}
	}
}

// sleep waits; false means the context ended before.
func (i batchInvoker) sleep(ctx context.Context, d time.Duration) bool {
	timer := i.env.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-ctx.Done():
		return false
	}
}
