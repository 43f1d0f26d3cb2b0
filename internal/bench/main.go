// Command bench measures what a user of Terraform waits for, beside Terraform's
// own work on as many resources of its built-in provider in the same minute: the
// ratio holds on any machine, seconds on this one only. It fails if a limit is
// exceeded.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// runs of a measurement, of which the median counts.
const runs = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	rows, err := measure(ctx)
	if err == nil {
		err = report(os.Stdout, rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A row is one line of the table.
type row struct {
	what string
	// took is the median wall time, base that of Terraform without Tidegate.
	took, base time.Duration
	// memory is the provider's peak resident memory in bytes.
	memory int64
	// Limits; 0 is none.
	atMost       time.Duration
	memoryAtMost int64
}

// measure starts a runtime, and measures.
func measure(ctx context.Context) (rows []row, err error) {
	dir, err := os.MkdirTemp("", "tidegate-bench")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program, err := harness.TerraformProgram(ctx)
	if err != nil {
		return nil, err
	}
	runtime, err := harness.StartRuntime(ctx, harness.RuntimeOptions{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopped := runtime.Stop(); err == nil {
			err = stopped
		}
	}()
	b := bench{dir: dir, program: program, runtime: runtime}
	for _, scenario := range []func(context.Context) ([]row, error){b.quickstart, b.hundredStacks} {
		more, err := scenario(ctx)
		if err != nil {
			return nil, err
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// report prints the table, and returns an error if a limit is exceeded.
func report(out io.Writer, rows []row) error {
	var over []string
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\ttime\tlimit\tTerraform alone\tratio\tprovider's peak\tlimit\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%.2f s\t%s\t%.2f s\t%.1f\t%d MiB\t%s\t\n", r.what, r.took.Seconds(),
			limit(r.atMost > 0, "%.0f s", r.atMost.Seconds()), r.base.Seconds(), float64(r.took)/float64(r.base),
			r.memory>>20, limit(r.memoryAtMost > 0, "%d MiB", r.memoryAtMost>>20))
		if r.atMost > 0 && r.took > r.atMost || r.memoryAtMost > 0 && r.memory > r.memoryAtMost {
			over = append(over, r.what)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if len(over) > 0 {
		return fmt.Errorf("over the limit: %q", over)
	}
	return nil
}

func limit(set bool, format string, value any) string {
	if !set {
		return "-"
	}
	return fmt.Sprintf(format, value)
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
