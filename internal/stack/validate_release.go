package stack

import "time"

const (
	maxInterval = Duration(24 * time.Hour)
	maxAlarms   = 10
)

// release checks how the aliases move.
func (v *validation) release(s Stack) {
	if s.Release == nil {
		return
	}
	r := *s.Release
	resolved := r.Resolve()
	_, _, _, named := r.named()
	if named {
		v.named(r)
	} else {
		v.oneOf("release.strategy", "the strategy", resolved.Strategy, AllAtOnce, Canary, Linear, BlueGreen)
	}
	switch resolved.Strategy {
	case Canary, Linear:
		path := "release.weight"
		if named {
			path = "release.strategy"
		}
		v.between(path, "the weight of a step", resolved.Weight, 1, 99, " percent")
	case AllAtOnce, BlueGreen:
		if r.Weight != 0 {
			v.errorf(at("release.weight", "release.strategy"), "a release with the strategy %q has no weight: it moves all traffic in one step; "+
				"leave the weight out, or choose \"canary\" or \"linear\"", r.Strategy)
		}
	}
	v.interval(r, resolved, named)
	v.oneOf("release.on_failure", "what a failure does", resolved.OnFailure, Rollback, Hold)
	v.hook(s, "before", r.Before)
	v.hook(s, "after", r.After)
	if r.Gate != nil {
		v.gate(*r.Gate, resolved)
	}
}

// named checks that numbers which are in the strategy's name stand nowhere else.
func (v *validation) named(r Release) {
	if r.Weight != 0 {
		v.errorf(at("release.weight", "release.strategy"), "the strategy %q names its weight itself; leave this one out", r.Strategy)
	}
	if r.Interval != 0 {
		v.errorf(at("release.interval", "release.strategy"), "the strategy %q names its interval itself; leave this one out", r.Strategy)
	}
}

func (v *validation) interval(r, resolved Release, named bool) {
	switch resolved.Strategy {
	case Canary, Linear, BlueGreen:
	case AllAtOnce:
		if r.Interval != 0 {
			v.errorf(at("release.interval", "release.strategy"), "a release that moves all at once has no interval; leave it out, or choose another strategy")
		}
		return
	default: // What holds of it is not known.
		return
	}
	path := "release.interval"
	if named {
		path = "release.strategy"
	}
	v.seconds(path, "the interval between steps", resolved.Interval, Duration(time.Second), maxInterval)
}

// hook checks that a function which is run for a release is one of the stack's.
func (v *validation) hook(s Stack, attribute, function string) {
	if function == "" {
		return
	}
	if _, ok := s.Functions[function]; !ok && len(s.Functions) > 0 {
		v.errorf(at("release."+attribute, "functions"), "there is no function %q in this stack to run %s the traffic moves; there is %s",
			function, attribute, quotedList(s.FunctionNames(), "and"))
	}
}

func (v *validation) gate(g Gate, r Release) {
	if r.Strategy == AllAtOnce {
		v.errorf(at("release.gate", "release.strategy"), "a release that moves all at once has no time in which a gate could be watched; "+
			"choose \"canary\", \"linear\" or \"blue_green\", or leave the gate out")
		return
	}
	if g.MaxErrorRate == nil && g.MaxP95Ratio == nil && g.MaxThrottleRate == nil && g.MinInvocations == 0 && len(g.Alarms) == 0 {
		v.errorf(at("release.gate"), "the gate has no condition; give it max_error_rate, max_p95_ratio, max_throttle_rate, min_invocations or alarms")
	}
	v.share("release.gate.max_error_rate", "the error rate", g.MaxErrorRate)
	v.share("release.gate.max_throttle_rate", "the throttle rate", g.MaxThrottleRate)
	if ratio := g.MaxP95Ratio; ratio != nil && !(*ratio > 0 && *ratio <= 1000) {
		v.errorf(at("release.gate.max_p95_ratio"), "the ratio of durations is %v; it can be more than 0 and up to 1000", *ratio)
	}
	v.between("release.gate.min_invocations", "the least number of invocations", g.MinInvocations, 0, 1_000_000_000, "")
	if g.Timeout != 0 {
		v.seconds("release.gate.timeout", "the timeout of a step", g.Timeout, Duration(time.Second), maxInterval)
		if g.Timeout < r.Interval && r.Interval <= maxInterval {
			v.errorf(at("release.gate.timeout", "release.interval", "release.strategy"), "a step would time out after %s, before its interval of %s is over; make the timeout longer",
				g.Timeout, r.Interval)
		}
		if g.MinInvocations == 0 {
			v.errorf(at("release.gate.timeout", "release.gate.min_invocations"), "the timeout is how long a step waits for invocations, and min_invocations asks for none; set it too")
		}
	}
	if len(g.Alarms) > maxAlarms {
		v.errorf(at("release.gate.alarms"), "there are %d alarms; there can be %d", len(g.Alarms), maxAlarms)
	}
	for i, alarm := range g.Alarms {
		if alarm == "" || len(alarm) > 255 {
			v.errorf(at(index("release.gate.alarms", i), "release.gate.alarms"), "%q cannot name an alarm; use 1 to 255 characters", alarm)
		}
	}
}

// share checks a part of a whole.
func (v *validation) share(path, what string, share *float64) {
	if share != nil && !(*share >= 0 && *share <= 1) {
		v.errorf(at(path), "%s is %v; it is a share of the invocations, from 0 to 1, such as 0.01 for one of a hundred", what, *share)
	}
}
