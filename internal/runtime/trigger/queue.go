package trigger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Queues holds the messages of all queues in JetStream and invokes their
// consumers' functions, as SQS and Lambda's event source mappings do together.
//
// A message that was accepted is on disk, and is deleted after the function has
// succeeded with it: it is delivered at least once, whatever is killed when.
type Queues struct {
	env      Env
	handling context.Context
	abandon  context.CancelFunc

	mu     sync.Mutex
	closed bool
	queues map[string]*queueRunner // by stack
	// begun are the streams that Reconcile set out to make, by stack, even if it
	// failed half-way; they stay until they are deleted.
	begun map[string]queueNames
	// running are the pollers and leaders, with the batches they have received.
	running sync.WaitGroup
}

var _ Trigger = (*Queues)(nil)

// NewQueues returns the trigger of queues.
func NewQueues(env Env) *Queues {
	env = env.withDefaults()
	q := &Queues{env: env, queues: map[string]*queueRunner{}, begun: map[string]queueNames{}}
	q.handling, q.abandon = context.WithCancel(context.Background())
	env.Metrics.MustRegister(&queueCollector{q})
	return q
}

// Kind is queues'.
func (q *Queues) Kind() stack.Kind { return stack.KindQueue }

// Start removes what is left of queues that were deleted while no node ran.
func (q *Queues) Start(ctx context.Context) error { return collectStreams(ctx, q.env.Store) }

// Close stops receiving, and waits for batches that functions are working on.
func (q *Queues) Close(ctx context.Context) {
	q.mu.Lock()
	q.closed = true
	for _, r := range q.queues {
		r.stopReceiving()
	}
	q.mu.Unlock()
	waitOrCancel(ctx, &q.running, q.abandon)
}

// Reconcile makes the queue's streams what the record says, and receives if it
// has a consumer that is enabled.
func (q *Queues) Reconcile(ctx context.Context, old, new *store.Record) error {
	var after *queueNames
	if new != nil && new.Stack.Trigger.Queue != nil {
		names := namesOf(new)
		after = &names
	}
	for _, before := range q.earlier(old, new) {
		if after != nil && *after == before {
			continue
		}
		q.remove(before.stack)
		if err := deleteStreams(ctx, q.env.Store, before); err != nil {
			return fmt.Errorf("queue of stack %q: %w", before.stack, err)
		}
		q.mu.Lock()
		delete(q.begun, before.stack)
		q.mu.Unlock()
	}
	if after == nil {
		return nil
	}
	q.mu.Lock()
	q.begun[after.stack] = *after
	q.mu.Unlock()
	if err := makeStreams(ctx, q.env.Store, *after, new.Stack.Trigger.Queue); err != nil {
		return err
	}
	return q.receive(new)
}

// earlier are the streams the stack may have: those of its old record, and those of
// one that failed to take effect and was replaced since.
func (q *Queues) earlier(old, new *store.Record) []queueNames {
	var all []queueNames
	if old != nil && old.Stack.Trigger.Queue != nil {
		all = append(all, namesOf(old))
	}
	name := stackOf(old, new)
	q.mu.Lock()
	defer q.mu.Unlock()
	if begun, ok := q.begun[name]; ok && !slices.Contains(all, begun) {
		all = append(all, begun)
	}
	return all
}

// remove stops all that goes on with a stack's queue. Its functions are going
// too, so batches are not waited for.
func (q *Queues) remove(stackName string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r, ok := q.queues[stackName]; ok {
		r.stopReceiving()
		r.abandon()
		delete(q.queues, stackName)
	}
}

// receive starts, changes or stops what receives a queue's messages.
func (q *Queues) receive(r *store.Record) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	runner, ok := q.queues[r.Stack.Name]
	if !ok {
		runner = newQueueRunner(q, namesOf(r))
		q.queues[r.Stack.Name] = runner
	}
	config := r.Stack.Trigger.Queue
	if q.closed || config.Consumer == nil || !config.Consumer.Enabled {
		runner.stopReceiving()
		return nil
	}
	consumer, err := runner.consumer(config)
	if err != nil {
		return fmt.Errorf("queue of stack %q: %w", r.Stack.Name, err)
	}
	runner.receive(consumer)
	return nil
}

// A queueRunner is one stack's queue on this node. Its fields are guarded by
// Queues.mu.
type queueRunner struct {
	queues   *Queues
	names    queueNames
	log      *slog.Logger
	pace     *pace
	handling context.Context
	abandon  context.CancelFunc
	// current is the consumer as it is, or was when it was enabled last.
	current atomic.Pointer[queueConsumer]
	// changed wakes a leader after current has changed.
	changed chan struct{}
	// stop ends receiving; nil when nothing is received.
	stop context.CancelFunc
	// stopped is closed when a standard queue's poller asks for no more messages.
	stopped chan struct{}
}

func newQueueRunner(q *Queues, names queueNames) *queueRunner {
	r := &queueRunner{
		queues: q, names: names, changed: make(chan struct{}, 1),
		log: q.env.Log.With("stack", names.stack, "trigger", "queue"),
	}
	r.handling, r.abandon = context.WithCancel(q.handling)
	r.pace = newPace(q.env.Clock, r.mostBatches)
	return r
}

// mostBatches is how many batches may be on their way on this node. A FIFO
// queue's are all on the node that leads it.
func (r *queueRunner) mostBatches() int {
	most := r.current.Load().queue.Consumer.MaxConcurrency
	switch {
	case most == 0:
		return maxPace
	case r.names.fifo:
		return most
	}
	return r.queues.env.Store.Share(most)
}

func (r *queueRunner) consumer(config *stack.Queue) (*queueConsumer, error) {
	filters, err := parseFilters(config.Consumer.Filters)
	if err != nil {
		return nil, err
	}
	return &queueConsumer{
		env: r.queues.env, log: r.log, names: r.names, queue: config, filters: filters,
		invoker: batchInvoker{
			env: r.queues.env, log: r.log,
			function: stack.FullName(r.names.stack, config.Consumer.Function),
			partial:  config.Consumer.PartialFailures,
		},
		pace: r.pace, handling: r.handling,
	}, nil
}

// stopReceiving returns when a standard queue's messages stay where they are.
// What was received before is still handled.
func (r *queueRunner) stopReceiving() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	if !r.names.fifo {
		<-r.stopped
	}
}

// receive receives for the consumer from now on. A standard queue gets a new
// poller, while the old one finishes what it has; the leader of a FIFO queue
// stays, since only one can lead, and takes the change.
func (r *queueRunner) receive(c *queueConsumer) {
	before := r.current.Load()
	r.current.Store(c)
	if r.stop != nil {
		if r.names.fifo {
			select {
			case r.changed <- struct{}{}:
			default:
			}
			return
		}
		if reflect.DeepEqual(before.queue, c.queue) {
			return
		}
		r.stopReceiving()
	}
	var ctx context.Context
	ctx, r.stop = context.WithCancel(r.handling)
	stopped := make(chan struct{})
	r.stopped = stopped
	r.queues.running.Go(func() {
		if r.names.fifo {
			r.lead(ctx)
		} else {
			pollStandard(ctx, c, stopped)
		}
	})
}

// lead leads the FIFO queue whenever no other node does, until ctx ends.
func (r *queueRunner) lead(ctx context.Context) {
	for ctx.Err() == nil {
		err := r.leadOnce(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		r.log.Warn("the queue cannot be led; it is tried again", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(pollRetry):
		}
	}
}

func (r *queueRunner) leadOnce(ctx context.Context) error {
	lease, err := r.queues.env.Store.Lease(ctx, r.names.lease())
	if err != nil {
		return err
	}
	wait, err := leadFIFO(ctx, &r.current, r.changed, lease)
	lease.Release()
	wait()
	return err
}

// Components has the queue's streams and its consumer.
func (q *Queues) Components(ctx context.Context, r *store.Record) map[string]string {
	config := r.Stack.Trigger.Queue
	if config == nil {
		return nil
	}
	names, js := namesOf(r), q.env.Store.JetStream()
	state := func(err error) string {
		switch {
		case err == nil:
			return stack.Ready
		case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrConsumerNotFound):
			return "missing"
		}
		q.env.Log.Warn("a queue cannot be checked", "stack", names.stack, "error", err)
		return "not known, because JetStream does not answer"
	}
	_, err := js.Stream(ctx, names.messages())
	components := map[string]string{stack.ComponentQueue: state(err)}
	if config.DeadLetter != nil {
		_, err := js.Stream(ctx, names.deadLetters())
		components[stack.ComponentDeadLetters] = state(err)
	}
	if config.Consumer != nil {
		if names.fifo {
			_, err = js.Stream(ctx, names.groups())
		} else {
			_, err = js.Consumer(ctx, names.messages(), consumerName)
		}
		components[stack.ComponentConsumer] = state(err)
	}
	return components
}
