package aws

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestEachStrategyMovesTheAliasesToItsEnd(t *testing.T) {
	w := openWorld(t)
	for name, c := range map[string]struct {
		policy *stack.Release
		// moves of the first function's alias: the version and what another gets.
		moves []string
		takes time.Duration
	}{
		"all":    {nil, []string{"2"}, 0},
		"canary": {&stack.Release{Strategy: stack.Canary}, []string{"1 2=0.10", "2"}, 5 * time.Minute},
		"linear": {&stack.Release{Strategy: stack.Linear, Weight: 30}, []string{"1 2=0.30", "2 1=0.40", "2 1=0.10", "2"}, 3 * time.Minute},
		"blue":   {&stack.Release{Strategy: stack.BlueGreen}, []string{"2", "2"}, 5 * time.Minute},
		"sam":    {&stack.Release{Strategy: "Canary20Percent1Minutes"}, []string{"1 2=0.20", "2"}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			want := w.begun(name, c.policy)
			began := w.clock.now()
			d := w.release(want)
			var moves []string
			for _, move := range w.aliases.moves {
				if after, ok := strings.CutPrefix(move, name+"-create "); ok {
					moves = append(moves, after)
				}
			}
			if !slices.Equal(moves, c.moves) {
				t.Errorf("the alias was moved %q, want %q", moves, c.moves)
			}
			if took := w.clock.now().Sub(began); took != c.takes {
				t.Errorf("it took %s, want %s", took, c.takes)
			}
			w.at(name, stack.RouteTo(2))
			r, n := w.last(name)
			if n != 1 || r.Phase != release.Finished || r.ID != want.ReleaseID() || r.By != "ada@laptop" || r.Versions["smoke"] != 1 || len(r.Moves) != 2 {
				t.Errorf("the last of %d releases is %+v", n, r)
			}
			if s := d.Release; s == nil || s.State != "finished" || s.Weight != 100 || s.By != "ada@laptop" || !maps.Equal(s.Candidates, map[string]int{"create": 2, "list": 2}) {
				t.Errorf("the deployment says of the release: %+v", s)
			}
		})
	}
}

func TestAnApplyThatMovesNothingReleasesNothing(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	w.release(want)
	w.release(want)
	create := want.Functions["create"]
	create.Logs.RetentionDays = 30
	want.Functions["create"] = create
	want.Release = &stack.Release{Strategy: stack.Linear}
	w.release(want)
	if r, n := w.last("shop"); n != 1 {
		t.Errorf("there are %d releases, the last %+v", n, r)
	}
}

func TestABadCandidateIsRolledBackAndTheNextPlanOffersItAgain(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{MaxErrorRate: limit(0.01)}})
	create := want.Functions["create"]
	create.Permissions = []stack.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::b/*"}}}
	create.Logs.RetentionDays, create.KeepVersions = 30, 9
	want.Functions["create"] = create
	before := w.read(w.stack("shop", w.one, nil))
	w.watch.minutes["shop-create 1"] = release.Counts{Invocations: 90, P95: 20 * time.Millisecond}
	w.watch.minutes["shop-create 2"] = release.Counts{Invocations: 10, P95: 20 * time.Millisecond}
	w.watch.minutes["shop-list 2"] = release.Counts{Invocations: 10, Errors: 5, P95: 20 * time.Millisecond}
	began := w.clock.now()

	d := w.fails(want, `the release `+want.ReleaseID()+` was rolled back: at 10 % the candidate version 2 of function "list" failed in 5 of 10 (50 %) invocations, with 1 % allowed; every alias is where it was before`)
	if took := w.clock.now().Sub(began); took > 5*time.Minute {
		t.Errorf("it took %s", took)
	}
	w.at("shop", stack.RouteTo(1))
	after := w.read(w.stack("shop", w.one, nil))
	for _, is := range []*stack.Deployment{d, after} {
		if is.ReleaseID != before.ReleaseID || !ready(is) || !sameContent(is.Stack, before.Stack) {
			t.Errorf("afterwards it is %+v\nwith %v", is.Stack, is.Components)
		}
		if s := is.Release; s.State != "rolled_back" || s.ID != want.ReleaseID() || !strings.HasPrefix(s.What, `rolled back: at 10 %`) {
			t.Errorf("the release is told as %+v", s)
		}
	}

	w.watch.minutes["shop-list 2"] = release.Counts{Invocations: 10, P95: 20 * time.Millisecond}
	if d := w.release(want); d.Functions["create"].Version != 2 || len(d.Functions["create"].Versions) != 2 {
		t.Errorf("released again, it is %+v", d.Functions["create"])
	}
	if r, n := w.last("shop"); n != 2 || r.Phase != release.Finished {
		t.Errorf("the last of %d releases is %+v", n, r)
	}
}

func TestAStepIsJudgedWhenItsMetricsAreThere(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: "Canary10Percent1Minutes", Gate: &stack.Gate{MinInvocations: 5, MaxP95Ratio: limit(2)}})
	w.watch.minutes["shop-create 1"] = release.Counts{Invocations: 90, P95: 20 * time.Millisecond}
	w.watch.minutes["shop-create 2"] = release.Counts{Invocations: 30, P95: 30 * time.Millisecond}
	w.clock.at = noon.Add(20 * time.Second)
	w.release(want)
	r, _ := w.last("shop")
	if took := r.Since.Sub(r.Began); took < 3*time.Minute || took > 4*time.Minute {
		t.Errorf("it took %s", took)
	}
	if what := r.Status().What; !strings.Contains(what, "create took 30ms where the stable version takes 20ms") {
		t.Errorf("its last mark is %q", what)
	}
}

func TestAllTrafficIsComparedWithThatOfBefore(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.BlueGreen, Gate: &stack.Gate{MaxErrorRate: limit(0.01)}})
	w.watch.minutes["shop-create"] = release.Counts{Invocations: 100, Errors: 1}
	w.release(want)
	if !slices.Contains(w.watch.asked, "shop-create") || slices.Contains(w.watch.asked, "shop-create 2") {
		t.Errorf("CloudWatch was asked for %q", slices.Compact(slices.Sorted(slices.Values(w.watch.asked))))
	}
}

func TestAnAlarmEndsARelease(t *testing.T) {
	w := openWorld(t)
	w.watch.alarms = map[string]cwtypes.StateValue{"composite": cwtypes.StateValueOk, "old": cwtypes.StateValueAlarm}
	policy := &stack.Release{Strategy: stack.Canary, OnFailure: stack.Hold, Gate: &stack.Gate{Alarms: []string{"composite", "old"}}}
	want := w.begun("shop", policy)
	w.clock.waited = func(now time.Time) {
		if now.Sub(noon) > 2*time.Minute {
			w.watch.mu.Lock()
			defer w.watch.mu.Unlock()
			w.watch.alarms["composite"] = cwtypes.StateValueAlarm
		}
	}
	d := w.fails(want, `held: the alarm "composite" went into alarm at 10 %`)
	w.at("shop", stack.Routing{1: 90, 2: 10})
	if d.Release.State != "held" || d.Components["functions/list/alias"] != "release "+want.ReleaseID()+" has moved 10 % to version 2, begun by ada@laptop at 2026-06-01 12:00 UTC, and is held" {
		t.Errorf("it is told as %+v with %v", d.Release, d.Components)
	}
	// Applied again, it is held still.
	w.fails(want, "held")
	if _, err := w.target.Steer(t.Context(), "shop", release.CommandPromote, "bob@desk"); err != nil {
		t.Fatal(err)
	}
	w.at("shop", stack.RouteTo(2))
	w.release(want)
}

func TestAlarmsThatDoNotExistAreFoundWhilePlanning(t *testing.T) {
	w := openWorld(t)
	w.watch.alarms["errors"] = cwtypes.StateValueOk
	problems, err := w.target.Check(t.Context(), w.stack("shop", w.one, &stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{Alarms: []string{"errors", "latency"}}}))
	if err != nil || len(problems) != 1 || problems[0].Paths[0] != "release.gate.alarms[1]" || !strings.Contains(problems[0].Message, `there is no CloudWatch alarm "latency"`) {
		t.Errorf("planning finds %v, %v", problems, err)
	}
}

func TestAReleaseThatCannotSeeMovesNothing(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{MaxErrorRate: limit(0.01)}})
	w.watch.broken = errDenied
	w.fails(want, "cloudwatch:GetMetricData")
	if len(w.aliases.moves) > 0 {
		t.Errorf("it moved %q", w.aliases.moves)
	}
	// One that cannot see for a while goes on, and one for which that lasts goes back.
	for failing, says := range map[time.Duration]string{3 * time.Minute: "", time.Hour: "because its gate cannot see: "} {
		name := "for" + strings.TrimRight(failing.String(), "0smh")
		want := w.begun(name, &stack.Release{Strategy: stack.BlueGreen, Interval: stack.Duration(15 * time.Minute), Gate: &stack.Gate{MaxErrorRate: limit(0.01)}})
		w.watch.broken = nil
		began := w.clock.now()
		w.clock.waited = func(now time.Time) {
			w.watch.mu.Lock()
			defer w.watch.mu.Unlock()
			w.watch.broken = nil
			if now.Sub(began) < failing {
				w.watch.broken = errNo
			}
		}
		if says == "" {
			w.release(want)
		} else {
			w.fails(want, says)
			if took := w.clock.now().Sub(began); took < blindFor || took > blindFor+time.Minute {
				t.Errorf("it took %s", took)
			}
		}
		w.clock.waited = nil
	}
	// One that may see no more goes back at once.
	want = w.begun("denied", &stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{MaxErrorRate: limit(0.01)}})
	w.watch.broken = nil
	w.clock.waited = func(time.Time) {
		w.watch.mu.Lock()
		defer w.watch.mu.Unlock()
		w.watch.broken = errDenied
	}
	w.fails(want, "rolled back: interrupted by ada@laptop, because its gate cannot see: ")
	w.at("denied", stack.RouteTo(1))
}

func TestHooksRunTheCandidates(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Before: "create", After: "smoke"})
	fresh := want.Functions["smoke"]
	want.Functions["fresh"] = fresh
	w.release(want)
	if len(w.aliases.invoked) != 2 {
		t.Fatalf("it invoked %q", w.aliases.invoked)
	}
	arn := "arn:aws:lambda:us-east-1:123456789012:function:shop-"
	functions := `"functions":{"create":{"function":"shop-create","candidate":"2","stable":"1","arn":"` + arn + `create:2"},` +
		`"fresh":{"function":"shop-fresh","candidate":"1","stable":null,"arn":"` + arn + `fresh:1"},` +
		`"list":{"function":"shop-list","candidate":"2","stable":"1","arn":"` + arn + `list:2"}}}`
	for n, begins := range []string{"shop-create:2 ", "shop-smoke:1 "} {
		phase := []string{"before", "after"}[n]
		if got, want := w.aliases.invoked[n], begins+`{"release":"`+want.ReleaseID()+`","stack":"shop","phase":"`+phase+`",`+functions; got != want {
			t.Errorf("it invoked\n%s, want\n%s", got, want)
		}
	}
}

func TestAHookThatFailsRollsBackWithItsWords(t *testing.T) {
	w := openWorld(t)
	for name, c := range map[string]struct {
		policy     stack.Release
		hook       string
		says, told string
		moves      bool
	}{
		"first": {
			stack.Release{Strategy: stack.Canary, Before: "create"},
			"first-create:2",
			`{"errorMessage": "no way", "key": "correct-horse"}`, `{"errorMessage": "no way", "key": (secret)}`, false,
		},
		"last": {stack.Release{After: "smoke"}, "last-smoke:1", `{"errorMessage": "no\nway"}`, `{"errorMessage": "no\nway"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			want := w.begun(name, &c.policy)
			create := want.Functions["create"]
			create.Secrets, create.SecretsVersion = map[string]string{"KEY": "correct-horse"}, "1"
			want.Functions["create"] = create
			w.aliases.says[c.hook] = c.says
			w.fails(want, "it failed and returned "+c.told+"; every alias is where it was before")
			w.at(name, stack.RouteTo(1))
			if moved := slices.ContainsFunc(w.aliases.moves, func(m string) bool { return strings.HasPrefix(m, name+"-create 2") }); moved != c.moves {
				t.Errorf("it moved %q", w.aliases.moves)
			}
		})
	}
}

func TestProvisionedInstancesStayWithTheStableVersion(t *testing.T) {
	w := openWorld(t)
	provisioned := func(s stack.Stack) stack.Stack {
		create := s.Functions["create"]
		create.Concurrency.Provisioned = 2
		s.Functions["create"] = create
		return s
	}
	w.watch.alarms["red"] = cwtypes.StateValueOk
	w.create(provisioned(w.stack("shop", w.one, nil)))
	want := provisioned(w.stack("shop", w.two, &stack.Release{Strategy: stack.Canary, Interval: brief, Gate: &stack.Gate{Alarms: []string{"red"}}}))
	during := map[string]int32{}
	alarm := cwtypes.StateValueAlarm
	w.clock.waited = func(time.Time) {
		w.aliases.mu.Lock()
		during = maps.Clone(w.aliases.provisioned)
		w.aliases.mu.Unlock()
		if d := w.read(want); d.Stack.Functions["create"].Concurrency.Provisioned != 2 {
			t.Errorf("meanwhile the stack has %d instances", d.Stack.Functions["create"].Concurrency.Provisioned)
		}
		w.watch.alarms["red"] = alarm
	}
	w.fails(want, "rolled back")
	if !maps.Equal(during, map[string]int32{"shop-create:1": 2}) || !maps.Equal(w.aliases.provisioned, map[string]int32{"shop-create:live": 2}) {
		t.Errorf("during the release there was %v, afterwards %v", during, w.aliases.provisioned)
	}
	if d := w.read(provisioned(w.stack("shop", w.one, nil))); !ready(d) {
		t.Errorf("after it was rolled back the stack is %v", d.Components)
	}
	alarm, w.watch.alarms["red"] = cwtypes.StateValueOk, cwtypes.StateValueOk
	w.release(want)
	if !maps.Equal(w.aliases.provisioned, map[string]int32{"shop-create:live": 2}) {
		t.Errorf("after the release there was %v", w.aliases.provisioned)
	}
}
