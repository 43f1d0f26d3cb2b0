package store

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// rewatchDelay is how long to wait before a watch that ended is begun again.
const rewatchDelay = 250 * time.Millisecond

// A follower is told the content of a bucket and every change of it. Its
// methods are called one after the other. A lost connection, or a watch that
// ended, makes it begin anew: start, all values, caughtUp, changes. Revisions
// tell what is new.
type follower interface {
	start()
	entry(jetstream.KeyValueEntry)
	caughtUp()
}

// follow keeps the follower up to date until ctx ends.
func (s *Store) follow(ctx context.Context, kv jetstream.KeyValue, f follower) {
	for ctx.Err() == nil {
		err := s.followOnce(ctx, kv, f)
		if err == nil || ctx.Err() != nil {
			continue
		}
		s.log.Warn("the watch of a bucket ended; it begins again", "bucket", kv.Bucket(), "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(rewatchDelay):
		}
	}
}

// followOnce returns nil when the connection came back and the watch is better
// begun anew, else why it cannot go on.
func (s *Store) followOnce(ctx context.Context, kv jetstream.KeyValue, f follower) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reconnected := s.reconnected.next()
	watch, err := kv.WatchAll(ctx)
	if err != nil {
		return err
	}
	defer endWatch(watch)
	f.start()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-reconnected:
			return nil
		case e, ok := <-watch.Updates():
			switch {
			case !ok:
				return jetstream.ErrConsumerDeleted
			case e == nil:
				f.caughtUp()
			default:
				f.entry(e)
			}
		}
	}
}

// endWatch stops the watch and lets go of whoever wants to hand it values.
func endWatch(watch jetstream.KeyWatcher) {
	_ = watch.Stop()
	go func() {
		for range watch.Updates() {
		}
	}()
}
