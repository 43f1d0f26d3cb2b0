package runtime

import (
	"context"
	"time"
)

// When packages that nothing names any more are removed, and what deleted functions
// and ended releases left: soon after the start, when the runtime has settled, and then
// every so often.
const (
	firstCollection = time.Minute
	nextCollections = 15 * time.Minute
)

// keepHouse removes what is left over, until the runtime is asked to end.
func (r *Runtime) keepHouse() {
	timer := time.NewTimer(firstCollection)
	defer timer.Stop()
	for {
		select {
		case <-r.draining.Done():
			return
		case <-timer.C:
		}
		if err := r.store.CollectPackages(r.draining); err != nil && r.draining.Err() == nil {
			r.log.Warn("removing unused packages failed", "error", err)
		}
		if err := r.invoke.Collect(r.draining); err != nil && r.draining.Err() == nil {
			r.log.Warn("removing what deleted functions left failed", "error", err)
		}
		if err := r.observer.Collect(r.draining); err != nil && r.draining.Err() == nil {
			r.log.Warn("removing what was counted of ended releases failed", "error", err)
		}
		if err := r.meter.Collect(r.draining); err != nil && r.draining.Err() == nil {
			r.log.Warn("removing expired usage failed", "error", err)
		}
		timer.Reset(nextCollections)
	}
}

// startHousekeeping begins keepHouse, which ends before the store closes.
func (r *Runtime) startHousekeeping(context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.keepHouse()
	}()
	r.onClose(func(context.Context) { <-done })
	return nil
}
