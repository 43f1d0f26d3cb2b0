package serving

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/load"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// coldStarts of one language in one round.
	coldStarts = 7
	// coldIdle is how long an instance stays idle: cold functions are to be cold again in
	// the next round.
	coldIdle = 2 * time.Second
	// refill is how long the pool has to get ready for the next start. What is measured is
	// a start that finds it ready; bursts are another matter.
	refill = 300 * time.Millisecond
	// counting has functions answer which invocation of their instance this is.
	counting = `{"count":true}`
)

// cold measures the first invocation of functions that have no instance.
func (b *bench) cold(ctx context.Context) (string, []candidate, error) {
	r, err := b.runtime(ctx, "cold", "--idle-timeout", coldIdle.String())
	if err != nil {
		return "", nil, err
	}
	f, err := upload(ctx, r, b.peers.Echo)
	if err != nil {
		return "", nil, err
	}
	// Node reads this variable when it starts, so that none that runs already will do.
	alone := f.node
	alone.Environment = map[string]string{"NODE_OPTIONS": "--no-deprecation"}
	var rows []candidate
	for _, own := range []struct {
		stack, name string
		function    function
	}{
		{"go", "Go", f.golang}, {"python", "Python", f.python}, {"node", "Node", f.node},
	} {
		c, err := coldStart(ctx, r, own.stack, "Tidegate, "+own.name, own.function)
		if err != nil {
			return "", nil, err
		}
		c.target = &target{bound{atMost: 10}, func(own, _ sample) float64 { return own.p50.Seconds() * 1000 }, "%.1f ms"}
		rows = append(rows, c)
	}
	bare := candidate{&row{what: "node itself, to its first output"}, bareNode}
	empty, err := coldStart(ctx, r, "alone", "Tidegate, Node that does not run already", alone)
	if err != nil {
		return "", nil, err
	}
	empty.base, empty.target = bare.row, &target{
		bound{atMost: 15},
		func(own, base sample) float64 { return (own.p50 - base.p50).Seconds() * 1000 }, "node's own + %.1f ms",
	}
	return "Cold, request to answer", append(rows, bare, empty), nil
}

// coldStart deploys functions of one code, and measures the first invocation of each.
func coldStart(ctx context.Context, r *harness.Runtime, stack, name string, f function) (candidate, error) {
	all := map[string]function{}
	var targets []load.Target
	for n := range coldStarts + 1 {
		function := fmt.Sprintf("cold%d", n)
		all[function] = f
		t, err := invocation(r, stack, function, counting)
		if err != nil {
			return candidate{}, err
		}
		targets = append(targets, t)
	}
	if err := deploy(ctx, r, stack, all); err != nil {
		return candidate{}, err
	}
	var last time.Time
	return candidate{&row{what: name}, func(ctx context.Context) (sample, error) {
		time.Sleep(time.Until(last.Add(2 * coldIdle)))
		defer func() { last = time.Now() }()
		var took []time.Duration
		for n, t := range targets {
			d, answer, err := t.Once(ctx)
			if err != nil {
				return sample{}, err
			}
			if string(bytes.TrimSpace(answer)) != "1" {
				return sample{}, fmt.Errorf("a function that should be cold answers %q to its first invocation", answer)
			}
			time.Sleep(refill)
			// The first tells the runtime that there is demand.
			if n > 0 {
				took = append(took, d)
			}
		}
		return times(took), nil
	}}, nil
}

// times is a sample of durations.
func times(took []time.Duration) sample {
	slices.Sort(took)
	return sample{p50: load.Percentile(took, 50), p99: took[len(took)-1]}
}

// bareNode measures how long Node takes to run a script that prints something.
func bareNode(ctx context.Context) (sample, error) {
	var took []time.Duration
	for range coldStarts {
		cmd := exec.CommandContext(ctx, "node", "-e", `process.stdout.write("1")`)
		out, err := cmd.StdoutPipe()
		if err != nil {
			return sample{}, err
		}
		start := time.Now()
		if err := cmd.Start(); err != nil {
			return sample{}, err
		}
		n, err := out.Read(make([]byte, 1))
		took = append(took, time.Since(start))
		if err := errors.Join(err, cmd.Wait()); err != nil || n != 1 {
			return sample{}, fmt.Errorf("node does not print: %w", err)
		}
		time.Sleep(settle)
	}
	return times(took), nil
}
