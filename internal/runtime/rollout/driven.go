package rollout

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// A driven stack has a release under way, as far as this node knows.
type driven struct {
	name string
	// life ends when no release of the stack is under way any more.
	life context.Context
	end  context.CancelFunc

	mu sync.Mutex
	// newest record; never nil once it is driven.
	newest *store.Record
	// changed is closed when newest changes.
	changed chan struct{}
}

func newDriven(ctx context.Context, name string) *driven {
	s := &driven{name: name, changed: make(chan struct{})}
	s.life, s.end = context.WithCancel(ctx)
	return s
}

func (s *driven) set(rec *store.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.newest = rec
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *driven) record() *store.Record {
	rec, _ := s.look()
	return rec
}

// look returns the newest record, and what is closed when there is a newer one.
func (s *driven) look() (*store.Record, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest, s.changed
}

// while returns a context that ends when the release is not r any more.
func (s *driven) while(ctx context.Context, r release.Release) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		for {
			rec, changed := s.look()
			if !reflect.DeepEqual(*rec.Release, r) {
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, cancel
}

// await returns when the record is of that revision or later, or ctx ends.
func (s *driven) await(ctx context.Context, revision uint64) {
	for {
		rec, changed := s.look()
		if rec.Revision >= revision {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// awaitFor is await with patience.
func (s *driven) awaitFor(ctx context.Context, revision uint64, patience time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s.await(ctx, revision)
}
