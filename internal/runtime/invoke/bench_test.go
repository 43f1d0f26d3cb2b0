package invoke

import (
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// BenchmarkInvokeWarm is what an invocation costs without a process and a
// network between.
func BenchmarkInvokeWarm(b *testing.B) {
	sandboxed := &fakeSandbox{program: func() program { return echo }, specs: make(chan sandbox.Spec)}
	opts := Options{Store: &fakeStore{}, Sandbox: sandboxed, Languages: fakeLanguages{}, Logs: discardLogs{}}.withDefaults()
	r := newRunner(opts)
	r.apply("shop", shop(nil))
	s := &Service{opts: opts, runner: r}
	defer r.close()
	payload := []byte(`{"n":1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Invoke(b.Context(), Request{Function: "shop-cart", Qualifier: "live", Payload: payload}); err != nil {
			b.Fatal(err)
		}
	}
}
