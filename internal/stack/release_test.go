package stack

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestAReleaseIsResolved(t *testing.T) {
	minutes := func(n int) Duration { return Duration(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		name  string
		json  string
		want  Release
		steps []int
		words string
	}{
		{"nothing", `{}`, Release{Strategy: AllAtOnce, OnFailure: Rollback}, nil, "all at once"},
		{"all at once", `{"strategy": "all_at_once", "on_failure": "hold"}`, Release{Strategy: AllAtOnce, OnFailure: Hold}, nil, "all at once"},
		{
			"a canary", `{"strategy": "canary"}`,
			Release{Strategy: Canary, Weight: 10, Interval: minutes(5), OnFailure: Rollback},
			[]int{10},
			"canary of 10 % for 5m",
		},
		{
			"a canary with everything",
			`{"strategy": "canary", "weight": 1, "interval": "1h30m", "before": "smoke", "after": "verify", "on_failure": "hold"}`,
			Release{Strategy: Canary, Weight: 1, Interval: minutes(90), Before: "smoke", After: "verify", OnFailure: Hold},
			[]int{1},
			"canary of 1 % for 1h30m",
		},
		{
			"linear", `{"strategy": "linear"}`,
			Release{Strategy: Linear, Weight: 10, Interval: minutes(1), OnFailure: Rollback},
			[]int{10, 20, 30, 40, 50, 60, 70, 80, 90},
			"linear, 10 % more every 1m",
		},
		{
			"linear in steps that do not divide 100", `{"strategy": "linear", "weight": 30, "interval": "10s"}`,
			Release{Strategy: Linear, Weight: 30, Interval: Duration(10 * time.Second), OnFailure: Rollback},
			[]int{30, 60, 90},
			"linear, 30 % more every 10s",
		},
		{
			"linear in one step", `{"strategy": "linear", "weight": 99}`,
			Release{Strategy: Linear, Weight: 99, Interval: minutes(1), OnFailure: Rollback},
			[]int{99},
			"linear, 99 % more every 1m",
		},
		{
			"blue and green", `{"strategy": "blue_green"}`,
			Release{Strategy: BlueGreen, Interval: minutes(5), OnFailure: Rollback},
			[]int{100},
			"blue and green for 5m",
		},

		{"SAM's all at once", `{"strategy": "AllAtOnce"}`, Release{Strategy: AllAtOnce, OnFailure: Rollback}, nil, "all at once"},
		{
			"SAM's canary", `{"strategy": "Canary10Percent5Minutes"}`,
			Release{Strategy: Canary, Weight: 10, Interval: minutes(5), OnFailure: Rollback},
			[]int{10},
			"canary of 10 % for 5m",
		},
		{
			"a canary with numbers that SAM does not have", `{"strategy": "Canary33Percent1Minute"}`,
			Release{Strategy: Canary, Weight: 33, Interval: minutes(1), OnFailure: Rollback},
			[]int{33},
			"canary of 33 % for 1m",
		},
		{
			"SAM's linear", `{"strategy": "Linear10PercentEvery2Minutes"}`,
			Release{Strategy: Linear, Weight: 10, Interval: minutes(2), OnFailure: Rollback},
			[]int{10, 20, 30, 40, 50, 60, 70, 80, 90},
			"linear, 10 % more every 2m",
		},
		{
			"SAM's linear every minute", `{"strategy": "Linear10PercentEvery1Minute"}`,
			Release{Strategy: Linear, Weight: 10, Interval: minutes(1), OnFailure: Rollback},
			[]int{10, 20, 30, 40, 50, 60, 70, 80, 90},
			"linear, 10 % more every 1m",
		},

		{
			"a gate times out after an hour", `{"strategy": "canary", "gate": {"max_error_rate": 0, "min_invocations": 5}}`,
			Release{
				Strategy: Canary, Weight: 10, Interval: minutes(5), OnFailure: Rollback,
				Gate: &Gate{MaxErrorRate: new(0.0), MinInvocations: 5, Timeout: minutes(60)},
			},
			[]int{10},
			"canary of 10 % for 5m",
		},
		{
			"a gate does not time out before the interval is over", `{"strategy": "blue_green", "interval": "3h", "gate": {"alarms": ["a"]}}`,
			Release{
				Strategy: BlueGreen, Interval: minutes(180), OnFailure: Rollback, Gate: &Gate{Alarms: []string{"a"}, Timeout: minutes(180)},
			},
			[]int{100},
			"blue and green for 3h",
		},
		{
			"a gate with everything",
			`{"strategy": "Canary10Percent5Minutes", "gate": {"max_error_rate": 0.01, "max_p95_ratio": 1.5, "max_throttle_rate": 0.1, "min_invocations": 50, "timeout": "30m", "alarms": ["a", "b"]}}`,
			Release{
				Strategy: Canary, Weight: 10, Interval: minutes(5), OnFailure: Rollback,
				Gate: &Gate{
					MaxErrorRate: new(0.01), MaxP95Ratio: new(1.5), MaxThrottleRate: new(0.1),
					MinInvocations: 50, Timeout: minutes(30), Alarms: []string{"a", "b"},
				},
			},
			[]int{10},
			"canary of 10 % for 5m",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r Release
			if err := json.Unmarshal([]byte(c.json), &r); err != nil {
				t.Fatal(err)
			}
			resolved := r.Resolve()
			if !reflect.DeepEqual(resolved, c.want) {
				t.Errorf("it is resolved as\n%+v, want\n%+v", resolved, c.want)
			}
			if again := resolved.Resolve(); !reflect.DeepEqual(again, resolved) {
				t.Errorf("resolved again it is %+v", again)
			}
			if steps := resolved.Steps(); !reflect.DeepEqual(steps, c.steps) {
				t.Errorf("its steps are %v, want %v", steps, c.steps)
			}
			if words := r.String(); words != c.words {
				t.Errorf("in words it is %q, want %q", words, c.words)
			}
			var decoded Release
			text, err := json.Marshal(resolved)
			if err == nil {
				err = json.Unmarshal(text, &decoded)
			}
			if err != nil || !reflect.DeepEqual(decoded, resolved) {
				t.Errorf("through JSON (%s) it becomes %+v (%v)", text, decoded, err)
			}
		})
	}
}

// Resolving leaves alone what it is asked of.
func TestResolvingChangesACopy(t *testing.T) {
	r := Release{Strategy: Canary, Gate: &Gate{MinInvocations: 1}}
	_ = r.Resolve()
	if r.Weight != 0 || r.Gate.Timeout != 0 {
		t.Errorf("the release became %+v with the gate %+v", r, *r.Gate)
	}
}

// A strategy stays as it is written, so that a plan shows what the configuration says.
func TestAReleaseIsNotResolvedByItsDefaults(t *testing.T) {
	for written, want := range map[string]string{
		`{"name": "shop", "release": {"gate": {"min_invocations": 1}}}`:                              `{"strategy":"all_at_once","gate":{"min_invocations":1},"on_failure":"rollback"}`,
		`{"name": "shop", "release": {"strategy": "Canary10Percent5Minutes", "on_failure": "hold"}}`: `{"strategy":"Canary10Percent5Minutes","on_failure":"hold"}`,
	} {
		var s Stack
		if err := json.Unmarshal([]byte(written), &s); err != nil {
			t.Fatal(err)
		}
		before := *s.Release
		text, err := json.Marshal(s.WithDefaults().Release)
		if err != nil || string(text) != want {
			t.Errorf("%s becomes %s (%v), want %s", written, text, err, want)
		}
		if !reflect.DeepEqual(*s.Release, before) {
			t.Errorf("the stack itself was changed to %+v", *s.Release)
		}
	}
	if (Stack{}).WithDefaults().Release != nil {
		t.Error("a stack without a release gets one")
	}
}

func TestWhatIsNoReleaseIsNotDecoded(t *testing.T) {
	for text, want := range map[string]string{
		`{"interval": "5 minutes"}`:        `"5 minutes" is not a duration`,
		`{"gate": {"timeout": "soon"}}`:    `"soon" is not a duration`,
		`{"weight": 12.5}`:                 "weight",
		`{"gate": {"max_error_rate": ""}}`: "max_error_rate",
	} {
		var r Release
		if err := json.Unmarshal([]byte(text), &r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is decoded with %v, want an error with %s", text, err, want)
		}
	}
}

func TestAReleaseIsUnderWayUntilItEnds(t *testing.T) {
	for state, want := range map[string]bool{
		"running": true, "paused": true, "held": true, "finished": false, "rolled_back": false,
	} {
		if got := (&ReleaseStatus{State: state}).UnderWay(); got != want {
			t.Errorf("a release that is %s is under way: %v, want %v", state, got, want)
		}
	}
	var none *ReleaseStatus
	if none.UnderWay() {
		t.Error("no release is under way")
	}
}
