package telemetry

import "testing"

func TestATraceparentIsATraceOfAmazons(t *testing.T) {
	const traceparent = "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01"
	const same = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	for _, c := range []struct{ amazons, traceparent, want string }{
		{"", "", ""},
		{"Root=1-2-3", traceparent, "Root=1-2-3"},
		{"", traceparent, same},
		{"Lineage=00000001:3", traceparent, same + ";Lineage=00000001:3"},
		{"", "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-00", same[:len(same)-1] + "0"},
		{"", "00-00000000000000000000000000000000-53995c3f42cd8ad8-01", ""},
		{"", "00-5759e988bd862e3fe1be46a994272793-xyz-01", ""},
		{"", "nonsense", ""},
	} {
		if got := TraceHeader(c.amazons, c.traceparent); got != c.want {
			t.Errorf("%q and %q are %q, want %q", c.amazons, c.traceparent, got, c.want)
		}
	}
}

func TestWithoutACollectorThereAreNoTraces(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "")
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")
	traces, err := NewTraces(t.Context(), "test", "node")
	if traces != nil || err != nil {
		t.Fatalf("got %v, %v", traces, err)
	}
	span := traces.Start(0, "name", "Root=1-2-3", nil)
	span.End("")
	if got := span.Header("Root=1-2-3"); got != "Root=1-2-3" {
		t.Errorf("the header became %q", got)
	}
	if err := traces.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
