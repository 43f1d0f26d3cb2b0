package store

import (
	"context"
	"sync"
	"time"
)

// leaseTime is how long a lease holds after its last renewal.
const leaseTime = 5 * time.Second

// A Lease makes its holder the only one of all nodes that does something.
//
// With an embedded JetStream there is one node, and a lease is a lock in its
// memory. On a cluster it is a key that the holder rewrites three times per
// lease time; who waits for it takes it when its revision has not changed for
// longer than a lease time. No clock of one machine is compared with another's:
// the holder counts its time from before it sent its last renewal, those who
// wait from after they saw it, and they wait a fifth longer. So two holders
// never overlap, as long as clocks run at rates within a fifth of each other
// and no process stops unawares: one that was suspended may believe, for a
// moment after it wakes, that it still holds. What must not even then be done
// twice needs a compare-and-set of its own.
type Lease struct {
	lost    chan struct{}
	release func()
	once    sync.Once

	mu sync.Mutex
	// deadline is when the lease is over if it is not renewed; zero means never.
	deadline time.Time
}

// Lease waits until this node may hold the lease of that name, and holds it
// until it is released or lost. Names consist of letters, digits and - _ . = /.
func (s *Store) Lease(ctx context.Context, name string) (*Lease, error) {
	if s.embedded != nil {
		return s.local.lease(ctx, s.closing, name)
	}
	return s.clusterLease(ctx, name)
}

// Lost is closed when the lease is no longer held: released, not renewed in
// time, or the store was closed.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Held tells whether the lease is held at this moment.
func (l *Lease) Held() bool {
	select {
	case <-l.lost:
		return false
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.deadline.IsZero() || time.Now().Before(l.deadline)
}

// Release gives the lease up, so that another may have it at once. Call it when
// what the lease is for is no longer being done; also after the lease was lost.
func (l *Lease) Release() { l.once.Do(l.release) }

// localLeases are the leases of a node that is alone: for each name a channel
// with room for its one holder.
type localLeases struct {
	mu    sync.Mutex
	names map[string]chan struct{}
}

func (ls *localLeases) lease(ctx, closing context.Context, name string) (*Lease, error) {
	ls.mu.Lock()
	if ls.names == nil {
		ls.names = map[string]chan struct{}{}
	}
	slot := ls.names[name]
	if slot == nil {
		slot = make(chan struct{}, 1)
		ls.names[name] = slot
	}
	ls.mu.Unlock()

	select {
	case slot <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-closing.Done():
		return nil, errClosed
	}
	l := &Lease{lost: make(chan struct{})}
	over := sync.OnceFunc(func() { close(l.lost) })
	stop := context.AfterFunc(closing, over)
	l.release = func() {
		stop()
		over()
		<-slot
	}
	return l, nil
}
