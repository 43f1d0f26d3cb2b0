package trigger

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func fifoOf(change func(q *stack.Queue)) stack.Queue {
	return queueOf(func(q *stack.Queue) {
		q.FIFO = true
		if change != nil {
			change(q)
		}
	})
}

// sendTo sends messages "<group>:<text>".
func (q *queueTest) sendTo(messages ...string) (sent []SentMessage) {
	q.Helper()
	for _, text := range messages {
		group, _, _ := strings.Cut(text, ":")
		m, err := q.queues.SendMessage(q.Context(), q.arn(), NewMessage{Body: text, Group: group, Deduplication: text})
		if err != nil {
			q.Fatal(err)
		}
		sent = append(sent, m)
	}
	return sent
}

func TestFIFORecordsHaveGroupAndSequence(t *testing.T) {
	f := &consumerFunction{}
	q := openQueue(t, fifoOf(nil), Env{Invoker: f})
	sent := q.sendTo("g:1")[0]
	r := f.waitFor(t, 1)[0].records[0]
	if r.Attributes["MessageGroupId"] != "g" || r.Attributes["MessageDeduplicationId"] != "g:1" ||
		r.Attributes["SequenceNumber"] != sent.SequenceNumber || len(sent.SequenceNumber) != 20 ||
		r.EventSourceARN != "arn:aws:sqs:open-1:000000000000:orders.fifo" || r.MessageID != sent.MessageID {
		t.Errorf("sent %+v, received %+v", sent, r)
	}
	q.wantStats(QueueStats{})
}

func TestFIFOBatchTakesAGroupBeforeTheNext(t *testing.T) {
	f := &consumerFunction{}
	paused := func(enabled bool) stack.Queue {
		return fifoOf(func(q *stack.Queue) {
			q.Consumer.BatchSize = 3
			q.Consumer.MaxConcurrency = 2
			q.Consumer.Enabled = enabled
		})
	}
	q := openQueue(t, paused(false), Env{Invoker: f})
	q.sendTo("a:1", "b:1", "a:2", "c:1", "a:3", "b:2", "a:4")
	q.wantStats(QueueStats{Messages: 7})
	q.deploy(paused(true))
	q.wantStats(QueueStats{})
	byGroup := map[string][]string{}
	for _, b := range f.seen() {
		if len(b.records) > 3 {
			t.Errorf("a batch is %q", b.bodies())
		}
		for _, r := range b.records {
			group := r.Attributes["MessageGroupId"]
			byGroup[group] = append(byGroup[group], r.Body)
		}
	}
	if got := fmt.Sprint(byGroup); got != "map[a:[a:1 a:2 a:3 a:4] b:[b:1 b:2] c:[c:1]]" {
		t.Errorf("the groups came as %s", got)
	}
}

func TestFIFOFailureBlocksItsGroupOnly(t *testing.T) {
	// The first message of group a fails until group b is through.
	var through atomic.Bool
	f := &consumerFunction{answer: func(_ context.Context, _ int, b receivedBatch) (invoke.Response, error) {
		switch b.records[0].Body {
		case "b:2":
			through.Store(true)
		case "a:1":
			if b.records[0].Attributes["ApproximateReceiveCount"] == "1" || !through.Load() {
				return functionFailed, nil
			}
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.Consumer.BatchSize = 1 }), Env{Invoker: f})
	q.sendTo("a:1", "a:2", "b:1", "b:2")
	q.wantStats(QueueStats{})
	var order []string
	var attempts []time.Time
	for _, b := range f.seen() {
		body := b.records[0].Body
		switch body {
		case "a:1":
			attempts = append(attempts, b.at)
			fallthrough
		case "a:2":
			order = append(order, body)
		}
	}
	if len(attempts) < 2 || len(order) != len(attempts)+1 || order[len(order)-1] != "a:2" {
		t.Errorf("group a came as %v", order)
	}
	// The timeout counts from the receipt, which is a little before the invocation.
	for i := range attempts[1:] {
		if after := attempts[i+1].Sub(attempts[i]); after < testVisibility/2 {
			t.Errorf("the failed message came again after %v", after)
		}
	}
}

func TestFIFODeduplicates(t *testing.T) {
	f := &consumerFunction{}
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.ContentBasedDeduplication = true }), Env{Invoker: f})
	send := func(body, id string) SentMessage {
		t.Helper()
		sent, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{Body: body, Group: "g", Deduplication: id})
		if err != nil {
			t.Fatal(err)
		}
		return sent
	}
	first := send("same", "")
	second := send("same", "")
	if first.SequenceNumber != second.SequenceNumber {
		t.Errorf("a duplicate has the sequence number %s, the first %s", second.SequenceNumber, first.SequenceNumber)
	}
	q.wantStats(QueueStats{})
	send("same", "")
	send("same", "other-id")
	send("other", "other-id")
	q.wantStats(QueueStats{})
	var bodies []string
	for _, b := range f.seen() {
		bodies = append(bodies, b.bodies())
	}
	if strings.Join(bodies, " ") != "same same" {
		t.Errorf("delivered %q", bodies)
	}
}

func TestFIFODeadLettersUnblockTheGroup(t *testing.T) {
	dead := stack.NewDeadLetter()
	dead.MaxReceives = 2
	var healed atomic.Bool
	f := &consumerFunction{answer: func(_ context.Context, _ int, b receivedBatch) (invoke.Response, error) {
		if b.records[0].Body == "a:1" && !healed.Load() {
			return functionFailed, nil
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, fifoOf(func(q *stack.Queue) {
		q.DeadLetter = &dead
		q.Consumer.BatchSize = 1
	}), Env{Invoker: f})
	q.sendTo("a:1", "a:2")
	q.wantStats(QueueStats{DeadLetters: 1})
	var order []string
	for _, b := range f.seen() {
		order = append(order, b.bodies())
	}
	if !slices.Equal(order, []string{"a:1", "a:1", "a:2"}) {
		t.Errorf("delivered %v", order)
	}
	letters, err := q.queues.DeadLetters(t.Context(), "orders", 1)
	if err != nil || len(letters) != 1 || letters[0].Group != "a" || letters[0].Body != "a:1" {
		t.Errorf("dead letters are %+v: %v", letters, err)
	}
	healed.Store(true)
	if n, err := q.queues.Redrive(t.Context(), "orders"); n != 1 || err != nil {
		t.Errorf("moved %d: %v", n, err)
	}
	q.wantStats(QueueStats{})
	if last := f.seen()[3]; last.bodies() != "a:1" || last.records[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("redriven as %+v", last.records[0])
	}
}

func TestFIFODelayKeepsTheOrder(t *testing.T) {
	f := &consumerFunction{}
	clock := newFakeClock(testStart)
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.Delay = stack.Duration(time.Minute) }), Env{Invoker: f, Clock: clock})
	q.sendTo("a:1", "a:2")
	clock.waitForTimer(t, time.Minute)
	q.wantStats(QueueStats{Delayed: 2})
	clock.advance(time.Minute)
	q.wantStats(QueueStats{})
	if b := f.seen(); len(b) != 1 || b[0].bodies() != "a:1 a:2" {
		t.Errorf("delivered %+v", b)
	}
}

func TestFIFOPurgeReachesTheLeader(t *testing.T) {
	release := make(chan struct{})
	f := &consumerFunction{answer: func(_ context.Context, _ int, b receivedBatch) (invoke.Response, error) {
		if b.records[0].Body == "a:1" {
			<-release
			return functionFailed, nil
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.Consumer.BatchSize = 1 }), Env{Invoker: f})
	q.sendTo("a:1", "a:2")
	f.waitFor(t, 1)
	q.wantStats(QueueStats{Messages: 1, InFlight: 1})
	if err := q.queues.Purge(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	q.sendTo("a:3")
	close(release)
	batches := f.waitFor(t, 2)
	if batches[1].bodies() != "a:3" {
		t.Errorf("after the purge came %q", batches[1].bodies())
	}
	q.wantStats(QueueStats{})
}

func TestFIFOTakesChangesWhileItLeads(t *testing.T) {
	release := make(chan struct{})
	f := &consumerFunction{answer: func(_ context.Context, n int, _ receivedBatch) (invoke.Response, error) {
		if n == 0 {
			<-release
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.Consumer.BatchSize = 1 }), Env{Invoker: f})
	q.sendTo("a:1", "a:2", "a:3")
	f.waitFor(t, 1)
	q.deploy(fifoOf(func(q *stack.Queue) { q.Consumer.BatchSize = 2 }))
	close(release)
	q.wantStats(QueueStats{})
	if b := f.seen(); len(b) != 2 || b[1].bodies() != "a:2 a:3" {
		t.Errorf("the second batch was %q of %d", b[1].bodies(), len(b))
	}
}

// zombie is a leader that does not notice that it is none any more.
type zombie struct{}

func (zombie) Held() bool            { return true }
func (zombie) Lost() <-chan struct{} { return nil }

// An orderCheck is a function that notices whatever a FIFO queue must never do:
// two batches of a group at once, or a message before an earlier one of its group
// that is not done.
type orderCheck struct {
	t *testing.T
	// fail decides whether a message fails this time.
	fail func(r record) bool

	mu      sync.Mutex
	running map[string]bool
	done    map[string]map[int]bool // by group
	count   int
}

func (c *orderCheck) Invoke(_ context.Context, r invoke.Request) (invoke.Response, error) {
	b, err := decodeBatch(r.Payload)
	if err != nil {
		return invoke.Response{}, err
	}
	groups := map[string][]int{}
	for _, r := range b {
		group, number, _ := strings.Cut(r.Body, ":")
		n, _ := strconv.Atoi(number)
		groups[group] = append(groups[group], n)
	}
	c.mu.Lock()
	for group, numbers := range groups {
		if c.running[group] {
			c.t.Errorf("two batches of group %s at once", group)
		}
		c.running[group] = true
		if !slices.IsSorted(numbers) {
			c.t.Errorf("group %s came as %v", group, numbers)
		}
		for _, n := range numbers {
			if c.done[group][n] {
				c.t.Errorf("%s:%d came again though it was done", group, n)
			}
		}
		for n := range numbers[0] {
			if !c.done[group][n] {
				c.t.Errorf("%s:%d came before %s:%d was done", group, numbers[0], group, n)
			}
		}
	}
	c.mu.Unlock()
	<-time.After(time.Millisecond) // so that batches overlap
	var failures []string
	c.mu.Lock()
	defer c.mu.Unlock()
	for group := range groups {
		c.running[group] = false
	}
	failedGroups := map[string]bool{}
	for _, r := range b {
		group, number, _ := strings.Cut(r.Body, ":")
		n, _ := strconv.Atoi(number)
		// As AWS asks of functions: after a failure the rest of the group fails too.
		if failedGroups[group] || c.fail(r) {
			failedGroups[group] = true
			failures = append(failures, fmt.Sprintf(`{"itemIdentifier":%q}`, r.MessageID))
			continue
		}
		if c.done[group] == nil {
			c.done[group] = map[int]bool{}
		}
		if !c.done[group][n] {
			c.count++
		}
		c.done[group][n] = true
	}
	return invoke.Response{Payload: []byte(`{"batchItemFailures":[` + strings.Join(failures, ",") + `]}`)}, nil
}

func (c *orderCheck) InvokeAsync(context.Context, invoke.Request) error { return nil }

func (c *orderCheck) handled() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}
