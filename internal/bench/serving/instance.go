package serving

import (
	"context"
	"os/exec"
	"time"
)

// instance measures what an idle instance of a Node function takes beside a node that
// runs an empty script.
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
	// Each is still busy when the next one is wanted.
	busy, err := invocation(r, "instance", "wait", `{"sleep_ms":2000}`)
	if err != nil {
		return "", nil, err
	}
	if _, err := busy.Run(ctx, instances, time.Second); err != nil {
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
	own := candidate{&row{what: "Tidegate, all processes of an instance"}, func(context.Context) (s sample, err error) {
		all, err := tree(r.Pid())
		for _, p := range all {
			if p.pid != r.Pid() {
				s.memory += p.memory / instances
			}
		}
		return s, err
	}}
	own.base, own.target = alone.row, &target{
		bound{atMost: 2},
		func(own, base sample) float64 { return float64(own.memory-base.memory) / (1 << 20) }, "node's own + %.1f MiB",
	}
	return "An idle instance of Node, mean of four (PSS)", []candidate{alone, own}, nil
}
