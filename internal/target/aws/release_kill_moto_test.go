package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// brief is an interval that takes few looks.
const brief = stack.Duration(10 * time.Second)

func TestAKilledApplyIsGoneOnWithFromWhereverItWas(t *testing.T) {
	w := openWorld(t)
	policy := &stack.Release{Strategy: stack.Linear, Weight: 50, Interval: brief, Before: "smoke", After: "smoke"}
	edit := func(s stack.Stack) stack.Stack {
		create := s.Functions["create"]
		create.Permissions = []stack.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::b/*"}}}
		create.Logs.RetentionDays = 30
		s.Functions["create"] = create
		return s
	}
	want := edit(w.begun("whole", policy))
	w.guillotine.changes = 0
	w.release(want)
	calls := w.guillotine.changes
	if calls < 15 {
		t.Fatalf("a release makes only %d calls that change something", calls)
	}
	for n := 1; n < calls; n++ {
		name := "killed" + strings.Repeat("i", n)
		want := edit(w.begun(name, policy))
		w.guillotine.fallsAfter(n)
		if _, err := w.target.Update(t.Context(), w.deploy(want)); err == nil {
			t.Errorf("killed after %d calls, the update succeeds", n)
		}
		w.guillotine.live()
		done := w.guillotine.calls
		w.read(want)
		if d, err := w.target.Update(t.Context(), w.deploy(want)); err != nil {
			t.Errorf("killed after %d calls, the last %q, the next update says %v", n, done[len(done)-1], err)
		} else {
			w.settled(d, want)
		}
		w.at(name, stack.RouteTo(2))
		all, err := w.target.ListReleases(t.Context(), name)
		if err != nil || len(all) != 1 || all[0].Phase != release.Finished || len(all[0].Trail) != 4 {
			t.Errorf("killed after %d calls, the last %q, there are the releases %+v, %v", n, done[len(done)-1], all, err)
		}
		if t.Failed() {
			return
		}
	}
}

func TestAnApplyKilledWhileItRollsBackLeavesNothingBehind(t *testing.T) {
	w := openWorld(t)
	policy := &stack.Release{Strategy: stack.Canary, Interval: brief, Gate: &stack.Gate{Alarms: []string{"red"}}}
	w.watch.alarms["red"] = cwtypes.StateValueOk
	w.clock.waited = func(time.Time) {
		w.watch.mu.Lock()
		defer w.watch.mu.Unlock()
		w.watch.alarms["red"] = cwtypes.StateValueAlarm
	}
	edit := func(s stack.Stack) stack.Stack {
		create := s.Functions["create"]
		create.Permissions = []stack.Permission{{Actions: []string{"s3:GetObject"}, Resources: []string{"arn:aws:s3:::b/*"}}}
		s.Functions["create"] = create
		return s
	}
	want := edit(w.begun("whole", policy))
	w.guillotine.changes = 0
	w.fails(want, "rolled back")
	calls := w.guillotine.changes
	for n := calls - 6; n < calls; n++ {
		name := "killed" + strings.Repeat("i", n)
		w.watch.alarms["red"] = cwtypes.StateValueOk
		want := edit(w.begun(name, policy))
		w.guillotine.fallsAfter(n)
		if _, err := w.target.Update(t.Context(), w.deploy(want)); err == nil {
			t.Errorf("killed after %d calls, the update succeeds", n)
		}
		w.guillotine.live()
		done := w.guillotine.calls
		old := w.stack(name, w.one, nil)
		if under := w.read(old).Release; under.UnderWay() {
			w.watch.alarms["red"] = cwtypes.StateValueOk
			if _, err := w.target.Steer(t.Context(), name, release.CommandAbort, "bob@desk"); err != nil {
				t.Errorf("killed after %q, it cannot be aborted: %v", done[len(done)-1], err)
			}
		} else if _, err := w.target.Update(t.Context(), w.deploy(old)); err != nil {
			t.Errorf("killed after %q, the next update says %v", done[len(done)-1], err)
		}
		w.at(name, stack.RouteTo(1))
		if d := w.read(old); !ready(d) || d.Release.State != "rolled_back" {
			t.Errorf("killed after %q, the stack is %v with %+v", done[len(done)-1], d.Components, d.Release)
		}
	}
}

func TestAKilledApplyLosesNoProvisionedInstances(t *testing.T) {
	w := openWorld(t)
	provisioned := func(s stack.Stack) stack.Stack {
		create := s.Functions["create"]
		create.Concurrency.Provisioned = 2
		s.Functions["create"] = create
		return s
	}
	begun := func(name string) stack.Stack {
		w.create(provisioned(w.stack(name, w.one, nil)))
		return provisioned(w.stack(name, w.two, &stack.Release{Strategy: stack.Canary, Interval: brief}))
	}
	want := begun("whole")
	w.guillotine.fallsAfter(1000)
	w.guillotine.changes = 0
	w.release(want)
	calls := w.guillotine.changes
	// Before, there are code and versions alone; see TestAKilledApplyIsGoneOnWithFromWhereverItWas.
	first := slices.IndexFunc(w.guillotine.calls, func(call string) bool { return strings.HasSuffix(call, "aliases/live") })
	for n := first; n < calls; n++ {
		name := "killed" + strings.Repeat("i", n)
		want := begun(name)
		w.guillotine.fallsAfter(n)
		_, err := w.target.Update(t.Context(), w.deploy(want))
		w.guillotine.live()
		last := w.guillotine.calls[len(w.guillotine.calls)-1]
		if err == nil {
			t.Errorf("killed after %q, the update succeeds", last)
		}
		if d := w.read(want); d.Stack.Functions["create"].Concurrency.Provisioned != 2 {
			t.Errorf("killed after %q, the stack has %d instances", last, d.Stack.Functions["create"].Concurrency.Provisioned)
		}
		w.release(want)
		w.aliases.mu.Lock()
		for key, instances := range w.aliases.provisioned {
			if strings.HasPrefix(key, name+"-") && (key != name+"-create:live" || instances != 2) {
				t.Errorf("killed after %q, in the end %s has %d instances", last, key, instances)
			}
		}
		if w.aliases.provisioned[name+"-create:live"] != 2 {
			t.Errorf("killed after %q, in the end there are %v", last, w.aliases.provisioned)
		}
		w.aliases.mu.Unlock()
		if t.Failed() {
			return
		}
	}
}
