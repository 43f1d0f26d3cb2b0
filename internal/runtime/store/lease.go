package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// leaseTime is how long a lease holds after its last renewal.
const leaseTime = 5 * time.Second

// A Lease makes its holder the only one of all nodes that does something. It is
// a key that the holder rewrites three times per lease time; who waits for it
// takes it when its revision has not changed for longer than a lease time.
//
// No clock of one machine is compared with another's. The holder counts its
// time from before it sent its last renewal, those who wait from after they saw
// it, and they wait a fifth longer. So two holders never overlap as long as
// clocks run at rates within a fifth of each other and no process stops
// unawares: one that was suspended may believe for a moment after waking that
// it still holds. What must not even then be done twice is guarded with Token,
// or by compare-and-set.
type Lease struct {
	store *Store
	name  string
	token uint64
	lost  chan struct{}

	stop     context.CancelFunc
	stopped  chan struct{}
	mu       sync.Mutex
	revision uint64
	deadline time.Time
}

// Lease waits until this node may hold the lease of that name, and holds it
// until it is released or lost. Names have letters, digits and - _ . = /.
func (s *Store) Lease(ctx context.Context, name string) (*Lease, error) {
	watch, err := s.leases.Watch(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("cannot watch lease %q: %w", name, err)
	}
	defer endWatch(watch)

	// The revision that was seen last, 0 if nobody holds the lease, and when it may
	// be taken.
	var seen uint64
	free := time.NewTimer(0)
	defer free.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closing.Done():
			return nil, errors.New("the store was closed")
		case e, ok := <-watch.Updates():
			if !ok {
				if err := ctx.Err(); err != nil {
					return nil, err
				}
				return nil, fmt.Errorf("the watch of lease %q ended", name)
			}
			if e == nil || e.Revision() == seen {
				continue
			}
			seen = e.Revision()
			wait := s.opts.leaseTime * 6 / 5
			if e.Operation() != jetstream.KeyValuePut {
				seen, wait = 0, 0
			}
			free.Reset(wait)
		case <-free.C:
			lease, err := s.takeLease(ctx, name, seen)
			if err == nil {
				return lease, nil
			}
			// Somebody else was faster, which the watch tells, or the cluster does not
			// answer just now.
			s.log.Debug("lease not taken", "lease", name, "error", err)
			free.Reset(s.opts.leaseTime * 6 / 5)
		}
	}
}

// takeLease takes what nobody holds (seen 0), or what has expired at a
// revision.
func (s *Store) takeLease(ctx context.Context, name string, seen uint64) (*Lease, error) {
	start := time.Now()
	revision, err := uint64(0), error(nil)
	if seen == 0 {
		revision, err = s.leases.Create(ctx, name, []byte(s.NodeID()))
	} else {
		revision, err = s.leases.Update(ctx, name, []byte(s.NodeID()), seen)
	}
	if err != nil {
		return nil, err
	}
	l := &Lease{
		store: s, name: name, token: revision, revision: revision,
		deadline: start.Add(s.opts.leaseTime),
		lost:     make(chan struct{}), stopped: make(chan struct{}),
	}
	renewing, stop := context.WithCancel(s.closing)
	l.stop = stop
	go l.renew(renewing)
	return l, nil
}

// Lost is closed when the lease is no longer held: released, or not renewed in
// time.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Held tells whether the lease is still held now.
func (l *Lease) Held() bool {
	select {
	case <-l.lost:
		return false
	default:
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.deadline)
}

// Token is greater than that of every holder before. Who does something on the
// holder's behalf can refuse a smaller token than it has seen.
func (l *Lease) Token() uint64 { return l.token }

// Release gives the lease up, so that another node has it at once. The holder
// has stopped doing what the lease is for.
func (l *Lease) Release() {
	l.stop()
	<-l.stopped
	l.mu.Lock()
	revision := l.revision
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), l.store.opts.leaseTime)
	defer cancel()
	err := l.store.leases.Delete(ctx, l.name, jetstream.LastRevision(revision))
	if err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		l.store.log.Debug("lease not released; it expires", "lease", l.name, "error", err)
	}
}

// renew keeps the lease until ctx ends or it cannot be renewed in time.
func (l *Lease) renew(ctx context.Context) {
	defer close(l.stopped)
	defer close(l.lost)
	every := time.NewTicker(l.store.opts.leaseTime / 3)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		if !l.renewOnce(ctx) {
			return
		}
	}
}

// renewOnce tells whether the lease is still held; a renewal that fails for
// another reason than a new holder may succeed the next time.
func (l *Lease) renewOnce(ctx context.Context) bool {
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, l.deadline)
	defer cancel()
	revision, err := l.store.leases.Update(ctx, l.name, []byte(l.store.NodeID()), l.revision)
	if err == nil {
		l.mu.Lock()
		l.revision, l.deadline = revision, start.Add(l.store.opts.leaseTime)
		l.mu.Unlock()
		return true
	}
	l.store.log.Debug("lease not renewed", "lease", l.name, "error", err)
	return !errors.Is(err, jetstream.ErrKeyRevisionMismatch) && time.Now().Before(l.deadline)
}
