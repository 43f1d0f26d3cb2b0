package invoke

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// collect is a collector of traces, and what it was sent.
func collectTraces(t *testing.T) func() []*otlp.Span {
	t.Helper()
	var mu sync.Mutex
	var spans []*otlp.Span
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
			http.Error(w, "no traces", http.StatusBadRequest)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		for _, resource := range request.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				spans = append(spans, scope.Spans...)
			}
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	return func() []*otlp.Span {
		mu.Lock()
		defer mu.Unlock()
		return spans
	}
}

func TestInvocationsAreTraced(t *testing.T) {
	spans := collectTraces(t)
	traces, err := telemetry.NewTraces(t.Context(), "test", "node")
	if err != nil {
		t.Fatal(err)
	}
	headers := make(chan string, 2)
	h := newHouse(t, func(p *process) {
		for {
			e := p.next()
			headers <- e.header.Get("Lambda-Runtime-Trace-Id")
			if e.payload == `"fail"` {
				p.fail(e.id, `{"errorType":"Error"}`)
				continue
			}
			p.respond(e.id, "null")
		}
	}, func(o *Options) { o.Traces = traces })
	h.must(Request{Qualifier: "live", Source: "api", TraceID: "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"})
	h.must(Request{Qualifier: "live", Payload: []byte(`"fail"`)})
	if err := traces.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	byName := map[string][]*otlp.Span{}
	for _, s := range spans() {
		byName[s.Name] = append(byName[s.Name], s)
	}
	invocations, inits := byName["shop-cart"], byName["init"]
	if len(invocations) != 2 || len(inits) != 1 {
		t.Fatalf("the spans are %v", spans())
	}
	first, second := invocations[0], invocations[1]
	if hex.EncodeToString(first.TraceId) != "5759e988bd862e3fe1be46a994272793" || hex.EncodeToString(first.ParentSpanId) != "53995c3f42cd8ad8" {
		t.Errorf("the span is not below its caller's: %v", first)
	}
	if string(inits[0].ParentSpanId) != string(first.SpanId) {
		t.Errorf("the start is not the first invocation's: %v", inits[0])
	}
	if got := <-headers; !strings.HasPrefix(got, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent="+hex.EncodeToString(first.SpanId)+";Sampled=1;Lineage=") {
		t.Errorf("the function is not below its span: %s", got)
	}
	if second.Status.Code != otlp.Status_STATUS_CODE_ERROR || string(second.TraceId) == string(first.TraceId) {
		t.Errorf("the second span is %v", second)
	}
	found := map[string]string{}
	for _, a := range first.Attributes {
		found[a.Key] = a.Value.String()
	}
	for _, key := range []string{"faas.name", "faas.version", "faas.invocation_id", "faas.trigger", "faas.coldstart"} {
		if found[key] == "" {
			t.Errorf("the span has no %s: %v", key, found)
		}
	}
}
