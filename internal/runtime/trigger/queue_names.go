package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// queueSubjects is the first part of the subjects of all queues.
const queueSubjects = "TIDEGATE.Q"

// queueNames are the streams and subjects of one stack's queue. They hold the
// stack's incarnation, so that what is left of a deleted stack, or is still being
// deleted by another node, is never taken for that of a new one.
type queueNames struct {
	stack, incarnation string
	fifo               bool
}

func namesOf(r *store.Record) queueNames {
	return queueNames{r.Stack.Name, r.Incarnation, r.Stack.Trigger.Queue.FIFO}
}

func (n queueNames) stream(kind string) string {
	return "TIDEGATE_" + kind + "_" + n.stack + "_" + n.incarnation
}

// messages is the stream of the messages. A FIFO queue's is of another kind, so it
// has another name.
func (n queueNames) messages() string {
	if n.fifo {
		return n.stream("QF")
	}
	return n.stream("Q")
}

// deadLetters is the stream of the dead letters.
func (n queueNames) deadLetters() string { return n.stream("DLQ") }

// groups is the stream that remembers what is in flight of a FIFO queue.
func (n queueNames) groups() string { return n.stream("QG") }

func (n queueNames) subject(rest string) string {
	return queueSubjects + "." + n.stack + "." + n.incarnation + "." + rest
}

// visible is the subject of a standard queue's messages.
func (n queueNames) visible() string { return n.subject("m") }

// delayed is the subject of one message of a standard queue until it is due.
func (n queueNames) delayed(id string) string { return n.subject("d." + id) }

// group is the subject of a FIFO queue's messages of one group.
func (n queueNames) group(hash string) string { return n.subject("g." + hash) }

// groupState is the subject of what is in flight of one group.
func (n queueNames) groupState(hash string) string { return n.subject("s." + hash) }

// handled is the subject of one note of messages that were handled.
func (n queueNames) handled(id string) string { return n.subject("h." + id) }

// dead is the subject of dead letters.
func (n queueNames) dead() string { return n.subject("x") }

// purged is the subject, of no stream, on which nodes tell each other of a purge.
func (n queueNames) purged() string { return "TIDEGATE.QP." + n.stack + "." + n.incarnation }

// lease is what the node that leads a FIFO queue holds.
func (n queueNames) lease() string { return "queue/" + n.stack + "/" + n.incarnation }

func (n queueNames) arn() string { return stack.QueueARN(n.stack, n.fifo) }

// deduplicationTime is how long SQS remembers deduplication ids.
const deduplicationTime = 5 * time.Minute

// leaseTime is how long a message stays with a node that shows no sign of life.
// A node that works on it renews it, for as long as that takes. So the
// visibility timeout counts for messages that failed, and a node's death delays
// messages by no more than this. It is never less than minLeaseTime: a node that gets no
// turn of a busy machine's processors for a second is not dead.
const (
	leaseTime    = 20 * time.Second
	minLeaseTime = 3 * time.Second
)

func leaseOf(q *stack.Queue) time.Duration {
	return max(minLeaseTime, min(leaseTime, q.VisibilityTimeout.Std()))
}

// consumerName is the durable consumer through which all nodes share a standard
// queue's messages.
const consumerName = "consumer"

// maxInFlight is SQS's quota of messages that are received and not yet deleted;
// here those that wait for their next attempt count as well.
const maxInFlight = 120_000

// streams are the streams a queue needs.
func (n queueNames) streams(q *stack.Queue, replicas int) []jetstream.StreamConfig {
	common := func(name, what string, retention time.Duration, subjects ...string) jetstream.StreamConfig {
		return jetstream.StreamConfig{
			Name:        name,
			Description: "Tidegate: " + what + " of stack " + n.stack,
			Subjects:    subjects,
			Storage:     jetstream.FileStorage,
			Replicas:    replicas,
			MaxAge:      retention,
			// The server wants it to be no longer than the messages are kept.
			Duplicates:  min(deduplicationTime, max(retention, time.Second)),
			AllowDirect: true,
			Metadata:    map[string]string{"tidegate-stack": n.stack},
		}
	}
	messages := common(n.messages(), "messages", q.Retention.Std(), n.group("*"))
	if !n.fifo {
		messages.Subjects = []string{n.visible(), n.delayed("*")}
		messages.Retention = jetstream.WorkQueuePolicy
		messages.AllowMsgSchedules = true
	}
	configs := []jetstream.StreamConfig{messages}
	if n.fifo {
		groups := common(n.groups(), "message groups", 0, n.groupState("*"), n.handled("*"))
		groups.MaxMsgsPerSubject = 1
		groups.AllowMsgTTL = true
		configs = append(configs, groups)
	}
	if q.DeadLetter != nil {
		configs = append(configs, common(n.deadLetters(), "dead letters", q.DeadLetter.Retention.Std(), n.dead()))
	}
	return configs
}

// consumer is a standard queue's consumer.
func (n queueNames) consumer(q *stack.Queue) jetstream.ConsumerConfig {
	return jetstream.ConsumerConfig{
		Durable:       consumerName,
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       leaseOf(q),
		MaxDeliver:    -1,
		MaxAckPending: maxInFlight,
		FilterSubject: n.visible(),
	}
}

// makeStreams makes a queue's streams and consumer, or changes them where they
// are not as they should be; no message is lost.
func makeStreams(ctx context.Context, s *store.Store, n queueNames, q *stack.Queue) error {
	js := s.JetStream()
	for _, config := range n.streams(q, s.Replicas()) {
		if _, err := js.CreateOrUpdateStream(ctx, config); err != nil {
			return fmt.Errorf("queue of stack %q: cannot make the stream %s: %w", n.stack, config.Name, err)
		}
	}
	if !n.fifo {
		if _, err := js.CreateOrUpdateConsumer(ctx, n.messages(), n.consumer(q)); err != nil {
			return fmt.Errorf("queue of stack %q: cannot make its consumer: %w", n.stack, err)
		}
	}
	if q.DeadLetter == nil {
		return deleteStream(ctx, s, n.deadLetters())
	}
	return nil
}

// deleteStreams removes all a queue has.
func deleteStreams(ctx context.Context, s *store.Store, n queueNames) error {
	var errs []error
	for _, name := range []string{n.messages(), n.groups(), n.deadLetters()} {
		errs = append(errs, deleteStream(ctx, s, name))
	}
	return errors.Join(errs...)
}

func deleteStream(ctx context.Context, s *store.Store, name string) error {
	err := s.JetStream().DeleteStream(ctx, name)
	if err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("cannot delete the stream %s: %w", name, err)
	}
	return nil
}

// collectStreams removes streams of queues that are no more: of stacks that were
// deleted, or got another trigger, while no node ran to the end of it. The record
// is read after the stream was seen, and records are written before streams are
// made, so no stream of a new stack is taken for an old one's.
func collectStreams(ctx context.Context, s *store.Store) error {
	lister := s.JetStream().ListStreams(ctx, jetstream.WithStreamListSubject(queueSubjects+".>"))
	var found []jetstream.StreamConfig
	for info := range lister.Info() {
		if strings.HasPrefix(info.Config.Name, "TIDEGATE_") {
			found = append(found, info.Config)
		}
	}
	if err := lister.Err(); err != nil {
		return fmt.Errorf("cannot list the queues' streams: %w", err)
	}
	var errs []error
	for _, stream := range found {
		r, err := s.Record(ctx, stream.Metadata["tidegate-stack"])
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			errs = append(errs, err)
			continue
		case needsStream(r, stream.Name):
			continue
		}
		errs = append(errs, deleteStream(ctx, s, stream.Name))
	}
	return errors.Join(errs...)
}

func needsStream(r *store.Record, name string) bool {
	if r.Deleted || r.Stack.Trigger.Queue == nil {
		return false
	}
	for _, config := range namesOf(r).streams(r.Stack.Trigger.Queue, 1) {
		if config.Name == name {
			return true
		}
	}
	return false
}
