package invoke

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// moving is a record of shop in which a release has moved a part of the traffic of the
// function to version 2, and which brings a function "new". Provisioned instances are
// kept of both.
func moving(candidate, provisioned int) *store.Record {
	return shop(func(rec *store.Record) {
		changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = provisioned })(rec)
		addVersion(rec, rec.Stack.Functions["cart"].Config)
		cart := rec.Stack.Functions["cart"]
		rec.Pending = &stack.Stack{Name: "shop", Functions: map[string]stack.Function{"cart": cart, "new": cart}}
		rec.Functions["new"] = &store.FunctionRecord{
			LastVersion: 1, Versions: []store.VersionRecord{{Version: stack.Version{Number: 1, Config: cart.Config}}}, Live: stack.RouteTo(1),
		}
		rec.Release = &release.Release{
			Policy: stack.Release{Strategy: stack.Canary, Weight: 50}, Phase: release.Shifting,
			Moves: map[string]release.Move{"cart": {Stable: stack.RouteTo(1), Candidate: 2}},
		}
		rec.Functions["cart"].Live = stack.Routing{1: 100 - candidate, 2: candidate}
		if candidate%100 == 0 {
			rec.Functions["cart"].Live = stack.RouteTo(1 + candidate/100)
		}
	})
}

func TestWhatComesWithAReleaseCanBeInvokedByItsNumber(t *testing.T) {
	h := newHouse(t, echo)
	h.apply("shop", moving(0, 0))
	if got := h.must(Request{Qualifier: "2"}); got.ExecutedVersion != "2" {
		t.Errorf("the candidate is %s", got.ExecutedVersion)
	}
	if got := h.must(Request{Function: "shop-new", Qualifier: "1"}); got.ExecutedVersion != "1" {
		t.Errorf("the new function is %s", got.ExecutedVersion)
	}
	if got := h.must(Request{Qualifier: stack.AliasLive}); got.ExecutedVersion != "1" {
		t.Errorf("the alias leads to %s before traffic moves", got.ExecutedVersion)
	}
}

func TestACandidateGetsNoTrafficBeforeItsProvisionedInstancesAreThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const start = 5 * time.Second
		h := newHouse(t, func(p *process) {
			p.sleep(start)
			echo(p)
		}, func(o *Options) {
			o.IdleTimeout = time.Minute
			o.Random = func() float64 { return 0.99 } // the candidate's part
		})
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = 2 })))
		pass(start)
		synctest.Wait()
		h.apply("shop", moving(50, 2))
		for range 3 {
			asked := time.Now()
			if got := h.must(Request{Qualifier: stack.AliasLive}); got.ExecutedVersion != "1" || time.Since(asked) > 0 {
				t.Errorf("while the candidate starts, version %s runs, after %s", got.ExecutedVersion, time.Since(asked))
			}
		}
		pass(start)
		synctest.Wait()
		if got := h.must(Request{Qualifier: stack.AliasLive}); got.ExecutedVersion != "2" {
			t.Errorf("when it has started, version %s runs", got.ExecutedVersion)
		}

		// Both stay, also when the candidate has all traffic, or none for a while.
		for _, weight := range []int{100, 50} {
			h.apply("shop", moving(weight, 2))
			pass(time.Hour)
			synctest.Wait()
			if n := h.sandbox.running.Load(); n != 6 {
				t.Errorf("at %d %% there are %d instances, want 2 of each version and of the new function", weight, n)
			}
		}
		finished := moving(100, 2)
		finished.Release, finished.Pending = nil, nil
		h.apply("shop", finished)
		pass(2 * time.Minute)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 2 {
			t.Errorf("when it is finished there are %d instances, want 2", n)
		}
	})
}

func TestTheStableVersionOfASplitAliasIsTheOther(t *testing.T) {
	rec := moving(50, 0)
	rec.Release.Moves["cart"] = release.Move{Stable: stack.Routing{1: 30, 2: 70}, Candidate: 2}
	var s settings
	s.follow(rec, "cart")
	if s.candidate != "2" || s.stable != "1" {
		t.Errorf("the candidate is %s and the stable version %s", s.candidate, s.stable)
	}
}

func TestACandidateThatCannotStartGetsItsTrafficAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo, func(o *Options) { o.Random = func() float64 { return 0.99 } })
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = 1 })))
		synctest.Wait()
		h.sandbox.program = func() program { return func(p *process) { p.stop(sandbox.Exit{Code: 1}) } }
		h.apply("shop", moving(50, 1))
		synctest.Wait()
		if got := h.must(Request{Qualifier: stack.AliasLive}); got.ExecutedVersion != "2" || got.FunctionError == "" {
			t.Errorf("version %s runs and answers %q", got.ExecutedVersion, got.FunctionError)
		}
	})
}
