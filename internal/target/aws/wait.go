package aws

import (
	"context"
	"fmt"
	"time"
)

// A pace says how often to look at something that takes time on AWS, and how often
// to try what may fail until AWS knows of an earlier change everywhere.
type pace struct {
	// first pause between two looks; each is half as long again as the one before, up
	// to longest.
	first, longest time.Duration
	// propagation is how long to try again what fails because of something that was
	// made a moment ago: a role can take minutes until other services know it.
	propagation time.Duration
	// backoff is the longest pause before a call is made again that failed.
	backoff time.Duration
}

// standardPace is for AWS itself.
var standardPace = pace{first: 200 * time.Millisecond, longest: 3 * time.Second, propagation: 4 * time.Minute, backoff: 20 * time.Second}

// wait looks until done says yes, fails or ctx ends. What is being waited for is part
// of the error if ctx ends first: "function orders-fulfil to become active".
func (p pace) wait(ctx context.Context, what string, done func(ctx context.Context) (bool, error)) error {
	pause := p.first
	for {
		ok, err := done(ctx)
		if ok || err != nil {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("waiting for %s took too long; apply again, perhaps with longer timeouts: %w", what, ctx.Err())
		case <-timer.C:
		}
		pause = min(pause+pause/2, p.longest)
	}
}

// retry does something again and again while it fails with an error that passes, at
// most for as long as a change takes to be known everywhere. It returns the last error,
// with ctx's beside it if ctx ended before.
func (p pace) retry(ctx context.Context, passes func(error) bool, do func(ctx context.Context) error) error {
	deadline, cancel := context.WithTimeout(ctx, p.propagation)
	defer cancel()
	var last error
	err := p.wait(deadline, "", func(context.Context) (bool, error) {
		last = do(ctx)
		if last != nil && passes(last) {
			return false, nil
		}
		return true, last
	})
	switch {
	case last == nil || !passes(last):
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%w (trying again ended with: %w)", last, ctx.Err())
	}
	return last
}
