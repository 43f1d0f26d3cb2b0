package aws

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

func TestAnInterruptedApplyRollsBackOrHolds(t *testing.T) {
	w := openWorld(t)
	for onFailure, c := range map[string]struct {
		cause error
		says  string
		at    stack.Routing
	}{
		stack.Rollback: {nil, "rolled back: interrupted by ada@laptop; every", stack.RouteTo(1)},
		stack.Hold:     {errors.New("the update timeout of 3m has passed"), "held: interrupted by ada@laptop, because the update timeout of 3m has passed", stack.Routing{1: 90, 2: 10}},
	} {
		t.Run(onFailure, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			want := w.begun(onFailure, &stack.Release{Strategy: stack.Canary, OnFailure: onFailure})
			ctx, cancel := context.WithCancelCause(t.Context())
			began := w.clock.now()
			w.clock.waited = func(now time.Time) {
				if now.Sub(began) > time.Minute {
					cancel(c.cause)
				}
			}
			defer func() { w.clock.waited = nil }()
			_, err := w.target.Update(ctx, w.deploy(want))
			var failed *target.ReleaseError
			if !errors.As(err, &failed) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("the update says %v", err)
			}
			w.at(onFailure, c.at)
		})
	}
}

func TestAnApplyThatDoesNotWaitIsGoneOnWith(t *testing.T) {
	w := openWorld(t)
	w.watch.alarms["errors"] = cwtypes.StateValueOk
	want := w.begun("shop", &stack.Release{Strategy: stack.Linear, Weight: 50, Gate: &stack.Gate{Alarms: []string{"errors"}}})
	deploy, other := w.deploy(want), w.stack("shop", w.pack("three"), nil)
	deploy.NoWait = true
	for _, weight := range []int{50, 50, 0} {
		d, err := w.target.Update(t.Context(), deploy)
		if err != nil {
			t.Fatal(err)
		}
		at := stack.RouteTo(2)
		if weight > 0 {
			at = stack.Routing{2: weight, 1: 100 - weight}
		}
		w.at("shop", at)
		if underWay := d.Release.UnderWay(); underWay != (weight > 0) {
			t.Errorf("at %d %% it is %+v", weight, d.Release)
		}
		if weight > 0 { // Nobody drives it, and still nothing else is released meanwhile.
			changes := w.guillotine.changes
			_, err := w.target.Update(t.Context(), w.deploy(other))
			if under := new(target.UnderWayError); !errors.As(err, &under) || w.guillotine.changes != changes {
				t.Errorf("another apply says %v, and changed %d things", err, w.guillotine.changes-changes)
			}
		}
		w.clock.wait(t.Context(), 40*time.Second)
	}
}

func TestASecondApplyIsToldOfTheFirst(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	other := w.stack("shop", w.pack("three"), nil)
	var errs []error
	before := w.clock.now()
	asked := false
	w.clock.waited = func(now time.Time) {
		if asked || now.Sub(before) < 90*time.Second {
			return
		}
		asked = true
		// Of another target: a machine of its own.
		s := &session{place: w.session.place, clients: w.session.clients, endpoints: w.session.endpoints, pace: w.session.pace}
		clock := &fakeClock{at: now}
		clock.waited = func(at time.Time) {
			if i, err := s.observe(context.Background(), stack.Stack{Name: "shop"}); err == nil {
				n := i.underWay()
				_ = i.write(context.Background(), streamDrivers, beat{ID: n.id, Began: n.began, Driver: n.driver, At: at})
			}
		}
		s.clock = clock
		moves := len(w.aliases.moves)
		for _, second := range []stack.Stack{other, want} {
			_, err := connectedTo(s).Update(t.Context(), w.deploy(second))
			errs = append(errs, err)
		}
		if len(w.aliases.moves) != moves {
			t.Errorf("the second apply moved %q", w.aliases.moves[moves:])
		}
	}
	w.release(want)
	if len(errs) != 2 {
		t.Fatalf("it was tried %d times", len(errs))
	}
	for _, err := range errs {
		var under *target.UnderWayError
		if !errors.As(err, &under) || !strings.Contains(err.Error(), `the release `+want.ReleaseID()+` of stack "shop" is at 10 %, started by ada@laptop 1 minute ago, and nothing was changed now`) {
			t.Errorf("the second apply is told %v", err)
		}
	}
}

func TestOfTwoAppliesThatBeginAtOnceOneReleases(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	// Both have seen that no release is under way.
	w.aliases.meanwhile = func() {
		second := w.deploy(want)
		second.By, second.NoWait = "bob@desk", true
		w.clock.wait(t.Context(), time.Second)
		if _, err := w.target.Update(t.Context(), second); err != nil {
			t.Errorf("the faster apply says %v", err)
		}
	}
	w.fails(want, `the release `+want.ReleaseID()+` of stack "shop" is at 10 %, started by bob@desk 0 seconds ago, and nothing was changed now`)
	if len(w.aliases.moves) != 2 {
		t.Errorf("both together moved %q", w.aliases.moves)
	}
	if r, n := w.last("shop"); n != 1 || r.By != "bob@desk" {
		t.Errorf("the last of %d releases is %+v", n, r)
	}
	w.release(want)
	if r, n := w.last("shop"); n != 1 || r.Phase != release.Finished {
		t.Errorf("the last of %d releases is %+v", n, r)
	}
}

func TestAReleaseIsSteeredWhileItIsDriven(t *testing.T) {
	w := openWorld(t)
	for name, c := range map[string]struct {
		commands []release.Command
		says     string
		at       stack.Routing
	}{
		"promoted": {[]release.Command{release.CommandPause, release.CommandResume, release.CommandPromote}, "", stack.RouteTo(2)},
		"aborted":  {[]release.Command{release.CommandPause, release.CommandAbort}, "was aborted by bob@desk; every alias is where it was before", stack.RouteTo(1)},
	} {
		t.Run(name, func(t *testing.T) {
			w := *w
			w.shop = w.in(t)
			want := w.begun(name, &stack.Release{Strategy: stack.Canary})
			commands := c.commands
			w.clock.waited = func(time.Time) {
				if len(commands) == 0 {
					return
				}
				command := commands[0]
				commands = commands[1:]
				if r, err := w.target.Steer(t.Context(), name, command, "bob@desk"); err != nil || !strings.HasSuffix(r.Status().What, "by bob@desk") {
					t.Errorf("%s returns %+v, %v", command, r, err)
				}
			}
			defer func() { w.clock.waited = nil }()
			if c.says == "" {
				w.release(want)
			} else {
				w.fails(want, c.says)
			}
			w.at(name, c.at)
			if r, n := w.last(name); n != 1 || len(r.Trail) != 1+len(c.commands) {
				t.Errorf("the last of %d releases is %+v", n, r)
			}
			_, err := w.target.Steer(t.Context(), name, release.CommandAbort, "bob@desk")
			var none *target.NoReleaseError
			if !errors.As(err, &none) {
				t.Errorf("a release that has ended is steered: %v", err)
			}
		})
	}
}

func TestGoingBackPointsTheAliasesThere(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", nil)
	w.release(want)
	r, err := w.target.Rollback(t.Context(), "shop", "", "bob@desk")
	if err != nil || r.Phase != release.Finished || !r.Back || r.ID != w.stack("shop", w.one, nil).ReleaseID() {
		t.Fatalf("going back returns %+v, %v", r, err)
	}
	w.at("shop", stack.RouteTo(1))
	d := w.read(want)
	if says := d.Components["functions/create/alias"]; says != "points at version 1, to which bob@desk rolled back at 2026-06-01 12:00 UTC, and version 2 was released: to keep it, "+
		"make the configuration that of version 1 again; applying releases version 2 anew" {
		t.Errorf("the alias says %q", says)
	}
	if s := d.Release; s.State != "finished" || !s.Back || s.By != "bob@desk" {
		t.Errorf("the release is told as %+v", s)
	}
	w.clock.wait(t.Context(), time.Minute)
	w.release(want)
	w.at("shop", stack.RouteTo(2))
	for to, says := range map[string]string{
		"1": "has 3 functions, so the number 1 does not say which versions", "r-9": `knows of no release "r-9"`,
	} {
		if _, err := w.target.Rollback(t.Context(), "shop", to, "bob@desk"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("going back to %s says %v", to, err)
		}
	}
	if _, n := w.last("shop"); n != 3 {
		t.Errorf("there are %d releases", n)
	}

	few := func(code string) stack.Stack {
		s := w.stack("few", code, nil)
		for _, name := range []string{"create", "list"} {
			f := s.Functions[name]
			f.KeepVersions = 1
			s.Functions[name] = f
		}
		return s
	}
	w.create(few(w.one))
	w.release(few(w.two))
	if _, err := w.target.Rollback(t.Context(), "few", "", "bob@desk"); err == nil || !strings.Contains(err.Error(), "has no version 1, or no longer (keep_versions is 1); nothing was changed") {
		t.Errorf("going back to a version that was pruned says %v", err)
	}
	w.at("few", stack.RouteTo(2))

	if _, err := w.target.Rollback(t.Context(), "nobody", "", "bob@desk"); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("going back of a stack that is not there says %v", err)
	}
	if _, err := w.target.ListReleases(t.Context(), "nobody"); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("the releases of a stack that is not there are %v", err)
	}
}

func TestGoingBackAbortsWhatIsUnderWay(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	deploy := w.deploy(want)
	deploy.NoWait = true
	if _, err := w.target.Update(t.Context(), deploy); err != nil {
		t.Fatal(err)
	}
	if r, err := w.target.Rollback(t.Context(), "shop", "", "bob@desk"); err != nil || r.Phase != release.RolledBack || r.Status().What != "aborted by bob@desk" {
		t.Errorf("going back returns %+v, %v", r, err)
	}
	w.at("shop", stack.RouteTo(1))
}

func TestAStackIsDeletedWhileItIsReleased(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	deleted := false
	w.clock.waited = func(time.Time) {
		if !deleted {
			deleted = true
			if err := w.target.Delete(t.Context(), "shop"); err != nil {
				t.Error(err)
			}
		}
	}
	w.fails(want, "it is gone: somebody deleted it, or the whole stack, while the release was under way")
	if _, err := w.target.Read(t.Context(), stack.Stack{Name: "shop"}); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("afterwards reading it says %v", err)
	}
}
