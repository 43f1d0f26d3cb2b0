package invoke

import (
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// BenchmarkInvokeWarm is what an invocation costs without a process and a
// network between.
func BenchmarkInvokeWarm(b *testing.B) {
	s := benchService(b)
	b.ReportAllocs()
	for b.Loop() {
		invokeOnce(b, s)
	}
}

// BenchmarkInvokeWarmParallel is the same with callers on every processor, for whom
// everything that is counted is the same few numbers.
func BenchmarkInvokeWarmParallel(b *testing.B) {
	s := benchService(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			invokeOnce(b, s)
		}
	})
}

// benchService counts as a node does.
func benchService(b *testing.B) *Service {
	sandboxed := &fakeSandbox{program: func() program { return echo }, specs: make(chan sandbox.Spec)}
	opts := Options{
		Store: &fakeStore{}, Sandbox: sandboxed, Languages: fakeLanguages{}, Logs: discardLogs{}, Metrics: telemetry.NewMetrics(),
	}.withDefaults()
	r := newRunner(opts)
	r.apply("shop", shop(nil))
	b.Cleanup(r.close)
	return &Service{opts: opts, runner: r}
}

func invokeOnce(b *testing.B, s *Service) {
	if _, err := s.Invoke(b.Context(), Request{Function: "shop-cart", Qualifier: "live", Payload: []byte(`{"n":1}`)}); err != nil {
		b.Fatal(err)
	}
}
