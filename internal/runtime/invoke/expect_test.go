package invoke

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestTheSandboxIsToldWhatMayBeStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		expected := func() int {
			pass(expectDelay)
			synctest.Wait()
			return len(*h.sandbox.expected.Load())
		}
		if n := expected(); n != 1 {
			t.Errorf("%d kinds of instances are expected of one function, want that of its live version", n)
		}
		h.apply("shop", shop(func(rec *store.Record) {
			config := rec.Stack.Functions["cart"].Config
			config.Memory = 256
			rec.Functions["cart"].Live = stack.Routing{1: 90, addVersion(rec, config): 10}
			addVersion(rec, config) // to which nothing leads
		}))
		if n := expected(); n != 2 {
			t.Errorf("%d kinds of instances are expected of two live versions", n)
		}
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Runtime = "cobol" })))
		h.apply("shop", nil)
		if n := expected(); n != 0 {
			t.Errorf("%d kinds of instances are expected of no function", n)
		}
		if n := h.sandbox.started.Load(); n != 0 {
			t.Errorf("%d instances were started for being expected", n)
		}
	})
}

func TestAnAnswerTellsOfASandboxThatWasThereBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) { p.sleep(time.Second); echo(p) })
		first := h.must(Request{Qualifier: "1"})
		h.sandbox.prepared.Store(true)
		second := h.must(Request{})
		if first.Init.Pooled || !second.Init.Pooled || first.Init.Took != time.Second || first.Init.Provisioned {
			t.Errorf("it tells %+v and %+v", first.Init, second.Init)
		}
		if warm := h.must(Request{}); warm.Init != (Initialization{}) {
			t.Errorf("of a warm instance it tells %+v", warm.Init)
		}
	})
}
