package runtime_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// startPair starts two nodes on one NATS server.
func startPair(t *testing.T) (a, b *node) {
	t.Helper()
	nats, err := harness.StartNATS(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nats.Stop(); err != nil {
			t.Error(err)
		}
	})
	flags := []string{"--nats-url", nats.URL, "--async-retry-delay", "100ms"}
	return startNode(t, flags...), startNode(t, flags...)
}

func TestTwoNodesAreOneSystem(t *testing.T) {
	a, b := startPair(t)
	if a.Token != b.Token {
		t.Error("the nodes have different tokens")
	}
	for _, c := range []struct {
		name        string
		through, by *node
	}{{"one", a, b}, {"two", b, a}} {
		s := echoStack(c.through, c.name)
		s.Name = c.name
		c.through.deploy(s)
		wait(t, "the other node to serve what was deployed", func() bool {
			got := c.by.invoke(t.Context(), c.name+"-echo:live", `{"id":1}`)
			return got.status == 200 && got.functionError == ""
		})
	}
}

func TestTwoNodesShareAQueueAndLosingOneLosesNothing(t *testing.T) {
	a, b := startPair(t)
	s := newSink(t)
	queue, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function, consumer.BatchSize = "fulfil", 1
	queue.Consumer = &consumer
	queue.VisibilityTimeout = stack.Duration(20 * time.Second)
	a.deploy(stack.Stack{
		Name:      "orders",
		Trigger:   stack.Trigger{Queue: &queue},
		Functions: map[string]stack.Function{"fulfil": a.reporter(s)},
	})
	wait(t, "the other node to know the queue", func() bool { return b.send(t.Context(), "orders", "first") == nil })
	var messages, events ledger
	// batch sends messages and events through both nodes.
	batch := func(name string, count int, nodes ...*node) {
		t.Helper()
		var senders sync.WaitGroup
		for i := range count {
			through := nodes[i%len(nodes)]
			senders.Go(func() {
				id := fmt.Sprintf("%s-message-%d", name, i)
				if err := through.send(t.Context(), "orders", id); err == nil {
					messages.add(id)
				}
				id = fmt.Sprintf("%s-event-%d", name, i)
				if through.invoke(t.Context(), "orders-fulfil:live", fmt.Sprintf(`{"id":%q}`, id), "X-Amz-Invocation-Type", "Event").status == 202 {
					events.add(id)
				}
			})
		}
		senders.Wait()
	}
	batch("shared", 200, a, b)
	wait(t, "every message to be handled", func() bool { return len(s.missing(messages.all())) == 0 })
	if counts := s.byNode(messages.all()); counts[a.Ingress] == 0 || counts[b.Ingress] == 0 {
		t.Errorf("the messages were handled by %v", counts)
	}

	go batch("lost", 100, a, b)
	wait(t, "the load to begin", func() bool { return len(messages.all()) > 220 })
	a.must(a.Kill())
	batch("after", 50, b)
	wait(t, "every message to be handled", func() bool { return len(s.missing(messages.all())) == 0 })
	wait(t, "every asynchronous invocation to be handled", func() bool { return len(s.missing(events.all())) == 0 })
}

func TestTwoNodesFireAScheduleOnce(t *testing.T) {
	a, _ := startPair(t)
	s := newSink(t)
	report := a.reporter(s)
	var ids []string
	// Whole seconds, and the first far enough away to be deployed before.
	for margin := 5 * time.Second; ; margin *= 2 {
		first := time.Now().UTC().Add(margin).Truncate(time.Second)
		schedules := map[string]stack.ScheduleItem{}
		ids = nil
		for i := range 6 {
			id := fmt.Sprintf("tick-%s-%d", margin, i)
			item := stack.NewScheduleItem()
			item.Function = "report"
			item.Expression = "at(" + first.Add(time.Duration(i/2)*time.Second).Format("2006-01-02T15:04:05") + ")"
			item.Input = fmt.Sprintf(`{"id":%q}`, id)
			schedules[id], ids = item, append(ids, id)
		}
		a.deploy(stack.Stack{
			Name:      "nightly",
			Trigger:   stack.Trigger{Schedule: &stack.Schedule{Schedules: schedules}},
			Functions: map[string]stack.Function{"report": report},
		})
		if time.Now().Before(first) {
			break
		}
	}
	wait(t, "every schedule to fire", func() bool { return len(s.missing(ids)) == 0 })
	// The last came two seconds after the first: a second firing would have come too.
	for _, id := range ids {
		if fired := s.handled(id); len(fired) != 1 {
			t.Errorf("%s fired %d times: %s", id, len(fired), strings.Join(fired, ", "))
		}
	}
}
