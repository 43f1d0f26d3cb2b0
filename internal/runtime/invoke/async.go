package invoke

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// asyncStream holds the events of asynchronous invocations until they are done
// with; its subjects are TIDEGATE_ASYNC.<stack>.<function>.<incarnation>. Each
// function has a durable consumer, which the nodes share.
const asyncStream = "TIDEGATE_ASYNC"

const (
	// dedupWindow is how long an id is remembered, as Request.ID promises.
	dedupWindow = 10 * time.Minute
	// parallelSetups is how many functions' consumers are made or looked up at once.
	parallelSetups = 16
	// watchInterval is how long events wait at most that another node has accepted and
	// has no time for.
	watchInterval = 2 * time.Second
)

// async takes events, keeps them, and sees each through.
type async struct {
	runner *runner
	opts   Options
	js     jetstream.JetStream
	stream jetstream.Stream
	// publisher makes events durable, intake has those that were made so together.
	publisher *publisher
	intake    *intake

	// life ends when the node stops handling events; taking ends before, when it
	// takes no more of them.
	life, taking       context.Context
	endLife, endTaking context.CancelFunc
	// begun is closed when queues may be read.
	begun  chan struct{}
	setups chan struct{}
	host   host

	mu     sync.Mutex
	queues map[*function]*eventQueue
	// named has the same queues by their names.
	named       map[queueName]*eventQueue
	queueSender QueueSender
}

func newAsync(ctx context.Context, r *runner) (*async, error) {
	js := r.opts.Store.JetStream()
	stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:        asyncStream,
		Description: "Asynchronous invocations of Tidegate's functions",
		Subjects:    []string{asyncStream + ".>"},
		Retention:   jetstream.WorkQueuePolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    r.opts.Store.Replicas(),
		Duplicates:  dedupWindow,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the stream %s for asynchronous invocations: %w", asyncStream, err)
	}
	a := &async{
		runner: r, opts: r.opts, js: js, stream: stream,
		begun: make(chan struct{}), setups: make(chan struct{}, parallelSetups),
		queues: map[*function]*eventQueue{}, named: map[queueName]*eventQueue{},
	}
	a.life, a.endLife = context.WithCancel(context.Background())
	a.taking, a.endTaking = context.WithCancel(a.life)
	if a.intake, err = newIntake(ctx, a); err != nil {
		return nil, err
	}
	a.publisher = newPublisher(a.life, js, a.arrived)
	return a, nil
}

// A queueName is what a function's events are found by, in the names of
// subjects and consumers. Neither part has a dot or an underscore.
type queueName struct{ stack, function, incarnation string }

func (f *function) queueName() queueName { return queueName{f.stack, f.name, f.incarnation} }

func (n queueName) subject() string {
	return strings.Join([]string{asyncStream, n.stack, n.function, n.incarnation}, ".")
}

func (n queueName) consumer() string {
	return strings.Join([]string{n.stack, n.function, n.incarnation}, "_")
}

func parseQueueName(text, separator string) (queueName, bool) {
	parts := strings.Split(text, separator)
	if len(parts) != 3 {
		return queueName{}, false
	}
	return queueName{parts[0], parts[1], parts[2]}, true
}

// invoke queues an event. It returns once the event is durable.
func (a *async) invoke(ctx context.Context, req Request) error {
	if err := req.check("Event", MaxAsyncPayload); err != nil {
		return err
	}
	f, _, _, notFound := a.runner.lookUp(req.Function, req.Qualifier)
	if notFound != nil {
		return notFound
	}
	if req.ID == "" {
		req.ID = uuid.NewString()
	}
	if err := a.enqueue(ctx, f, newEvent(req, time.Now())); err != nil {
		a.opts.Log.Error("cannot queue an asynchronous invocation", "stack", f.stack, "function", f.name, "error", err)
		return serviceError("The event could not be queued: %v.", err)
	}
	a.opts.Metrics.AsyncEvent(f.stack, f.name, telemetry.AsyncAccepted)
	return nil
}

// enqueue puts an event into the function's queue. It returns once the event is durable.
func (a *async) enqueue(ctx context.Context, f *function, ev event) error {
	msg, err := ev.message(f.queueName().subject())
	if err != nil {
		return err
	}
	return a.publisher.publish(ctx, msg)
}

// add begins to handle the function's events: once there are any. A thousand functions
// that nobody invokes cost nothing but their entries here.
func (a *async) add(f *function) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.taking.Err() != nil {
		return
	}
	q := newEventQueue(a, f)
	a.queues[f], a.named[f.queueName()] = q, q
	select {
	case <-a.begun:
		// A function that is back may have events from before.
		go a.wakeIfWaiting(f.queueName())
	default:
	}
}

// arrived is told of every event that this node has put into its queue.
func (a *async) arrived(subject string) {
	if n, ok := parseQueueName(strings.TrimPrefix(subject, asyncStream+"."), "."); ok {
		a.wake(n)
	}
}

// wake has the events of a queue read, if this node handles them.
func (a *async) wake(n queueName) {
	a.mu.Lock()
	q := a.named[n]
	a.mu.Unlock()
	if q != nil {
		q.wake()
	}
}

func (a *async) wakeIfWaiting(n queueName) {
	if _, err := a.stream.GetLastMsgForSubject(a.life, n.subject()); !errors.Is(err, jetstream.ErrMsgNotFound) {
		a.wake(n)
	}
}

// watch wakes the queues in which events wait that other nodes have put there.
func (a *async) watch() {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-a.taking.Done():
			return
		}
		if err := a.wakeAll(a.taking); err != nil && a.taking.Err() == nil {
			a.opts.Log.Warn("the asynchronous invocations of other nodes go on waiting", "error", err)
		}
	}
}

func (a *async) wakeAll(ctx context.Context) error {
	waiting, _, err := a.waiting(ctx)
	for n := range waiting {
		a.wake(n)
	}
	return err
}

// remove ends the handling of the function's events and drops those that wait.
func (a *async) remove(ctx context.Context, f *function) error {
	a.mu.Lock()
	q := a.queues[f]
	delete(a.queues, f)
	if a.named[f.queueName()] == q {
		delete(a.named, f.queueName())
	}
	a.mu.Unlock()
	if q != nil {
		q.stop()
	}
	return a.drop(ctx, f.queueName())
}

// drop removes the consumer and the events of a function that is gone. A node
// that learns late of a function's removal, after the function was added again,
// leaves alone what is the new one's by now.
func (a *async) drop(ctx context.Context, n queueName, which ...jetstream.StreamPurgeOpt) error {
	exists, err := a.exists(ctx, n)
	if exists || err != nil {
		return err
	}
	if err := a.stream.DeleteConsumer(ctx, n.consumer()); err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) {
		return fmt.Errorf("cannot remove the queue of asynchronous invocations of function %s of stack %s: %w", n.function, n.stack, err)
	}
	if err := a.stream.Purge(ctx, append(which, jetstream.WithPurgeSubject(n.subject()))...); err != nil {
		return fmt.Errorf("cannot drop the asynchronous invocations of function %s of stack %s: %w", n.function, n.stack, err)
	}
	return nil
}

// exists tells whether the function is part of its stack as the store has it now.
func (a *async) exists(ctx context.Context, n queueName) (bool, error) {
	rec, err := a.opts.Store.Record(ctx, n.stack)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	_, _, ok := rec.Function(n.function)
	return ok && !rec.Deleted && rec.Incarnation == n.incarnation, nil
}

// begin starts the handling of events, when every function is known, and
// removes what functions left that were deleted while their last node died.
func (a *async) begin(ctx context.Context) error {
	a.mu.Lock()
	close(a.begun)
	a.mu.Unlock()
	go a.watch()
	return errors.Join(a.intake.start(ctx), a.wakeAll(ctx), a.collect(ctx))
}

// collect removes the consumers and events of functions that are no more: their
// last node died before it was done with them, or an event was accepted while its
// function was being deleted. A function's record is read after the consumer or
// event was seen, and written before there is any, so those of a new function are
// not taken for an old one's.
func (a *async) collect(ctx context.Context) error {
	left := map[queueName]bool{}
	consumers := a.stream.ConsumerNames(ctx)
	for name := range consumers.Name() {
		if n, ok := parseQueueName(name, "_"); ok {
			left[n] = true
		}
	}
	if err := consumers.Err(); err != nil {
		return fmt.Errorf("cannot list the queues of asynchronous invocations: %w", err)
	}
	waiting, last, err := a.waiting(ctx)
	if err != nil {
		return err
	}
	for n := range waiting {
		left[n] = true
	}
	known := a.known()
	var errs []error
	for n := range left {
		if known[n] {
			continue
		}
		// Later events may be of a function that was added again meanwhile.
		errs = append(errs, a.drop(ctx, n, jetstream.WithPurgeSequence(last+1)))
	}
	return errors.Join(errs...)
}

// waiting counts the events of each function that are not done with, on all nodes.
// Last is the stream's newest sequence when they were counted.
func (a *async) waiting(ctx context.Context) (counts map[queueName]uint64, last uint64, err error) {
	info, err := a.stream.Info(ctx, jetstream.WithSubjectFilter(asyncStream+".>"))
	if err != nil {
		return nil, 0, fmt.Errorf("cannot count the asynchronous invocations that wait: %w", err)
	}
	counts = make(map[queueName]uint64, len(info.State.Subjects))
	for subject, count := range info.State.Subjects {
		if n, ok := parseQueueName(strings.TrimPrefix(subject, asyncStream+"."), "."); ok {
			counts[n] = count
		}
	}
	return counts, info.State.LastSeq, nil
}

// stopTaking ends the taking of events; those that are being handled go on.
func (a *async) stopTaking() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.endTaking()
}

// drain waits until no event is being handled, or ctx ends.
func (a *async) drain(ctx context.Context) {
	for _, q := range a.open() {
		select {
		case <-q.ended():
		case <-ctx.Done():
			return
		}
	}
}

// close ends the handling of events. Those that are not done with go to another
// node.
func (a *async) close() {
	a.endLife()
	a.intake.stop()
	for _, q := range a.open() {
		q.stop()
	}
	// What was given up is on its way to the server.
	if err := a.js.Conn().FlushTimeout(ackTimeout); err != nil {
		a.opts.Log.Warn("asynchronous invocations go to other nodes later", "error", err)
	}
}

// known has the functions whose events this node handles.
func (a *async) known() map[queueName]bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := make(map[queueName]bool, len(a.queues))
	for f := range a.queues {
		known[f.queueName()] = true
	}
	return known
}

// open lists the queues there are.
func (a *async) open() []*eventQueue {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Values(a.queues))
}

func (a *async) setSender(s QueueSender) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queueSender = s
}

func (a *async) sender() QueueSender {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.queueSender
}
