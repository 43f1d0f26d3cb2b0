package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// groupState is what is stored of a message group: who works on it, and which of
// its messages were received but are not done. The group is whoever's writes it,
// by compare-and-set, so no two nodes ever work on one group, whatever each of
// them believes of the other.
type groupState struct {
	// Holder works on the group's first messages; empty means nobody does. A holder
	// writes again and again; one that does not for the time of a lease is dead.
	Holder string `json:"holder,omitempty"`
	// Until is when messages that failed are visible again.
	Until time.Time `json:"until,omitzero"`
	// Received messages that are still there, by sequence.
	Received map[uint64]receiptNote `json:"received,omitempty"`
}

// A receiptNote is what is remembered of a message that was received.
type receiptNote struct {
	Count int       `json:"count"`
	First time.Time `json:"first"`
}

// handledNote says which messages were handled, so that duplicates of them are
// known as such even after a restart: JetStream itself then knows the
// deduplication ids only of messages that are still there.
type handledNote struct {
	// Sent by deduplication id.
	Sent map[string]time.Time `json:"sent"`
}

// errGroupLost says that somebody else has written a group's state.
var errGroupLost = errors.New("another node works on the message group")

// wrongLastSequence is JetStream's code for a compare-and-set that did not hold.
const wrongLastSequence jetstream.ErrorCode = 10071

// groupStates reads and writes the states of a queue's groups.
type groupStates struct {
	js    jetstream.JetStream
	names queueNames
}

// A storedGroup is a group's state and the revision to write it over.
type storedGroup struct {
	groupState
	revision uint64
}

// put writes a state over the revision that was seen last, 0 for none, and
// returns the new one. The state goes by itself after ttl.
func (g groupStates) put(ctx context.Context, hash string, state groupState, revision uint64, ttl time.Duration) (uint64, error) {
	text, err := json.Marshal(state)
	if err != nil {
		return 0, err
	}
	ack, err := g.js.Publish(ctx, g.names.groupState(hash), text,
		jetstream.WithExpectLastSequencePerSubject(revision), jetstream.WithMsgTTL(ttl))
	var conflict *jetstream.APIError
	if errors.As(err, &conflict) && conflict.ErrorCode == wrongLastSequence {
		return 0, errGroupLost
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// get reads the state of one group.
func (g groupStates) get(ctx context.Context, hash string) (storedGroup, error) {
	stream, err := g.js.Stream(ctx, g.names.groups())
	if err != nil {
		return storedGroup{}, err
	}
	msg, err := stream.GetLastMsgForSubject(ctx, g.names.groupState(hash))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return storedGroup{}, nil
	}
	if err != nil {
		return storedGroup{}, err
	}
	return decodeGroup(msg.Data, msg.Sequence)
}

func decodeGroup(text []byte, revision uint64) (storedGroup, error) {
	stored := storedGroup{revision: revision}
	if err := json.Unmarshal(text, &stored.groupState); err != nil {
		return storedGroup{}, fmt.Errorf("a message group's state is damaged: %w", err)
	}
	return stored, nil
}

// noteHandled remembers what was handled, for as long as duplicates are looked
// for.
func (g groupStates) noteHandled(ctx context.Context, id string, sent map[string]time.Time) error {
	text, err := json.Marshal(handledNote{sent})
	if err != nil {
		return err
	}
	_, err = g.js.Publish(ctx, g.names.handled(id), text, jetstream.WithMsgTTL(deduplicationTime))
	return err
}

// all reads every group's state, by the group's hash, and what was handled
// lately.
func (g groupStates) all(ctx context.Context) (groups map[string]storedGroup, handled map[string]time.Time, err error) {
	groups, handled = map[string]storedGroup{}, map[string]time.Time{}
	states := g.names.groupState("")
	err = readAll(ctx, g.js, g.names.groups(), nil, func(msg jetstream.Msg, sequence uint64) error {
		if hash, ok := strings.CutPrefix(msg.Subject(), states); ok {
			stored, err := decodeGroup(msg.Data(), sequence)
			groups[hash] = stored
			return err
		}
		var note handledNote
		if err := json.Unmarshal(msg.Data(), &note); err != nil {
			return fmt.Errorf("a note of handled messages is damaged: %w", err)
		}
		for id, sent := range note.Sent {
			handled[id] = sent
		}
		return nil
	})
	return groups, handled, err
}

// errEnough ends a readAll early.
var errEnough = errors.New("enough")

// readAll calls a function for every message that a stream has, in order, on the
// subjects, or all. An error ends it.
func readAll(ctx context.Context, js jetstream.JetStream, stream string, subjects []string, each func(msg jetstream.Msg, sequence uint64) error) error {
	consumer, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		AckPolicy:         jetstream.AckNonePolicy,
		FilterSubjects:    subjects,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: time.Minute,
	})
	if err != nil {
		return err
	}
	defer func() {
		_ = js.DeleteConsumer(context.WithoutCancel(ctx), stream, consumer.CachedInfo().Name) // it goes by itself otherwise
	}()
	for ctx.Err() == nil {
		found, err := consumer.FetchNoWait(maxFetch)
		if err != nil {
			return err
		}
		n := 0
		for msg := range found.Messages() {
			n++
			meta, err := msg.Metadata()
			if err != nil {
				return err
			}
			if err := each(msg, meta.Sequence.Stream); err != nil {
				return err
			}
		}
		if err := found.Error(); err != nil || n == 0 {
			return err
		}
	}
	return ctx.Err()
}
