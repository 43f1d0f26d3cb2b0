package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints the table, and returns an error if a limit is exceeded.
func report(out io.Writer, rows []row) error {
	var over []string
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "\ttime\t(limit)\tprovider's peak\t(limit)\tcalls to AWS\tbeside\tits time\tits peak\tits calls\tratio of times (limit)\t")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%s s\t(%s)\t%s\t(%s)\t%s\t%s\t%s s\t%s\t%s\t%s\t\n",
			r.what, seconds(r.took), unless(r.atMost == 0, "%g s", r.atMost.Seconds()),
			unless(r.memory == 0, "%d MiB", r.memory>>20), unless(r.memoryAtMost == 0, "%d MiB", r.memoryAtMost>>20), unless(len(r.calls) == 0, "%d", r.allCalls()),
			r.beside, seconds(r.base.took), unless(r.base.memory == 0, "%d MiB", r.base.memory>>20), unless(len(r.base.calls) == 0, "%d", r.base.allCalls()), r.ratio())
		if r.over() {
			over = append(over, r.what)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		r.tellCalls(out)
	}
	if len(over) > 0 {
		return fmt.Errorf("over the limit: %q", over)
	}
	return nil
}

// tellCalls prints how often each operation of AWS was called.
func (r row) tellCalls(out io.Writer) {
	calls := map[string]bool{}
	for _, of := range []cost{r.cost, r.base} {
		for call := range of.calls {
			calls[call] = true
		}
	}
	if len(calls) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s: the calls", r.what)
	if len(r.base.calls) > 0 {
		fmt.Fprintf(out, ", and those of %s", r.beside)
	}
	fmt.Fprintln(out)
	for _, call := range slices.Sorted(maps.Keys(calls)) {
		beside := ""
		if len(r.base.calls) > 0 {
			beside = fmt.Sprintf(" %6d", r.base.calls[call])
		}
		fmt.Fprintf(out, "%6d%s  %s\n", r.calls[call], beside, call)
	}
}

// seconds writes a time, and what is below a tenth with two more digits.
func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.4f", d.Seconds())
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

// unless formats a value, or is "-".
func unless(without bool, format string, value any) string {
	if without {
		return "-"
	}
	return fmt.Sprintf(format, value)
}
