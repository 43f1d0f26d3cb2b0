package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// leaseWait is how long the revision of a lease must have stood still before
// another node may take it.
func (o Options) leaseWait() time.Duration { return o.leaseTime * 6 / 5 }

// clusterLease waits for a lease on a cluster. A lost watch is begun again.
func (s *Store) clusterLease(ctx context.Context, name string) (*Lease, error) {
	for {
		l, err := s.awaitLease(ctx, name)
		switch {
		case l != nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case s.closing.Err() != nil:
			return nil, errClosed
		case errors.Is(err, jetstream.ErrInvalidKey):
			return nil, fmt.Errorf("%q is no name for a lease: %w", name, err)
		}
		s.log.Debug("waiting for a lease begins again", "lease", name, "error", err)
		select {
		case <-ctx.Done():
		case <-s.closing.Done():
		case <-time.After(rewatchDelay):
		}
	}
}

// awaitLease returns neither lease nor error when the connection came back: the
// watch may have missed something.
func (s *Store) awaitLease(ctx context.Context, name string) (*Lease, error) {
	reconnected := s.reconnected.next()
	watch, err := s.leases.Watch(ctx, name)
	if err != nil {
		return nil, err
	}
	defer endWatch(watch)

	// The lease's revision that was seen last, 0 if nobody holds it, and when it may
	// be taken.
	var seen uint64
	free := time.NewTimer(s.opts.leaseWait())
	defer free.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-s.closing.Done():
			return nil, errClosed
		case <-reconnected:
			return nil, nil
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return nil, jetstream.ErrConsumerDeleted
			case e == nil && seen == 0, e != nil && e.Operation() != jetstream.KeyValuePut:
				seen = 0
				free.Reset(0)
			case e != nil && e.Revision() != seen:
				seen = e.Revision()
				free.Reset(s.opts.leaseWait())
			}
		case <-free.C:
			l, err := s.takeLease(ctx, name, seen)
			if err == nil {
				return l, nil
			}
			// Somebody else was faster, which the watch will tell, or the cluster does
			// not answer just now.
			s.log.Debug("lease not taken", "lease", name, "error", err)
			free.Reset(s.opts.leaseWait())
		}
	}
}

// takeLease takes what nobody holds (seen is 0), or what stood still at a
// revision.
func (s *Store) takeLease(ctx context.Context, name string, seen uint64) (*Lease, error) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, s.opts.leaseTime)
	defer cancel()
	h := &leaseHolder{store: s, name: name}
	var err error
	if seen == 0 {
		h.revision, err = s.leases.Create(ctx, name, []byte(s.NodeID()))
	} else {
		h.revision, err = s.leases.Update(ctx, name, []byte(s.NodeID()), seen)
	}
	if err != nil {
		return nil, err
	}
	h.lease = &Lease{lost: make(chan struct{}), deadline: start.Add(s.opts.leaseTime)}
	renewing, stop := context.WithCancel(s.closing)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(h.lease.lost)
		h.renew(renewing)
	}()
	h.lease.release = func() {
		stop()
		<-done
		h.giveUp()
	}
	return h.lease, nil
}

// A leaseHolder keeps a lease on a cluster.
type leaseHolder struct {
	store    *Store
	name     string
	lease    *Lease
	revision uint64
}

// renew returns when ctx ends or the lease could not be renewed in time.
func (h *leaseHolder) renew(ctx context.Context) {
	every := time.NewTicker(h.store.opts.leaseTime / 3)
	defer every.Stop()
	for h.lease.Held() {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		// A renewal under way is not cut short: its outcome would be unknown.
		if err := h.renewOnce(context.WithoutCancel(ctx)); errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return // another node has it
		}
	}
}

func (h *leaseHolder) renewOnce(ctx context.Context) error {
	start := time.Now()
	ctx, cancel := context.WithDeadline(ctx, h.lease.deadline)
	defer cancel()
	revision, err := h.store.leases.Update(ctx, h.name, []byte(h.store.NodeID()), h.revision)
	if err != nil {
		h.store.log.Debug("lease not renewed", "lease", h.name, "error", err)
		return err
	}
	h.revision = revision
	h.lease.mu.Lock()
	defer h.lease.mu.Unlock()
	h.lease.deadline = start.Add(h.store.opts.leaseTime)
	return nil
}

// giveUp lets the next one have the lease at once. If it fails they wait.
func (h *leaseHolder) giveUp() {
	ctx, cancel := context.WithTimeout(context.Background(), h.store.opts.leaseTime)
	defer cancel()
	err := h.store.leases.Delete(ctx, h.name, jetstream.LastRevision(h.revision))
	if err != nil && !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		h.store.log.Debug("lease not given back; it expires", "lease", h.name, "error", err)
	}
}
