package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// barWidth is the number of characters between a bar's brackets.
const barWidth = 20

// bar draws a percentage.
func bar(percent int) string {
	full := percent * barWidth / 100
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

func by(r release.Release) string { return cmp.Or(r.By, "somebody") }

// stateWords are "running", "paused", "rolled back".
func stateWords(r release.Release) string { return strings.ReplaceAll(r.Status().State, "_", " ") }

// moveLines are "fulfil 7 → 8", one for each function that moves.
func moveLines(r release.Release) []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(r.Moves)) {
		lines = append(lines, fmt.Sprintf("%s %s → %d", name, routingCell(r.Moves[name].Stable), r.Moves[name].Candidate))
	}
	return lines
}

// nextWords say what comes next, and when.
func nextWords(r release.Release, now time.Time) string {
	const waits = "until somebody gives --resume, --promote or --abort"
	steps := r.Policy.Steps()
	switch {
	case r.Stopped != release.Running:
		return string(r.Stopped) + " " + waits
	case r.Hook() != "":
		return "now " + r.Hook() + " runs"
	case r.Phase != release.Shifting:
		return stateWords(r)
	}
	next := "100 %"
	switch {
	case r.Step+1 < len(steps):
		next = fmt.Sprintf("%d %%", steps[r.Step+1])
	case r.Weight() == 100 && r.Policy.After != "":
		next = r.Policy.After
	case r.Weight() == 100:
		next = "the end"
	}
	left := r.Due().Sub(now).Round(time.Second)
	switch {
	case -left > patience(r.Policy):
		return fmt.Sprintf("next: %s, overdue for %s; if no apply drives the release any more, apply again, or give --promote or --abort", next, -left)
	case left > 0:
		return fmt.Sprintf("next: %s in %s", next, left)
	case r.Policy.Gate != nil && r.Policy.Gate.MinInvocations > 0:
		return fmt.Sprintf("next: %s after %d invocations of the new versions", next, r.Policy.Gate.MinInvocations)
	}
	if r.Policy.Gate != nil { // What it looks at may come minutes late.
		return fmt.Sprintf("next: %s once the gate has judged this step", next)
	}
	return fmt.Sprintf("next: %s any moment", next)
}

// patience is how long after its end a step may still be waited for. Metrics come minutes
// late, and invocations when they come.
func patience(policy stack.Release) time.Duration {
	switch gate := policy.Gate; {
	case gate == nil:
		return time.Minute
	case gate.MinInvocations > 0:
		return gate.Timeout.Std() - policy.Interval.Std() + 5*time.Minute
	}
	return 5 * time.Minute
}

// seenWords compare both sides, one after the other; nil if nothing is known of them.
func seenWords(r release.Release) []string {
	if r.Seen == nil {
		return nil
	}
	var candidate, stable release.Counts
	for _, sides := range r.Seen.Functions {
		candidate, stable = sum(candidate, sides.Candidate), sum(stable, sides.Stable)
	}
	words := []string{"new: " + countWords(candidate), "former: " + countWords(stable)}
	if len(r.Seen.Red) > 0 {
		words = append(words, "in alarm: "+strings.Join(r.Seen.Red, ", "))
	}
	return words
}

func sum(a, b release.Counts) release.Counts {
	return release.Counts{
		Invocations: a.Invocations + b.Invocations, Errors: a.Errors + b.Errors, Throttles: a.Throttles + b.Throttles,
		P95: max(a.P95, b.P95),
	}
}

// countWords are "2 of 518 failed (0.39 %), p95 120ms". Of several functions the p95 is
// that of the slowest.
func countWords(c release.Counts) string {
	if c.Invocations+c.Throttles == 0 {
		return "no invocations"
	}
	words := fmt.Sprintf("%d of %d failed", c.Errors, c.Invocations)
	if c.Invocations > 0 {
		words += fmt.Sprintf(" (%.2g %%)", 100*float64(c.Errors)/float64(c.Invocations))
	}
	if c.Throttles > 0 {
		words += fmt.Sprintf(", %d turned away", c.Throttles)
	}
	if c.P95 > 0 {
		words += ", p95 " + c.P95.Round(time.Millisecond).String()
	}
	return words
}
