package trigger

import (
	"context"
	"testing"
)

func TestPaceGrowsWithSuccessAndHalvesWhenThrottled(t *testing.T) {
	limit := 100
	p := newPace(newFakeClock(testStart), func() int { return limit })
	takeAll := func() (n int) {
		for p.take() {
			n++
		}
		return n
	}
	if n := takeAll(); n != 5 {
		t.Errorf("it begins with %d", n)
	}
	for range 5 {
		p.succeeded()
	}
	if n := takeAll(); n != 10 {
		t.Errorf("after a round of successes there are %d", n)
	}
	p.throttled()
	for range 9 {
		p.leave()
	}
	if n := takeAll(); n != 5 {
		t.Errorf("after throttling there are %d", n)
	}
	limit = 2
	for range 5 {
		p.succeeded()
	}
	if n := takeAll(); n != 2 {
		t.Errorf("within a limit of 2 there are %d", n)
	}
}

func TestPaceWaitsForAPlace(t *testing.T) {
	limit := 0
	clock := newFakeClock(testStart)
	p := newPace(clock, func() int { return limit })
	got := make(chan bool)
	go func() { got <- p.wait(t.Context()) }()
	clock.waitForTimer(t, paceCheck)
	limit = 1 // this node got a part of the limit
	clock.advance(paceCheck)
	if !<-got {
		t.Fatal("there was no place")
	}
	go func() { got <- p.wait(t.Context()) }()
	p.leave()
	if !<-got {
		t.Fatal("the place was not free again")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if p.wait(ctx) {
		t.Error("who gave up got a place")
	}
}
