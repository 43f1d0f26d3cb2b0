package serving

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func ratioOfTimes(own, base sample) float64 { return own.p50.Seconds() / base.p50.Seconds() }

func TestTheMedianOfTheRoundsRatiosCounts(t *testing.T) {
	ceiling := &row{what: "ceiling", samples: []sample{{p50: 10}, {p50: 100}, {p50: 20}}}
	// The second round was disturbed as a whole, and the ratio in it is as in the others.
	own := &row{
		what: "own", base: ceiling, samples: []sample{{p50: 20}, {p50: 200}, {p50: 60}},
		target: &target{bound: bound{atMost: 2.5}, format: "%.1f times", value: ratioOfTimes},
	}
	if got := own.reached(); got != 2 {
		t.Errorf("the ratio is %v, want 2", got)
	}
	if m := own.median(); m.p50 != 60 {
		t.Errorf("the median is %v, want 60", m.p50)
	}
}

func TestAMissedTargetIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		bound  bound
		value  float64
		missed bool
	}{
		"at most, met":     {bound{atMost: 2}, 2, false},
		"at most, missed":  {bound{atMost: 2}, 2.1, true},
		"at least, met":    {bound{atLeast: 3}, 3, false},
		"at least, missed": {bound{atLeast: 3}, 2.9, true},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := report(&out, []group{{"warm", []*row{{
				what: "a function", samples: []sample{{p50: time.Millisecond, rate: 12, memory: 3 << 20}},
				target: &target{bound: c.bound, format: "%.1f times", value: func(sample, sample) float64 { return c.value }},
			}}}})
			var missed *MissedError
			if errors.As(err, &missed) != c.missed {
				t.Errorf("report returned %v", err)
			}
			if c.missed && !strings.Contains(err.Error(), "warm, a function") {
				t.Errorf("the error does not name the row: %v", err)
			}
			for _, want := range []string{"1.000 ms", "12", "3.0 MiB", "times"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("the table lacks %q:\n%s", want, &out)
				}
			}
		})
	}
}
