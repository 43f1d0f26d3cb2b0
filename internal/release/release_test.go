package release

import (
	"encoding/json"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// two functions move, one of them from an alias that is split.
func two() map[string]Move {
	return map[string]Move{
		"a": {Stable: stack.RouteTo(7), Candidate: 8},
		"b": {Stable: stack.Routing{3: 60, 4: 40}, Candidate: 5},
	}
}

func begin(policy stack.Release) Release {
	return Begin(Wish{ID: "r-1", Policy: policy, Moves: two(), By: "ada"}, noon)
}

// weights lets a release go from step to step, with a gate that always passes, and
// returns the weights it had and how long each.
func weights(t *testing.T, r Release) (all []int, held []time.Duration) {
	t.Helper()
	now := noon
	for !r.Ended() {
		if r.Hook() != "" {
			r = r.HookDone(now, nil)
			continue
		}
		all = append(all, r.Weight())
		if early := r.Judge(r.Due().Add(-1), Seen{}); !reflect.DeepEqual(early, r) {
			t.Fatalf("a step ended before it was due: %+v", early)
		}
		held = append(held, r.Due().Sub(now))
		now = r.Due()
		r = r.Judge(now, Seen{})
	}
	if r.Phase != Finished {
		t.Fatalf("the release ended as %s", r.Phase)
	}
	return append(all, r.Weight()), held
}

func TestStrategies(t *testing.T) {
	minute := stack.Duration(time.Minute)
	for name, c := range map[string]struct {
		policy   stack.Release
		weights  []int
		interval time.Duration
	}{
		"none":                              {stack.Release{}, []int{100}, 0},
		"all at once":                       {stack.Release{Strategy: "all_at_once"}, []int{100}, 0},
		"canary":                            {stack.Release{Strategy: "canary"}, []int{10, 100}, 5 * time.Minute},
		"linear":                            {stack.Release{Strategy: "linear"}, []int{10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, time.Minute},
		"thirds that are none":              {stack.Release{Strategy: "linear", Weight: 33, Interval: minute}, []int{33, 66, 99, 100}, time.Minute},
		"halves":                            {stack.Release{Strategy: "linear", Weight: 50, Interval: 2 * minute}, []int{50, 100}, 2 * time.Minute},
		"more than half":                    {stack.Release{Strategy: "linear", Weight: 60}, []int{60, 100}, time.Minute},
		"blue and green":                    {stack.Release{Strategy: "blue_green", Interval: minute}, []int{100, 100}, time.Minute},
		"SAM's canary":                      {stack.Release{Strategy: "Canary25Percent15Minutes"}, []int{25, 100}, 15 * time.Minute},
		"SAM's linear":                      {stack.Release{Strategy: "Linear20PercentEvery1Minute"}, []int{20, 40, 60, 80, 100}, time.Minute},
		"SAM's all at once":                 {stack.Release{Strategy: "AllAtOnce"}, []int{100}, 0},
		"with functions before and after":   {stack.Release{Strategy: "canary", Before: "a", After: "b"}, []int{10, 100}, 5 * time.Minute},
		"at once, with functions around it": {stack.Release{Before: "a", After: "b"}, []int{100}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, held := weights(t, begin(c.policy))
			if !slices.Equal(got, c.weights) {
				t.Errorf("weights %v, want %v", got, c.weights)
			}
			for _, interval := range held {
				if interval != c.interval {
					t.Errorf("a step took %s, want %s", interval, c.interval)
				}
			}
		})
	}
}

func TestTheAliasesMoveTogether(t *testing.T) {
	r := begin(stack.Release{Strategy: "canary", Before: "a"})
	for _, want := range []map[string]stack.Routing{
		{"a": {7: 100}, "b": {3: 60, 4: 40}, "c": nil},
		{"a": {8: 10, 7: 90}, "b": {5: 10, 3: 90}, "c": nil},
		{"a": {8: 100}, "b": {5: 100}, "c": nil},
	} {
		for name, routing := range want {
			if got := r.Routing(name); !maps.Equal(got, routing) {
				t.Errorf("at %d %% %s is routed %v, want %v", r.Weight(), name, got, routing)
			}
		}
		if r.Hook() != "" {
			r = r.HookDone(noon, nil)
		} else {
			r = r.Judge(r.Due(), Seen{})
		}
	}
}

func TestACandidateThatHasTrafficAlreadyMovesFromTheOther(t *testing.T) {
	move := Move{Stable: stack.Routing{7: 30, 8: 70}, Candidate: 8}
	r := Begin(Wish{ID: "r-1", Policy: stack.Release{Strategy: "canary"}, Moves: map[string]Move{"a": move}}, noon)
	if got, want := r.Routing("a"), (stack.Routing{7: 90, 8: 10}); !maps.Equal(got, want) {
		t.Errorf("routed %v, want %v", got, want)
	}
	r, err := r.Abort("ada", noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Routing("a"); !maps.Equal(got, move.Stable) {
		t.Errorf("after the rollback routed %v, want %v", got, move.Stable)
	}
}

func TestWhatHasNothingToMoveFromDoesNotMove(t *testing.T) {
	moves := map[string]Move{"new": {Candidate: 1}, "there": {Stable: stack.RouteTo(2), Candidate: 2}}
	if r := Begin(Wish{ID: "r-1", Policy: stack.Release{Strategy: "canary"}, Moves: moves}, noon); len(r.Moves) > 0 {
		t.Errorf("there are the moves %v", r.Moves)
	}
	if len(moves) != 2 {
		t.Error("the caller's moves were changed")
	}
}

func TestHooks(t *testing.T) {
	policy := stack.Release{Strategy: "blue_green", Before: "smoke", After: "verify"}
	failure := errors.New(`it returned {"errorMessage": "no orders"}`)

	r := begin(policy)
	if got := r.Hook(); got != "smoke" {
		t.Errorf("runs %q first, want smoke", got)
	}
	if bad := r.HookDone(noon, failure); bad.Phase != RolledBack || !strings.Contains(last(bad), `smoke that runs before the traffic moves: it returned {"errorMessage": "no orders"}`) {
		t.Errorf("%s: %s", bad.Phase, last(bad))
	}
	r = r.HookDone(noon, nil)
	if got := r.Hook(); got != "" || r.Phase != Shifting {
		t.Errorf("in phase %s runs %q, want none", r.Phase, got)
	}
	if again := r.HookDone(noon, failure); !reflect.DeepEqual(again, r) {
		t.Error("a hook that is not running has failed the release")
	}
	r = r.Judge(r.Due(), Seen{})
	if got := r.Hook(); got != "verify" || r.Weight() != 100 {
		t.Errorf("at %d %% runs %q, want verify at 100 %%", r.Weight(), got)
	}
	if bad := r.HookDone(noon, failure); bad.Phase != RolledBack || bad.Weight() != 0 {
		t.Errorf("%s at %d %%", bad.Phase, bad.Weight())
	}
	if good := r.HookDone(noon, nil); good.Phase != Finished || good.Hook() != "" {
		t.Errorf("%s, runs %q", good.Phase, good.Hook())
	}
}

func TestWhatFailsIsHeldIfSo(t *testing.T) {
	r := begin(stack.Release{Strategy: "linear", Weight: 25, OnFailure: "hold", Before: "smoke", After: "verify"})
	held := r.HookDone(noon, errors.New("no"))
	if held.Stopped != Held || held.Phase != Before || held.Weight() != 0 || held.Hook() != "" || held.Ended() {
		t.Errorf("held as %+v", held)
	}
	if r, err := held.Resume("ada", noon); err != nil || r.Hook() != "smoke" {
		t.Errorf("resumed: %v, runs %q", err, r.Hook())
	}
	if r, err := held.Promote("ada", noon); err != nil || r.Phase != After {
		t.Errorf("promoted: %v, in phase %s", err, r.Phase)
	} else if r = r.HookDone(noon, errors.New("no")); r.Stopped != Held || r.Weight() != 100 {
		t.Errorf("after a second failure: %+v", r)
	} else if r, err = r.Promote("ada", noon); err != nil || r.Phase != Finished {
		t.Errorf("promoted in spite of its last function: %v, %s", err, r.Phase)
	}
	if r, err := held.Abort("ada", noon); err != nil || r.Phase != RolledBack || r.Stopped != Running {
		t.Errorf("aborted: %v, %+v", err, r)
	}
	if r := held.Interrupt("ada", noon); !reflect.DeepEqual(r, held) {
		t.Errorf("an interruption makes of what is held: %+v", r)
	}
}

func TestCommands(t *testing.T) {
	r := begin(stack.Release{Strategy: "linear", Weight: 25, Interval: stack.Duration(time.Minute), After: "verify"})
	second := r.Judge(r.Due(), Seen{})

	paused, err := second.Pause("ada", noon.Add(90*time.Second))
	if err != nil || paused.Weight() != 50 {
		t.Fatalf("paused: %v at %d %%", err, paused.Weight())
	}
	if later := paused.Judge(noon.Add(time.Hour), Seen{}); !reflect.DeepEqual(later, paused) {
		t.Errorf("a paused release became %+v", later)
	}
	if _, err := paused.Pause("bob", noon); err == nil || err.Error() != "the release r-1 is paused already" {
		t.Errorf("paused twice: %v", err)
	}
	resumed, err := paused.Resume("bob", noon.Add(time.Hour))
	if err != nil || resumed.Weight() != 50 || !resumed.Due().Equal(noon.Add(time.Hour+time.Minute)) {
		t.Errorf("resumed: %v at %d %%, due %s", err, resumed.Weight(), resumed.Due())
	}
	if _, err := resumed.Resume("bob", noon); err == nil || !strings.Contains(err.Error(), "neither paused nor held") {
		t.Errorf("resumed twice: %v", err)
	}
	promoted, err := paused.Promote("bob", noon)
	if err != nil || promoted.Phase != After || promoted.Weight() != 100 {
		t.Errorf("promoted: %v, %s", err, promoted.Phase)
	}
	if _, err := promoted.Promote("bob", noon); err == nil || !strings.Contains(err.Error(), "waits for verify") {
		t.Errorf("promoted twice: %v", err)
	}
	if got := resumed.Interrupt("ada", noon); got.Phase != RolledBack || last(got) != "rolled back: interrupted by ada" {
		t.Errorf("interrupted: %s, %s", got.Phase, last(got))
	}

	aborted, err := paused.Abort("bob", noon)
	if err != nil || aborted.Phase != RolledBack {
		t.Fatalf("aborted: %v, %s", err, aborted.Phase)
	}
	for verb, command := range map[string]Command{
		"paused": CommandPause, "resumed": CommandResume, "promoted": CommandPromote, "aborted": CommandAbort,
	} {
		got, err := aborted.Do(command, "ada", noon)
		want := "the release r-1 was rolled back, so it cannot be " + verb + "; to go back to earlier versions there is tidegate rollback"
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", verb, err, want)
		}
		if !reflect.DeepEqual(got, aborted) {
			t.Errorf("%s: changed to %+v", verb, got)
		}
	}
	if _, err := paused.Do("stop", "ada", noon); err == nil || !strings.HasPrefix(err.Error(), `"stop" is nothing that can be done`) {
		t.Errorf("an unknown command: %v", err)
	}
	if got := aborted.Interrupt("ada", noon); !reflect.DeepEqual(got, aborted) {
		t.Errorf("interrupted when ended: %+v", got)
	}
}

// last is what the trail says last.
func last(r Release) string { return r.Trail[len(r.Trail)-1].What }

// Whatever happens to a release in whatever order, what it says of aliases is in order.
func TestInvariants(t *testing.T) {
	const releases, events = 3000, 40
	ends := map[Phase]int{}
	for seed := range uint64(releases) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := Begin(Wish{ID: "r-1", Policy: anyPolicy(random), Moves: anyMoves(random)}, noon)
		now := noon
		for range events {
			checkInvariants(t, seed, r)
			now = now.Add(time.Duration(random.IntN(90)) * time.Second)
			next := anyEvent(random, r, now)
			checkChange(t, seed, r, next)
			kept := killed(t, next)
			anyEvent(random, r, now) // What else it might have become changes nothing of what it did.
			if !reflect.DeepEqual(next, kept) {
				t.Errorf("seed %d: who drives it is killed and finds %+v, it was %+v", seed, kept, next)
			}
			r = kept
			if t.Failed() {
				return
			}
		}
		ends[r.Phase]++
	}
	for _, phase := range []Phase{Before, Shifting, After, Finished, RolledBack} {
		if ends[phase] == 0 {
			t.Errorf("no release of %d was left in phase %s: %v", releases, phase, ends)
		}
	}
}

// killed is the release as it is found by whoever goes on with it.
func killed(t *testing.T, r Release) (found Release) {
	t.Helper()
	text, err := json.Marshal(r)
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func checkInvariants(t *testing.T, seed uint64, r Release) {
	t.Helper()
	for name, move := range r.Moves {
		routing := r.Routing(name)
		if err := routing.Validate(); err != nil {
			t.Errorf("seed %d: %s: %v", seed, name, err)
		}
		if share := routing[move.Candidate]; r.Weight() > 0 && share != r.Weight() {
			t.Errorf("seed %d: %s has %d %% at the candidate, the release %d %%", seed, name, share, r.Weight())
		}
		if (r.Phase == RolledBack || r.Phase == Before) && !maps.Equal(routing, move.Stable) {
			t.Errorf("seed %d: %s is routed %v when %s, and was %v", seed, name, routing, r.Phase, move.Stable)
		}
		if r.Phase == Finished && !maps.Equal(routing, stack.RouteTo(move.Candidate)) {
			t.Errorf("seed %d: %s is routed %v when finished", seed, name, routing)
		}
	}
	if r.Ended() && (r.Stopped != Running || r.Hook() != "") {
		t.Errorf("seed %d: it has ended, is %q and runs %q", seed, r.Stopped, r.Hook())
	}
	if mark := r.Trail[len(r.Trail)-1]; mark.Weight != r.Weight() || mark.What == "" {
		t.Errorf("seed %d: the trail ends with %+v at %d %%", seed, mark, r.Weight())
	}
}

// checkChange checks what may become of a release.
func checkChange(t *testing.T, seed uint64, r, next Release) {
	t.Helper()
	if r.Ended() && !reflect.DeepEqual(r, next) {
		t.Errorf("seed %d: it had ended as %s and became %+v", seed, r.Phase, next)
	}
	if next.Phase != RolledBack && next.Weight() < r.Weight() {
		t.Errorf("seed %d: from %d %% back to %d %% without a rollback", seed, r.Weight(), next.Weight())
	}
	if len(next.Trail) < len(r.Trail) || !reflect.DeepEqual(next.Trail[:len(r.Trail)], r.Trail) {
		t.Errorf("seed %d: the trail was rewritten", seed)
	}
	if (next.Phase != r.Phase || next.Step != r.Step || next.Stopped != r.Stopped) && len(next.Trail) == len(r.Trail) {
		t.Errorf("seed %d: it changed without a mark", seed)
	}
	if strings.HasPrefix(last(next), "waits for ") && len(next.Trail) > len(r.Trail) && (r.Awaits || !next.Awaits || !next.Since.Equal(r.Since)) {
		t.Errorf("seed %d: it says more than once what it waits for, or waits from now on: %+v", seed, next.Trail)
	}
	if !reflect.DeepEqual(next.Moves, r.Moves) || !reflect.DeepEqual(next.Policy, r.Policy) {
		t.Errorf("seed %d: moves or policy changed", seed)
	}
}

func anyPolicy(random *rand.Rand) stack.Release {
	rate, ratio := random.Float64()/5, 1+random.Float64()
	policies := []stack.Release{
		{},
		{Strategy: "canary", Weight: 1 + random.IntN(99)},
		{Strategy: "linear", Weight: 1 + random.IntN(99)},
		{Strategy: "blue_green"},
		{Strategy: "Linear30PercentEvery1Minute"},
	}
	p := policies[random.IntN(len(policies))]
	p.OnFailure = []string{"", "rollback", "hold"}[random.IntN(3)]
	if random.IntN(2) == 0 {
		p.Before = "smoke"
	}
	if random.IntN(2) == 0 {
		p.After = "verify"
	}
	if p.Strategy != "" && random.IntN(2) == 0 {
		p.Gate = &stack.Gate{MaxErrorRate: &rate, MaxP95Ratio: &ratio, MinInvocations: random.IntN(100), Alarms: []string{"a"}}
	}
	return p
}

func anyMoves(random *rand.Rand) map[string]Move {
	moves := map[string]Move{}
	for _, name := range []string{"f", "g", "h"}[:1+random.IntN(3)] {
		move := Move{Stable: stack.RouteTo(3), Candidate: 4}
		if percent := random.IntN(100); percent > 0 && random.IntN(2) == 0 {
			move.Stable = stack.Routing{3: percent, 3 + 1 + random.IntN(2): 100 - percent}
		}
		moves[name] = move
	}
	return moves
}

func anyEvent(random *rand.Rand, r Release, now time.Time) Release {
	command := func(next Release, err error) Release {
		if err != nil && !reflect.DeepEqual(next, r) {
			panic("a command that was refused changed the release")
		}
		return next
	}
	switch n := random.IntN(100); {
	case n < 5:
		return command(r.Pause("ada", now))
	case n < 20:
		return command(r.Resume("ada", now))
	case n < 22:
		return command(r.Promote("ada", now))
	case n < 24:
		return command(r.Abort("ada", now))
	case n < 25:
		return r.Interrupt("ada", now)
	case n < 35:
		return r.HookDone(now, nil)
	case n < 37:
		return r.HookDone(now, errors.New("no"))
	}
	seen := Seen{Functions: map[string]Sides{}}
	if random.IntN(50) == 0 {
		seen.Red = []string{"a"}
	}
	for name := range r.Moves {
		seen.Functions[name] = Sides{anyCounts(random), anyCounts(random)}
	}
	next := r.Judge(now, seen)
	if (r.Stopped != Running || r.Phase != Shifting) && !reflect.DeepEqual(next, r) {
		panic("a release was judged that nobody waits for")
	}
	return next
}

func anyCounts(random *rand.Rand) Counts {
	n := random.IntN(200)
	return Counts{Invocations: n, Errors: random.IntN(n/10 + 1), Throttles: random.IntN(3), P95: time.Duration(random.IntN(1000)) * time.Millisecond}
}

func TestTheStableVersionOfASplitAliasIsTheOneThatTrafficIsTakenFrom(t *testing.T) {
	for _, c := range []struct {
		stable stack.Routing
		want   int
	}{
		{stack.RouteTo(3), 3},
		{stack.Routing{2: 70, 3: 30}, 2},
		{stack.Routing{2: 30, 3: 70}, 3},
		{stack.Routing{2: 50, 3: 50}, 2},
		{stack.Routing{3: 10, 4: 90}, 3},
	} {
		move := Move{Stable: c.stable, Candidate: 4}
		if got := move.From(); got != c.want {
			t.Errorf("of %v it is %d, want %d", c.stable, got, c.want)
		}
		r := Begin(Wish{Policy: stack.Release{Strategy: stack.Canary}, Moves: map[string]Move{"f": move}}, noon)
		if r.Routing("f")[c.want] != 90 {
			t.Errorf("of %v the release takes traffic from %v", c.stable, r.Routing("f"))
		}
	}
}
