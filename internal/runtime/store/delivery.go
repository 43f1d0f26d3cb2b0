package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// A ChangeFunc is told of a change of a stack: old is nil for a new stack, new
// is nil for a deleted one. A stack that was deleted and made again is two
// changes, however quickly it went.
//
// For one stack the calls come one after the other, in order, but not every
// revision need come: old is what the function was last told and returned nil
// for. A function that fails is called again, with new as it is by then, until
// it succeeds; so it does what is missing, whatever it did before. Calls for
// different stacks may run at the same time. ctx ends when the store closes.
type ChangeFunc func(ctx context.Context, old, new *Record) error

// OnChange registers a function to be called for every stack at Start, with old
// nil, and for every change afterwards. Functions are called in the order in
// which they were registered, each only if those before it returned nil; of a
// deletion, in the opposite order. All of them are registered before Start.
func (d *Directory) OnChange(f ChangeFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started {
		panic("store: OnChange after Start")
	}
	d.onChange = append(d.onChange, f)
}

// Applied waits until this node's OnChange functions have been called for that
// revision of the stack, or a later one, and returns their error.
func (d *Directory) Applied(ctx context.Context, name string, revision uint64) error {
	delivery := d.delivery(name)
	for {
		changed, done, err := delivery.outcome(revision)
		if done {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("stack %q was stored, but has not taken effect on this node yet: %w", name, ctx.Err())
		case <-d.store.closing.Done():
			return fmt.Errorf("stack %q was stored, but this node closes before it takes effect here", name)
		}
	}
}

// The pauses between calls of an OnChange function that fails.
const (
	firstRetry = 250 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// A change is a revision of a stack.
type change struct {
	revision uint64
	// record is nil if the stack was deleted, or if err says why it cannot be read.
	record *Record
	err    error
}

// A delivery brings the changes of one stack to the OnChange functions.
type delivery struct {
	directory *Directory
	name      string
	told      []told

	mu      sync.Mutex
	newest  change
	running bool
	// applied is the last change that was delivered, and err what came of it.
	applied uint64
	err     error
	changed signal // newest, applied or err
}

// told is what one OnChange function was called with.
type told struct {
	// done is what it returned nil for, tried what it was called with at all.
	done, tried *Record
}

func (d *Directory) delivery(name string) *delivery {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.stacks[name]
	if q == nil {
		q = &delivery{directory: d, name: name}
		d.stacks[name] = q
	}
	return q
}

// offer tells whether the change is news, and keeps it if so.
func (q *delivery) offer(c change) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c.revision <= q.newest.revision {
		return false
	}
	q.newest = c
	q.changed.broadcast()
	return true
}

// outcome tells whether a revision was delivered, what came of it, and else
// what to wait for.
func (q *delivery) outcome(revision uint64) (changed <-chan struct{}, done bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed.next(), q.applied >= revision, q.err
}

// wake has the newest change delivered, if nobody is at it already.
func (q *delivery) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.running {
		q.running = true
		q.directory.store.background.Go(q.run)
	}
}

// run delivers until there is nothing new and nothing failed.
func (q *delivery) run() {
	ctx := q.directory.store.closing
	pause := firstRetry
	for {
		c, ok := q.next()
		if !ok {
			return
		}
		err := q.deliver(ctx, c)
		changed := q.finish(c, err)
		if err == nil || c.err != nil {
			pause = firstRetry
			continue
		}
		q.directory.store.log.Error("a stack is not in effect on this node; it is tried again",
			"stack", q.name, "revision", c.revision, "error", err)
		select {
		case <-ctx.Done():
		case <-changed:
			pause = firstRetry
		case <-time.After(pause):
			pause = min(2*pause, lastRetry)
		}
	}
}

// next returns what is to be delivered; if there is nothing the run is over.
func (q *delivery) next() (change, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	settled := q.applied == q.newest.revision && (q.err == nil || q.newest.err != nil)
	if settled || q.directory.store.closing.Err() != nil {
		q.running = false
		return change{}, false
	}
	return q.newest, true
}

// finish notes what came of a change and returns what a newer one closes.
func (q *delivery) finish(c change, err error) <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.applied, q.err = c.revision, err
	q.changed.broadcast()
	changed := q.changed.next()
	if q.newest.revision > c.revision {
		done := make(chan struct{})
		close(done)
		return done
	}
	return changed
}

// deliver calls the OnChange functions, with what each of them was told before.
func (q *delivery) deliver(ctx context.Context, c change) error {
	if c.err != nil {
		return c.err
	}
	d := q.directory
	d.slots <- struct{}{}
	defer func() { <-d.slots }()

	if q.told == nil {
		q.told = make([]told, len(d.onChange))
	}
	// What another incarnation left goes before this one begins.
	for i := len(q.told) - 1; i >= 0; i-- {
		if t := q.told[i].tried; t != nil && (c.record == nil || t.Incarnation != c.record.Incarnation) {
			if err := d.onChange[i](ctx, t, nil); err != nil {
				return err
			}
			q.told[i] = told{}
		}
	}
	if c.record == nil {
		return nil
	}
	for i := range q.told {
		t := &q.told[i]
		t.tried = c.record
		if t.done == c.record {
			continue
		}
		if err := d.onChange[i](ctx, t.done, c.record); err != nil {
			return err
		}
		t.done = c.record
	}
	return nil
}
