package stack

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidateRelease(t *testing.T) {
	release := func(r Release) func(s *Stack) {
		return func(s *Stack) {
			s.Release = &r
			*s = s.WithDefaults()
		}
	}
	strategy := func(name string) func(s *Stack) { return release(Release{Strategy: name}) }
	canary := func(change func(r *Release)) func(s *Stack) {
		r := Release{Strategy: Canary}
		change(&r)
		return release(r)
	}
	gate := func(g Gate) func(s *Stack) { return canary(func(r *Release) { r.Gate = &g }) }
	minute := Duration(time.Minute)
	const at = "release."

	checkProblems(t, validStack, []problemCase{
		{name: "a release that says nothing", change: release(Release{})},
		{name: "all at once", change: strategy(AllAtOnce)},
		{name: "a canary", change: strategy(Canary)},
		{name: "linear", change: strategy(Linear)},
		{name: "blue and green", change: strategy(BlueGreen)},
		{name: "all at once by SAM's name", change: strategy("AllAtOnce")},
		{name: "a canary by SAM's name", change: strategy("Canary10Percent30Minutes")},
		{name: "linear by SAM's name", change: strategy("Linear10PercentEvery10Minutes")},
		{name: "a canary of other numbers", change: strategy("Canary99Percent1440Minutes")},
		{
			name: "a release with everything",
			change: release(Release{
				Strategy: Linear, Weight: 99, Interval: maxInterval, Before: "fulfil", After: "fulfil", OnFailure: Hold,
				Gate: &Gate{
					MaxErrorRate: new(1.0), MaxP95Ratio: new(1000.0), MaxThrottleRate: new(0.0), MinInvocations: 1,
					Timeout: maxInterval, Alarms: []string{strings.Repeat("a", 255), "b", "c", "d", "e", "f", "g", "h", "i", "j"},
				},
			}),
		},

		{
			name: "a strategy is one of four", change: strategy("rolling"),
			paths: []string{at + "strategy"}, want: `the strategy is "rolling"; it can be "all_at_once", "canary", "linear" or "blue_green"`,
		},
		{name: "a strategy is written as it is", change: strategy("Canary"), paths: []string{at + "strategy"}, want: `the strategy is "Canary"`},
		{
			name: "a canary of SAM's has no Every", change: strategy("Canary10PercentEvery5Minutes"),
			paths: []string{at + "strategy"}, want: `the strategy is "Canary10PercentEvery5Minutes"`,
		},
		{
			name: "SAM's linear has an Every", change: strategy("Linear10Percent5Minutes"),
			paths: []string{at + "strategy"}, want: `the strategy is "Linear10Percent5Minutes"`,
		},
		{
			name: "SAM's numbers are whole", change: strategy("Canary2.5Percent5Minutes"),
			paths: []string{at + "strategy"}, want: `the strategy is "Canary2.5Percent5Minutes"`,
		},
		{
			name: "a name of SAM's has a weight", change: strategy("Canary0Percent5Minutes"),
			paths: []string{at + "strategy"}, want: "the weight of a step is 0 percent; it can be 1 to 99",
		},
		{
			name: "a name of SAM's leaves something for the end", change: strategy("Linear100PercentEvery1Minute"),
			paths: []string{at + "strategy"}, want: "the weight of a step is 100 percent; it can be 1 to 99",
		},
		{
			name: "a name of SAM's has an interval", change: strategy("Canary10Percent0Minutes"),
			paths: []string{at + "strategy"}, want: "the interval between steps is 0s; it can be 1s to 24h",
		},
		{
			name: "a name of SAM's has an interval of a day at most", change: strategy("Canary10Percent1441Minutes"),
			paths: []string{at + "strategy"}, want: "the interval between steps is 24h1m; it can be 1s to 24h",
		},
		{
			name: "a name of SAM's has the weight in it", change: release(Release{Strategy: "Canary10Percent5Minutes", Weight: 10}),
			paths: []string{at + "weight", at + "strategy"}, want: "names its weight itself",
		},
		{
			name: "a name of SAM's has the interval in it", change: release(Release{Strategy: "Linear10PercentEvery1Minute", Interval: minute}),
			paths: []string{at + "interval", at + "strategy"}, want: "names its interval itself",
		},

		{
			name: "a canary gets a part", change: canary(func(r *Release) { r.Weight = 100 }),
			paths: []string{at + "weight"}, want: "the weight of a step is 100 percent; it can be 1 to 99",
		},
		{
			name: "a linear step is forwards", change: release(Release{Strategy: Linear, Weight: -10}),
			paths: []string{at + "weight"}, want: "the weight of a step is -10 percent; it can be 1 to 99",
		},
		{
			name: "blue and green has no weight", change: release(Release{Strategy: BlueGreen, Weight: 50}),
			paths: []string{at + "weight", at + "strategy"}, want: `a release with the strategy "blue_green" has no weight`,
		},
		{
			name: "all at once has no weight", change: release(Release{Weight: 50}),
			paths: []string{at + "weight", at + "strategy"}, want: `a release with the strategy "all_at_once" has no weight`,
		},
		{
			name: "nor has SAM's", change: release(Release{Strategy: "AllAtOnce", Weight: 50}),
			paths: []string{at + "weight", at + "strategy"}, want: `a release with the strategy "AllAtOnce" has no weight`,
		},

		{
			name: "an interval is a second at least", change: canary(func(r *Release) { r.Interval = Duration(999 * time.Millisecond) }),
			paths: []string{at + "interval"}, want: "the interval between steps is 999ms; it can be 1s to 24h",
		},
		{
			name: "an interval is a day at most", change: canary(func(r *Release) { r.Interval = maxInterval + minute }),
			paths: []string{at + "interval"}, want: "the interval between steps is 24h1m; it can be 1s to 24h",
		},
		{
			name: "an interval is forwards", change: release(Release{Strategy: BlueGreen, Interval: -minute}),
			paths: []string{at + "interval"}, want: "the interval between steps is -1m; it can be 1s to 24h",
		},
		{
			name: "an interval is whole seconds", change: canary(func(r *Release) { r.Interval = Duration(1500 * time.Millisecond) }),
			paths: []string{at + "interval"}, want: "the interval between steps is 1.5s; it is counted in whole seconds",
		},
		{
			name: "all at once has no interval", change: release(Release{Interval: minute}),
			paths: []string{at + "interval", at + "strategy"}, want: "a release that moves all at once has no interval",
		},
		{
			name: "SAM's has none either", change: release(Release{Strategy: "AllAtOnce", Interval: minute}),
			paths: []string{at + "interval", at + "strategy"}, want: "a release that moves all at once has no interval",
		},

		{
			name: "a failure rolls back or holds", change: canary(func(r *Release) { r.OnFailure = "ignore" }),
			paths: []string{at + "on_failure"}, want: `what a failure does is "ignore"; it can be "rollback" or "hold"`,
		},
		{
			name: "a hook before is a function of the stack", change: canary(func(r *Release) { r.Before = "smoke" }),
			paths: []string{at + "before", "functions"},
			want:  `there is no function "smoke" in this stack to run before the traffic moves; there is "fulfil"`,
		},
		{
			name: "a hook after is a function of the stack", change: release(Release{After: "verify"}),
			paths: []string{at + "after", "functions"},
			want:  `there is no function "verify" in this stack to run after the traffic moves; there is "fulfil"`,
		},

		{name: "a gate may have one condition", change: gate(Gate{MaxErrorRate: new(0.0)})},
		{name: "invocations are a condition", change: gate(Gate{MinInvocations: 1})},
		{name: "alarms are a condition", change: gate(Gate{Alarms: []string{"a"}})},
		{
			name: "a gate has a condition", change: gate(Gate{}),
			paths: []string{at + "gate"}, want: "the gate has no condition; give it",
		},
		{
			name: "all at once has no time for a gate", change: release(Release{Gate: &Gate{MinInvocations: 1}}),
			paths: []string{at + "gate", at + "strategy"}, want: "a release that moves all at once has no time in which a gate could be watched",
		},
		{
			name: "nor has SAM's", change: release(Release{Strategy: "AllAtOnce", Gate: &Gate{MinInvocations: 1}}),
			paths: []string{at + "gate", at + "strategy"}, want: "a release that moves all at once has no time in which a gate could be watched",
		},
		{
			name: "an error rate is a share", change: gate(Gate{MaxErrorRate: new(1.5)}),
			paths: []string{at + "gate.max_error_rate"}, want: "the error rate is 1.5; it is a share of the invocations, from 0 to 1",
		},
		{
			name: "an error rate is not negative", change: gate(Gate{MaxErrorRate: new(-0.1)}),
			paths: []string{at + "gate.max_error_rate"}, want: "the error rate is -0.1",
		},
		{
			name: "an error rate is a number", change: gate(Gate{MaxErrorRate: new(math.NaN())}),
			paths: []string{at + "gate.max_error_rate"}, want: "the error rate is NaN",
		},
		{
			name: "a throttle rate is a share", change: gate(Gate{MaxThrottleRate: new(5.0)}),
			paths: []string{at + "gate.max_throttle_rate"}, want: "the throttle rate is 5; it is a share of the invocations, from 0 to 1",
		},
		{
			name: "a ratio is more than nothing", change: gate(Gate{MaxP95Ratio: new(0.0)}),
			paths: []string{at + "gate.max_p95_ratio"}, want: "the ratio of durations is 0; it can be more than 0 and up to 1000",
		},
		{
			name: "a ratio has a limit", change: gate(Gate{MaxP95Ratio: new(math.Inf(1))}),
			paths: []string{at + "gate.max_p95_ratio"}, want: "the ratio of durations is +Inf",
		},
		{
			name: "invocations are not negative", change: gate(Gate{MinInvocations: -1}),
			paths: []string{at + "gate.min_invocations"}, want: "the least number of invocations is -1; it can be 0 to 1000000000",
		},
		{
			name: "a step times out after a day at most", change: gate(Gate{MinInvocations: 1, Timeout: maxInterval + minute}),
			paths: []string{at + "gate.timeout"}, want: "the timeout of a step is 24h1m; it can be 1s to 24h",
		},
		{
			name: "a step times out after whole seconds", change: gate(Gate{MinInvocations: 1, Timeout: 10*minute + 1}),
			paths: []string{at + "gate.timeout"}, want: "it is counted in whole seconds",
		},
		{
			name: "a step does not time out before its interval", change: gate(Gate{MinInvocations: 1, Timeout: minute}),
			paths: []string{at + "gate.timeout", at + "interval", at + "strategy"},
			want:  "a step would time out after 1m, before its interval of 5m is over",
		},
		{
			name: "nor before the interval of SAM's", change: release(Release{
				Strategy: "Linear10PercentEvery10Minutes", Gate: &Gate{MinInvocations: 1, Timeout: 9 * minute},
			}),
			paths: []string{at + "gate.timeout", at + "interval", at + "strategy"},
			want:  "a step would time out after 9m, before its interval of 10m is over",
		},
		{
			name: "a timeout is for invocations", change: gate(Gate{MaxErrorRate: new(0.1), Timeout: 10 * minute}),
			paths: []string{at + "gate.timeout", at + "gate.min_invocations"}, want: "min_invocations asks for none; set it too",
		},
		{
			name: "there are at most ten alarms", change: gate(Gate{Alarms: strings.Split("abcdefghijk", "")}),
			paths: []string{at + "gate.alarms"}, want: "there are 11 alarms; there can be 10",
		},
		{
			name: "an alarm has a name", change: gate(Gate{Alarms: []string{"a", ""}}),
			paths: []string{at + "gate.alarms[1]", at + "gate.alarms"}, want: `"" cannot name an alarm; use 1 to 255 characters`,
		},
		{
			name: "an alarm's name has at most 255 characters", change: gate(Gate{Alarms: []string{strings.Repeat("a", 256)}}),
			paths: []string{at + "gate.alarms[0]", at + "gate.alarms"}, want: "cannot name an alarm; use 1 to 255 characters",
		},
	})
}

// Without functions there is one problem, and that is not the hook.
func TestAHookOfNoFunctionsIsNotBlamed(t *testing.T) {
	s := Stack{Name: "shop", Release: &Release{Before: "smoke"}}.WithDefaults()
	if problems := s.Validate(); len(problems) != 1 || !strings.Contains(problems[0].Message, "at least one function") {
		t.Errorf("problems: %v", problems)
	}
}
