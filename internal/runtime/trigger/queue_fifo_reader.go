package trigger

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// readFIFO reads a queue's messages in order, from the first there is, and goes
// on with new ones until ctx ends.
func readFIFO(ctx context.Context, c *queueConsumer) <-chan *fifoMessage {
	out := make(chan *fifoMessage)
	go func() {
		var last uint64
		var said string
		for ctx.Err() == nil {
			err := c.readFrom(ctx, &last, out)
			if err == nil || ctx.Err() != nil {
				continue
			}
			if err.Error() != said {
				c.log.Warn("the queue cannot be read; it is tried again every second", "error", err)
				said = err.Error()
			}
			select {
			case <-ctx.Done():
			case <-time.After(pollRetry):
			}
		}
	}()
	return out
}

// readAhead is how many messages JetStream sends before they are taken.
const readAhead = 64

// readFrom reads what comes after the sequence, and keeps it up to date, until
// something fails.
func (c *queueConsumer) readFrom(ctx context.Context, last *uint64, out chan<- *fifoMessage) error {
	consumer, err := c.env.Store.JetStream().OrderedConsumer(ctx, c.names.messages(), jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:   *last + 1,
	})
	if err != nil {
		return err
	}
	incoming, err := consumer.Messages(jetstream.PullMaxMessages(readAhead))
	if err != nil {
		return err
	}
	defer incoming.Stop()
	defer context.AfterFunc(ctx, incoming.Stop)()
	for {
		msg, err := incoming.Next()
		if err != nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream <= *last {
			continue
		}
		*last = meta.Sequence.Stream
		m, err := decodeMessage(msg.Headers(), msg.Data())
		if err != nil {
			// Nobody but Tidegate writes here, so this is damage. The message stays, for
			// somebody to look at, until it expires.
			c.log.Error("a message cannot be read and is left out", "sequence", *last, "error", err)
			continue
		}
		select {
		case out <- &fifoMessage{m, *last}:
		case <-ctx.Done():
			return nil
		}
	}
}
