package invoke

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// beginSpan begins the invocation's span, if there are traces. What the function does
// is below it, by the trace id that the function gets. A trace id that was made up for
// want of one says nothing of whether there is to be a trace.
func (f *function) beginSpan(inv *invocation, req Request) {
	traces := f.runner.opts.Traces
	if traces == nil {
		return
	}
	inv.span = traces.Start(trace.SpanKindServer, f.full, req.TraceID, nil,
		attribute.String("faas.name", f.full), attribute.String("faas.version", inv.pool.version.name),
		attribute.String("faas.invocation_id", inv.id), attribute.String("faas.trigger", req.Source),
		attribute.String("cloud.resource_id", inv.arn))
	inv.traceID = inv.span.Header(inv.traceID)
}

// endSpan ends it, with what is known of the instance's start if there was one.
func (inv *invocation) endSpan() {
	if inv.span == nil {
		return
	}
	if cold := inv.init; cold.Took > 0 {
		inv.span.Record("init", cold.Began, cold.Began.Add(cold.Took),
			attribute.Bool("tidegate.pooled", cold.Pooled), attribute.Bool("tidegate.provisioned", cold.Provisioned))
	}
	failure := ""
	switch {
	case inv.outcome.failure != nil:
		failure = inv.outcome.failure.Type
	case inv.outcome.err != nil:
		failure = inv.outcome.err.Error()
	}
	inv.span.End(failure, attribute.Bool("faas.coldstart", inv.init.Took > 0),
		attribute.Float64("tidegate.duration_ms", float64(inv.outcome.duration)/float64(time.Millisecond)))
}
