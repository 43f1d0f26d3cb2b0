package trigger

import (
	"context"
	"sync"
	"time"
)

// A pace limits how many batches of a queue are on their way at once on this
// node. It begins with five, as Lambda's pollers do, grows by one with each batch
// that succeeds, which doubles it from one round to the next while there is a
// backlog, and halves when the function is throttled.
type pace struct {
	clock Clock
	// limit is the most there may ever be; asked each time, as it depends on how
	// many nodes there are.
	limit func() int

	mu      sync.Mutex
	running int
	current int
	changed chan struct{} // closed and replaced when running or current changes
}

const (
	firstPace = 5
	// maxPace is Lambda's limit for a queue without max_concurrency.
	maxPace = 1000
	// paceCheck is how often one that waits looks whether the limit has changed.
	paceCheck = time.Second
)

func newPace(clock Clock, limit func() int) *pace {
	return &pace{clock: clock, limit: limit, current: firstPace, changed: make(chan struct{})}
}

// take takes a place if there is one.
func (p *pace) take() bool {
	limit := p.limit()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running >= min(p.current, limit) {
		return false
	}
	p.running++
	return true
}

// wait takes a place as soon as there is one; false means the context ended
// before.
func (p *pace) wait(ctx context.Context) bool {
	for ctx.Err() == nil {
		p.mu.Lock()
		changed := p.changed
		p.mu.Unlock()
		if p.take() {
			return true
		}
		timer := p.clock.NewTimer(paceCheck)
		select {
		case <-changed:
		case <-timer.C():
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return false
}

// leave gives a place back, without anything learned.
func (p *pace) leave() { p.finish(0) }

// succeeded gives a place back after a batch that was not throttled.
func (p *pace) succeeded() { p.finish(1) }

// throttled gives a place back after a batch that was.
func (p *pace) throttled() { p.finish(-1) }

func (p *pace) finish(lesson int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	switch {
	case lesson > 0:
		p.current = min(p.current+1, maxPace)
	case lesson < 0:
		p.current = max(p.current/2, 1)
	}
	close(p.changed)
	p.changed = make(chan struct{})
}
