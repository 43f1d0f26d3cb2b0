package release

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Seen is what was observed since the current step began.
type Seen struct {
	// Functions that move, by name.
	Functions map[string]Sides `json:"functions,omitempty"`
	// Red are those of the gate's alarms that are in alarm now.
	Red []string `json:"red,omitempty"`
}

// Sides are the two versions of one function over the same minutes. While the stable
// one gets no traffic (blue and green), its are the minutes before the release.
type Sides struct {
	Candidate Counts `json:"candidate"`
	Stable    Counts `json:"stable"`
}

// Counts of one version's invocations.
type Counts struct {
	Invocations int `json:"invocations"`
	// Errors are invocations that failed in the function: errors, timeouts, crashes.
	Errors int `json:"errors"`
	// Throttles are invocations that were turned away; they are no Invocations.
	Throttles int `json:"throttles"`
	// P95 is the 95th percentile of the durations, cold starts not included; 0 if unknown.
	// In JSON it is nanoseconds.
	P95 time.Duration `json:"p95"`
}

// ratedInvocations is how many durations a 95th percentile is taken from at least.
const ratedInvocations = 20

// Judge decides about the current step: it goes on to the next when its interval is
// over and the gate lets it, fails when the gate is missed, and else stays as it is.
// A limit that is exceeded for certain fails the release at once; one that may be so
// by chance, when the step is over: when it has lasted for its interval, and the
// candidates have been invoked as often as the gate wants.
func (r Release) Judge(now time.Time, seen Seen) Release {
	if r.Phase != Shifting || r.Stopped != Running {
		return r
	}
	gate := r.Policy.Gate
	if gate == nil {
		gate = &stack.Gate{}
	}
	r, alarmed := r.alarms(seen.Red)
	if len(alarmed) > 0 {
		return r.fail(now, fmt.Sprintf("the alarm %q went into alarm at %d %%", alarmed[0], r.Weight()))
	}
	due, invocations := !now.Before(r.Due()), r.invocations(seen)
	over := due && invocations >= gate.MinInvocations
	var said []string
	for _, name := range slices.Sorted(maps.Keys(r.Moves)) {
		for _, v := range verdicts(*gate, seen.Functions[name], over) {
			if v.missed {
				return r.fail(now, fmt.Sprintf("at %d %% the candidate version %d of function %q %s", r.Weight(), r.Moves[name].Candidate, name, v.what))
			}
			if v.what != "" {
				said = append(said, name+" "+v.what)
			}
		}
	}
	switch {
	case !due:
		return r
	case !over:
		return r.await(now, invocations)
	case len(seen.Functions) == 0: // Nobody has looked.
		return r.shift(r.Step+1, now, fmt.Sprintf("%d %% passed after %s", r.Weight(), r.Policy.Interval))
	case len(said) == 0:
		said = []string{fmt.Sprintf("%d invocations of the candidates", invocations)}
	}
	return r.shift(r.Step+1, now, fmt.Sprintf("%d %% passed: %s", r.Weight(), strings.Join(said, "; ")))
}

// await waits for more invocations than there were when the interval was over, which the
// trail says once, or fails after the gate's timeout.
func (r Release) await(now time.Time, invocations int) Release {
	gate := r.Policy.Gate
	end := r.Since.Add(gate.Timeout.Std())
	switch {
	case !now.Before(end):
		return r.fail(now, fmt.Sprintf("at %d %% the candidates were invoked %d times within %s, and the gate wants %d",
			r.Weight(), invocations, gate.Timeout, gate.MinInvocations))
	case r.Awaits:
		return r
	}
	r.Awaits = true
	return r.mark(now, fmt.Sprintf("waits for %d invocations of the candidates, %d so far, until %s",
		gate.MinInvocations, invocations, end.UTC().Format("2006-01-02 15:04 UTC")))
}

// alarms forgets alarms that have recovered, and returns those that went into alarm since
// the release began.
func (r Release) alarms(red []string) (Release, []string) {
	var still, alarmed []string
	for _, alarm := range red {
		if slices.Contains(r.Red, alarm) {
			still = append(still, alarm)
		} else {
			alarmed = append(alarmed, alarm)
		}
	}
	slices.Sort(still)
	slices.Sort(alarmed)
	r.Red = still
	return r, alarmed
}

// invocations of the candidates.
func (r Release) invocations(seen Seen) (n int) {
	for name := range r.Moves {
		n += seen.Functions[name].Candidate.Invocations
	}
	return n
}

// A verdict is on one limit for one function.
type verdict struct {
	missed bool
	what   string
}

// verdicts are on those limits that can be told now.
func verdicts(g stack.Gate, s Sides, over bool) (all []verdict) {
	if g.MaxErrorRate != nil {
		all = append(all, limited("failed", *g.MaxErrorRate, s.Candidate.failed(), s.Stable.failed(), over))
	}
	if g.MaxThrottleRate != nil {
		all = append(all, limited("was throttled", *g.MaxThrottleRate, s.Candidate.throttled(), s.Stable.throttled(), over))
	}
	if g.MaxP95Ratio != nil && over {
		all = append(all, slowed(*g.MaxP95Ratio, s))
	}
	return all
}

// failed is the share of invocations that failed. Errors may be counted before their
// invocations are.
func (c Counts) failed() share { return share{c.Errors, max(c.Invocations, c.Errors)} }

func (c Counts) throttled() share { return share{c.Throttles, c.Invocations + c.Throttles} }

// A share is so many of so many.
type share struct{ some, all int }

func (s share) rate() float64 {
	if s.all == 0 {
		return 0
	}
	return float64(s.some) / float64(s.all)
}

func (s share) String() string { return fmt.Sprintf("%d of %d (%s)", s.some, s.all, percent(s.rate())) }

// limited compares a candidate's share with a limit, or with the stable version's where
// that is beyond the limit itself: a fix must get past a gate that what it fixes does
// not. A single failure of the stable version may be chance, and excuses nothing.
func limited(did string, limit float64, candidate, stable share, over bool) verdict {
	if candidate.all == 0 {
		return verdict{}
	}
	bound, excused := limit, stable.some > 1 && stable.rate() > limit
	if excused {
		bound = stable.rate()
	}
	missed := candidate.rate() > bound
	switch {
	case missed && !over: // The last word is not spoken.
		missed = candidate.surelyAbove(bound)
	case missed && excused: // Both rates are by chance.
		missed = candidate.atLeast() > bound
	}
	switch {
	case missed && excused:
		return verdict{true, fmt.Sprintf("%s in %s invocations, the stable version in %s, with %s allowed", did, candidate, stable, percent(limit))}
	case missed:
		return verdict{true, fmt.Sprintf("%s in %s invocations, with %s allowed", did, candidate, percent(limit))}
	case excused && candidate.rate() > limit:
		return verdict{false, fmt.Sprintf("%s in %s invocations, more than the %s allowed, but the stable version did in %s", did, candidate, percent(limit), stable)}
	}
	return verdict{false, fmt.Sprintf("%s in %s invocations", did, candidate)}
}

// surelyAbove tells whether the share that is behind the one seen exceeds a limit that it
// is beyond. By chance alone, so many of so many are seen less than once in a thousand
// times (Chernoff's bound): while a step lasts it is asked again and again, and each time
// chance gets another try. So it takes two failures, unless none is allowed.
func (s share) surelyAbove(limit float64) bool {
	p, n := s.rate(), float64(s.all)
	divergence := p * math.Log(p/limit)
	if p < 1 {
		divergence += (1 - p) * math.Log((1-p)/(1-limit))
	}
	return n*divergence > math.Log(1000)
}

// atLeast is the lower end of the share that is behind the one seen, with 95 %
// confidence (the Wilson score interval, one-sided).
func (s share) atLeast() float64 {
	const z = 1.645
	n, p := float64(s.all), s.rate()
	return (p + z*z/(2*n) - z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

// slowed compares the durations, if there are enough of both.
func slowed(limit float64, s Sides) verdict {
	if s.Candidate.Invocations < ratedInvocations || s.Stable.Invocations < ratedInvocations || s.Candidate.P95 == 0 || s.Stable.P95 == 0 {
		return verdict{}
	}
	ratio := float64(s.Candidate.P95) / float64(s.Stable.P95)
	what := fmt.Sprintf("took %s where the stable version takes %s (95th percentile of %d and %d invocations, %s times)",
		rounded(s.Candidate.P95), rounded(s.Stable.P95), s.Candidate.Invocations, s.Stable.Invocations, times(ratio))
	if ratio > limit {
		return verdict{true, what + fmt.Sprintf(", with %g times allowed", limit)}
	}
	return verdict{false, what}
}

// rounded to three digits or so.
func rounded(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", share*100) }

// times is a ratio, to three digits or to the unit.
func times(ratio float64) string {
	if ratio >= 100 {
		return fmt.Sprintf("%.0f", ratio)
	}
	return fmt.Sprintf("%.3g", ratio)
}
