package stack

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// A Release says how the aliases of a stack move to new versions, all of them
// together. A stack without one moves them at once, as soon as all versions are
// published.
type Release struct {
	// Strategy is all_at_once (default), canary, linear or blue_green, or one of
	// those names that AWS SAM and CodeDeploy use for both it and its numbers:
	// "AllAtOnce", "Canary10Percent5Minutes", "Linear10PercentEvery1Minute", with any
	// numbers.
	Strategy string `json:"strategy"`
	// Weight is the percentage of the traffic that the candidates get first (canary)
	// or more with each step (linear): 1 to 99, default 10. The other strategies have
	// none.
	Weight int `json:"weight,omitempty"`
	// Interval between two steps, during which the gate is watched: 1s to 24h, default
	// 5m for canary and blue_green, 1m for linear. With blue_green it is how long the
	// stable versions stay ready to take over again.
	Interval Duration `json:"interval,omitempty"`
	// Gate that a step must pass before the next; nil means that time alone passes.
	Gate *Gate `json:"gate,omitempty"`
	// Before and After name functions of the stack that are run against the candidates:
	// before they get any traffic, and after they have got all of it. If one fails, so
	// does the release.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// OnFailure is "rollback" (default) or "hold", which leaves the weights as they
	// are until somebody promotes, resumes or aborts the release.
	OnFailure string `json:"on_failure,omitempty"`
}

// A Gate compares the candidates with the stable versions over the same minutes. A
// limit that is nil is not looked at.
type Gate struct {
	// MaxErrorRate is the share of invocations that may fail: 0 to 1. Where the stable
	// version fails more often than that, and not just once, the candidate may fail as
	// often.
	MaxErrorRate *float64 `json:"max_error_rate,omitempty"`
	// MaxP95Ratio bounds the candidate's 95th percentile of durations, without cold starts, as a multiple
	// of the stable version's: more than 0.
	MaxP95Ratio *float64 `json:"max_p95_ratio,omitempty"`
	// MaxThrottleRate is the share of invocations that may be turned away: 0 to 1.
	MaxThrottleRate *float64 `json:"max_throttle_rate,omitempty"`
	// MinInvocations of the candidates, of all functions together, without which no
	// step passes, and none fails for what may be chance. Default 0: a step in which
	// nothing was invoked passes.
	MinInvocations int `json:"min_invocations,omitempty"`
	// Timeout after which a step that waits for invocations fails, counted from the
	// step's beginning: not less than the interval, at most 24h, default 1h.
	Timeout Duration `json:"timeout,omitempty"`
	// Alarms are names of CloudWatch alarms. One that goes into alarm during the release
	// fails it; one that was in alarm before is ignored until it recovers.
	Alarms []string `json:"alarms,omitempty"`
}

// ReleaseStatus is how far a release is; see internal/release.
type ReleaseStatus struct {
	// ID of what it makes live; see Stack.ReleaseID.
	ID string `json:"id"`
	// State is "running", "paused", "held", "finished" or "rolled_back"; the first three
	// are under way.
	State string `json:"state"`
	// Weight is the percentage of traffic that the candidates have.
	Weight int `json:"weight"`
	// By is who began it: "ada@laptop".
	By    string    `json:"by,omitempty"`
	Began time.Time `json:"began"`
	// Since is when it came to what it does now, or ended.
	Since time.Time `json:"since"`
	// What happened last, in words.
	What string `json:"what,omitempty"`
	// Candidates are the versions that it moves to, by function.
	Candidates map[string]int `json:"candidates,omitempty"`
	// Back tells that a person returned the stack to earlier versions by it (tidegate
	// rollback).
	Back bool `json:"back,omitempty"`
}

// UnderWay tells whether the release may still move aliases.
func (r *ReleaseStatus) UnderWay() bool {
	return r != nil && r.State != "finished" && r.State != "rolled_back"
}

// The strategies.
const (
	AllAtOnce = "all_at_once"
	Canary    = "canary"
	Linear    = "linear"
	BlueGreen = "blue_green"
)

// What a failure does.
const (
	Rollback = "rollback"
	Hold     = "hold"
)

// samStrategy is how SAM names a strategy with its numbers.
var samStrategy = regexp.MustCompile(`^(Canary|Linear)([0-9]{1,4})Percent(Every)?([0-9]{1,5})Minutes?$`)

// Resolve returns the release with defaults filled in and SAM's names taken apart, so
// that its strategy is one of the four.
func (r Release) Resolve() Release {
	if r.Strategy == "AllAtOnce" {
		r.Strategy = AllAtOnce
	}
	strategy, weight, minutes, named := r.named()
	r.Strategy = cmp.Or(r.Strategy, AllAtOnce)
	r.OnFailure = cmp.Or(r.OnFailure, Rollback)
	switch {
	case named: // A name with a 0 in it means that, which is not valid, and no default.
		r.Strategy, r.Weight, r.Interval = strategy, weight, Duration(time.Duration(minutes)*time.Minute)
	case r.Strategy == Canary:
		r.Weight = cmp.Or(r.Weight, 10)
		r.Interval = cmp.Or(r.Interval, Duration(5*time.Minute))
	case r.Strategy == Linear:
		r.Weight = cmp.Or(r.Weight, 10)
		r.Interval = cmp.Or(r.Interval, Duration(time.Minute))
	case r.Strategy == BlueGreen:
		r.Interval = cmp.Or(r.Interval, Duration(5*time.Minute))
	}
	if r.Gate != nil {
		gate := *r.Gate
		gate.Timeout = cmp.Or(gate.Timeout, max(Duration(time.Hour), r.Interval))
		r.Gate = &gate
	}
	return r
}

// named takes one of SAM's names apart.
func (r Release) named() (strategy string, weight, minutes int, ok bool) {
	m := samStrategy.FindStringSubmatch(r.Strategy)
	if m == nil || (m[1] == "Linear") != (m[3] != "") {
		return "", 0, 0, false
	}
	strategy = map[string]string{"Canary": Canary, "Linear": Linear}[m[1]]
	weight, _ = strconv.Atoi(m[2]) // The pattern bounds both.
	minutes, _ = strconv.Atoi(m[4])
	return strategy, weight, minutes, true
}

// Steps are the percentages that the candidates have, one interval each, before they
// have got everything: {10} of a canary, {25, 50, 75} of a linear release in quarters,
// {100} of blue and green, none if all move at once. The release is resolved.
func (r Release) Steps() []int {
	switch r.Strategy {
	case Canary:
		return []int{r.Weight}
	case Linear:
		var steps []int
		for weight := r.Weight; weight < 100 && r.Weight > 0; weight += r.Weight {
			steps = append(steps, weight)
		}
		return steps
	case BlueGreen:
		return []int{100}
	}
	return nil
}

// String names the release's shape in words: "canary of 10 % for 5m".
func (r Release) String() string {
	r = r.Resolve()
	switch r.Strategy {
	case Canary:
		return fmt.Sprintf("canary of %d %% for %s", r.Weight, r.Interval)
	case Linear:
		return fmt.Sprintf("linear, %d %% more every %s", r.Weight, r.Interval)
	case BlueGreen:
		return fmt.Sprintf("blue and green for %s", r.Interval)
	}
	return "all at once"
}
