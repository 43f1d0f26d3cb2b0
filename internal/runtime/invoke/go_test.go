package invoke

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// A goResult is what an invocation by Service.Go was told.
type goResult struct {
	Response
	err error
}

// goInvoke begins an invocation; what it was told comes once.
func (h *house) goInvoke(req Request) (<-chan goResult, context.CancelFunc) {
	req.Function = "shop-cart"
	results := make(chan goResult, 2)
	cancel := (&Service{opts: h.opts, runner: h.runner}).Go(req, func(r Response, err error) { results <- goResult{r, err} })
	return results, cancel
}

func TestGoTellsTheAnswerOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			for e := p.next(); ; e = p.next() {
				if e.payload == `"fail"` {
					p.fail(e.id, `{"errorMessage":"no"}`)
					continue
				}
				p.respond(e.id, e.payload)
			}
		})
		for i, payload := range []string{`1`, `2`, `"fail"`} { // the first is in line for a start
			results, cancel := h.goInvoke(Request{Qualifier: "live", Payload: []byte(payload)})
			if (cancel == nil) != (i > 0) {
				t.Errorf("invocation %d can be cancelled: %t", i, cancel != nil)
			}
			synctest.Wait()
			r := <-results
			switch {
			case r.err != nil || r.ExecutedVersion != "1":
				t.Errorf("got %+v", r)
			case payload == `"fail"`:
				if r.FunctionError != "Unhandled" || string(r.Payload) != `{"errorMessage":"no"}` {
					t.Errorf("got %+v, %s", r, r.Payload)
				}
			case string(r.Payload) != payload:
				t.Errorf("got %s, want %s", r.Payload, payload)
			}
			if len(results) > 0 {
				t.Errorf("it was told twice")
			}
		}
		if n := h.sandbox.started.Load(); n != 1 {
			t.Errorf("%d instances were started, want 1", n)
		}
	})
}

func TestGoWaitsInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			for e := p.next(); ; e = p.next() {
				p.respond(e.id, e.payload)
				p.sleep(10 * time.Millisecond) // before it is ready again
			}
		})
		h.must(Request{})
		var all []<-chan goResult
		for range 3 {
			results, _ := h.goInvoke(Request{})
			all = append(all, results)
		}
		for _, results := range all {
			if r := <-results; r.err != nil || string(r.Payload) != "{}" {
				t.Errorf("got %+v", r)
			}
		}
	})
}

func TestGoCanBeCancelledInLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := make(chan struct{})
		h := newHouse(t, func(p *process) {
			<-begin
			echo(p)
		})
		results, cancel := h.goInvoke(Request{})
		synctest.Wait()
		cancel()
		var e *Error
		if r := <-results; !errors.As(r.err, &e) || e.Status != 503 {
			t.Errorf("got %+v", r)
		}
		if n := h.limits.shared.running; n != 0 {
			t.Errorf("%d places are taken", n)
		}
		close(begin)
		synctest.Wait()
		cancel() // nothing is left to
		if r := h.must(Request{Payload: []byte("1")}); string(r.Payload) != "1" || len(results) > 0 {
			t.Errorf("got %s", r.Payload)
		}
	})
}

func TestGoTellsWhyThereIsNoAnswer(t *testing.T) {
	want := func(t *testing.T, r goResult, kind string) {
		t.Helper()
		var e *Error
		if !errors.As(r.err, &e) || e.Type != kind {
			t.Errorf("got %+v, want %s", r, kind)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) { p.failInit("Runtime.ImportModuleError", `{"errorMessage":"no module"}`) })
		results, _ := h.goInvoke(Request{})
		if r := <-results; r.err != nil || r.FunctionError != "Unhandled" || string(r.Payload) != `{"errorMessage":"no module"}` {
			t.Errorf("got %+v, %s", r, r.Payload)
		}
		results, _ = h.goInvoke(Request{Payload: []byte("{")})
		want(t, <-results, "InvalidRequestContentException")
		results, _ = h.goInvoke(Request{Qualifier: "none"})
		want(t, <-results, "ResourceNotFoundException")
		none := 0
		h.apply("shop", shop(func(rec *store.Record) {
			f := rec.Stack.Functions["cart"]
			f.Concurrency.Reserved = &none
			rec.Stack.Functions["cart"] = f
		}))
		results, _ = h.goInvoke(Request{})
		want(t, <-results, "TooManyRequestsException")
		h.apply("shop", shop(nil))
		over, cancel := context.WithCancel(t.Context())
		cancel()
		h.drain(over)
		results, _ = h.goInvoke(Request{})
		want(t, <-results, errClosing.Type)
	})
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.respond(e.id, "1")
			p.next()
			p.hang()
		})
		h.must(Request{})
		results, _ := h.goInvoke(Request{})
		if r := <-results; r.err != nil || r.FunctionError == "" {
			t.Errorf("a timeout is told as %+v", r)
		}
	})
}
