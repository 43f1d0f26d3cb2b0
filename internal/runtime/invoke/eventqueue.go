package invoke

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maxFetch is how many events a node asks for at once.
const maxFetch = 32

// An eventQueue handles one function's asynchronous events on this node.
//
// Every event is handled at least once, whatever happens when: it stays in the
// stream until its records are at their destinations, or its next attempt is in
// the stream. A node that holds it extends its lease; when the node dies the lease
// ends, and the event goes to another.
type eventQueue struct {
	async    *async
	function *function
	pace     *pace

	ctx    context.Context
	cancel context.CancelFunc
	// handling events, and done once the last one is handled.
	handling sync.WaitGroup
	done     chan struct{}
}

func newEventQueue(a *async, f *function) *eventQueue {
	q := &eventQueue{async: a, function: f, pace: newPace(a.host.busy), done: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(a.life)
	return q
}

// stop ends the handling of events. It returns when none is being handled.
func (q *eventQueue) stop() {
	q.cancel()
	<-q.done
}

func (q *eventQueue) run() {
	defer close(q.done)
	defer q.handling.Wait()
	taking, cancel := context.WithCancel(q.ctx)
	defer cancel()
	stop := context.AfterFunc(q.async.taking, cancel)
	defer stop()
	select {
	case <-q.async.begun:
	case <-taking.Done():
	}
	for taking.Err() == nil {
		if err := q.take(taking); err != nil && taking.Err() == nil {
			q.async.opts.Log.Warn("cannot read a queue of asynchronous invocations; trying again",
				"stack", q.function.stack, "function", q.function.name, "error", err)
			pause(taking, minBackoff)
		}
	}
}

// take hands events to handle as long as there is room for them. It asks for no
// more than there is room for: an event that waits in this process has nobody to
// extend its lease.
func (q *eventQueue) take(ctx context.Context) error {
	consumer, err := q.consumer(ctx)
	if err != nil {
		return err
	}
	for {
		room := q.room(ctx)
		if ctx.Err() != nil {
			return nil
		}
		batch, err := consumer.Fetch(min(room, maxFetch), jetstream.FetchContext(ctx))
		if err != nil {
			return err
		}
		for msg := range batch.Messages() {
			if ctx.Err() != nil {
				_ = msg.Nak()
				continue
			}
			q.pace.begin()
			q.handling.Go(func() {
				defer q.pace.end()
				q.handle(msg)
			})
		}
		if err := batch.Error(); err != nil {
			return err
		}
	}
}

// room waits until the node may handle more events, and returns how many.
func (q *eventQueue) room(ctx context.Context) int {
	for ctx.Err() == nil {
		capacity, none := q.async.runner.limits.capacity(&q.function.quota)
		if none {
			capacity = 1 // to give the events up
		}
		if n := q.pace.room(capacity, time.Now()); n > 0 {
			return n
		}
		timer := time.NewTimer(paceInterval)
		select {
		case <-q.pace.freed:
		case <-timer.C: // the pace or this node's share of the limit may have grown
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return 0
}

// consumer finds the function's consumer, or makes it. Making it is not cut short:
// the server would make it all the same, and maybe after it was asked to delete it,
// since it answers requests side by side.
func (q *eventQueue) consumer(ctx context.Context) (jetstream.Consumer, error) {
	select {
	case q.async.setups <- struct{}{}:
		defer func() { <-q.async.setups }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	name := q.function.queueName()
	config := jetstream.ConsumerConfig{
		Durable:       name.consumer(),
		FilterSubject: name.subject(),
		AckPolicy:     jetstream.AckExplicitPolicy,
		AckWait:       q.async.opts.asyncLease,
		MaxDeliver:    -1,
		// Events that wait for their next attempt count.
		MaxAckPending: -1,
	}
	consumer, err := q.async.stream.Consumer(ctx, config.Durable)
	switch {
	case err == nil && consumer.CachedInfo().Config.AckWait == config.AckWait:
		return consumer, nil
	case err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound):
		return nil, err
	}
	return q.async.stream.CreateOrUpdateConsumer(context.WithoutCancel(ctx), config)
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
