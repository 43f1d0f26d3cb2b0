package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// maxConflicts is how often a change begins again because somebody else's came
// in between, and conflictPause by how much more it waits each time: a replica of
// a cluster may take a moment to tell what was changed.
const (
	maxConflicts  = 20
	conflictPause = 5 * time.Millisecond
)

// change replaces a stack's record by what next makes of it, and returns when
// this node's reconcilers are done with it: a change that was answered is in
// effect. next gets nil when there is no record at all, and a tombstone when the
// stack was deleted. A next that changes nothing writes nothing.
func (s *Server) change(ctx context.Context, name string, match condition,
	next func(old *store.Record) (*store.Record, error),
) (*store.Record, error) {
	for attempt := range maxConflicts {
		record, err := s.tryChange(ctx, name, match, next)
		if !errors.Is(err, store.ErrConflict) {
			return record, err
		}
		if match.named() {
			return nil, problem(http.StatusPreconditionFailed, "stack %q was changed by somebody else just now; nothing was changed", name)
		}
		select {
		case <-time.After(time.Duration(attempt) * conflictPause):
		case <-ctx.Done():
			return nil, s.internal(ctx, "write the stack", ctx.Err())
		}
	}
	return nil, problem(http.StatusConflict, "stack %q is being changed by others all the time; nothing was changed: try again", name)
}

func (s *Server) tryChange(ctx context.Context, name string, match condition,
	next func(old *store.Record) (*store.Record, error),
) (*store.Record, error) {
	old, err := s.Store.Record(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		old, err = nil, nil
	}
	if err != nil {
		return nil, s.internal(ctx, "read the stack", err)
	}
	existing := old
	if existing != nil && existing.Deleted {
		existing = nil
	}
	if err := match.check(name, existing); err != nil {
		return nil, err
	}
	record, err := next(old)
	if err != nil {
		return nil, err
	}
	if old != nil {
		record.Revision = old.Revision
	}
	if !same(old, record) || !s.healthy(ctx, record) {
		revision, err := s.Store.PutRecord(ctx, record)
		if err != nil {
			return nil, s.storeProblem(ctx, "write the stack", err)
		}
		record.Revision = revision
	}
	if err := s.Store.Directory().Applied(ctx, name, record.Revision); err != nil {
		s.Log.ErrorContext(ctx, "a stored change did not take effect", "stack", name, "error", err)
		return nil, problem(http.StatusInternalServerError, "stack %q was stored, but part of it is not in effect yet; the runtime keeps trying: %s", name, err)
	}
	return record, nil
}

// same tells whether two records say the same. They come from JSON and go to it.
func same(a, b *store.Record) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// deployment is what the API tells of a stack.
func (s *Server) deployment(ctx context.Context, r *store.Record) *stack.Deployment {
	d := deploy.Status(r, s.IngressURL(), s.Triggers.Components(ctx, r))
	return &d
}

// healthy tells whether everything that triggers own for the stack is there. If
// not, writing the record again makes every node reconcile it.
func (s *Server) healthy(ctx context.Context, r *store.Record) bool {
	for _, state := range s.Triggers.Components(ctx, r) {
		if state != stack.Ready {
			return false
		}
	}
	return true
}

// record returns a stack that exists, as this node serves it.
func (s *Server) record(_ context.Context, name string) (*store.Record, error) {
	if r, ok := s.Store.Directory().Stack(name); ok {
		return r, nil
	}
	return nil, noStack(name)
}

func noStack(name string) *Problem {
	return problem(http.StatusNotFound, "there is no stack named %q", name)
}

func noFunction(stack, function string) *Problem {
	return problem(http.StatusNotFound, "stack %q has no function named %q", stack, function)
}

// storeProblem turns the store's errors that a client can do something about
// into problems.
func (s *Server) storeProblem(ctx context.Context, doing string, err error) error {
	var taken *store.NameTakenError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrConflict):
		return err
	case errors.As(err, &taken):
		return withItems(http.StatusUnprocessableEntity, "the stack cannot be deployed",
			[]ProblemItem{{Message: taken.Error(), Location: fmt.Sprintf("functions[%q]", taken.Function)}})
	case errors.Is(err, store.ErrFull):
		s.Log.ErrorContext(ctx, "no space left", "doing", doing, "error", err)
		return problem(http.StatusInsufficientStorage, "the runtime could not %s: %s", doing, err)
	}
	return s.internal(ctx, doing, err)
}

// internal logs what went wrong and tells the client only what did not work.
func (s *Server) internal(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return problem(http.StatusServiceUnavailable, "the request ended before the runtime could %s", doing)
	}
	s.Log.ErrorContext(ctx, "a request failed", "doing", doing, "error", err)
	return problem(http.StatusInternalServerError, "the runtime could not %s; its log says why", doing)
}
