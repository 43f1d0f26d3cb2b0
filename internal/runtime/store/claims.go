package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Two functions may not be called the same: "a" + "b-c" and "a-b" + "c" are
// both "a-b-c". So each full name is a key of the bucket TIDEGATE_NAMES, which
// names the one function that is called so. What holds:
//
//   - Whoever writes a record with a new function has created its claim before.
//   - A claim goes after the record that no longer has the function was written.
//   - A claim whose stack does not have the function, and which is older than
//     claimTime, was left by a crash: anybody may take it over. A write of a record
//     takes less than claimTime from the claim to its end, or is given up.

// claimTime is how long a claim is respected whose function is not there yet.
const claimTime = time.Minute

// A claim is the value of a full name's key.
type claim struct {
	Stack    string `json:"stack"`
	Function string `json:"function"`
	// Base is the revision of the stack's record that the claim's maker wanted to
	// replace. If the record is a later one now, the maker failed.
	Base uint64 `json:"base"`
}

// claimNames claims the full names of the functions that next has and old has
// not.
func (s *Store) claimNames(ctx context.Context, old, next *Record) error {
	for _, function := range addedFunctions(old, next) {
		c := claim{next.Stack.Name, function, next.Revision}
		if err := s.claimName(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// releaseNames gives back what old had and next, which is written as revision,
// has not. What fails here is a claim that looks like a crash's.
func (s *Store) releaseNames(ctx context.Context, old, next *Record, revision uint64) {
	for _, function := range addedFunctions(next, old) {
		full := stack.FullName(old.Stack.Name, function)
		entry, held, err := s.readClaim(ctx, full)
		// Another write of this stack may have claimed the name again since.
		if err == nil && held.Stack == old.Stack.Name && held.Base < revision {
			err = s.names.Delete(ctx, full, jetstream.LastRevision(entry.Revision()))
		}
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			s.log.Warn("a function's name was not given back; it will be when it is wanted", "name", full, "error", err)
		}
	}
}

// addedFunctions returns the names of those functions of next that old lacks.
func addedFunctions(old, next *Record) []string {
	var added []string
	if next.Deleted {
		return nil
	}
	for _, function := range next.FunctionNames() {
		if _, _, had := old.Function(function); !had {
			added = append(added, function)
		}
	}
	return added
}

func (s *Store) claimName(ctx context.Context, c claim) error {
	full := stack.FullName(c.Stack, c.Function)
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		_, err := s.names.Create(ctx, full, value)
		if err == nil {
			return nil
		}
		if !errors.Is(err, jetstream.ErrKeyExists) {
			return s.fullDisk(fmt.Errorf("cannot claim the function name %q: %w", full, err))
		}
		entry, held, err := s.readClaim(ctx, full)
		if errors.Is(err, jetstream.ErrKeyNotFound) {
			continue // given back just now
		}
		if err != nil {
			return fmt.Errorf("cannot read whose the function name %q is: %w", full, err)
		}
		if held.Stack != c.Stack || held.Function != c.Function {
			stale, err := s.claimIsStale(ctx, entry, held)
			if err != nil {
				return err
			}
			if !stale {
				return &NameTakenError{full, c.Stack, c.Function, held.Stack, held.Function}
			}
			s.log.Info("taking over a function name that an interrupted deployment left", "name", full, "of", held.Stack)
		}
		_, err = s.names.Update(ctx, full, value, entry.Revision())
		if !errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
			return s.fullDisk(err)
		}
	}
	return ctx.Err()
}

func (s *Store) readClaim(ctx context.Context, full string) (jetstream.KeyValueEntry, claim, error) {
	entry, err := s.names.Get(ctx, full)
	if err != nil {
		return nil, claim{}, err
	}
	var c claim
	if err := json.Unmarshal(entry.Value(), &c); err != nil {
		return nil, claim{}, fmt.Errorf("the claim of %q is damaged: %w", full, err)
	}
	return entry, c, nil
}

// claimIsStale tells whether the claim's maker must have died before it wrote
// its record.
func (s *Store) claimIsStale(ctx context.Context, entry jetstream.KeyValueEntry, c claim) (bool, error) {
	r, err := s.Record(ctx, c.Stack)
	if errors.Is(err, ErrNotFound) {
		r = &Record{}
	} else if err != nil {
		return false, err
	}
	if _, _, has := r.Function(c.Function); has {
		return false, nil
	}
	if r.Revision > c.Base {
		return true, nil // the maker's compare-and-set can only fail
	}
	now, err := s.serverTime(ctx)
	if err != nil {
		return false, err
	}
	return now.Sub(entry.Created()) > s.opts.claimTime, nil
}

// serverTime is the time by the clock that the entries' times are from.
func (s *Store) serverTime(ctx context.Context) (time.Time, error) {
	stream, err := s.js.Stream(ctx, "KV_"+bucketNames)
	if err != nil {
		return time.Time{}, err
	}
	return stream.CachedInfo().TimeStamp, nil
}
