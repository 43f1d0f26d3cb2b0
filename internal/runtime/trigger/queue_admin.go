package trigger

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// QueueStats counts a queue's messages, approximately, as they come and go.
type QueueStats struct {
	// Messages that can be received now.
	Messages uint64 `json:"messages"`
	// InFlight were received and are neither deleted nor visible again.
	InFlight uint64 `json:"in_flight"`
	// Delayed are not to be received yet.
	Delayed     uint64 `json:"delayed"`
	DeadLetters uint64 `json:"dead_letters"`
}

// A DeadLetterMessage is a message in the dead letters.
type DeadLetterMessage struct {
	MessageID string    `json:"message_id"`
	Body      string    `json:"body"`
	Sent      time.Time `json:"sent"`
	// Group is a FIFO queue's.
	Group      string                      `json:"group,omitempty"`
	Attributes map[string]MessageAttribute `json:"attributes,omitempty"`
}

// Stats counts the messages of a stack's queue.
func (q *Queues) Stats(ctx context.Context, stackName string) (QueueStats, error) {
	r, err := q.record(stackName)
	if err != nil {
		return QueueStats{}, err
	}
	var s QueueStats
	if namesOf(r).fifo {
		s, err = q.fifoStats(ctx, r)
	} else {
		s, err = q.standardStats(ctx, r)
	}
	if err == nil && r.Stack.Trigger.Queue.DeadLetter != nil {
		s.DeadLetters, err = q.count(ctx, namesOf(r).deadLetters())
	}
	if err != nil {
		return QueueStats{}, fmt.Errorf("cannot count the messages of the queue of stack %q: %w", stackName, err)
	}
	return s, nil
}

// count is how many messages a stream has.
func (q *Queues) count(ctx context.Context, stream string) (uint64, error) {
	s, err := q.env.Store.JetStream().Stream(ctx, stream)
	if err != nil {
		return 0, err
	}
	return s.CachedInfo().State.Msgs, nil
}

// standardStats: what the consumer was not given yet is visible, what it has not
// acknowledged is in flight, and the rest is delayed.
func (q *Queues) standardStats(ctx context.Context, r *store.Record) (QueueStats, error) {
	names := namesOf(r)
	all, err := q.count(ctx, names.messages())
	if err != nil {
		return QueueStats{}, err
	}
	consumer, err := q.env.Store.JetStream().Consumer(ctx, names.messages(), consumerName)
	if err != nil {
		return QueueStats{}, err
	}
	info := consumer.CachedInfo()
	s := QueueStats{Messages: info.NumPending, InFlight: uint64(max(0, info.NumAckPending))}
	if known := s.Messages + s.InFlight; all > known {
		s.Delayed = all - known
	}
	return s, nil
}

func (q *Queues) fifoStats(ctx context.Context, r *store.Record) (QueueStats, error) {
	names, now := namesOf(r), q.env.Clock.Now()
	all, err := q.count(ctx, names.messages())
	if err != nil {
		return QueueStats{}, err
	}
	groups, _, err := groupStates{q.env.Store.JetStream(), names}.all(ctx)
	if err != nil {
		return QueueStats{}, err
	}
	var s QueueStats
	for _, g := range groups {
		if g.Holder != "" || g.Until.After(now) {
			s.InFlight += uint64(len(g.Received))
		}
	}
	if delay := r.Stack.Trigger.Queue.Delay.Std(); delay > 0 {
		if s.Delayed, err = q.countSince(ctx, names.messages(), now.Add(-delay)); err != nil {
			return QueueStats{}, err
		}
	}
	if known := s.InFlight + s.Delayed; all > known {
		s.Messages = all - known
	}
	return s, nil
}

// countSince is how many messages came to a stream since then.
func (q *Queues) countSince(ctx context.Context, stream string, since time.Time) (uint64, error) {
	js := q.env.Store.JetStream()
	consumer, err := js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
		AckPolicy: jetstream.AckNonePolicy, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
		MemoryStorage: true, Replicas: 1, InactiveThreshold: time.Minute,
	})
	if err != nil {
		return 0, err
	}
	info := consumer.CachedInfo()
	return info.NumPending, js.DeleteConsumer(ctx, stream, info.Name)
}

// Purge deletes all messages of a queue, those in flight and delayed ones too,
// but not its dead letters. Functions that work on messages go on.
func (q *Queues) Purge(ctx context.Context, stackName string) error {
	r, err := q.record(stackName)
	if err != nil {
		return err
	}
	names := namesOf(r)
	stream, err := q.env.Store.JetStream().Stream(ctx, names.messages())
	if err != nil {
		return fmt.Errorf("cannot purge the queue of stack %q: %w", stackName, err)
	}
	last := stream.CachedInfo().State.LastSeq
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(last+1)); err != nil {
		return fmt.Errorf("cannot purge the queue of stack %q: %w", stackName, err)
	}
	if !names.fifo {
		return nil
	}
	// The leader, wherever it is, has messages in memory.
	return q.env.Store.Conn().Publish(names.purged(), strconv.AppendUint(nil, last, 10))
}

// errNoDeadLetters is what asks for dead letters that are not kept.
func errNoDeadLetters(stackName string) error {
	return &QueueError{http.StatusConflict, fmt.Sprintf("the queue of stack %q keeps no dead letters: it has no dead_letter", stackName)}
}

// DeadLetters returns the oldest dead letters, at most that many, and leaves them
// where they are.
func (q *Queues) DeadLetters(ctx context.Context, stackName string, limit int) ([]DeadLetterMessage, error) {
	r, err := q.record(stackName)
	if err != nil {
		return nil, err
	}
	if r.Stack.Trigger.Queue.DeadLetter == nil {
		return nil, errNoDeadLetters(stackName)
	}
	letters := []DeadLetterMessage{}
	err = readAll(ctx, q.env.Store.JetStream(), namesOf(r).deadLetters(), nil, func(msg jetstream.Msg, _ uint64) error {
		if len(letters) >= limit {
			return errEnough
		}
		m, err := decodeMessage(msg.Headers(), msg.Data())
		if err != nil {
			return err
		}
		letters = append(letters, DeadLetterMessage{MessageID: m.ID, Body: m.Body, Sent: m.Sent, Group: m.Group, Attributes: m.Attributes})
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, fmt.Errorf("cannot read the dead letters of the queue of stack %q: %w", stackName, err)
	}
	return letters, nil
}

// Redrive sends the dead letters that there are now back to their queue, in
// order, as new messages with new ids, as SQS does, and returns how many.
func (q *Queues) Redrive(ctx context.Context, stackName string) (moved int, err error) {
	r, err := q.record(stackName)
	if err != nil {
		return 0, err
	}
	if r.Stack.Trigger.Queue.DeadLetter == nil {
		return 0, errNoDeadLetters(stackName)
	}
	names := namesOf(r)
	stream, err := q.env.Store.JetStream().Stream(ctx, names.deadLetters())
	if err != nil {
		return 0, fmt.Errorf("cannot redrive the dead letters of the queue of stack %q: %w", stackName, err)
	}
	last := stream.CachedInfo().State.LastSeq
	err = readAll(ctx, q.env.Store.JetStream(), names.deadLetters(), nil, func(msg jetstream.Msg, sequence uint64) error {
		if sequence > last {
			return errEnough
		}
		if err := q.redriveOne(ctx, names, msg, sequence); err != nil {
			return err
		}
		// Stored there before it is deleted here.
		if err := stream.DeleteMsg(ctx, sequence); err != nil && !errors.Is(err, jetstream.ErrMsgNotFound) {
			return err
		}
		moved++
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return moved, fmt.Errorf("cannot redrive more than %d dead letters of the queue of stack %q: %w", moved, stackName, err)
	}
	return moved, nil
}

// redriveOne sends one dead letter; doing it again does nothing.
func (q *Queues) redriveOne(ctx context.Context, names queueNames, msg jetstream.Msg, sequence uint64) error {
	m, err := decodeMessage(msg.Headers(), msg.Data())
	if err != nil {
		return err
	}
	m.ID, m.Sent = uuid.NewString(), q.env.Clock.Now().UTC()
	onceID := fmt.Sprintf("redrive-%d", sequence)
	subject := names.visible()
	if names.fifo {
		// A duplicate of what was handled would be dropped.
		m.Deduplication = m.ID
		subject = names.group(groupHash(m.Group))
	}
	again, err := m.encode(subject)
	if err != nil {
		return err
	}
	_, err = q.env.Store.JetStream().PublishMsg(ctx, again, jetstream.WithMsgID(onceID))
	return err
}

// queueCollector counts the messages of the queues this node knows, when metrics
// are asked for.
type queueCollector struct{ queues *Queues }

var (
	messagesMetric = prometheus.NewDesc("tidegate_queue_messages",
		"Messages in a queue: visible, in flight and delayed.", []string{"stack"}, nil)
	deadLettersMetric = prometheus.NewDesc("tidegate_queue_dead_letters",
		"Dead letters of a queue.", []string{"stack"}, nil)
)

// metricsTimeout bounds how long metrics wait for JetStream.
const metricsTimeout = 2 * time.Second

// Describe is for prometheus.
func (c *queueCollector) Describe(out chan<- *prometheus.Desc) {
	out <- messagesMetric
	out <- deadLettersMetric
}

// Collect is for prometheus.
func (c *queueCollector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	for _, r := range c.queues.env.Store.Directory().Stacks() {
		if r.Stack.Trigger.Kind() != stack.KindQueue {
			continue
		}
		names := namesOf(r)
		if n, err := c.queues.count(ctx, names.messages()); err == nil {
			out <- prometheus.MustNewConstMetric(messagesMetric, prometheus.GaugeValue, float64(n), names.stack)
		}
		if r.Stack.Trigger.Queue.DeadLetter == nil {
			continue
		}
		if n, err := c.queues.count(ctx, names.deadLetters()); err == nil {
			out <- prometheus.MustNewConstMetric(deadLettersMetric, prometheus.GaugeValue, float64(n), names.stack)
		}
	}
}
