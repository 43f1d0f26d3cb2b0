package serving

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A sample is what one round has measured of one candidate. What was not measured is 0.
type sample struct {
	p50, p99 time.Duration
	// rate is requests in a second.
	rate float64
	// memory is the proportional set size of all its processes, in bytes.
	memory int64
}

// A bound is what a row must reach. Exactly one of its two is set.
type bound struct {
	atMost, atLeast float64
}

func (b bound) met(value float64) bool {
	if b.atLeast > 0 {
		return value >= b.atLeast
	}
	return value <= b.atMost
}

// A target compares a row with what the runtime must reach.
type target struct {
	bound
	// value is computed of the row's sample and its base's of the same round; the median
	// over the rounds counts.
	value func(own, base sample) float64
	// format writes value, and the bound, such as "%.2f x p50 of the ceiling".
	format string
}

// A row is one candidate's line of the table.
type row struct {
	what string
	// samples, one a round.
	samples []sample
	// base has the samples that target compares with, round by round; nil compares with
	// nothing.
	base   *row
	target *target
}

// median returns the row's numbers, each the median of its own over the rounds.
func (r *row) median() sample {
	return sample{
		p50:    medianOf(r.samples, func(s sample) time.Duration { return s.p50 }),
		p99:    medianOf(r.samples, func(s sample) time.Duration { return s.p99 }),
		rate:   medianOf(r.samples, func(s sample) float64 { return s.rate }),
		memory: medianOf(r.samples, func(s sample) int64 { return s.memory }),
	}
}

// reached is the value that the target bounds.
func (r *row) reached() float64 {
	values := make([]float64, len(r.samples))
	for i, own := range r.samples {
		var base sample
		if r.base != nil {
			base = r.base.samples[i]
		}
		values[i] = r.target.value(own, base)
	}
	return medianOf(values, func(v float64) float64 { return v })
}

func medianOf[T any, N int64 | float64 | time.Duration](all []T, number func(T) N) N {
	if len(all) == 0 {
		return 0
	}
	numbers := make([]N, len(all))
	for i, one := range all {
		numbers[i] = number(one)
	}
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}

// A group is what is measured in the same way, by turns.
type group struct {
	title string
	rows  []*row
}

// report prints the table, and returns an error that names what was missed.
func report(out io.Writer, groups []group) error {
	lines := [][]string{{"", "p50", "p99", "per second", "memory", "reached", "must be", ""}}
	var missed []string
	for _, g := range groups {
		lines = append(lines, []string{g.title})
		for _, r := range g.rows {
			reached, must, verdict := "", "", ""
			if t := r.target; t != nil {
				value := r.reached()
				reached, must, verdict = fmt.Sprintf(t.format, value), t.must(), "yes"
				if !t.met(value) {
					verdict = "NO"
					missed = append(missed, fmt.Sprintf("%s, %s: %s, must be %s", g.title, r.what, reached, must))
				}
			}
			m := r.median()
			lines = append(lines, []string{
				"  " + r.what, milliseconds(m.p50), milliseconds(m.p99), unless(m.rate == 0, "%.0f", m.rate),
				unless(m.memory == 0, "%.1f MiB", float64(m.memory)/(1<<20)), reached, must, verdict,
			})
		}
	}
	if err := align(out, lines); err != nil {
		return err
	}
	if len(missed) > 0 {
		return &MissedError{missed}
	}
	return nil
}

// numbers are the columns that are aligned on the right.
const numbers = 4

// align writes lines in columns. A line of one column is a title, as wide as it is.
func align(out io.Writer, lines [][]string) error {
	var widths []int
	for _, line := range lines {
		for i, cell := range line {
			if len(widths) <= i {
				widths = append(widths, 0)
			}
			if len(line) > 1 {
				widths[i] = max(widths[i], len(cell))
			}
		}
	}
	for _, line := range lines {
		var text strings.Builder
		for i, cell := range line {
			if i > 0 && i <= numbers {
				fmt.Fprintf(&text, "  %*s", widths[i], cell)
			} else {
				fmt.Fprintf(&text, "%-*s", widths[i], cell)
			}
			if i >= numbers {
				text.WriteString("   ")
			}
		}
		if _, err := fmt.Fprintln(out, strings.TrimRight(text.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// must writes the bound.
func (t *target) must() string {
	if t.atLeast > 0 {
		return "at least " + fmt.Sprintf(t.format, t.atLeast)
	}
	return "at most " + fmt.Sprintf(t.format, t.atMost)
}

// A MissedError names the targets that were missed.
type MissedError struct{ Targets []string }

func (e *MissedError) Error() string {
	return fmt.Sprintf("%d targets were missed:\n  %s", len(e.Targets), strings.Join(e.Targets, "\n  "))
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f ms", d.Seconds()*1000)
}

// unless formats a value, or is "-".
func unless(without bool, format string, value any) string {
	if without {
		return "-"
	}
	return fmt.Sprintf(format, value)
}
