package invoke

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// intakeStream holds envelopes of events, until their events are in their functions'
// queues. It has one durable consumer, which the nodes share.
const (
	intakeStream   = "TIDEGATE_INTAKE"
	intakeConsumer = "sort"
)

const (
	// sortAhead is how many envelopes a node asks for at once.
	sortAhead = 4
	// parallelSorts is how many events are put into queues at once. Their functions wait
	// for them, but so do those for the disk who send more.
	parallelSorts = 4
	// sortTime is how long after a node's death its envelopes go to another, or to the
	// same one that was started again. Sorting one takes milliseconds, and where it takes
	// longer, an event that is in its queue already is known by its id.
	sortTime = 5 * time.Second
)

// An intake sorts the events of envelopes into their queues.
type intake struct {
	async  *async
	stream jetstream.Stream
	// consuming is nil before start.
	consuming jetstream.ConsumeContext
}

func newIntake(ctx context.Context, a *async) (*intake, error) {
	stream, err := a.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:        intakeStream,
		Description: "Asynchronous invocations that were accepted together",
		Subjects:    []string{intakeStream},
		Retention:   jetstream.WorkQueuePolicy,
		Storage:     jetstream.FileStorage,
		Replicas:    a.opts.Store.Replicas(),
	})
	if err != nil {
		return nil, fmt.Errorf("cannot make the stream %s for asynchronous invocations: %w", intakeStream, err)
	}
	return &intake{async: a, stream: stream}, nil
}

// start begins to sort.
func (i *intake) start(ctx context.Context) error {
	consumer, err := i.stream.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable:    intakeConsumer,
		AckPolicy:  jetstream.AckExplicitPolicy,
		AckWait:    sortTime,
		MaxDeliver: -1,
	})
	if err != nil {
		return fmt.Errorf("cannot read the asynchronous invocations that were accepted together: %w", err)
	}
	i.consuming, err = consumer.Consume(i.sort, jetstream.PullMaxMessages(sortAhead),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			if i.async.life.Err() == nil {
				i.async.opts.Log.Warn("cannot read the asynchronous invocations that were accepted together; trying again", "error", err)
			}
		}))
	return err
}

// stop ends the sorting, and returns when none is under way.
func (i *intake) stop() {
	if i.consuming != nil {
		i.consuming.Stop()
		<-i.consuming.Closed()
	}
}

// sort puts the events of an envelope into their queues. What fails is done again with
// the whole envelope.
func (i *intake) sort(msg jetstream.Msg) {
	a := i.async
	messages, err := openEnvelope(msg.Data())
	if err != nil {
		a.opts.Log.Error("dropped a message that is no envelope from the intake of asynchronous invocations", "error", err)
		_ = msg.TermWithReason(err.Error())
		return
	}
	var all errgroup.Group
	all.SetLimit(parallelSorts)
	for _, one := range messages {
		all.Go(func() error { return a.publisher.one(a.life, one) })
	}
	if err := all.Wait(); err != nil {
		if a.life.Err() == nil {
			a.opts.Log.Warn("asynchronous invocations are not in their queues; trying again", "error", err)
		}
		_ = msg.NakWithDelay(minBackoff)
		return
	}
	if err := msg.Ack(); err != nil && err != nats.ErrConnectionClosed {
		a.opts.Log.Warn("asynchronous invocations may be sorted again", "error", err)
	}
}

// waiting is how many envelopes there are.
func (i *intake) waiting(ctx context.Context) (uint64, error) {
	info, err := i.stream.Info(ctx)
	if err != nil {
		return 0, fmt.Errorf("cannot count the asynchronous invocations that were accepted together: %w", err)
	}
	return info.State.Msgs, nil
}
