package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Record reads a stack's record, or ErrNotFound. A deleted stack's tombstone is
// returned with Deleted set.
func (s *Store) Record(ctx context.Context, name string) (*Record, error) {
	entry, err := s.stacks.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) || errors.Is(err, jetstream.ErrInvalidKey) {
		return nil, fmt.Errorf("stack %q: %w", name, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read stack %q: %w", name, err)
	}
	return decodeRecord(entry)
}

func decodeRecord(entry jetstream.KeyValueEntry) (*Record, error) {
	// The format first: what a newer version wrote need not be readable otherwise.
	var format struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(entry.Value(), &format); err != nil {
		return nil, fmt.Errorf("the record of stack %q is damaged: %w", entry.Key(), err)
	}
	if format.Format > RecordFormat {
		return nil, fmt.Errorf("the record of stack %q was written by a newer version of Tidegate "+
			"(format %d; this version reads up to %d): use the newer version on every node", entry.Key(), format.Format, RecordFormat)
	}
	r := new(Record)
	if err := json.Unmarshal(entry.Value(), r); err != nil {
		return nil, fmt.Errorf("the record of stack %q is damaged: %w", entry.Key(), err)
	}
	r.Revision = entry.Revision()
	return r, nil
}

// PutRecord replaces the record that has r.Revision (0: there must be none) and
// returns the new revision. It is ErrConflict if the record is another by now,
// and a *NameTakenError if one of the functions would be called as another
// stack's. Nothing is written then.
//
// Functions' full names are claimed before and given back after, so that they
// are unique over all stacks whatever happens in between.
func (s *Store) PutRecord(ctx context.Context, r *Record) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTime)
	defer cancel()
	name := r.Stack.Name
	value, err := s.encodeRecord(r)
	if err != nil {
		return 0, err
	}
	if err := s.roomForRecord(len(value)); err != nil {
		return 0, fmt.Errorf("cannot write the record of stack %q: %w", name, err)
	}
	old, err := s.recordAt(ctx, name, r.Revision)
	if err != nil {
		return 0, err
	}
	if err := s.claimNames(ctx, old, r); err != nil {
		return 0, err
	}
	revision, err := s.replace(ctx, name, value, r.Revision)
	if err != nil {
		return 0, err
	}
	s.releaseNames(ctx, old, r, revision)
	return revision, nil
}

// recordTime is how long writing a record may take, much less than claimTime.
const recordTime = 20 * time.Second

func (s *Store) encodeRecord(r *Record) ([]byte, error) {
	stored := *r
	stored.Format = r.format()
	value, err := json.Marshal(&stored)
	if err != nil {
		return nil, fmt.Errorf("cannot write the record of stack %q: %w", r.Stack.Name, err)
	}
	// Headers and the protocol's own bytes need room beside the value.
	if limit := s.conn.MaxPayload() - 4096; int64(len(value)) > limit {
		return nil, fmt.Errorf("the record of stack %q would be %d bytes, and the store takes %d at most: "+
			"use fewer functions, keep fewer versions, or split the stack", r.Stack.Name, len(value), limit)
	}
	return value, nil
}

// staleReads is how long a replica of the cluster may lag behind what this
// caller has seen already.
const staleReads = 2 * time.Second

// recordAt returns the record of a revision that the caller has seen, an empty
// one for revision 0, or ErrConflict if the record is another by now.
func (s *Store) recordAt(ctx context.Context, name string, revision uint64) (*Record, error) {
	if revision == 0 {
		return &Record{}, nil
	}
	giveUp := time.After(staleReads)
	for {
		r, err := s.Record(ctx, name)
		switch {
		case err == nil && r.Revision == revision:
			return r, nil
		case err == nil && r.Revision > revision:
			return nil, fmt.Errorf("stack %q: %w", name, ErrConflict)
		case err != nil && !errors.Is(err, ErrNotFound):
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-giveUp:
			return nil, fmt.Errorf("stack %q: %w", name, ErrConflict)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// replace is the compare-and-set. When its outcome is unknown, because the
// answer got lost, it looks.
func (s *Store) replace(ctx context.Context, name string, value []byte, revision uint64) (uint64, error) {
	var written uint64
	var err error
	if revision == 0 {
		written, err = s.stacks.Create(ctx, name, value)
	} else {
		written, err = s.stacks.Update(ctx, name, value, revision)
	}
	if err == nil {
		return written, nil
	}
	if errors.Is(err, jetstream.ErrKeyExists) || errors.Is(err, jetstream.ErrKeyRevisionMismatch) {
		return 0, fmt.Errorf("stack %q: %w", name, ErrConflict)
	}
	if entry, readErr := s.stacks.Get(ctx, name); readErr == nil &&
		entry.Revision() > revision && bytes.Equal(entry.Value(), value) {
		return entry.Revision(), nil
	}
	return 0, s.fullDisk(fmt.Errorf("cannot write the record of stack %q: %w", name, err))
}
