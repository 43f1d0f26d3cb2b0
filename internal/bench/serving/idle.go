package serving

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	idleStacks   = 100
	perIdleStack = 10
	// rest is how long the runtime has been idle when its memory is read.
	rest = 5 * time.Second
	// idleMemory is the most that it may take then, in MiB.
	idleMemory = 150
)

// idle measures a runtime with a thousand functions that nobody invokes.
func (b *bench) idle(ctx context.Context) (string, []candidate, error) {
	many, err := b.runtime(ctx, "many")
	if err != nil {
		return "", nil, err
	}
	f, err := upload(ctx, many, b.peers.Echo)
	if err != nil {
		return "", nil, err
	}
	for s := range idleStacks {
		all := map[string]function{}
		for n := range perIdleStack {
			one := []function{f.golang, f.node, f.python}[n%3]
			one.Environment = map[string]string{"TABLE": fmt.Sprintf("table-%d-%d", s, n)}
			all[fmt.Sprintf("f%d", n)] = one
		}
		if err := deploy(ctx, many, fmt.Sprintf("many-%d", s), all); err != nil {
			return "", nil, err
		}
	}
	time.Sleep(rest)
	asDeployed, err := memoryOf(many.Pid())
	if err != nil {
		return "", nil, err
	}
	none, err := b.runtime(ctx, "none")
	if err != nil {
		return "", nil, err
	}
	memory := target{bound{atMost: idleMemory}, func(own, _ sample) float64 { return float64(own.memory) / (1 << 20) }, "%.0f MiB"}
	deployed := candidate{&row{what: "Tidegate, after 1,000 functions were deployed", target: &memory}, func(context.Context) (sample, error) {
		return sample{memory: asDeployed}, nil
	}}
	empty := b.started("Tidegate, started without functions", "none", none)
	started := b.started("Tidegate, started with 1,000 functions", "many", many)
	started.base, started.target = empty.row, &target{bound{atMost: 1}, func(own, _ sample) float64 { return own.p50.Seconds() }, "%.2f s"}
	resting := candidate{&row{what: fmt.Sprintf("the same, %s later", rest), target: &memory}, func(context.Context) (sample, error) {
		time.Sleep(rest)
		memory, err := memoryOf(many.Pid())
		return sample{memory: memory}, err
	}}
	return "1,000 functions, idle (memory: PSS of all processes of the runtime; p50: its start until it is ready)",
		[]candidate{deployed, empty, started, resting}, nil
}

// started measures how long a runtime takes from its start until it serves, as the file
// says that it writes then.
func (b *bench) started(what, dir string, r *harness.Runtime) candidate {
	return candidate{&row{what: what}, func(ctx context.Context) (sample, error) {
		if err := r.Stop(); err != nil {
			return sample{}, err
		}
		start := time.Now()
		if err := r.Start(ctx); err != nil {
			return sample{}, err
		}
		ready, err := os.Stat(filepath.Join(b.Dir, dir, "ready.json"))
		if err != nil {
			return sample{}, err
		}
		memory, err := memoryOf(r.Pid())
		return sample{p50: ready.ModTime().Sub(start), memory: memory}, err
	}}
}
