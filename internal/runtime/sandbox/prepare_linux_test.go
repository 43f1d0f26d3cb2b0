package sandbox

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func BenchmarkPrepareAndAssign(b *testing.B) {
	h := newSandbox(b, ModeAuto)
	for _, network := range []string{"", NetworkNone} {
		b.Run("network="+network, func(b *testing.B) {
			spec := functionSpec(taskDir(b), "", nil, "")
			spec.Argv, spec.Network = []string{"/bin/true"}, network
			var prepare, assign []time.Duration
			for n := range b.N {
				spec.ID = fmt.Sprintf("bench-%d", n)
				begin := time.Now()
				p, err := h.prepare(b.Context(), h.classOf(spec))
				if err != nil {
					b.Fatal(err)
				}
				prepare = append(prepare, time.Since(begin))
				begin = time.Now()
				i, err := p.assign(b.Context(), spec)
				if err != nil {
					b.Fatal(err)
				}
				assign = append(assign, time.Since(begin))
				<-i.Done()
			}
			slices.Sort(prepare)
			slices.Sort(assign)
			b.ReportMetric(float64(prepare[len(prepare)/2].Microseconds())/1000, "ms-prepare")
			b.ReportMetric(float64(assign[len(assign)/2].Microseconds())/1000, "ms-assign")
		})
	}
}
