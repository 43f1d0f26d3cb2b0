package trigger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// startNATS starts a NATS server of its own, as operators run one.
func startNATS(t *testing.T) (url string) {
	t.Helper()
	server, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	server.Start()
	if !server.ReadyForConnections(patience) {
		t.Fatal("the NATS server does not start")
	}
	t.Cleanup(func() {
		server.Shutdown()
		server.WaitForShutdown()
	})
	return server.ClientURL()
}

// joinNATS starts a node of the queue test's kind on a NATS server. The first
// one deploys.
func joinNATS(t *testing.T, url string, invoker invoke.Invoker) *queueTest {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir(), NATSURL: url})
	if err != nil {
		t.Fatal(err)
	}
	q := &queueTest{T: t, store: s, queues: NewQueues(Env{Store: s, Invoker: invoker, Authorize: allowAll})}
	s.Directory().OnChange(q.queues.Reconcile)
	if err := s.Directory().Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		q.queues.Close(ctx)
		_ = s.Close()
	})
	return q
}

func TestNodesShareAQueue(t *testing.T) {
	url := startNATS(t)
	var mu sync.Mutex
	running := [2]int{}
	most := [2]int{}
	handled := map[string]int{}
	node := func(i int) *consumerFunction {
		return &consumerFunction{answer: func(_ context.Context, _ int, b receivedBatch) (invoke.Response, error) {
			mu.Lock()
			running[i]++
			most[i] = max(most[i], running[i])
			mu.Unlock()
			<-time.After(5 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			running[i]--
			for _, r := range b.records {
				handled[r.Body]++
			}
			return invoke.Response{Payload: []byte("null")}, nil
		}}
	}
	one, two := joinNATS(t, url, node(0)), joinNATS(t, url, node(1))
	eventually(t, "acquaintance", func() bool { return len(one.store.Nodes()) == 2 && len(two.store.Nodes()) == 2 })
	config := queueOf(func(q *stack.Queue) {
		q.VisibilityTimeout = stack.Duration(30 * time.Second)
		q.Consumer.BatchSize = 1
		q.Consumer.MaxConcurrency = 5
	})
	one.deploy(config)
	eventually(t, "the other node's knowing", func() bool {
		_, err := two.queues.record("orders")
		return err == nil
	})
	const total = 200
	for i := range total {
		[]*queueTest{one, two}[i%2].send(fmt.Sprint(i))
	}
	one.wantStats(QueueStats{})
	two.wantStats(QueueStats{})
	mu.Lock()
	defer mu.Unlock()
	if len(handled) != total {
		t.Errorf("%d of %d messages were handled", len(handled), total)
	}
	for body, times := range handled {
		if times != 1 {
			t.Errorf("message %s was handled %d times", body, times)
		}
	}
	if most[0] == 0 || most[1] == 0 || most[0]+most[1] > 5 {
		t.Errorf("at once ran %v batches", most)
	}
}

// TestAnotherNodeLeadsWhenTheLeaderIsCutOff: the leader's batch is on its way
// when it loses its connection for good.
func TestAnotherNodeLeadsWhenTheLeaderIsCutOff(t *testing.T) {
	url := startNATS(t)
	stuck, stop := context.WithCancel(t.Context())
	defer stop()
	first := &consumerFunction{answer: func(context.Context, int, receivedBatch) (invoke.Response, error) {
		<-stuck.Done()
		return functionFailed, nil
	}}
	second := &consumerFunction{}
	one := joinNATS(t, url, first)
	one.deploy(fifoOf(func(q *stack.Queue) { q.Consumer.BatchSize = 1 }))
	one.sendTo("a:1", "a:2")
	first.waitFor(t, 1)
	two := joinNATS(t, url, second)
	one.store.Conn().Close()
	two.sendTo("b:1")
	batches := second.waitFor(t, 3)
	var order []string
	for _, b := range batches {
		order = append(order, b.bodies())
		for _, r := range b.records {
			if want := map[string]string{"a:1": "2", "a:2": "1", "b:1": "1"}[r.Body]; r.Attributes["ApproximateReceiveCount"] != want {
				t.Errorf("%s was received %s times, want %s", r.Body, r.Attributes["ApproximateReceiveCount"], want)
			}
		}
	}
	if got := strings.Join(order, " "); strings.Index(got, "a:1") > strings.Index(got, "a:2") {
		t.Errorf("delivered %s", got)
	}
	two.wantStats(QueueStats{})
}

func TestMessageBeyondTheClustersLimitIsRefused(t *testing.T) {
	q := joinNATS(t, startNATS(t), &consumerFunction{})
	q.deploy(queueOf(func(q *stack.Queue) {
		q.MaxMessageSize = 1 << 20
		q.Consumer = nil
	}))
	_, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{Body: strings.Repeat("a", 1<<20)})
	var refused *QueueError
	if !errors.As(err, &refused) || refused.Status != 413 || !strings.Contains(refused.Message, "max_payload") {
		t.Errorf("answered %v", err)
	}
}
