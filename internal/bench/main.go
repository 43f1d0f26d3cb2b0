// Command bench measures what a user of Terraform waits for, beside something else
// in the same minute: Terraform's own work on as many resources of its built-in
// provider, or on AWS the provider that one would take instead. The ratio holds on
// any machine, seconds on this one only. It fails if a limit is exceeded.
//
//	bench [SCENARIO ...]
//	bench runtime [GROUP ...]
//	bench soak [DURATION [LOAD]]
//
// measures only the scenarios named: quickstart, stacks, pulumi, release, queues-on-aws, aws-limit,
// or runtime, which measures what the runtime's functions wait for beside other programs
// that run functions. Of it, only the groups named: warm, throughput, cold, async, idle,
// instance, neighbour; of the last one, which takes minutes, the attacks that follow a slash
// and commas: neighbour/spin,flood. Only soak is never measured unless it is named: for an hour, or as long as it
// is told to, it has the runtime do all that might leave something behind, at half load or
// as much as it is told.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/serving"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// runs of a measurement, of which the median counts.
const runs = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures what the arguments name: without any, everything. What misses a target
// does not keep the rest from being measured.
func run(ctx context.Context, names []string) error {
	if len(names) > 0 {
		switch names[0] {
		case "runtime":
			return serve(ctx, names[1:])
		case "soak":
			return soakFor(ctx, names[1:])
		}
	}
	rows, err := measure(ctx, names)
	if err == nil {
		err = report(os.Stdout, rows)
	}
	if len(names) == 0 && ctx.Err() == nil {
		err = errors.Join(err, serve(ctx, nil))
	}
	return err
}

// serve measures the runtime beside its peers.
func serve(ctx context.Context, groups []string) error {
	dir, err := os.MkdirTemp("", "tidegate-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	opts := serving.Options{Dir: dir, Log: os.Stderr, Out: os.Stdout}
	for _, group := range groups {
		name, attacks, some := strings.Cut(group, "/")
		if some && name == "neighbour" {
			group, opts.Attacks = name, strings.Split(attacks, ",")
		}
		opts.Only = append(opts.Only, group)
	}
	return serving.Run(ctx, opts)
}

// A scenario measures something. Its name is what to call it on the command line.
type scenario struct {
	name    string
	measure func(bench, context.Context) ([]row, error)
}

var scenarios = []scenario{
	{"quickstart", bench.quickstart},
	{"stacks", bench.hundredStacks},
	{"pulumi", bench.pulumi},
	{"release", bench.releases},
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
