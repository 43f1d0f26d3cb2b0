package trigger

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A queueConsumer is what a queue's consumer is now. A change makes a new one.
type queueConsumer struct {
	env     Env
	log     *slog.Logger
	names   queueNames
	queue   *stack.Queue
	filters []stack.Pattern
	invoker batchInvoker
	// pace outlives a change of the consumer: batches on their way count.
	pace *pace
	// handling is the context of batches. It goes on when polling ends: what was
	// received is handled.
	handling context.Context
}

// A standardPoller receives a standard queue's messages on one node. All nodes
// poll one durable consumer of JetStream, which gives each message to one of
// them.
type standardPoller struct {
	*queueConsumer
	source jetstream.Consumer
	leases *leaseKeeper
	// carried were received, but had no room in the batch.
	carried []jetstream.Msg
	batches sync.WaitGroup
}

// A standardBatch is a batch and the JetStream messages it was made of.
type standardBatch struct {
	*batch
	messages []standardMessage
	first    time.Time // when its first message was received
}

type standardMessage struct {
	jetstream.Msg
	received time.Time
}

const (
	// fetchBytes bounds what one request to JetStream brings.
	fetchBytes = 6 << 20
	// maxFetch bounds it in messages.
	maxFetch = 256
	// shortestWait is what is left of a batch window that is not worth waiting for.
	shortestWait = 5 * time.Millisecond
	// pollRetry is how long to wait after JetStream did not answer.
	pollRetry = time.Second
)

// pollStandard polls until ctx ends, which it tells by closing stopped, and returns
// when what it has received by then is handled.
func pollStandard(ctx context.Context, c *queueConsumer, stopped chan<- struct{}) {
	p := &standardPoller{queueConsumer: c, leases: newLeaseKeeper(leaseOf(c.queue) / 4)}
	defer p.leases.end()
	defer p.batches.Wait()
	defer close(stopped)
	var said string
	for ctx.Err() == nil {
		err := p.poll(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		if err.Error() != said {
			c.log.Warn("the queue cannot be polled; it is tried again every second", "error", err)
			said = err.Error()
		}
		select {
		case <-ctx.Done():
		case <-time.After(pollRetry):
		}
	}
}

// poll receives and hands over until something fails or ctx ends.
func (p *standardPoller) poll(ctx context.Context) (err error) {
	if p.source, err = p.env.Store.JetStream().Consumer(ctx, p.names.messages(), consumerName); err != nil {
		return err
	}
	for p.pace.wait(ctx) {
		b, err := p.gather(ctx)
		if b.empty() {
			p.pace.leave()
		} else {
			p.batches.Go(func() { p.handle(b) })
		}
		if err != nil {
			return err
		}
	}
	// What was carried over when ctx ended is for another node, or another time.
	for _, msg := range p.carried {
		p.settle(msg, msg.Nak)
	}
	p.carried = nil
	return nil
}

// gather waits for messages and makes a batch of them: what there is at once, or
// what comes within the window. When ctx ends it returns what it has.
func (p *standardPoller) gather(ctx context.Context) (*standardBatch, error) {
	b := &standardBatch{batch: newBatch(p.names.arn(), p.filters, p.queue.Consumer.BatchSize)}
	carried := p.carried
	p.carried = nil
	for _, msg := range carried {
		p.take(ctx, b, msg)
	}
	for !b.full() && len(p.carried) == 0 && ctx.Err() == nil {
		window := p.queue.Consumer.BatchWindow.Std()
		left := window - time.Since(b.first)
		if !b.empty() && window > 0 && left < shortestWait {
			return b, nil
		}
		fetched, err := p.fetch(ctx, b)
		switch {
		case err != nil || fetched > 0:
		case b.empty():
			err = p.await(ctx, ctx, b)
		case window == 0:
			return b, nil
		default:
			waiting, cancel := context.WithTimeout(ctx, left)
			err = p.await(ctx, waiting, b)
			cancel()
		}
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// fetch takes what there is now into the batch, and returns how many messages
// there were.
func (p *standardPoller) fetch(ctx context.Context, b *standardBatch) (int, error) {
	most := min(maxFetch, b.capacity-len(b.records), max(1, fetchBytes/p.queue.MaxMessageSize))
	incoming, err := p.source.FetchNoWait(most)
	if err != nil {
		return 0, err
	}
	n := 0
	for msg := range incoming.Messages() {
		n++
		p.leases.add(msg)
		p.take(ctx, b, msg)
	}
	if err := incoming.Error(); err != nil && ctx.Err() == nil && !isDeadline(err) {
		return n, err
	}
	return n, nil
}

// await takes one message into the batch, for which it waits until waiting, which
// is part of ctx, ends. What JetStream sends while it ends is taken too, or given
// back if ctx has ended: the library's Fetch would leave it behind, hidden from
// everybody until its lease is over.
func (p *standardPoller) await(ctx, waiting context.Context, b *standardBatch) error {
	incoming, err := p.source.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return err
	}
	msg, err := incoming.Next(jetstream.NextContext(waiting))
	if err == nil {
		incoming.Stop() // the one message that was asked for has come
		p.leases.add(msg)
		p.take(ctx, b, msg)
		return nil
	}
	incoming.Drain()
	for msg, late := incoming.Next(); late == nil; msg, late = incoming.Next() {
		p.leases.add(msg)
		if ctx.Err() != nil {
			p.settle(msg, msg.Nak)
			continue
		}
		p.take(ctx, b, msg)
	}
	if waiting.Err() != nil {
		return nil
	}
	return err
}

// take puts a message where it belongs: into the batch, to the dead letters,
// away, or aside for the next batch.
func (p *standardPoller) take(ctx context.Context, b *standardBatch, msg jetstream.Msg) {
	meta, err := msg.Metadata()
	var m *message
	if err == nil {
		m, err = decodeMessage(msg.Headers(), msg.Data())
	}
	if err != nil {
		// Nobody but Tidegate writes here, so this is damage. It stays in the stream's
		// consumer, out of the way, for somebody to look at until it expires.
		p.log.Error("a message cannot be read and is left out", "subject", msg.Subject(), "error", err)
		p.settle(msg, func() error { return msg.NakWithDelay(p.queue.Retention.Std()) })
		return
	}
	now := p.env.Clock.Now()
	r := receipt{sequence: meta.Sequence.Stream, count: int(meta.NumDelivered), at: now} //nolint:gosec // a small number
	r.first = firstReceipt(m, r, p.queue.VisibilityTimeout.Std())
	if dl := p.queue.DeadLetter; dl != nil && r.count > dl.MaxReceives {
		p.bury(ctx, msg, m, r)
		return
	}
	result, err := b.add(m, r)
	switch {
	case err != nil:
		p.log.Error("a message cannot be described", "message", m.ID, "error", err)
		p.settle(msg, msg.Nak)
	case result == unwanted:
		p.settle(msg, msg.Ack)
	case result == overflow:
		p.carried = append(p.carried, msg)
	default:
		if len(b.messages) == 0 {
			b.first = time.Now()
		}
		b.messages = append(b.messages, standardMessage{msg, now})
	}
}

// firstReceipt estimates when a message was received first: since then it was
// hidden for the visibility timeout each time. Only the count is remembered.
func firstReceipt(m *message, r receipt, visibility time.Duration) time.Time {
	first := r.at.Add(-time.Duration(r.count-1) * visibility)
	if first.Before(m.Sent) {
		return m.Sent
	}
	return first
}

// bury moves a message to the dead letters: it is stored there before it is gone
// here.
func (p *standardPoller) bury(ctx context.Context, msg jetstream.Msg, m *message, r receipt) {
	err := publishDead(ctx, p.env, p.names, m, r.sequence)
	if err != nil {
		p.log.Error("a message cannot be moved to the dead letters; it is tried again", "message", m.ID, "error", err)
		p.settle(msg, func() error { return msg.NakWithDelay(pollRetry) })
		return
	}
	p.settle(msg, msg.Ack)
}

// publishDead stores a dead letter; doing it again for the same message does
// nothing.
func publishDead(ctx context.Context, env Env, n queueNames, m *message, sequence uint64) error {
	dead, err := m.encode(n.dead())
	if err != nil {
		return err
	}
	_, err = env.Store.JetStream().PublishMsg(ctx, dead, jetstream.WithMsgID(fmt.Sprintf("dead-%d", sequence)))
	return err
}

// handle invokes the function and settles every message: what is done is
// deleted, what failed is visible again when its visibility timeout is over.
func (p *standardPoller) handle(b *standardBatch) {
	visibility := p.queue.VisibilityTimeout.Std()
	outcome := p.invoker.invoke(p.handling, b.batch, b.messages[0].received.Add(visibility))
	for i, msg := range b.messages {
		remaining := msg.received.Add(visibility).Sub(p.env.Clock.Now())
		switch {
		case outcome.done(b.ids[i]):
			p.settle(msg, msg.Ack)
		case remaining <= 0, p.handling.Err() != nil:
			p.settle(msg, msg.Nak)
		default:
			p.settle(msg, func() error { return msg.NakWithDelay(remaining) })
		}
	}
	switch {
	case outcome.throttled:
		p.pace.throttled()
	case outcome.all:
		p.pace.leave()
	default:
		p.pace.succeeded()
	}
}

// settle ends this node's part in a message. If JetStream does not hear of it,
// the message comes back when its lease is over: it is delivered at least once.
func (p *standardPoller) settle(msg jetstream.Msg, how func() error) {
	p.leases.remove(msg)
	if err := how(); err != nil {
		p.log.Debug("a message was not settled", "subject", msg.Subject(), "error", err)
	}
}

// A leaseKeeper renews the leases of messages, in the machine's time, as that is
// what JetStream goes by.
type leaseKeeper struct {
	mu       sync.Mutex
	messages map[string]jetstream.Msg // by their reply subject, which is unique
	stop     chan struct{}
}

func newLeaseKeeper(every time.Duration) *leaseKeeper {
	k := &leaseKeeper{messages: map[string]jetstream.Msg{}, stop: make(chan struct{})}
	go k.run(every)
	return k
}

func (k *leaseKeeper) run(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-k.stop:
			return
		case <-tick.C:
		}
		k.renew()
	}
}

// renew renews under the lock: renewing the lease of what has been given back
// would take it again.
func (k *leaseKeeper) renew() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, msg := range k.messages {
		_ = msg.InProgress() // the next time, if not this time
	}
}

func (k *leaseKeeper) add(msg jetstream.Msg) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.messages[msg.Reply()] = msg
}

// remove comes before the message is settled.
func (k *leaseKeeper) remove(msg jetstream.Msg) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.messages, msg.Reply())
}

func (k *leaseKeeper) end() { close(k.stop) }

// isDeadline tells whether a fetch ended because its time was over.
func isDeadline(err error) bool {
	return err == context.DeadlineExceeded || err == nats.ErrTimeout //nolint:errorlint // as the library returns them
}
