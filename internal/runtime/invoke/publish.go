package invoke

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxTogether is how many events are made durable together at most.
	maxTogether = 256
	// maxEnvelope bounds an envelope in bytes, where the servers take such large messages.
	maxEnvelope = 4 << 20
)

// A publisher makes events durable. To sync the disk takes as long for many of them as for
// one, and JetStream does it for every message: so events that come while it is being
// synced go together, as one message, into the intake, from where they are sorted into
// their functions' queues. An event that comes alone goes right into its queue.
type publisher struct {
	js jetstream.JetStream
	// closing ends the publisher.
	closing context.Context
	// arrived is told the subject of every event that is in its queue.
	arrived func(subject string)
	waiting chan pending
}

// A pending message waits to be durable. Done gets one value.
type pending struct {
	msg  *nats.Msg
	done chan error
}

func newPublisher(closing context.Context, js jetstream.JetStream, arrived func(string)) *publisher {
	p := &publisher{js: js, closing: closing, arrived: arrived, waiting: make(chan pending, maxTogether)}
	go p.run()
	return p
}

// publish returns nil once the message is durable. If ctx ends before, it may become
// so nevertheless.
func (p *publisher) publish(ctx context.Context, msg *nats.Msg) error {
	done := make(chan error, 1)
	select {
	case p.waiting <- pending{msg, done}:
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closing.Done():
		return errClosing
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-p.closing.Done():
		return errClosing
	}
}

// run publishes what waits, again and again.
func (p *publisher) run() {
	for {
		select {
		case first := <-p.waiting:
			p.commit(p.gather(first))
		case <-p.closing.Done():
			return
		}
	}
}

// gather takes what waits by now.
func (p *publisher) gather(first pending) []pending {
	all := []pending{first}
	for len(all) < maxTogether {
		select {
		case next := <-p.waiting:
			all = append(all, next)
		default:
			return all
		}
	}
	return all
}

// commit makes the messages durable, and tells who waits. Messages that there is no room
// for in one envelope go by themselves, and so do all if the envelope is not accepted.
func (p *publisher) commit(all []pending) {
	var e envelope
	limit := min(maxEnvelope, int(p.js.Conn().MaxPayload()))
	var together, alone []pending
	for _, one := range all {
		if len(all) > 1 && e.add(one.msg, limit) {
			together = append(together, one)
		} else {
			alone = append(alone, one)
		}
	}
	if len(together) > 0 {
		if _, err := p.js.Publish(p.closing, intakeStream, e.data, jetstream.WithExpectStream(intakeStream)); err != nil {
			alone, together = all, nil
		}
	}
	for _, one := range together {
		one.done <- nil
	}
	for _, one := range alone {
		one.done <- p.one(p.closing, one.msg)
	}
}

// one puts a message into its function's queue.
func (p *publisher) one(ctx context.Context, msg *nats.Msg) error {
	_, err := p.js.PublishMsg(ctx, msg, jetstream.WithExpectStream(asyncStream))
	// Whatever the error, the event may be there.
	p.arrived(msg.Subject)
	if errors.Is(err, nats.ErrMaxPayload) {
		return fmt.Errorf("the NATS servers take messages of %d bytes at most (max_payload)", p.js.Conn().MaxPayload())
	}
	return err
}
