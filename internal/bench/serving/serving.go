// Package serving measures the open runtime beside what people would use in its place,
// on the same machine and in the same minutes: every round measures every candidate, so
// that what else the machine does disturbs all of them, and the median of the rounds'
// ratios counts.
package serving

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest/hostile"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/bench/peers"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Rounds of which the median counts, unless Options say otherwise.
const Rounds = 5

// payload is what functions and peers echo.
const payload = `{"id":"7f0c9a52","detail":{"customer":"c-1042","items":[{"sku":"a-1","count":2},{"sku":"b-7","count":1}]}}`

// settle is how long the machine rests between two candidates.
const settle = 100 * time.Millisecond

// Options for Run.
type Options struct {
	// Dir is an empty folder for data and logs.
	Dir string
	// Rounds, default Rounds.
	Rounds int
	// Only the groups whose name is here, all if there are none: see Groups.
	Only []string
	// Attacks on the neighbour that are measured, all if there are none: see
	// hostile.Attacks.
	Attacks []string
	// Log gets what is going on, Out the table.
	Log, Out io.Writer
}

// A candidate is a row, and how a round measures it.
type candidate struct {
	*row
	measure func(context.Context) (sample, error)
}

// A bench has what the groups share.
type bench struct {
	Options
	peers *peers.Installed
	// warmed and others are what is measured warm, once it is started.
	warmed *echoes
	others []echo
	// ends are called in the opposite order when all is measured.
	ends []func() error
}

// parts make the groups, each with its candidates.
var parts = []struct {
	name string
	make func(*bench, context.Context) (title string, all []candidate, err error)
}{
	{"warm", (*bench).warm},
	{"throughput", (*bench).throughput},
	{"cold", (*bench).cold},
	{"async", (*bench).async},
	{"idle", (*bench).idle},
	{"instance", (*bench).instance},
	{"neighbour", (*bench).neighbour},
}

// Groups are the names that Options.Only may have.
func Groups() (names []string) {
	for _, p := range parts {
		names = append(names, p.name)
	}
	return names
}

// Run measures and prints the table. A missed target is a *MissedError.
func Run(ctx context.Context, opts Options) (err error) {
	if opts.Rounds == 0 {
		opts.Rounds = Rounds
	}
	for _, name := range opts.Only {
		if !slices.Contains(Groups(), name) {
			return fmt.Errorf("there is no group %q; there are %s", name, strings.Join(Groups(), ", "))
		}
	}
	for _, name := range opts.Attacks {
		if !slices.Contains(hostile.Attacks(), name) {
			return fmt.Errorf("there is no attack %q; there are %s", name, strings.Join(hostile.Attacks(), ", "))
		}
	}
	b := &bench{Options: opts}
	defer func() {
		for _, end := range slices.Backward(b.ends) {
			if failed := end(); err == nil {
				err = failed
			}
		}
	}()
	if b.peers, err = peers.Install(ctx); err != nil {
		return err
	}
	var groups []group
	var all []candidate
	for _, p := range parts {
		if len(opts.Only) > 0 && !slices.Contains(opts.Only, p.name) {
			continue
		}
		fmt.Fprintln(opts.Log, "preparing:", p.name)
		title, candidates, err := p.make(b, ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		g := group{title: title}
		for _, c := range candidates {
			g.rows = append(g.rows, c.row)
		}
		groups, all = append(groups, g), append(all, candidates...)
	}
	if err := b.measure(ctx, all); err != nil {
		return err
	}
	fmt.Fprintln(opts.Out, b.machine())
	return report(opts.Out, groups)
}

// measure goes through the candidates round by round, every other time backwards: what
// one leaves behind does not always meet the same one.
func (b *bench) measure(ctx context.Context, all []candidate) error {
	for round := range b.Rounds {
		fmt.Fprintf(b.Log, "round %d of %d\n", round+1, b.Rounds)
		for i := range all {
			c := all[i]
			if round%2 == 1 {
				c = all[len(all)-1-i]
			}
			s, err := c.measure(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.what, err)
			}
			c.samples = append(c.samples, s)
			time.Sleep(settle)
		}
	}
	return nil
}

// runtime starts a runtime that ends with the measurements.
func (b *bench) runtime(ctx context.Context, name string, flags ...string) (*harness.Runtime, error) {
	dir := filepath.Join(b.Dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	r, err := harness.StartRuntime(ctx, harness.RuntimeOptions{Dir: dir, Flags: flags})
	if err != nil {
		return nil, err
	}
	b.ends = append(b.ends, r.Stop)
	return r, nil
}

// machine describes where the numbers are from.
func (b *bench) machine() string {
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	load, _ := os.ReadFile("/proc/loadavg")
	return fmt.Sprintf("%d processors, %s %s, %s; medians of %d rounds, candidates by turns; load average at the end %s",
		goruntime.NumCPU(), goruntime.GOOS, strings.TrimSpace(string(kernel)), goruntime.Version(), b.Rounds, firstField(string(load)))
}

func firstField(text string) string {
	field, _, _ := strings.Cut(text, " ")
	return field
}
