package aws

import (
	"context"
	"time"
)

// A clock is what releases tell the time by.
type clock interface {
	now() time.Time
	// wait returns after so long, or when ctx has ended.
	wait(ctx context.Context, d time.Duration)
}

// machineClock is the clock of this machine.
type machineClock struct{}

func (machineClock) now() time.Time { return time.Now() }

func (machineClock) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

func (s *session) watch() clock {
	if s.clock == nil {
		return machineClock{}
	}
	return s.clock
}

// now is the time in whole seconds, which is what notes have room for.
func (s *session) now() time.Time { return s.watch().now().UTC().Truncate(time.Second) }
