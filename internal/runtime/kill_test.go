package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
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
func (n *node) load(ctx context.Context, round int, messages, ordered, events *ledger) {
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
				// Fixed widths, so that the order of sending is the order of texts.
				id := fmt.Sprintf("ordered-%d-%03d-%06d", sender, round, i)
				if n.send(ctx, fmt.Sprintf("line?MessageGroupId=%d&MessageDeduplicationId=%s", sender, id), id) == nil {
					ordered.add(id)
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

// Nothing that was acknowledged is lost, and what has an order keeps it, whenever
// the process is killed.
func TestKillsUnderLoadLoseNothing(t *testing.T) {
	n := startNode(t, "--async-retry-delay", "100ms")
	s := newSink(t)
	queue, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "fulfil"
	queue.Consumer = &consumer
	queue.VisibilityTimeout = stack.Duration(5 * time.Second)
	fifo := queue
	fifo.FIFO = true
	fulfil := n.reporter(s)
	fulfil.Timeout = queue.VisibilityTimeout
	// Few instances, so that starting them leaves time for work between the kills.
	instances := 4
	fulfil.Concurrency.Reserved = &instances
	for name, q := range map[string]*stack.Queue{"orders": &queue, "line": &fifo} {
		n.deploy(stack.Stack{Name: name, Trigger: stack.Trigger{Queue: q}, Functions: map[string]stack.Function{"fulfil": fulfil}})
	}
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("the moments follow from the seed %d", seed)

	var messages, ordered, events ledger
	// As often as it takes, where a round leaves time for hardly any load.
	enough := func() bool { return min(len(messages.all()), len(ordered.all()), len(events.all())) >= kills }
	for round := 0; round < kills || !enough(); round++ {
		ctx, stop := context.WithCancel(t.Context())
		var loading sync.WaitGroup
		loading.Go(func() { n.load(ctx, round, &messages, &ordered, &events) })
		// The moment is the point: anywhere from before the first request to well into
		// the handling of many.
		<-time.After(time.Duration(random.IntN(500)) * time.Millisecond)
		n.must(n.Kill())
		stop()
		loading.Wait()
		n.must(n.Start(t.Context()))
	}
	for what, l := range map[string]*ledger{"message": &messages, "ordered message": &ordered, "asynchronous invocation": &events} {
		t.Logf("%d %ss were acknowledged", len(l.all()), what)
		t.Logf("%d of them were handled so far", len(l.all())-len(s.missing(l.all())))
		wait(t, "every "+what+" to be handled", func() bool { return len(s.missing(l.all())) == 0 })
	}
	for _, group := range []string{"ordered-0-", "ordered-1-"} {
		if handled := s.inOrder(group); !slices.IsSorted(handled) {
			t.Errorf("the messages of group %s were not handled in their order", group)
		}
	}
}

// A stack whose deletion was cut off is either still there or gone with all it
// had.
func TestAKillWhileDeletingLeavesNothingBehind(t *testing.T) {
	n := startNode(t)
	queue := stack.NewQueue()
	orders := stack.Stack{
		Name:      "orders",
		Trigger:   stack.Trigger{Queue: &queue},
		Functions: map[string]stack.Function{"fulfil": n.javascript(echo)},
	}
	const path = "/v1/stacks/orders"
	gone := 0
	for round := range 8 {
		n.deploy(orders)
		for range 5 {
			n.must(n.send(t.Context(), "orders", "old"))
		}
		process, err := os.FindProcess(n.Pid())
		n.must(err)
		deleting := make(chan error, 1)
		go func() { deleting <- n.Call(t.Context(), http.MethodDelete, path, nil, nil) }()
		<-time.After(time.Duration(round) * 300 * time.Microsecond)
		n.must(process.Kill())
		<-deleting
		n.must(n.Kill())
		n.must(n.Start(t.Context()))
		if err := n.Call(t.Context(), http.MethodGet, path, nil, nil); harness.IsStatus(err, http.StatusNotFound) {
			gone++
		} else {
			n.must(err)
			n.must(n.Call(t.Context(), http.MethodDelete, path, nil, nil))
		}
		n.deploy(orders)
		var stats struct{ Messages, Delayed int }
		n.must(n.Call(t.Context(), http.MethodGet, path+"/queue", nil, &stats))
		if stats.Messages+stats.Delayed != 0 {
			t.Errorf("round %d: the new queue has %+v of the old one's messages", round, stats)
		}
	}
	t.Logf("the deletion was done in %d of 8 rounds", gone)
}
