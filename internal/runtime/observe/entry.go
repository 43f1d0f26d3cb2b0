package observe

import (
	"strconv"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// An entry is what one node has counted of one release.
type entry struct {
	// Since is when the step began that Candidate and Stable are counted from, in
	// nanoseconds since 1970. What another node counted from another step is not added.
	Since int64 `json:"since"`
	// Functions that move, by name.
	Functions map[string]sides `json:"functions"`
}

// sides are the counts of one function's two versions.
type sides struct {
	Candidate telemetry.Counts `json:"candidate"`
	Stable    telemetry.Counts `json:"stable"`
	// Before are the stable version's from the minutes before the release began.
	Before telemetry.Counts `json:"before"`
}

// A releaseKey names one release of one stack; the keys of its entries begin with it.
// Releases of a stack differ in when they began, those of a later stack of the same
// name included.
type releaseKey struct {
	stack string
	began int64
}

func keyOf(stack string, r release.Release) releaseKey {
	return releaseKey{stack, r.Began.UnixNano()}
}

// prefix of the keys; stacks' names have no dot.
func (k releaseKey) prefix() string { return k.stack + "." + strconv.FormatInt(k.began, 10) }

func (k releaseKey) of(node string) string { return k.prefix() + "." + node }

// merge adds up what nodes have counted of the release's step.
func merge(r release.Release, entries []entry) release.Seen {
	seen := release.Seen{Functions: map[string]release.Sides{}}
	idle := r.Weight() == 100
	for name := range r.Moves {
		var sum sides
		for _, e := range entries {
			own := e.Functions[name]
			sum.Before = sum.Before.Plus(own.Before)
			if e.Since == r.Since.UnixNano() {
				sum.Candidate = sum.Candidate.Plus(own.Candidate)
				sum.Stable = sum.Stable.Plus(own.Stable)
			}
		}
		if idle {
			sum.Stable = sum.Before
		}
		seen.Functions[name] = release.Sides{Candidate: countsOf(sum.Candidate), Stable: countsOf(sum.Stable)}
	}
	return seen
}

// countsOf has counts as a gate looks at them.
func countsOf(c telemetry.Counts) release.Counts {
	return release.Counts{
		Invocations: int(c.Invocations), Errors: int(c.Errors), Throttles: int(c.Throttles),
		P95: c.Durations.Quantile(0.95),
	}
}
