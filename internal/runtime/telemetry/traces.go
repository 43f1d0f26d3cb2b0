package telemetry

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Traces sends OpenTelemetry's spans to a collector. All methods of nil do nothing, at
// no cost.
type Traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// NewTraces returns nil unless OTEL_EXPORTER_OTLP_ENDPOINT, or the same for traces
// alone, is set. OpenTelemetry's other variables hold as well: headers, timeouts,
// sampler, resource attributes, OTEL_SDK_DISABLED.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
func NewTraces(ctx context.Context, version, node string) (*Traces, error) {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	if endpoint == "" || strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces to %s: %w", endpoint, err)
	}
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "tidegate"), attribute.String("service.version", version),
		attribute.String("service.instance.id", node),
	), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &Traces{provider, provider.Tracer("github.com/tidegate-io/terraform-provider-tidegate")}, nil
}

// Close sends what is left.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}

// A Span is something under way. All methods of nil do nothing.
type Span struct {
	traces *Traces
	span   trace.Span
}

// Start begins a span below that of the header, an X-Amzn-Trace-Id, if it has one, and
// linked with those of the others.
func (t *Traces) Start(kind trace.SpanKind, name, header string, others []string, attributes ...attribute.KeyValue) *Span {
	if t == nil {
		return nil
	}
	ctx := context.Background()
	if parent := spanContext(header); parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(kind), trace.WithAttributes(attributes...)}
	for _, other := range others {
		if link := spanContext(other); link.IsValid() {
			options = append(options, trace.WithLinks(trace.Link{SpanContext: link}))
		}
	}
	_, span := t.tracer.Start(ctx, name, options...)
	return &Span{t, span}
}

// Header is the X-Amzn-Trace-Id of what the span leads to. Other fields of the header
// given, such as its lineage, stay.
func (s *Span) Header(header string) string {
	if s == nil {
		return header
	}
	of := s.span.SpanContext()
	id, sampled := of.TraceID().String(), 0
	if of.IsSampled() {
		sampled = 1
	}
	fields := []string{fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=%d", id[:8], id[8:], of.SpanID(), sampled)}
	for field := range strings.SplitSeq(header, ";") {
		switch name, _, _ := strings.Cut(field, "="); name {
		case "Root", "Parent", "Sampled", "":
		default:
			fields = append(fields, field)
		}
	}
	return strings.Join(fields, ";")
}

// Record adds a span below this one that is over already.
func (s *Span) Record(name string, began, ended time.Time, attributes ...attribute.KeyValue) {
	if s == nil {
		return
	}
	ctx := trace.ContextWithSpan(context.Background(), s.span)
	_, span := s.traces.tracer.Start(ctx, name, trace.WithTimestamp(began), trace.WithAttributes(attributes...))
	span.End(trace.WithTimestamp(ended))
}

// End ends the span; failure says why it failed, and is empty if it did not.
func (s *Span) End(failure string, attributes ...attribute.KeyValue) {
	if s == nil {
		return
	}
	s.span.SetAttributes(attributes...)
	if failure != "" {
		s.span.SetStatus(codes.Error, failure)
	}
	s.span.End()
}

// spanContext reads an X-Amzn-Trace-Id. Without Sampled the trace is sampled.
func spanContext(header string) trace.SpanContext {
	config := trace.SpanContextConfig{TraceFlags: trace.FlagsSampled, Remote: true}
	for field := range strings.SplitSeq(header, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Root":
			parts := strings.Split(value, "-")
			if len(parts) == 3 {
				config.TraceID, _ = trace.TraceIDFromHex(parts[1] + parts[2])
			}
		case "Parent":
			config.SpanID, _ = trace.SpanIDFromHex(value)
		case "Sampled":
			if value == "0" {
				config.TraceFlags = 0
			}
		}
	}
	return trace.NewSpanContext(config)
}

// TraceHeader is the X-Amzn-Trace-Id of a request that has one, or else the same as its
// W3C traceparent says; empty without either.
// https://www.w3.org/TR/trace-context/#traceparent-header
func TraceHeader(amazons, traceparent string) string {
	parts := strings.Split(traceparent, "-")
	if amazons != "" && strings.Contains(amazons, "Root=") || len(parts) < 4 || len(parts[1]) != 32 {
		return amazons
	}
	id, err := trace.TraceIDFromHex(parts[1])
	span, spanErr := trace.SpanIDFromHex(parts[2])
	if err != nil || spanErr != nil || len(parts[3]) != 2 {
		return amazons
	}
	sampled := 0
	if strings.ContainsAny(parts[3][1:], "13579bdf") {
		sampled = 1
	}
	header := fmt.Sprintf("Root=1-%s-%s;Parent=%s;Sampled=%d", id.String()[:8], id.String()[8:], span, sampled)
	if amazons != "" {
		header += ";" + amazons
	}
	return header
}
