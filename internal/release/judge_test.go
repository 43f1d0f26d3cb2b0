package release

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func ptr(f float64) *float64 { return &f }

// f moves from version 7 to 8.
func canary(gate stack.Gate) Release {
	return Begin(Wish{
		ID: "r-1", Policy: stack.Release{Strategy: "canary", Gate: &gate},
		Moves: map[string]Move{"f": {Stable: stack.RouteTo(7), Candidate: 8}},
	}, noon)
}

func seen(candidate, stable Counts) Seen {
	return Seen{Functions: map[string]Sides{"f": {candidate, stable}}}
}

func TestGate(t *testing.T) {
	const passes, waits, fails = "passes", "waits", "fails"
	early, due := noon.Add(time.Minute), noon.Add(5*time.Minute)
	for name, c := range map[string]struct {
		gate stack.Gate
		now  time.Time
		seen Seen
		want string
		says string
	}{
		"no errors": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 50}, Counts{Invocations: 450}),
			passes, "10 % passed: f failed in 0 of 50 (0 %) invocations",
		},
		"no errors yet": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, early, seen(Counts{Invocations: 50}, Counts{}), waits, "",
		},
		"nothing invoked": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{}, Counts{}),
			passes, "10 % passed: 0 invocations of the candidates",
		},
		"as many errors as allowed": {
			stack.Gate{MaxErrorRate: ptr(0.02)},
			due, seen(Counts{Invocations: 50, Errors: 1}, Counts{Invocations: 450}),
			passes, "1 of 50 (2 %)",
		},
		"more errors than allowed, for certain": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			early, seen(Counts{Invocations: 50, Errors: 10}, Counts{Invocations: 450}),
			fails, `rolled back: at 10 % the candidate version 8 of function "f" failed in 10 of 50 (20 %) invocations, with 1 % allowed`,
		},
		"more errors than allowed, by chance": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, early, seen(Counts{Invocations: 60, Errors: 1}, Counts{Invocations: 450}), waits, "",
		},
		"the first one fails, which may be chance": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, early, seen(Counts{Invocations: 1, Errors: 1}, Counts{}), waits, "",
		},
		"the first two fail": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			early, seen(Counts{Invocations: 2, Errors: 2}, Counts{}),
			fails, "2 of 2 (100 %)",
		},
		"more errors than allowed, in the end": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 60, Errors: 1}, Counts{Invocations: 450}),
			fails, "failed in 1 of 60 (1.67 %) invocations, with 1 % allowed",
		},
		"none allowed, and the first one fails": {
			stack.Gate{MaxErrorRate: ptr(0)},
			early, seen(Counts{Invocations: 1, Errors: 1}, Counts{}),
			fails, "1 of 1 (100 %)",
		},
		"fewer errors than before": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 100, Errors: 10}, Counts{Invocations: 900, Errors: 450}),
			passes, "f failed in 10 of 100 (10 %) invocations, more than the 1 % allowed, but the stable version did in 450 of 900 (50 %)",
		},
		"as bad as before, but for chance": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 100, Errors: 52}, Counts{Invocations: 900, Errors: 450}),
			passes, "52 of 100 (52 %) invocations, more than the 1 % allowed, but the stable version did in 450 of 900 (50 %)",
		},
		"worse than before": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 100, Errors: 90}, Counts{Invocations: 900, Errors: 450}),
			fails, "failed in 90 of 100 (90 %) invocations, the stable version in 450 of 900 (50 %), with 1 % allowed",
		},
		"turned away": {
			stack.Gate{MaxThrottleRate: ptr(0.1)},
			early, seen(Counts{Invocations: 50, Throttles: 50}, Counts{Invocations: 900}),
			fails, "was throttled in 50 of 100 (50 %) invocations, with 10 % allowed",
		},
		"a limit that is not set": {
			stack.Gate{MaxThrottleRate: ptr(0.1)},
			due, seen(Counts{Invocations: 50, Errors: 50}, Counts{}),
			passes, "",
		},
		"slower": {
			stack.Gate{MaxP95Ratio: ptr(1.5)},
			due, seen(Counts{Invocations: 50, P95: 200123456}, Counts{Invocations: 50, P95: 100 * time.Millisecond}),
			fails, "took 200ms where the stable version takes 100ms (95th percentile of 50 and 50 invocations, 2 times), with 1.5 times allowed",
		},
		"slower, but not too slow": {
			stack.Gate{MaxP95Ratio: ptr(1.5)},
			due, seen(Counts{Invocations: 50, P95: 140 * time.Millisecond}, Counts{Invocations: 50, P95: 100 * time.Millisecond}),
			passes, "1.4 times",
		},
		"slower so far": {
			stack.Gate{MaxP95Ratio: ptr(1.5)}, early, seen(Counts{Invocations: 50, P95: time.Second}, Counts{Invocations: 50, P95: time.Millisecond}), waits, "",
		},
		"slower in a few": {
			stack.Gate{MaxP95Ratio: ptr(1.5)}, due, seen(Counts{Invocations: 19, P95: time.Second}, Counts{Invocations: 50, P95: time.Millisecond}), passes, "",
		},
		"too few invocations": {
			stack.Gate{MinInvocations: 50},
			due, seen(Counts{Invocations: 49}, Counts{Invocations: 900}),
			waits, "waits for 50 invocations of the candidates, 49 so far, until 2026-06-01 13:00 UTC",
		},
		"too few invocations for too long": {
			stack.Gate{MinInvocations: 50, Timeout: stack.Duration(10 * time.Minute)},
			noon.Add(10 * time.Minute), seen(Counts{Invocations: 49}, Counts{Invocations: 900}),
			fails, "rolled back: at 10 % the candidates were invoked 49 times within 10m, and the gate wants 50",
		},
		"invocations just enough": {
			stack.Gate{MinInvocations: 50}, due, seen(Counts{Invocations: 50}, Counts{}), passes, "50 invocations",
		},
		"invocations after an hour": {
			stack.Gate{MinInvocations: 50}, noon.Add(time.Hour), seen(Counts{Invocations: 50}, Counts{}), passes, "50 invocations",
		},
		"errors among too few": {
			stack.Gate{MinInvocations: 50, MaxErrorRate: ptr(0.01)}, early, seen(Counts{Invocations: 3, Errors: 3}, Counts{}), fails, "3 of 3",
		},
		"errors among too few, by chance": {
			stack.Gate{MinInvocations: 50, MaxErrorRate: ptr(0.1)},
			due, seen(Counts{Invocations: 5, Errors: 1}, Counts{}),
			waits, "waits for 50 invocations of the candidates, 5 so far",
		},
		"slower in enough, of too few": {
			stack.Gate{MinInvocations: 50, MaxP95Ratio: ptr(1.5)},
			due, seen(Counts{Invocations: 49, P95: time.Second}, Counts{Invocations: 50, P95: time.Millisecond}), waits, "49 so far",
		},
		"all fail, and all may": {
			stack.Gate{MaxErrorRate: ptr(1)}, due, seen(Counts{Invocations: 9, Errors: 9}, Counts{}), passes, "9 of 9 (100 %)",
		},
		"none allowed, none failed": {
			stack.Gate{MaxErrorRate: ptr(0)}, due, seen(Counts{Invocations: 1}, Counts{}), passes, "0 of 1 (0 %)",
		},
		"none allowed, but the stable version fails, too": {
			stack.Gate{MaxErrorRate: ptr(0)},
			due, seen(Counts{Invocations: 100, Errors: 1}, Counts{Invocations: 900, Errors: 9}), passes, "but the stable version did in 9 of 900 (1 %)",
		},
		"the stable version fails once, which may be chance": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 9, Errors: 9}, Counts{Invocations: 1, Errors: 1}),
			fails, "failed in 9 of 9 (100 %) invocations, with 1 % allowed",
		},
		"the stable version always fails": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, due, seen(Counts{Invocations: 9, Errors: 9}, Counts{Invocations: 90, Errors: 90}), passes, "90 of 90 (100 %)",
		},
		"no traffic but the candidate's": {
			stack.Gate{MaxErrorRate: ptr(0.01), MaxThrottleRate: ptr(0.01), MaxP95Ratio: ptr(1.5)},
			due, seen(Counts{Invocations: 100, Errors: 1, P95: time.Second}, Counts{}),
			passes, "10 % passed: f failed in 1 of 100 (1 %) invocations; f was throttled in 0 of 100 (0 %) invocations",
		},
		"all turned away": {
			stack.Gate{MaxErrorRate: ptr(0.01), MaxThrottleRate: ptr(0.01)},
			early, seen(Counts{Throttles: 5}, Counts{Invocations: 45}),
			fails, "was throttled in 5 of 5 (100 %) invocations",
		},
		"errors that are counted before their invocations": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, early, seen(Counts{Errors: 3}, Counts{}), fails, "failed in 3 of 3 (100 %)",
		},
		"billions, exactly as allowed": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 50_000_000_000, Errors: 500_000_000}, Counts{}),
			passes, "500000000 of 50000000000 (1 %)",
		},
		"billions, a few more than allowed": {
			stack.Gate{MaxErrorRate: ptr(0.01)}, early, seen(Counts{Invocations: 50_000_000_000, Errors: 500_200_000}, Counts{}), fails, "with 1 % allowed",
		},
		"billions, as bad as before": {
			stack.Gate{MaxErrorRate: ptr(0.01)},
			due, seen(Counts{Invocations: 5_000_000_000, Errors: 2_500_000_000}, Counts{Invocations: 45_000_000_000, Errors: 22_500_000_000}),
			passes, "the stable version did in",
		},
		"slower by far": {
			stack.Gate{MaxP95Ratio: ptr(1.5)},
			due, seen(Counts{Invocations: 20, P95: 15 * time.Minute}, Counts{Invocations: 20, P95: 1234 * time.Microsecond}),
			fails, "took 15m0s where the stable version takes 1.23ms (95th percentile of 20 and 20 invocations, 729335 times), with 1.5 times allowed",
		},
		"durations that are not known": {
			stack.Gate{MaxP95Ratio: ptr(1.5)}, due, seen(Counts{Invocations: 50}, Counts{Invocations: 50, P95: 1}), passes, "50 invocations",
		},
		"nobody looked": {
			stack.Gate{Alarms: []string{"5xx"}}, due, Seen{}, passes, "10 % passed after 5m",
		},
		"a function that does not move": {
			stack.Gate{MaxErrorRate: ptr(0.01), MinInvocations: 50},
			due,
			Seen{Functions: map[string]Sides{"g": {Candidate: Counts{Invocations: 99, Errors: 99}}}},
			waits, "0 so far",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := canary(c.gate)
			next := r.Judge(c.now, c.seen)
			got := map[Phase]string{Shifting: waits, Finished: passes, RolledBack: fails}[next.Phase]
			if got != c.want || !strings.Contains(last(next), c.says) {
				t.Errorf("it %s, want %s; it says %q, want %q", got, c.want, last(next), c.says)
			}
			if got == waits && c.says == "" && !reflect.DeepEqual(next, r) {
				t.Errorf("it waits, and became %+v", next)
			}
			if again := next.Judge(c.now, c.seen); !reflect.DeepEqual(again, next) && got == waits {
				t.Errorf("asked again, it became %+v", again)
			}
		})
	}
}

func TestOneBadFunctionFailsTheStack(t *testing.T) {
	r := begin(stack.Release{Strategy: "linear", Gate: &stack.Gate{MaxErrorRate: ptr(0.05)}})
	good := Sides{Counts{Invocations: 100}, Counts{Invocations: 900}}
	bad := Sides{Counts{Invocations: 100, Errors: 100}, Counts{Invocations: 900}}
	r = r.Judge(noon, Seen{Functions: map[string]Sides{"a": good, "b": bad}})
	if r.Phase != RolledBack || !strings.Contains(last(r), `function "b"`) {
		t.Errorf("%s: %s", r.Phase, last(r))
	}
}

func TestInvocationsAreThoseOfAllFunctions(t *testing.T) {
	r := begin(stack.Release{Strategy: "canary", Gate: &stack.Gate{MinInvocations: 50}})
	r = r.Judge(r.Due(), Seen{Functions: map[string]Sides{"a": {Candidate: Counts{Invocations: 50}}, "b": {}}})
	if r.Phase != Finished {
		t.Errorf("%s: %s", r.Phase, last(r))
	}
}

func TestAlarms(t *testing.T) {
	gate := stack.Gate{Alarms: []string{"5xx", "latency"}}
	if r := canary(gate).Judge(noon, Seen{Red: []string{"latency"}}); r.Phase != RolledBack || last(r) != `rolled back: the alarm "latency" went into alarm at 10 %` {
		t.Errorf("%s: %s", r.Phase, last(r))
	}

	r := Begin(Wish{ID: "r-1", Policy: stack.Release{Strategy: "linear", Gate: &gate}, Moves: two(), Red: []string{"5xx"}}, noon)
	r = r.Judge(r.Due(), Seen{Red: []string{"5xx"}})
	if r.Phase != Shifting || r.Step != 1 || !slices.Equal(r.Red, []string{"5xx"}) {
		t.Errorf("an alarm that was in alarm before: %+v", r)
	}
	r = r.Judge(r.Due(), Seen{})
	if r.Step != 2 || len(r.Red) > 0 {
		t.Errorf("an alarm that has recovered: %+v", r)
	}
	if r = r.Judge(r.Since, Seen{Red: []string{"5xx"}}); r.Phase != RolledBack {
		t.Errorf("an alarm that went into alarm again: %+v", r)
	}
}

// A step that waits beyond its interval says so once, and nothing else becomes of it.
func TestAStepThatWaitsForInvocationsSaysSoOnce(t *testing.T) {
	few, enough := seen(Counts{Invocations: 12}, Counts{}), seen(Counts{Invocations: 50}, Counts{})
	r := canary(stack.Gate{MinInvocations: 50, Timeout: stack.Duration(40 * time.Minute)})
	waiting := r.Judge(r.Due().Add(time.Second), few)
	if got, want := last(waiting), "waits for 50 invocations of the candidates, 12 so far, until 2026-06-01 12:40 UTC"; got != want {
		t.Errorf("it says %q, want %q", got, want)
	}
	if !waiting.Since.Equal(r.Since) || !waiting.Due().Equal(r.Due()) || waiting.Weight() != r.Weight() || waiting.Stopped != Running {
		t.Errorf("it became %+v", waiting)
	}
	if later := waiting.Judge(r.Due().Add(time.Minute), seen(Counts{Invocations: 13}, Counts{})); !reflect.DeepEqual(later, waiting) {
		t.Errorf("it says it again: %+v", later.Trail)
	}
	if passed := waiting.Judge(r.Due().Add(time.Minute), enough); passed.Phase != Finished || passed.Awaits {
		t.Errorf("with enough it is %+v", passed)
	}
	if failed := waiting.Judge(noon.Add(40*time.Minute), few); failed.Phase != RolledBack {
		t.Errorf("in the end it is %+v", failed)
	}
	// A step that begins anew waits anew.
	paused, _ := waiting.Pause("ada", noon.Add(10*time.Minute))
	resumed, _ := paused.Resume("ada", noon.Add(20*time.Minute))
	again := resumed.Judge(resumed.Due(), few)
	if got, want := last(again), "waits for 50 invocations of the candidates, 12 so far, until 2026-06-01 13:00 UTC"; got != want || len(again.Trail) != len(resumed.Trail)+1 {
		t.Errorf("after a pause it says %q, want %q", got, want)
	}
}

// A gate that is asked after every fifth invocation must not, just by chance, stop a
// candidate that fails half as often as it may.
func TestAGateDoesNotStopEarlyWhatKeepsToIt(t *testing.T) {
	const releases, invocations, limit, rate = 400, 1500, 0.01, 0.005
	r := rand.New(rand.NewPCG(4, 2))
	stopped := 0
	for range releases {
		errors := 0
		for i := 1; i <= invocations; i++ {
			if r.Float64() < rate {
				errors++
			}
			early := noon.Add(time.Minute)
			if i%5 == 0 && canary(stack.Gate{MaxErrorRate: ptr(limit)}).Judge(early, seen(Counts{Invocations: i, Errors: errors}, Counts{})).Ended() {
				stopped++
				break
			}
		}
	}
	if stopped > releases/100 {
		t.Errorf("%d of %d releases were stopped, though their candidates keep to the gate", stopped, releases)
	}
}
