package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// readerTime is how long JetStream remembers a reader that went away without a
// word.
const readerTime = 30 * time.Second

// clockSkew is how far the clocks of nodes and JetStream may be apart for
// Query.Since to be exact.
const clockSkew = 10 * time.Second

// A Query says which log lines to read.
type Query struct {
	Stack string
	// Function of the stack; empty means all of them.
	Function string
	// Since is the time of the first line wanted; zero means all there are.
	Since time.Time
	// Follow goes on with lines as they come, until the context ends.
	Follow bool
}

// Read yields the lines in the order they were written, on all nodes. It ends
// after the last one, or with Follow when ctx ends, which is no error; an error is
// the last thing it yields.
func (l *Logs) Read(ctx context.Context, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if err := l.read(ctx, q, yield); err != nil && ctx.Err() == nil {
			yield(Entry{}, fmt.Errorf("cannot read the log of stack %s: %w", q.Stack, err))
		}
	}
}

func (l *Logs) read(ctx context.Context, q Query, yield func(Entry, error) bool) error {
	if err := l.Flush(ctx); err != nil {
		return err
	}
	function := q.Function
	if function == "" {
		function = "*"
	}
	config := jetstream.OrderedConsumerConfig{
		FilterSubjects:    []string{Group{Stack: q.Stack, Function: function, Incarnation: "*"}.subject()},
		InactiveThreshold: readerTime,
	}
	if !q.Since.IsZero() {
		// A message is younger than the lines in it, by JetStream's clock.
		start := q.Since.Add(-clockSkew)
		config.DeliverPolicy, config.OptStartTime = jetstream.DeliverByStartTimePolicy, &start
	}
	consumer, err := l.stream.OrderedConsumer(ctx, config)
	if err != nil {
		return err
	}
	defer l.forget(consumer)
	if !q.Follow && consumer.CachedInfo().NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(100))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		metadata, err := msg.Metadata()
		if err != nil {
			return err
		}
		for line := range bytes.Lines(msg.Data()) {
			var e Entry
			if json.Unmarshal(line, &e) != nil {
				continue // not a line that Logs wrote
			}
			if !e.Time.Before(q.Since) && !yield(e, nil) {
				return nil
			}
		}
		if !q.Follow && metadata.NumPending == 0 {
			return nil
		}
	}
}

// forget removes a reader from JetStream.
func (l *Logs) forget(consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.Background(), publishTimeout)
	defer cancel()
	_ = l.stream.DeleteConsumer(ctx, consumer.CachedInfo().Name)
}
