package invoke

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestABurstOnAColdFunctionStartsAtMostOneInstanceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.sleep(100 * time.Millisecond)
			echo(p)
		})
		responses, errs := h.all(50, Request{})
		if len(errs) > 0 {
			t.Fatalf("%d of 50 failed: %v", len(errs), errs[0])
		}
		if n := h.sandbox.started.Load(); n > 50 {
			t.Errorf("%d instances were started for 50 requests", n)
		}
		if !slices.ContainsFunc(responses, func(r Response) bool { return r.Init.Took == 100*time.Millisecond }) {
			t.Error("no response tells of a cold start of 100 ms")
		}
	})
}

func TestStartsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starting, most atomic.Int64
		h := newHouse(t, func(p *process) {
			most.Store(max(most.Load(), starting.Add(1)))
			p.sleep(100 * time.Millisecond)
			starting.Add(-1)
			busy(time.Second)(p)
		})
		if _, errs := h.all(100, Request{}); len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if turns := int64(cap(h.turns)); most.Load() != turns {
			t.Errorf("%d instances started at the same time, want %d", most.Load(), turns)
		}
	})
}

func TestSlowInitialisersDoNotHoldUpOthersForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := true
		h := newHouse(t, nil)
		h.sandbox.program = func() program {
			if slow {
				return func(p *process) { p.sleep(9 * time.Second); echo(p) }
			}
			return echo
		}
		var wg sync.WaitGroup
		for range cap(h.turns) {
			wg.Go(func() { h.must(Request{Qualifier: "1"}) })
		}
		synctest.Wait()
		slow = false
		start := time.Now()
		h.must(Request{})
		if waited := time.Since(start); waited != maxTurn {
			t.Errorf("the quick function waited for %s, want %s", waited, maxTurn)
		}
		wg.Wait()
	})
}

func TestAnIdleInstanceIsUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		for i := range 10 {
			r := h.must(Request{})
			if cold := r.Init.Took > 0; cold {
				t.Errorf("request %d tells of a cold start that took no time", i)
			}
		}
		if n := h.sandbox.started.Load(); n != 1 {
			t.Errorf("%d instances were started for requests one after the other, want 1", n)
		}
	})
}

func TestANewRequestWaitsForAnInstanceThatHasJustAnswered(t *testing.T) {
	for _, c := range []struct {
		name             string
		start, afterwork time.Duration
		instances        int64
	}{
		{"it is back at once", 0, minPatience - time.Millisecond, 1},
		{"it takes its time", 0, minPatience + time.Millisecond, 2},
		{"it takes less than a start", 300 * time.Millisecond, 299 * time.Millisecond, 1},
		{"it takes more than a start", 300 * time.Millisecond, 301 * time.Millisecond, 2},
		{"it takes very long", 5 * time.Second, maxPatience + time.Millisecond, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, func(p *process) {
					p.sleep(c.start)
					for {
						e := p.next()
						p.respond(e.id, e.payload)
						p.sleep(c.afterwork)
					}
				})
				h.must(Request{})
				h.must(Request{})
				if n := h.sandbox.started.Load(); n != c.instances {
					t.Errorf("%d instances were started, want %d", n, c.instances)
				}
			})
		})
	}
}

func TestAWaitingRequestTakesTheInstanceThatIsFreeFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second))
		h.must(Request{}) // one is warm
		h.sandbox.program = func() program {
			return func(p *process) { p.sleep(5 * time.Second); echo(p) }
		}
		start := time.Now()
		if _, errs := h.all(2, Request{}); len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("two requests took %s, want 2s: one after the other on the warm instance", took)
		}
	})
}

func TestTheInstanceUsedLastIsUsedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			for {
				e := p.next()
				p.sleep(time.Second)
				p.respond(e.id, `"`+p.spec.ID+`"`)
			}
		})
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { h.must(Request{}) })
		}
		wg.Wait()
		synctest.Wait()
		first := h.must(Request{})
		for range 5 {
			synctest.Wait()
			if r := h.must(Request{}); string(r.Payload) != string(first.Payload) {
				t.Errorf("instance %s answered, want %s again", r.Payload, first.Payload)
			}
		}
	})
}

func TestIdleInstancesEndAfterTheIdleTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second), func(o *Options) { o.IdleTimeout = time.Minute })
		h.all(3, Request{})
		idleSince := time.Now()
		pass(30 * time.Second)
		h.must(Request{}) // one is used once more
		pass(time.Until(idleSince.Add(time.Minute - time.Second)))
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 3 {
			t.Errorf("%d instances are there before the timeout, want 3", n)
		}
		pass(2 * time.Second)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 1 {
			t.Errorf("%d instances are there after the timeout, want the one that was used", n)
		}
		pass(time.Minute)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances are there in the end, want none", n)
		}
	})
}

func TestProvisionedInstancesAreStartedBeforeTheyAreNeededAndStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo, func(o *Options) { o.IdleTimeout = time.Minute })
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = 2 })))
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 2 {
			t.Fatalf("%d instances are there, want 2", n)
		}
		if spec := <-h.sandbox.specs; !slices.Contains(spec.Env, "INITIALIZATION=provisioned-concurrency") {
			t.Errorf("a provisioned instance's environment is %v", spec.Env)
		}
		pass(time.Hour)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 2 {
			t.Errorf("%d instances are there after an hour, want 2", n)
		}

		h.apply("shop", shop(nil))
		pass(2 * time.Minute)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances are there when none is provisioned any more", n)
		}
	})
}

func TestAProvisionedInstanceThatEndsIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) { p.next(); p.stop(sandbox.Exit{Code: 1}) })
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = 1 })))
		synctest.Wait()
		h.must(Request{Qualifier: stack.AliasLive})
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 1 {
			t.Errorf("%d instances are there, want 1", n)
		}
	})
}

func TestProvisionedInstancesThatCannotInitialiseAreTriedEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) { p.stop(sandbox.Exit{Code: 1}) })
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Concurrency.Provisioned = 1 })))
		pass(time.Hour)
		if n := h.sandbox.started.Load(); n < 10 || n > 25 {
			t.Errorf("%d were started in an hour, want one every five minutes in the end", n)
		}
	})
}

func TestARequestWhoseCallerLeavesWhileItWaitsIsNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events atomic.Int64
		h := newHouse(t, func(p *process) {
			p.sleep(time.Second)
			for {
				e := p.next()
				events.Add(1)
				p.respond(e.id, e.payload)
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := h.invoke(ctx, Request{})
		var e *Error
		if !errors.As(err, &e) || e.Status != 503 {
			t.Errorf("the error is %v, want an *Error with status 503", err)
		}
		pass(time.Minute)
		if n := events.Load(); n != 0 {
			t.Errorf("%d events were run", n)
		}
		h.must(Request{})
		if n := h.sandbox.started.Load(); n != 1 {
			t.Errorf("%d instances were started, want the one to be kept", n)
		}
	})
}

func TestAFunctionRunsToItsEndWhenItsCallerHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var done atomic.Bool
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.sleep(time.Second)
			done.Store(p.respond(e.id, e.payload).Code == 202)
			p.next()
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := h.invoke(ctx, Request{}); err == nil {
			t.Error("the caller got an answer before there was one")
		}
		pass(2 * time.Second)
		if !done.Load() {
			t.Error("the function did not run to its end")
		}
	})
}

func TestANewConfigurationGetsNewInstancesAndTheOldOnesFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			for {
				e := p.next()
				p.sleep(time.Second)
				p.respond(e.id, `"`+p.spec.Env[1]+`"`)
			}
		})
		environment := func(value string) *store.Record {
			return shop(changeCart(func(f *stack.Function) { f.Environment = map[string]string{"COLOUR": value} }))
		}
		h.apply("shop", environment("red"))
		h.must(Request{})
		var old Response
		var wg sync.WaitGroup
		wg.Go(func() { old = h.must(Request{}) })
		synctest.Wait()
		h.apply("shop", environment("blue"))
		if r := h.must(Request{}); string(r.Payload) != `"COLOUR=blue"` {
			t.Errorf("after the change %s answered", r.Payload)
		}
		wg.Wait()
		if string(old.Payload) != `"COLOUR=red"` {
			t.Errorf("what ran before the change got %s", old.Payload)
		}
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 1 {
			t.Errorf("%d instances are left, want the new one", n)
		}
	})
}

func TestChangedSecretsGetNewInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.must(Request{})
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Secrets = map[string]string{"KEY": "new"} })))
		h.must(Request{})
		<-h.sandbox.specs
		if spec := <-h.sandbox.specs; !slices.Contains(spec.Env, "KEY=new") {
			t.Errorf("the environment is %v", spec.Env)
		}
	})
}

func TestADeletedFunctionFinishesWhatItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second))
		h.all(2, Request{}) // one stays idle
		var wg sync.WaitGroup
		wg.Go(func() { h.must(Request{Payload: []byte(`"last"`)}) })
		synctest.Wait()
		h.apply("shop", nil)
		if _, err := h.invoke(t.Context(), Request{}); err == nil {
			t.Error("a deleted function can be invoked")
		}
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 1 {
			t.Errorf("%d instances are there, want the one that runs", n)
		}
		wg.Wait()
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances are left", n)
		}
	})
}

func TestAnInstanceThatDiedWhileIdleIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.respond(e.id, e.payload)
			ctx, cancel := context.WithTimeout(p.killed, time.Second)
			defer cancel()
			p.killed = ctx // its next request breaks off after a second
			p.next()
		})
		h.must(Request{})
		pass(2 * time.Second)
		h.must(Request{})
		if n := h.sandbox.started.Load(); n != 2 {
			t.Errorf("%d instances were started, want 2", n)
		}
	})
}

func TestAnErrorOfTheNodeIsAServiceException(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.store.missing.Store(true)
		_, err := h.invoke(t.Context(), Request{})
		var e *Error
		if !errors.As(err, &e) || e.Status != 500 || e.Type != "ServiceException" {
			t.Errorf("the error is %v, want a ServiceException with status 500", err)
		}
		h.store.missing.Store(false)
		h.must(Request{})
	})
}

func TestClosingLetsInvocationsFinishAndThenEndsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.sleep(map[string]time.Duration{`"quick"`: time.Second, `"slow"`: 2500 * time.Millisecond}[e.payload])
			p.respond(e.id, e.payload)
			p.next()
		})
		results := map[string]error{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, payload := range []string{`"quick"`, `"slow"`} {
			wg.Go(func() {
				_, err := h.invoke(t.Context(), Request{Payload: []byte(payload)})
				mu.Lock()
				defer mu.Unlock()
				results[payload] = err
			})
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		h.drain(ctx)
		h.close()
		wg.Wait()
		if results[`"quick"`] != nil {
			t.Errorf("what ended in time got %v", results[`"quick"`])
		}
		if !errors.Is(results[`"slow"`], errClosing) {
			t.Errorf("what did not end in time got %v, want %v", results[`"slow"`], errClosing)
		}
		if _, err := h.invoke(t.Context(), Request{}); !errors.Is(err, errClosing) {
			t.Errorf("a request after that got %v, want %v", err, errClosing)
		}
	})
}
