package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// schedulesBucket remembers when every schedule is due.
const schedulesBucket = "TIDEGATE_SCHEDULES"

// scheduleState is what the store remembers of a schedule.
type scheduleState struct {
	// Definition is a hash of what decides on its times. Enabled is, too.
	Definition string `json:"definition"`
	Enabled    bool   `json:"enabled"`
	// Record is the revision of the stack's record that it was defined by.
	Record uint64 `json:"record"`
	// Created is when it was made, or its times were changed: rates count from it.
	Created time.Time `json:"created"`
	// Due is when it fires next; zero means never.
	Due time.Time `json:"due,omitzero"`
	// Claimed is when a node took the firing upon itself; zero when none has.
	Claimed time.Time `json:"claimed,omitzero"`
	Node    string    `json:"node,omitempty"`
}

// claimTime is how long a node that claimed a firing may take to queue its
// invocation, before another takes it over.
const claimTime = 30 * time.Second

// definition is a hash of what decides on a schedule's times.
func (s *schedule) definition() string {
	text, _ := json.Marshal([]any{s.item.Expression, s.item.Timezone, s.item.Start, s.item.End}) // strings and times
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// alarm is when a node has to look at the schedule next.
func (st scheduleState) alarm(s *schedule) time.Time {
	switch {
	case st.Due.IsZero():
		return time.Time{}
	case !st.Claimed.IsZero():
		return st.Claimed.Add(claimTime)
	}
	return s.fires(st.Created, st.Due)
}

// kv opens the bucket, and makes it if need be.
func (s *Schedules) kv(ctx context.Context) (jetstream.KeyValue, error) {
	s.mu.Lock()
	bucket := s.bucket
	s.mu.Unlock()
	if bucket != nil {
		return bucket, nil
	}
	bucket, err := s.env.Store.JetStream().CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket:         schedulesBucket,
		Description:    "Tidegate: when schedules are due",
		History:        1,
		Storage:        jetstream.FileStorage,
		Replicas:       s.env.Store.Replicas(),
		LimitMarkerTTL: time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open JetStream's bucket %s: %w", schedulesBucket, err)
	}
	s.mu.Lock()
	s.bucket = bucket
	s.mu.Unlock()
	return bucket, nil
}

// read returns a schedule's state and its revision, or jetstream.ErrKeyNotFound.
func (s *Schedules) read(ctx context.Context, key string) (scheduleState, uint64, error) {
	kv, err := s.kv(ctx)
	if err != nil {
		return scheduleState{}, 0, err
	}
	entry, err := kv.Get(ctx, key)
	if err != nil {
		return scheduleState{}, 0, err
	}
	var state scheduleState
	if err := json.Unmarshal(entry.Value(), &state); err != nil {
		return scheduleState{}, 0, fmt.Errorf("the state of schedule %s is damaged: %w", key, err)
	}
	return state, entry.Revision(), nil
}

// errChanged says that somebody else has written the state.
var errChanged = errors.New("another node was faster")

// write replaces the state of that revision, 0 for none, and returns the new
// revision.
func (s *Schedules) write(ctx context.Context, key string, state scheduleState, revision uint64) (uint64, error) {
	kv, err := s.kv(ctx)
	if err != nil {
		return 0, err
	}
	text, err := json.Marshal(state)
	if err != nil {
		return 0, err
	}
	if revision == 0 {
		revision, err = kv.Create(ctx, key, text)
	} else {
		revision, err = kv.Update(ctx, key, text, revision)
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, errChanged
	}
	return revision, err
}

// define makes the stored state what the schedule says, unless a newer record has
// been here. A schedule whose times did not change stays due when it was.
func (s *Schedules) define(ctx context.Context, each *schedule) (scheduleState, error) {
	for {
		state, revision, err := s.read(ctx, each.key())
		if err != nil && !errors.Is(err, jetstream.ErrKeyNotFound) {
			return scheduleState{}, err
		}
		now := s.env.Clock.Now().UTC()
		same := state.Definition == each.definition() && state.Enabled == each.item.Enabled
		if revision != 0 && (same || state.Record > each.revision) {
			return state, nil
		}
		if state.Definition != each.definition() {
			state = scheduleState{Definition: each.definition(), Created: now}
		}
		state.Enabled, state.Record = each.item.Enabled, each.revision
		state.Due, state.Claimed, state.Node = time.Time{}, time.Time{}, ""
		if state.Enabled {
			if state.Due, err = each.next(state.Created, now); err != nil {
				return scheduleState{}, err
			}
		}
		_, err = s.write(ctx, each.key(), state, revision)
		if err == nil {
			return state, nil
		}
		if !errors.Is(err, errChanged) {
			return scheduleState{}, err
		}
	}
}

// next is the schedule's first time after one; zero if there is none.
func (s *schedule) next(created, after time.Time) (time.Time, error) {
	timetable, err := s.item.Timetable(created)
	if err != nil {
		return time.Time{}, err
	}
	next, ok := timetable.Next(after)
	if !ok {
		return time.Time{}, nil
	}
	return next.UTC(), nil
}

// remove forgets a schedule, unless a newer record has defined it again.
func (s *Schedules) remove(ctx context.Context, key string, record uint64) error {
	state, revision, err := s.read(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if state.Record > record {
		return nil
	}
	kv, err := s.kv(ctx)
	if err != nil {
		return err
	}
	err = kv.Purge(ctx, key, jetstream.LastRevision(revision), jetstream.PurgeTTL(time.Minute))
	if errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return nil // a firing was written down just now; the next Start collects it, if nobody wants it
	}
	return err
}

// collect forgets the schedules of stacks that are no more. The stack's record
// is read after the schedule was seen, and written before.
func (s *Schedules) collect(ctx context.Context) error {
	kv, err := s.kv(ctx)
	if err != nil {
		return err
	}
	keys, err := kv.ListKeys(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the schedules: %w", err)
	}
	defer func() { _ = keys.Stop() }()
	var errs []error
	for key := range keys.Keys() {
		name, _, _ := strings.Cut(key, ".")
		r, err := s.env.Store.Record(ctx, name)
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			errs = append(errs, err)
			continue
		case !r.Deleted && schedulesOf(r)[key] != nil:
			continue
		}
		errs = append(errs, kv.Purge(ctx, key, jetstream.PurgeTTL(time.Minute)))
	}
	return errors.Join(errs...)
}
