package serving

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// instance measures what an idle instance of a Node function takes, which has run an
// invocation and keeps its connection, beside a node that runs an empty script. Neither
// has what waits prepared for other functions.
func (b *bench) instance(ctx context.Context) (string, []candidate, error) {
	r, err := b.runtime(ctx, "instance")
	if err != nil {
		return "", nil, err
	}
	f, err := upload(ctx, r, b.peers.Echo)
	if err != nil {
		return "", nil, err
	}
	if err := deploy(ctx, r, "instance", map[string]function{"wait": f.node}); err != nil {
		return "", nil, err
	}
	before, err := shared(r.Pid())
	if err != nil {
		return "", nil, err
	}
	namespaces, err := occupy(ctx, r)
	if err != nil {
		return "", nil, err
	}
	var bare []int
	for range instances {
		cmd := exec.Command("node", "-e", "setInterval(() => {}, 1 << 30)")
		if err := cmd.Start(); err != nil {
			return "", nil, err
		}
		bare = append(bare, cmd.Process.Pid)
		b.ends = append(b.ends, func() error {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return nil
		})
	}
	alone := candidate{&row{what: "node with an empty script"}, func(context.Context) (s sample, err error) {
		for _, pid := range bare {
			memory, err := memoryOf(pid)
			if err != nil {
				return s, err
			}
			s.memory += memory / instances
		}
		return s, nil
	}}
	own := candidate{&row{what: "Tidegate, an instance"}, func(context.Context) (s sample, err error) {
		for _, of := range namespaces {
			memory, err := inNamespace(r.Pid(), of)
			if err != nil {
				return s, err
			}
			s.memory += memory / instances
		}
		now, err := shared(r.Pid())
		s.memory += max(0, now-before) / instances
		return s, err
	}}
	own.base, own.target = alone.row, &target{
		bound{atMost: 2},
		func(own, base sample) float64 { return float64(own.memory-base.memory) / (1 << 20) }, "node's own + %.1f MiB",
	}
	return "An idle instance of Node, mean of four (PSS; its processes, and what the processes that all share have grown by)", []candidate{alone, own}, nil
}

// occupy has so many instances that each has run an invocation, and returns the pid
// namespace of each.
func occupy(ctx context.Context, r *harness.Runtime) ([]string, error) {
	// Each is still busy when the next one is wanted.
	busy, err := invocation(r, "instance", "wait", `{"sleep_ms":2000,"namespace":true}`)
	if err != nil {
		return nil, err
	}
	namespaces, errs := make([]string, instances), make([]error, instances)
	var all sync.WaitGroup
	for i := range instances {
		all.Go(func() {
			var answer []byte
			if _, answer, errs[i] = busy.Once(ctx); errs[i] == nil {
				errs[i] = json.Unmarshal(answer, &namespaces[i])
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	slices.Sort(namespaces)
	if n := len(slices.Compact(slices.Clone(namespaces))); n != instances {
		return nil, fmt.Errorf("%d invocations at once were answered by %d instances", instances, n)
	}
	return namespaces, nil
}

// inNamespace is the memory of a runtime's processes in a pid namespace.
func inNamespace(runtime int, namespace string) (sum int64, err error) {
	all, err := tree(runtime)
	for _, p := range all {
		if of, err := namespaceOf(p.pid); err == nil && of == namespace {
			sum += p.memory
		}
	}
	return sum, err
}

// shared is the memory of the processes that a runtime has started itself: all instances
// share them.
func shared(runtime int) (sum int64, err error) {
	all, err := tree(runtime)
	for _, p := range all {
		if p.parent == runtime {
			sum += p.memory
		}
	}
	return sum, err
}

func namespaceOf(pid int) (string, error) { return os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid)) }
