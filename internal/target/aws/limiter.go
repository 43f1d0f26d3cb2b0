package aws

import (
	"context"
	"sync"
	"time"
)

// A limiter finds out how many calls a second a service allows, and keeps to it. It
// lets all calls pass until the service throttles one. From then on calls wait in line
// and leave one by one.
//
// The SDK's own adaptive mode measures how fast calls are made, so a burst at the
// start, as a Terraform apply begins with, misleads it for many seconds. A limiter
// measures what is accepted between two moments when calls were throttled: AWS
// throttles when a token bucket is empty, so it is that bucket's rate.
type limiter struct {
	// line has the call that leaves next in it.
	line chan struct{}

	mu sync.Mutex
	// rate of calls a second; 0 while calls pass freely.
	rate float64
	// known tells whether the rate was measured, or is still being tried out.
	known bool
	// left is when the last call left the line, grown when the rate last grew.
	left, grown time.Time
	// emptied is when a measurement began, with a throttled call, and accepted how many
	// calls succeeded since.
	emptied  time.Time
	accepted int
}

const (
	// firstRate follows the first throttled call, while nothing is measured yet. No limit
	// that AWS documents for the calls of this package is much lower.
	firstRate = 10.0
	// lowestRate keeps a limiter from falling asleep, and freeRate ends the limit.
	lowestRate, freeRate = 0.5, 1000.0
	// step is how long a rate is held before it grows: doubled while it is being tried
	// out, later a little, because others may have stopped using up the same bucket.
	step         = 500 * time.Millisecond
	triedGrowth  = 2.0
	steadyGrowth = 1.04
	// Below the measured rate fewer calls are throttled, each of which costs the time of a call.
	margin = 0.97
	// A measurement takes step, and if fewer calls than enough were accepted longer.
	longestMeasurement = 3 * time.Second
	enough             = 5
)

func newLimiter() *limiter { return &limiter{line: make(chan struct{}, 1)} }

// wait returns when the caller may make its call, or with ctx's error.
func (l *limiter) wait(ctx context.Context) error {
	if l.until().IsZero() {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.line <- struct{}{}:
	}
	defer func() { <-l.line }()
	for {
		pause := time.Until(l.until())
		if pause <= 0 {
			l.leave()
			return nil
		}
		timer := time.NewTimer(min(pause, step)) // The rate may have grown by then.
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// until is when the next call may leave the line; zero if there is none.
func (l *limiter) until() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rate == 0 {
		return time.Time{}
	}
	return l.left.Add(time.Duration(float64(time.Second) / l.rate))
}

func (l *limiter) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if l.rate == 0 {
		return
	}
	// A timer that fires late makes up for it with the next call.
	due := l.left.Add(time.Duration(float64(time.Second) / l.rate))
	l.left = now
	if late := now.Sub(due); late > 0 && late < step/5 {
		l.left = due
	}
}

// made tells how a call that had waited was answered.
func (l *limiter) made(throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	switch {
	case throttled && l.rate == 0:
		l.rate, l.known = firstRate, false
		l.left, l.grown, l.emptied, l.accepted = now, now, now, 0
	case throttled:
		l.grown = now
		l.measure(now)
	case l.rate > 0:
		l.accepted++
		l.grow(now)
	}
}

// measure ends a measurement, if it was long enough, and begins the next.
func (l *limiter) measure(now time.Time) {
	took := now.Sub(l.emptied)
	if took < step || l.accepted < enough && took < longestMeasurement {
		return
	}
	l.rate = max(lowestRate, margin*float64(l.accepted)/took.Seconds())
	l.known = true
	l.emptied, l.accepted = now, 0
}

// grow tries whether the service allows more by now.
func (l *limiter) grow(now time.Time) {
	if now.Sub(l.grown) < step {
		return
	}
	l.grown = now
	if l.known {
		l.rate *= steadyGrowth
	} else {
		l.rate *= triedGrowth
	}
	if l.rate > freeRate {
		l.rate = 0
	}
}
