// Package soak lets a runtime do for a while all that might leave something behind: cold
// starts, ends of idle instances, kills, timeouts, crashes, events with retries, log lines,
// deployments. Again and again it waits until the runtime is quiet, and counts what there
// is of memory, descriptors, goroutines, processes, cgroups, mounts, network namespaces and
// files: none of it may grow.
package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// idleTimeout of instances: short, so that what was warm is cold again soon.
	idleTimeout = time.Second
	// quietTimeout is how long the runtime may take to have ended what it does not need.
	quietTimeout = time.Minute
	// steady is how many counts, a tenth of a second apart, must be the same before the
	// runtime is quiet: longer than an instance stays idle.
	steady = 15
)

// Options for Run.
type Options struct {
	// Dir is an empty folder for the runtime.
	Dir string
	// Cycle is how long the runtime is under load before it is counted what it has,
	// Cycles how often that is done. Warm cycles come before, and are not counted: caches
	// fill, and pools learn what is wanted.
	Cycle        time.Duration
	Warm, Cycles int
	// Log is told of every count; nil tells nobody.
	Log io.Writer
}

// A Report is what a run has done and found.
type Report struct {
	// Did is how often each kind of work was done.
	Did map[string]int
	// Quiet has what was counted after each cycle.
	Quiet []Counts
}

// Run soaks a runtime, and ends it. The report is for Grown; errors are of what
// should have worked.
func Run(ctx context.Context, opts Options) (report Report, err error) {
	temp := filepath.Join(opts.Dir, "temp")
	if err := os.Mkdir(temp, 0o755); err != nil {
		return report, err
	}
	r, err := harness.StartRuntime(ctx, harness.RuntimeOptions{
		Dir:   opts.Dir,
		Flags: []string{"--idle-timeout", idleTimeout.String(), "--async-retry-delay", "100ms"},
		Env:   []string{"TMPDIR=" + temp},
	})
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, r.Stop()) }()
	l, err := newLoad(ctx, r)
	if err != nil {
		return report, err
	}
	for cycle := range opts.Warm + opts.Cycles {
		if err := l.run(ctx, opts.Cycle); err != nil {
			return report, fmt.Errorf("%w; the runtime's log ends:\n%s", err, tail(r.Log()))
		}
		counts, err := quiet(ctx, r, temp)
		if err != nil {
			return report, err
		}
		if err := l.collect(ctx, counts); err != nil {
			return report, err
		}
		if cycle >= opts.Warm {
			report.Quiet = append(report.Quiet, counts)
		}
		if opts.Log != nil {
			fmt.Fprintf(opts.Log, "cycle %d: %v; did %v\n", cycle+1, counts, l.counted())
		}
	}
	report.Did = l.counted()
	return report, nil
}

// quiet waits until what is counted stays the same, and returns it. The heap may change.
func quiet(ctx context.Context, r *harness.Runtime, temp string) (counts Counts, err error) {
	waiting, cancel := context.WithTimeout(ctx, quietTimeout)
	defer cancel()
	same := 0
	var last Counts
	err = harness.Wait(waiting, "the runtime to be quiet", func() (bool, error) {
		if counts, err = count(ctx, r, temp); err != nil {
			return false, err
		}
		now := maps.Clone(counts)
		delete(now, "live heap")
		delete(now, collections)
		if maps.Equal(now, last) {
			same++
		} else {
			same = 0
		}
		last = now
		return same >= steady, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && counts != nil {
		// It has something to do yet, such as a pool that changes: what it has then counts.
		return counts, ctx.Err()
	}
	return counts, err
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
