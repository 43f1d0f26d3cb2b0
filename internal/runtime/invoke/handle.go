package invoke

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

const (
	// slotWait is how long an event waits on this node for a place under the
	// function's limit; then another node may have it.
	slotWait = 30 * time.Second
	// The pauses before an event is tried again after a throttle or an error of the
	// runtime, as on Lambda: they grow, and do not count as attempts.
	minBackoff = time.Second
	maxBackoff = 5 * time.Minute
	// maxRetryFactor bounds the pause between attempts, in Options.AsyncRetryDelay:
	// only schedules ask for so many.
	maxRetryFactor = 5
	// ackTimeout is how long JetStream may take to note that an event is done with.
	ackTimeout = 5 * time.Second
)

// handled is what becomes of an event's message: it is done with, or it is
// delivered again, to whichever node, after a while.
type handled struct {
	done  bool
	again time.Duration
}

// handle sees an event through. It returns when the event is done with, or not
// this node's any more.
func (q *eventQueue) handle(msg jetstream.Msg) {
	ev, err := decodeEvent(msg.Headers(), msg.Data())
	if err != nil {
		q.async.opts.Log.Error("dropped a message that is no event from the queue of asynchronous invocations",
			"stack", q.function.stack, "function", q.function.name, "error", err)
		_ = msg.TermWithReason(err.Error())
		return
	}
	deliveries := uint64(1)
	if metadata, err := msg.Metadata(); err == nil {
		deliveries = metadata.NumDelivered
	}
	release := q.hold(msg)
	result := q.process(ev, backoff(deliveries))
	release()
	switch {
	case result.done:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx), ackTimeout)
		defer cancel()
		err = msg.DoubleAck(ctx)
	case result.again > 0:
		err = msg.NakWithDelay(result.again)
	default:
		err = msg.Nak()
	}
	if err != nil {
		q.async.opts.Log.Warn("an asynchronous invocation may be repeated", "stack", q.function.stack,
			"function", q.function.name, "request", ev.ID, "error", err)
	}
}

// hold extends the message's lease until the function returned is called.
func (q *eventQueue) hold(msg jetstream.Msg) (release func()) {
	ctx, cancel := context.WithCancel(q.ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(q.async.opts.asyncLease / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = msg.InProgress() // the next one may get through
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-stopped
	}
}

// process tries an event once, if it is time for that.
func (q *eventQueue) process(ev event, backoff time.Duration) handled {
	config := q.function.settings.Load().function
	now, expires := time.Now(), ev.expires(config.Async)
	untried := verdict{attempts: ev.Attempt - 1}
	switch {
	case !now.Before(expires):
		untried.condition = conditionAge
		return q.end(ev, untried)
	case config.Concurrency.Reserved != nil && *config.Concurrency.Reserved == 0:
		untried.condition = conditionZero
		return q.end(ev, untried)
	case q.function.loops(ev.TraceID):
		untried.condition = conditionRecursion
		return q.end(ev, untried)
	case now.Before(ev.NotBefore):
		return handled{again: ev.NotBefore.Sub(now)}
	}
	response, err := q.invoke(ev, expires)
	switch {
	case err != nil && q.async.taking.Err() != nil:
		return handled{}
	case err != nil:
		return handled{again: min(backoff, time.Until(expires)+time.Millisecond)}
	}
	v := verdict{condition: conditionSuccess, attempts: ev.Attempt, response: &response}
	if response.FunctionError == "" {
		return q.end(ev, v)
	}
	delay := q.async.opts.AsyncRetryDelay * time.Duration(min(ev.Attempt, maxRetryFactor))
	notBefore := time.Now().Add(delay)
	switch {
	case ev.Attempt > ev.retries(config.Async):
		v.condition = conditionRetries
		return q.end(ev, v)
	case notBefore.After(expires):
		v.condition = conditionAge
		return q.end(ev, v)
	}
	return q.retry(ev.next(notBefore))
}

// invoke runs the function once it has a place under its limit.
func (q *eventQueue) invoke(ev event, expires time.Time) (Response, error) {
	r := q.async.runner
	ctx, cancel := context.WithDeadline(q.ctx, minTime(expires, time.Now().Add(slotWait)))
	defer cancel()
	if err := r.limits.wait(ctx, &q.function.quota); err != nil {
		if q.ctx.Err() == nil {
			q.throttled(ev)
		}
		return Response{}, err
	}
	// Only now: the alias may have moved meanwhile.
	p, arn, notFound := q.function.route(ev.Qualifier, r.opts.Random)
	if notFound != nil { // the alias or the version may come back
		r.limits.release(&q.function.quota)
		return Response{}, notFound
	}
	return r.invoke(q.ctx, q.function, p, arn, ev.request(q.function.full))
}

// throttled counts that the event got no place.
func (q *eventQueue) throttled(ev event) {
	if p, _, notFound := q.function.route(ev.Qualifier, q.async.opts.Random); notFound == nil {
		q.function.throttle(p)
	}
}

// retry puts the next attempt into the queue, in place of this one.
func (q *eventQueue) retry(next event) handled {
	err := q.insist("queue a retry", func(ctx context.Context) error {
		if q.function.removed.Load() {
			return nil
		}
		return q.async.enqueue(ctx, q.function, next)
	})
	if err != nil {
		return handled{}
	}
	q.count(telemetry.AsyncRetried)
	return handled{done: true}
}

// end delivers what destinations are to know of the event.
func (q *eventQueue) end(ev event, v verdict) handled {
	if err := q.deliver(ev, v); err != nil {
		return handled{}
	}
	switch v.condition {
	case conditionSuccess:
		q.count(telemetry.AsyncSuccess)
	case conditionAge:
		q.count(telemetry.AsyncExpired)
	default:
		q.count(telemetry.AsyncFailed)
	}
	return handled{done: true}
}

// insist does what must not be lost, again and again, while the lease of the
// event is extended: running the function again would be worse. It gives up when
// the queue stops, and on errors that will not go away.
func (q *eventQueue) insist(what string, do func(context.Context) error) error {
	for attempt := uint64(1); ; attempt++ {
		err := do(q.ctx)
		if err == nil || final(err) {
			return err
		}
		if q.ctx.Err() != nil {
			return q.ctx.Err()
		}
		q.async.opts.Log.Warn("cannot "+what+"; trying again", "stack", q.function.stack,
			"function", q.function.name, "error", err)
		pause(q.ctx, backoff(attempt))
	}
}

func (q *eventQueue) count(outcome string) {
	q.async.opts.Metrics.AsyncEvent(q.function.stack, q.function.name, outcome)
}

// backoff is the pause after the nth failure in a row: 1 s, 2 s, 4 s, ... 5 min.
func backoff(n uint64) time.Duration {
	return min(minBackoff<<min(n-1, 9), maxBackoff)
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
