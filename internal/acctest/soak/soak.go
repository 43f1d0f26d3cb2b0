// Package soak lets a runtime do for a while all that might leave something behind: cold
// starts, ends of idle instances, kills, timeouts, crashes, events with retries, log lines,
// deployments. Again and again it waits until the runtime is at rest, and counts what there
// is of memory, descriptors, goroutines, processes, cgroups, mounts, network namespaces and
// files: there must be no more than when it was at rest first.
package soak

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// What has the runtime come to rest soon: instances end when they were idle for so long,
// and sandboxes are prepared for the demand of the last seconds only.
const (
	idleTimeout = time.Second
	poolWindow  = 2 * time.Second
)

// Options for Run.
type Options struct {
	// Dir is an empty folder for the runtime.
	Dir string
	// Warm is how long the runtime is under load before it is at rest first: caches fill.
	Warm time.Duration
	// Cycle is how long it is under load before it is at rest again, Cycles how often that
	// is done.
	Cycle  time.Duration
	Cycles int
	// Load is the part of the time in which each client has a request under way; default
	// 0.5.
	Load float64
	// Log is told of every count; nil tells nobody.
	Log io.Writer
}

// A Report is what a run has done and found.
type Report struct {
	// Did is how often each kind of work was done.
	Did map[string]int
	// AtRest has what was counted at first, and after each cycle.
	AtRest []Counts
	// Grown has a sentence for each thing that there was more of in the end: the run ends
	// after the cycle that left it.
	Grown []string
}

// Run soaks a runtime, and ends it. Errors are of what should have worked; what is left
// behind is in the report.
func Run(ctx context.Context, opts Options) (report Report, err error) {
	temp := filepath.Join(opts.Dir, "temp")
	if err := os.Mkdir(temp, 0o755); err != nil {
		return report, err
	}
	r, err := harness.StartRuntime(ctx, harness.RuntimeOptions{
		Dir: opts.Dir,
		Flags: []string{
			"--idle-timeout", idleTimeout.String(), "--pool-window", poolWindow.String(), "--async-retry-delay", "100ms",
		},
		Env: []string{"TMPDIR=" + temp},
	})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	l, err := newLoad(ctx, r, cmp.Or(opts.Load, 0.5))
	if err != nil {
		return report, err
	}
	var first Counts
	for cycle := range 1 + opts.Cycles {
		d := opts.Cycle
		if cycle == 0 {
			d = opts.Warm
		}
		if err := l.run(ctx, d); err != nil {
			return report, fmt.Errorf("%w; the runtime's log ends:\n%s", err, tail(r.Log()))
		}
		counts, err := atRest(ctx, r, temp, first, l.eventsSince)
		if err != nil {
			return report, fmt.Errorf("%w; the runtime's log ends:\n%s", err, tail(r.Log()))
		}
		report.Did, report.AtRest = l.counted(), append(report.AtRest, counts)
		if opts.Log != nil {
			fmt.Fprintf(opts.Log, "%s cycle %d: %v; did %v\n", time.Now().Format(time.TimeOnly), cycle, counts, report.Did)
		}
		if first == nil {
			first = counts
		}
		if report.Grown = Grown(first, counts); len(report.Grown) > 0 {
			break
		}
	}
	return report, nil
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
