// Command bench measures what a user of Terraform waits for, beside something else
// in the same minute: Terraform's own work on as many resources of its built-in
// provider, or on AWS the provider that one would take instead. The ratio holds on
// any machine, seconds on this one only. It fails if a limit is exceeded.
//
//	bench [SCENARIO ...]
//
// measures only the scenarios named: quickstart, stacks, queues-on-aws, aws-limit.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
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
	rows, err := measure(ctx, os.Args[1:])
	if err == nil {
		err = report(os.Stdout, rows)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// A cost is what a command took.
type cost struct {
	// took is the wall time.
	took time.Duration
	// memory is the provider's peak resident memory in bytes; 0 if it was not measured.
	memory int64
	// calls to AWS, by operation; none without AWS.
	calls map[string]int
}

// A row is one line of the table.
type row struct {
	what string
	// cost is the median's, base that of what it is measured beside.
	cost
	base   cost
	beside string
	// Limits; 0 is none. fasterBy is how many times faster than base it must be,
	// slowerBy how many times as slow it may be.
	atMost             time.Duration
	fasterBy, slowerBy float64
	memoryAtMost       int64
}

// over tells whether the row exceeds a limit.
func (r row) over() bool {
	return r.atMost > 0 && r.took > r.atMost ||
		r.fasterBy > 0 && r.took.Seconds()*r.fasterBy > r.base.took.Seconds() ||
		r.slowerBy > 0 && r.took.Seconds() > r.base.took.Seconds()*r.slowerBy ||
		r.memoryAtMost > 0 && r.memory > r.memoryAtMost
}

// ratio says how the row compares with its base.
func (r row) ratio() string {
	switch {
	case r.fasterBy > 0:
		return fmt.Sprintf("%.1f times as fast (%.0f)", r.base.took.Seconds()/r.took.Seconds(), r.fasterBy)
	case r.slowerBy > 0:
		return fmt.Sprintf("%.2f times as long (%.1f)", r.took.Seconds()/r.base.took.Seconds(), r.slowerBy)
	}
	return fmt.Sprintf("%.1f times as long (-)", r.took.Seconds()/r.base.took.Seconds())
}

// A scenario measures something. Its name is what to call it on the command line.
type scenario struct {
	name    string
	measure func(bench, context.Context) ([]row, error)
}

var scenarios = []scenario{
	{"quickstart", bench.quickstart},
	{"stacks", bench.hundredStacks},
	{"queues-on-aws", bench.queuesOnAWS},
	{"aws-limit", bench.queuesAtTheLimit},
}

// chosen returns the scenarios of these names, all if there are none.
func chosen(names []string) ([]scenario, error) {
	if len(names) == 0 {
		return scenarios, nil
	}
	var some []scenario
	for _, name := range names {
		i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no scenario %q", name)
		}
		some = append(some, scenarios[i])
	}
	return some, nil
}

// allCalls is how many calls to AWS there were.
func (c cost) allCalls() (all int) {
	for _, n := range c.calls {
		all += n
	}
	return all
}

// medianCost is the cost of median time, with the most memory of all.
func medianCost(costs []cost) cost {
	slices.SortFunc(costs, func(a, b cost) int { return cmp.Compare(a.took, b.took) })
	c := costs[len(costs)/2]
	for _, other := range costs {
		c.memory = max(c.memory, other.memory)
	}
	return c
}

// measure starts a runtime, and measures the scenarios of these names.
func measure(ctx context.Context, names []string) (rows []row, err error) {
	todo, err := chosen(names)
	if err != nil {
		return nil, err
	}
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
	for _, s := range todo {
		more, err := s.measure(b, ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		rows = append(rows, more...)
	}
	return rows, nil
}

// report prints the table, and returns an error if a limit is exceeded.
func report(out io.Writer, rows []row) error {
	var over []string
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\ttime\t(limit)\tprovider's peak\t(limit)\tcalls to AWS\tbeside\tits time\tits peak\tits calls\tratio of times (limit)\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%.2f s\t(%s)\t%s\t(%s)\t%s\t%s\t%.2f s\t%s\t%s\t%s\t\n",
			r.what, r.took.Seconds(), unless(r.atMost == 0, "%.0f s", r.atMost.Seconds()),
			unless(r.memory == 0, "%d MiB", r.memory>>20), unless(r.memoryAtMost == 0, "%d MiB", r.memoryAtMost>>20), unless(len(r.calls) == 0, "%d", r.allCalls()),
			r.beside, r.base.took.Seconds(), unless(r.base.memory == 0, "%d MiB", r.base.memory>>20), unless(len(r.base.calls) == 0, "%d", r.base.allCalls()), r.ratio())
		if r.over() {
			over = append(over, r.what)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		calls := map[string]bool{}
		for _, of := range []cost{r.cost, r.base} {
			for call := range of.calls {
				calls[call] = true
			}
		}
		if len(calls) > 0 {
			fmt.Fprintf(out, "\n%s: the calls, and those of %s\n", r.what, r.beside)
		}
		for _, call := range slices.Sorted(maps.Keys(calls)) {
			fmt.Fprintf(out, "%6d %6d  %s\n", r.calls[call], r.base.calls[call], call)
		}
	}
	if len(over) > 0 {
		return fmt.Errorf("over the limit: %q", over)
	}
	return nil
}

// unless formats a value, or is "-".
func unless(without bool, format string, value any) string {
	if without {
		return "-"
	}
	return fmt.Sprintf(format, value)
}
