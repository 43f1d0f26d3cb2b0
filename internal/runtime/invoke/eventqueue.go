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

	mu sync.Mutex
	// done is closed when the queue is not read, and the last event is handled.
	done chan struct{}
	// reading, and woken since it was last seen that there is nothing to read.
	reading, woken bool
}

func newEventQueue(a *async, f *function) *eventQueue {
	q := &eventQueue{async: a, function: f, pace: newPace(a.host.busy), done: make(chan struct{})}
	close(q.done)
	q.ctx, q.cancel = context.WithCancel(a.life)
	return q
}

// stop ends the handling of events. It returns when none is being handled.
func (q *eventQueue) stop() {
	q.mu.Lock()
	q.cancel()
	q.mu.Unlock()
	<-q.ended()
}

// ended returns what is closed when no event is being handled.
func (q *eventQueue) ended() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.done
}

// wake has the queue read, if it is not and may be.
func (q *eventQueue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.woken = true
	if q.reading || q.ctx.Err() != nil || q.async.taking.Err() != nil {
		return
	}
	q.reading, q.done = true, make(chan struct{})
	go q.run(q.done)
}

// rest tells whether the queue need not be read any more. An event that comes while it
// is being asked for wakes the queue, which then goes on.
func (q *eventQueue) rest(ctx context.Context, consumer jetstream.Consumer) bool {
	q.mu.Lock()
	q.woken = false
	q.mu.Unlock()
	info, err := consumer.Info(ctx)
	if err != nil || info.NumPending > 0 || info.NumAckPending > 0 {
		return false
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = q.woken
	return !q.woken
}

func (q *eventQueue) run(done chan struct{}) {
	defer close(done)
	var handling sync.WaitGroup
	defer handling.Wait()
	taking, cancel := context.WithCancel(q.ctx)
	defer cancel()
	stop := context.AfterFunc(q.async.taking, cancel)
	defer stop()
	select {
	case <-q.async.begun:
	case <-taking.Done():
	}
	for taking.Err() == nil {
		err := q.take(taking, &handling)
		if err == nil {
			return
		}
		if taking.Err() == nil {
			q.async.opts.Log.Warn("cannot read a queue of asynchronous invocations; trying again",
				"stack", q.function.stack, "function", q.function.name, "error", err)
			pause(taking, minBackoff)
		}
	}
}

// take hands events to handle as long as there is room for them. It returns nil when
// there are none any more, or ctx ends. It asks for no
// more than there is room for: an event that waits in this process has nobody to
// extend its lease.
func (q *eventQueue) take(ctx context.Context, handling *sync.WaitGroup) error {
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
		any := false
		for msg := range batch.Messages() {
			any = true
			if ctx.Err() != nil {
				_ = msg.Nak()
				continue
			}
			q.pace.begin()
			handling.Go(func() {
				defer q.pace.end()
				q.handle(msg)
			})
		}
		if err := batch.Error(); err != nil {
			return err
		}
		if !any && q.rest(ctx, consumer) {
			return nil
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
