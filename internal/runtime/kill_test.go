package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// kills is how often the runtime is killed under load.
const kills = 50

// A ledger is what the runtime has acknowledged.
type ledger struct {
	mu  sync.Mutex
	ids []string
}

func (l *ledger) add(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ids = append(l.ids, id)
}

func (l *ledger) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ids
}

// load sends messages and asynchronous invocations, and notes those that were
// acknowledged, until ctx ends. What fails was not acknowledged: the runtime was
// just killed.
func (n *node) load(ctx context.Context, round int, messages, events *ledger) {
	var senders sync.WaitGroup
	for sender := range 2 {
		senders.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("message-%d-%d-%d", round, sender, i)
				if n.send(ctx, "orders", id) == nil {
					messages.add(id)
				}
			}
		})
		senders.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				id := fmt.Sprintf("event-%d-%d-%d", round, sender, i)
				if n.invoke(ctx, "orders-fulfil:live", fmt.Sprintf(`{"id":%q}`, id), "X-Amz-Invocation-Type", "Event").status == 202 {
					events.add(id)
				}
			}
		})
	}
	senders.Wait()
}

// Nothing that was acknowledged is lost, whenever the process is killed.
func TestKillsUnderLoadLoseNothing(t *testing.T) {
	n := startNode(t, "--async-retry-delay", "100ms")
	s := newSink(t)
	queue, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "fulfil"
	queue.Consumer = &consumer
	queue.VisibilityTimeout = stack.Duration(10 * time.Second)
	n.deploy(stack.Stack{
		Name:      "orders",
		Trigger:   stack.Trigger{Queue: &queue},
		Functions: map[string]stack.Function{"fulfil": n.reporter(s)},
	})
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("the moments follow from the seed %d", seed)

	var messages, events ledger
	for round := range kills {
		ctx, stop := context.WithCancel(t.Context())
		var loading sync.WaitGroup
		loading.Go(func() { n.load(ctx, round, &messages, &events) })
		// The moment is the point: anywhere from before the first request to well into
		// the handling of many.
		<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
		n.must(n.Kill())
		stop()
		loading.Wait()
		n.must(n.Start(t.Context()))
	}
	t.Logf("%d messages and %d asynchronous invocations were acknowledged", len(messages.all()), len(events.all()))
	if len(messages.all()) < kills || len(events.all()) < kills {
		t.Error("there was hardly any load")
	}
	wait(t, "every message to be handled", func() bool { return len(s.missing(messages.all())) == 0 })
	wait(t, "every asynchronous invocation to be handled", func() bool { return len(s.missing(events.all())) == 0 })
}
