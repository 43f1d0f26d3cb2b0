package invoke

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func reserve(n int) func(*stack.Function) {
	return func(f *stack.Function) { f.Concurrency.Reserved = &n }
}

func TestAReservationIsTheMostInvocationsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second))
		h.apply("shop", shop(changeCart(reserve(3))))
		responses, errs := h.all(10, Request{})
		if len(responses) != 3 || len(errs) != 7 {
			t.Fatalf("%d ran and %d did not, want 3 and 7", len(responses), len(errs))
		}
		for _, err := range errs {
			var e *Error
			if !errors.As(err, &e) || e.Status != 429 || e.Type != "TooManyRequestsException" ||
				e.Message != "Rate Exceeded." || e.Reason != "ReservedFunctionConcurrentInvocationLimitExceeded" {
				t.Errorf("the error is %#v", err)
			}
		}
		if responses, _ = h.all(3, Request{}); len(responses) != 3 {
			t.Errorf("%d ran afterwards, want 3", len(responses))
		}
	})
}

func TestAReservationIsForAllVersionsTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Second))
		h.apply("shop", shop(changeCart(reserve(1))))
		go h.must(Request{Qualifier: "1"})
		synctest.Wait()
		if _, err := h.invoke(t.Context(), Request{Qualifier: "$LATEST"}); err == nil {
			t.Error("another version ran beyond the reservation")
		}
		synctest.Wait()
		pass(2 * time.Second)
	})
}

func TestAReservationOfZeroStopsAFunction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.apply("shop", shop(changeCart(reserve(0))))
		_, err := h.invoke(t.Context(), Request{})
		var e *Error
		if !errors.As(err, &e) || !e.Throttled() {
			t.Errorf("the error is %v, want a TooManyRequestsException", err)
		}
	})
}

func TestOtherFunctionsShareWhatReservationsLeave(t *testing.T) {
	l := newLimits(10, func(n int) int { return n })
	var reserved, a, b quota
	four := 4
	l.set(&reserved, &four)
	l.set(&a, nil)
	l.set(&b, nil)
	for i := range 6 {
		q := &a
		if i%2 == 1 {
			q = &b
		}
		if err := l.take(q); err != nil {
			t.Fatalf("place %d of 6 was refused", i+1)
		}
	}
	if err := l.take(&a); err == nil || err.Reason != "ConcurrentInvocationLimitExceeded" {
		t.Errorf("a seventh got %v", err)
	}
	for i := range 4 {
		if err := l.take(&reserved); err != nil {
			t.Fatalf("reserved place %d was refused", i+1)
		}
	}
	if err := l.take(&reserved); err == nil {
		t.Error("a fifth reserved place was granted")
	}
	l.release(&b)
	if err := l.take(&a); err != nil {
		t.Error("a place that was given back was refused")
	}
}

func TestANodeGrantsItsShareOfALimit(t *testing.T) {
	nodes := 2
	l := newLimits(10, func(n int) int { return n / nodes })
	var q quota
	l.set(&q, nil)
	for range 5 {
		if err := l.take(&q); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take(&q); err == nil {
		t.Error("one of two nodes granted more than half")
	}
	nodes = 1
	if err := l.take(&q); err != nil {
		t.Error("the node left alone did not grant the rest")
	}
}

func TestAChangedReservationCountsWhatRuns(t *testing.T) {
	l := newLimits(10, func(n int) int { return n })
	var q, other quota
	l.set(&q, nil)
	l.set(&other, nil)
	for range 3 {
		_ = l.take(&q)
	}
	three := 3
	l.set(&q, &three)
	if err := l.take(&q); err == nil {
		t.Error("a fourth was granted under a reservation of three")
	}
	for i := range 7 {
		if err := l.take(&other); err != nil {
			t.Fatalf("place %d of the 7 left for others was refused", i+1)
		}
	}
	for range 3 {
		l.release(&q)
	}
	l.set(&q, nil)
	if err := l.take(&q); err != nil {
		t.Error("nothing is granted after the reservation is gone")
	}
}

func TestWhoWaitsIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1, func(n int) int { return n })
		var q quota
		l.set(&q, nil)
		_ = l.take(&q)
		served := make(chan int, 3)
		for i := range 3 {
			go func() {
				if l.wait(t.Context(), &q) == nil {
					served <- i
				}
			}()
			synctest.Wait()
		}
		for want := range 3 {
			l.release(&q)
			if got := <-served; got != want {
				t.Errorf("number %d was served, want %d", got, want)
			}
		}
	})
}

func TestWhoWaitsGoesWithTheFunctionToItsNewLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1, func(n int) int { return n })
		var q quota
		l.set(&q, nil)
		_ = l.take(&q)
		done := make(chan error, 1)
		go func() { done <- l.wait(t.Context(), &q) }()
		synctest.Wait()
		two := 2
		l.set(&q, &two)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWhoStopsWaitingLosesNoPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(1, func(n int) int { return n })
		var q quota
		l.set(&q, nil)
		_ = l.take(&q)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.wait(ctx, &q); err == nil {
			t.Fatal("a second place was granted")
		}
		l.release(&q)
		if err := l.take(&q); err != nil {
			t.Error("the place went to who had left")
		}
	})
}

func TestWhoWaitsNoticesThatTheShareHasGrown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		share := make(chan int, 1)
		share <- 0
		l := newLimits(1, func(int) int { n := <-share; share <- n; return n })
		var q quota
		l.set(&q, nil)
		time.AfterFunc(time.Minute, func() { <-share; share <- 1 })
		if err := l.wait(t.Context(), &q); err != nil {
			t.Error(err)
		}
	})
}
