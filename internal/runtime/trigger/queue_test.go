package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A queueTest is the queue of a stack "orders" on a real, embedded JetStream.
type queueTest struct {
	*testing.T
	store    *store.Store
	queues   *Queues
	url      string
	revision uint64
}

// Times that are as short as the semantics leave visible.
const testVisibility = 400 * time.Millisecond

func queueOf(change func(q *stack.Queue)) stack.Queue {
	q := stack.NewQueue()
	q.VisibilityTimeout = stack.Duration(testVisibility)
	c := stack.NewConsumer()
	c.Function = "f"
	q.Consumer = &c
	if change != nil {
		change(&q)
	}
	return q
}

func openQueue(t *testing.T, config stack.Queue, env Env) *queueTest {
	t.Helper()
	q := &queueTest{T: t, store: openStore(t)}
	env.Store = q.store
	if env.Authorize == nil {
		env.Authorize = allowAll
	}
	q.queues = NewQueues(env)
	q.store.Directory().OnChange(q.queues.Reconcile)
	if err := q.store.Directory().Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	q.deploy(config)
	mux := http.NewServeMux()
	q.queues.Mount(mux)
	server := httptest.NewServer(mux)
	q.url = server.URL + "/queues/orders"
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		q.queues.Close(ctx)
	})
	return q
}

// deploy writes the stack's record and waits until it is in effect.
func (q *queueTest) deploy(config stack.Queue) {
	q.Helper()
	r := recordOf("orders", stack.Trigger{Queue: &config})
	q.put(r)
}

func (q *queueTest) put(r *store.Record) {
	q.Helper()
	r.Revision = q.revision
	revision, err := q.store.PutRecord(q.Context(), r)
	if err != nil {
		q.Fatal(err)
	}
	q.revision = revision
	if err := q.store.Directory().Applied(q.Context(), "orders", revision); err != nil {
		q.Fatal(err)
	}
}

func (q *queueTest) arn() string {
	r, err := q.queues.record("orders")
	if err != nil {
		q.Fatal(err)
	}
	return namesOf(r).arn()
}

func (q *queueTest) send(bodies ...string) {
	q.Helper()
	for _, body := range bodies {
		if _, err := q.queues.SendMessage(q.Context(), q.arn(), NewMessage{Body: body}); err != nil {
			q.Fatal(err)
		}
	}
}

// wantStats waits until the queue has so many messages.
func (q *queueTest) wantStats(want QueueStats) {
	q.Helper()
	var got QueueStats
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		var err error
		if got, err = q.queues.Stats(q.Context(), "orders"); err != nil {
			q.Fatal(err)
		}
		if got == want {
			return
		}
		<-time.After(5 * time.Millisecond)
	}
	q.Fatalf("the queue has %+v, want %+v", got, want)
}

// A receivedBatch is one invocation of a consumer's function.
type receivedBatch struct {
	at      time.Time
	records []record
}

func (b receivedBatch) bodies() string {
	var bodies []string
	for _, r := range b.records {
		bodies = append(bodies, r.Body)
	}
	return strings.Join(bodies, " ")
}

// A consumerFunction is a function that gets batches.
type consumerFunction struct {
	mu      sync.Mutex
	batches []receivedBatch
	// answer decides on the nth batch, counted from 0; nil means success.
	answer func(ctx context.Context, n int, b receivedBatch) (invoke.Response, error)
}

func (f *consumerFunction) Invoke(ctx context.Context, r invoke.Request) (invoke.Response, error) {
	records, err := decodeBatch(r.Payload)
	if err != nil {
		return invoke.Response{}, err
	}
	b := receivedBatch{at: time.Now(), records: records}
	f.mu.Lock()
	n := len(f.batches)
	f.batches = append(f.batches, b)
	f.mu.Unlock()
	if f.answer == nil {
		return invoke.Response{Payload: []byte("null")}, nil
	}
	return f.answer(ctx, n, b)
}

func decodeBatch(payload []byte) ([]record, error) {
	var event struct{ Records []record }
	err := json.Unmarshal(payload, &event)
	return event.Records, err
}

func (f *consumerFunction) InvokeAsync(context.Context, invoke.Request) error { return nil }

func (f *consumerFunction) seen() []receivedBatch {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.batches)
}

// waitFor waits until there were so many batches.
func (f *consumerFunction) waitFor(t *testing.T, n int) []receivedBatch {
	t.Helper()
	eventually(t, fmt.Sprintf("invocation %d", n), func() bool { return len(f.seen()) >= n })
	return f.seen()
}

var functionFailed = invoke.Response{Payload: []byte(`{"errorMessage":"no"}`), FunctionError: "Unhandled"}

// failTimes fails the first n batches.
func failTimes(n int) *consumerFunction {
	return &consumerFunction{answer: func(_ context.Context, i int, _ receivedBatch) (invoke.Response, error) {
		if i < n {
			return functionFailed, nil
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
}

func TestQueueDeliversAndDeletes(t *testing.T) {
	f := &consumerFunction{}
	q := openQueue(t, queueOf(nil), Env{Invoker: f})
	q.send("a", "b", "c")
	eventually(t, "delivery", func() bool {
		n := 0
		for _, b := range f.seen() {
			n += len(b.records)
		}
		return n == 3
	})
	q.wantStats(QueueStats{})
}

func TestRecordsAreLambdas(t *testing.T) {
	f := &consumerFunction{}
	var payload []byte
	sent := testStart
	q := openQueue(t, queueOf(nil), Env{Clock: newFakeClock(sent), Invoker: &fakeInvoker{
		handle: func(ctx context.Context, r invoke.Request) (invoke.Response, error) {
			payload = r.Payload
			if r.Function != "orders-f" || r.Qualifier != "live" || r.Source != "queue" {
				t.Errorf("invoked %+v", r)
			}
			return f.Invoke(ctx, r)
		},
	}})
	message, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{
		Body: `{"a": "<b>"}`,
		Attributes: map[string]MessageAttribute{
			"Title":   {DataType: "String", StringValue: "The Whistler"},
			"Author":  {DataType: "String", StringValue: "John Grisham"},
			"WeeksOn": {DataType: "Number", StringValue: "6"},
		},
		Trace: "Root=1-5759e988-bd862e3fe1be46a994272793",
	})
	if err != nil {
		t.Fatal(err)
	}
	r := f.waitFor(t, 1)[0].records[0]
	// The checksum is that of the recording test_message_body_and_attributes_passed_correctly.
	wantJSON(t, payload, fmt.Sprintf(`{"Records":[{
		"messageId": %q,
		"receiptHandle": %q,
		"body": "{\"a\": \"<b>\"}",
		"attributes": {
			"ApproximateReceiveCount": "1", "SentTimestamp": "1584039838390", "SenderId": "000000000000",
			"ApproximateFirstReceiveTimestamp": "1584039838390", "AWSTraceHeader": "Root=1-5759e988-bd862e3fe1be46a994272793"
		},
		"messageAttributes": {
			"WeeksOn": {"stringValue": "6", "stringListValues": [], "binaryListValues": [], "dataType": "Number"},
			"Author": {"stringValue": "John Grisham", "stringListValues": [], "binaryListValues": [], "dataType": "String"},
			"Title": {"stringValue": "The Whistler", "stringListValues": [], "binaryListValues": [], "dataType": "String"}
		},
		"md5OfMessageAttributes": "d25a6aea97eb8f585bfa92d314504a92",
		"md5OfBody": %q,
		"eventSource": "aws:sqs",
		"eventSourceARN": "arn:aws:sqs:open-1:000000000000:orders",
		"awsRegion": "open-1"
	}]}`, message.MessageID, r.ReceiptHandle, md5Hex([]byte(`{"a": "<b>"}`))))
	if message.MD5OfMessageAttributes != "d25a6aea97eb8f585bfa92d314504a92" || r.ReceiptHandle == "" {
		t.Errorf("sent %+v", message)
	}
}

func TestFailedBatchIsVisibleAgainAfterTheTimeout(t *testing.T) {
	f := failTimes(2)
	q := openQueue(t, queueOf(nil), Env{Invoker: f})
	q.send("a")
	batches := f.waitFor(t, 3)
	for i, b := range batches {
		if count := b.records[0].Attributes["ApproximateReceiveCount"]; count != fmt.Sprint(i+1) {
			t.Errorf("delivery %d says it is number %s", i+1, count)
		}
		if b.records[0].MessageID != batches[0].records[0].MessageID {
			t.Error("the message's id changed")
		}
		// The timeout counts from the receipt, which is a little before the invocation.
		if i > 0 && b.at.Sub(batches[i-1].at) < testVisibility/2 {
			t.Errorf("delivery %d came after %v", i+1, b.at.Sub(batches[i-1].at))
		}
	}
	q.wantStats(QueueStats{})
}

func TestPartialFailuresComeBackAlone(t *testing.T) {
	f := &consumerFunction{answer: func(_ context.Context, n int, b receivedBatch) (invoke.Response, error) {
		if n > 0 {
			return invoke.Response{Payload: []byte(`{"batchItemFailures":[]}`)}, nil
		}
		for _, r := range b.records {
			if r.Body == "b" {
				return invoke.Response{Payload: fmt.Appendf(nil, `{"batchItemFailures":[{"itemIdentifier":%q}]}`, r.MessageID)}, nil
			}
		}
		return functionFailed, nil
	}}
	q := openQueue(t, queueOf(func(q *stack.Queue) {
		q.Consumer.PartialFailures = true
		q.Consumer.Enabled = false
	}), Env{Invoker: f})
	q.send("a", "b", "c")
	q.deploy(queueOf(func(q *stack.Queue) { q.Consumer.PartialFailures = true }))
	batches := f.waitFor(t, 2)
	if batches[0].bodies() != "a b c" || batches[1].bodies() != "b" {
		t.Errorf("batches were %q and %q", batches[0].bodies(), batches[1].bodies())
	}
	q.wantStats(QueueStats{})
}

func TestMessagesReceivedTooOftenGoToTheDeadLetters(t *testing.T) {
	dead := stack.NewDeadLetter()
	dead.MaxReceives = 2
	config := queueOf(func(q *stack.Queue) { q.DeadLetter = &dead })
	f := &consumerFunction{answer: func(context.Context, int, receivedBatch) (invoke.Response, error) { return functionFailed, nil }}
	q := openQueue(t, config, Env{Invoker: f})
	sent, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{
		Body: "poison", Attributes: map[string]MessageAttribute{"k": {DataType: "String", StringValue: "v"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	q.wantStats(QueueStats{DeadLetters: 1})
	if n := len(f.seen()); n != 2 {
		t.Errorf("the function saw the message %d times", n)
	}
	letters, err := q.queues.DeadLetters(t.Context(), "orders", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(letters) != 1 || letters[0].MessageID != sent.MessageID || letters[0].Body != "poison" || letters[0].Attributes["k"].StringValue != "v" {
		t.Errorf("dead letters are %+v", letters)
	}

	// Redriven, it is a new message, received for the first time.
	f.mu.Lock()
	f.answer = nil
	f.mu.Unlock()
	moved, err := q.queues.Redrive(t.Context(), "orders")
	if err != nil || moved != 1 {
		t.Fatalf("moved %d: %v", moved, err)
	}
	batches := f.waitFor(t, 3)
	r := batches[2].records[0]
	if r.Body != "poison" || r.Attributes["ApproximateReceiveCount"] != "1" || r.MessageID == sent.MessageID ||
		*r.MessageAttributes["k"].StringValue != "v" {
		t.Errorf("redriven as %+v", r)
	}
	q.wantStats(QueueStats{})
}

func TestDelayedMessagesWaitAndKeepTheirCount(t *testing.T) {
	f := &consumerFunction{}
	q := openQueue(t, queueOf(func(q *stack.Queue) { q.Delay = stack.Duration(time.Second) }), Env{Invoker: f})
	start := time.Now()
	q.send("later")
	for body, delay := range map[string]time.Duration{"now": 0, "much later": maxDelay} {
		if _, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{Body: body, Delay: &delay}); err != nil {
			t.Fatal(err)
		}
	}
	received := map[string]receivedBatch{}
	for _, b := range f.waitFor(t, 2) {
		received[b.bodies()] = b
	}
	later := received["later"]
	if _, now := received["now"]; !now || len(received) != 2 || later.records == nil {
		t.Fatalf("received %+v", received)
	}
	if later.at.Sub(start) < time.Second || later.records[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("received after %v: %+v", later.at.Sub(start), later.records[0])
	}
	q.wantStats(QueueStats{Delayed: 1})
}

func TestBatchWindowGathers(t *testing.T) {
	f := &consumerFunction{}
	gathering := func(window time.Duration) stack.Queue {
		return queueOf(func(q *stack.Queue) {
			q.Consumer.BatchWindow = stack.Duration(window)
			q.Consumer.BatchSize = 3
		})
	}
	// No test waits for as long as that window.
	q := openQueue(t, gathering(2*patience), Env{Invoker: f})
	q.send("a", "b", "c")
	if full := f.waitFor(t, 1)[0]; full.bodies() != "a b c" {
		t.Errorf("a full batch came as %q", full.bodies())
	}
	const window = time.Second
	q.deploy(gathering(window))
	start := time.Now()
	q.send("d")
	if rest := f.waitFor(t, 2)[1]; rest.bodies() != "d" || rest.at.Sub(start) < window-50*time.Millisecond {
		t.Errorf("the rest came as %q after %v", rest.bodies(), rest.at.Sub(start))
	}
}

func TestBatchStaysUnder6MB(t *testing.T) {
	f := &consumerFunction{}
	large := func(enabled bool) stack.Queue {
		return queueOf(func(q *stack.Queue) {
			q.MaxMessageSize = 1 << 20
			q.VisibilityTimeout = stack.Duration(30 * time.Second)
			q.Consumer.Enabled = enabled
		})
	}
	q := openQueue(t, large(false), Env{Invoker: f})
	for i := range 8 {
		q.send(fmt.Sprint(i) + strings.Repeat("x", 1<<20-1))
	}
	q.deploy(large(true))
	q.wantStats(QueueStats{})
	seen := map[string]bool{}
	for _, b := range f.seen() {
		if len(b.records) > 5 {
			t.Errorf("a batch has %d messages of 1 MB", len(b.records))
		}
		for _, r := range b.records {
			seen[r.Body[:1]] = true
			if r.Attributes["ApproximateReceiveCount"] != "1" {
				t.Error("a message without room in a batch was received again")
			}
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d of 8 messages were delivered", len(seen))
	}
}

func TestFiltersDropWhatDoesNotMatch(t *testing.T) {
	var payloads []string
	var mu sync.Mutex
	f := &fakeInvoker{handle: func(_ context.Context, r invoke.Request) (invoke.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		payloads = append(payloads, string(r.Payload))
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, queueOf(func(q *stack.Queue) {
		q.Consumer.Filters = []string{`{"body":{"kind":["order"]}}`, `{"body":["plain"]}`}
	}), Env{Invoker: f})
	q.send(`{"kind":"order"}`, `{"kind":"return"}`, `plain`, `other`, `5`)
	q.wantStats(QueueStats{})
	mu.Lock()
	defer mu.Unlock()
	all := strings.Join(payloads, "\n")
	for text, want := range map[string]int{
		`{\"kind\":\"order\"}`: 1, `"plain"`: 1, `return`: 0, `other`: 0, `"body":"5"`: 0,
		`"md5OfMessageAttributes":null`: 2,
	} {
		if got := strings.Count(all, text); got != want {
			t.Errorf("%s is there %d times, want %d", text, got, want)
		}
	}
}

func TestLongFunctionKeepsItsMessages(t *testing.T) {
	release := make(chan struct{})
	f := &consumerFunction{answer: func(context.Context, int, receivedBatch) (invoke.Response, error) {
		<-release
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, queueOf(nil), Env{Invoker: f})
	q.send("a")
	f.waitFor(t, 1)
	<-time.After(2 * minLeaseTime)
	q.wantStats(QueueStats{InFlight: 1})
	close(release)
	q.wantStats(QueueStats{})
	if n := len(f.seen()); n != 1 {
		t.Errorf("the message was delivered %d times", n)
	}
}

func TestThrottledBatchIsTriedAgainWithinItsTimeout(t *testing.T) {
	f := &consumerFunction{answer: func(_ context.Context, n int, _ receivedBatch) (invoke.Response, error) {
		if n < 2 {
			return invoke.Response{}, throttledError
		}
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, queueOf(func(q *stack.Queue) { q.VisibilityTimeout = stack.Duration(30 * time.Second) }), Env{Invoker: f})
	q.send("a")
	batches := f.waitFor(t, 3)
	if count := batches[2].records[0].Attributes["ApproximateReceiveCount"]; count != "1" {
		t.Errorf("the message was received %s times", count)
	}
	q.wantStats(QueueStats{})
}

func TestThrottledBatchGoesBackWhenItsTimeoutIsOver(t *testing.T) {
	var throttling sync.WaitGroup
	throttling.Add(1)
	var once sync.Once
	f := &consumerFunction{answer: func(_ context.Context, n int, b receivedBatch) (invoke.Response, error) {
		if b.records[0].Attributes["ApproximateReceiveCount"] == "1" {
			return invoke.Response{}, throttledError
		}
		once.Do(throttling.Done)
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	q := openQueue(t, queueOf(nil), Env{Invoker: f})
	q.send("a")
	throttling.Wait()
	q.wantStats(QueueStats{})
}

func TestMaxConcurrencyHolds(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	release := make(chan struct{})
	f := &consumerFunction{answer: func(context.Context, int, receivedBatch) (invoke.Response, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		<-release
		mu.Lock()
		running--
		mu.Unlock()
		return invoke.Response{Payload: []byte("null")}, nil
	}}
	config := queueOf(func(q *stack.Queue) {
		q.Consumer.BatchSize = 1
		q.Consumer.MaxConcurrency = 3
	})
	q := openQueue(t, config, Env{Invoker: f})
	for i := range 10 {
		q.send(fmt.Sprint(i))
	}
	f.waitFor(t, 3)
	// A change of the consumer does not let more run at once.
	config.Consumer.BatchWindow = stack.Duration(time.Millisecond)
	q.deploy(config)
	close(release)
	q.wantStats(QueueStats{})
	if most != 3 {
		t.Errorf("%d batches ran at once", most)
	}
}

func TestQueueWithoutAnEnabledConsumerStores(t *testing.T) {
	f := &consumerFunction{}
	off := queueOf(func(q *stack.Queue) { q.Consumer.Enabled = false })
	q := openQueue(t, queueOf(func(q *stack.Queue) { q.Consumer = nil }), Env{Invoker: f})
	q.send("a")
	q.deploy(off)
	q.send("b")
	q.wantStats(QueueStats{Messages: 2})
	q.deploy(queueOf(nil))
	q.wantStats(QueueStats{})
	q.deploy(off)
	q.send("c")
	q.wantStats(QueueStats{Messages: 1})
	// Other attributes change, and the message stays.
	q.deploy(queueOf(func(q *stack.Queue) {
		q.Consumer = nil
		q.Retention = stack.Duration(time.Hour)
		q.VisibilityTimeout = stack.Duration(time.Hour)
		q.DeadLetter = &stack.DeadLetter{MaxReceives: 3, Retention: stack.Duration(time.Hour)}
	}))
	q.wantStats(QueueStats{Messages: 1})
	if len(f.seen()) == 0 {
		t.Error("nothing was delivered")
	}
}

func TestPurgeDeletesEverything(t *testing.T) {
	release := make(chan struct{})
	f := &consumerFunction{answer: func(context.Context, int, receivedBatch) (invoke.Response, error) {
		<-release
		return functionFailed, nil
	}}
	q := openQueue(t, queueOf(func(q *stack.Queue) { q.Consumer.BatchSize, q.Consumer.MaxConcurrency = 1, 2 }), Env{Invoker: f})
	q.send("a", "b", "c")
	f.waitFor(t, 2)
	delay := time.Minute
	if _, err := q.queues.SendMessage(t.Context(), q.arn(), NewMessage{Body: "d", Delay: &delay}); err != nil {
		t.Fatal(err)
	}
	q.wantStats(QueueStats{Messages: 1, InFlight: 2, Delayed: 1})
	if err := q.queues.Purge(t.Context(), "orders"); err != nil {
		t.Fatal(err)
	}
	close(release)
	q.wantStats(QueueStats{})
	if n := len(f.seen()); n != 2 {
		t.Errorf("%d batches", n)
	}
}

func TestDeletedQueueLeavesNothing(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		q := openQueue(t, queueOf(func(q *stack.Queue) {
			q.FIFO = fifo
			q.DeadLetter = &stack.DeadLetter{MaxReceives: 3, Retention: stack.Duration(time.Hour)}
		}), Env{Invoker: &consumerFunction{}})
		r, err := q.queues.record("orders")
		if err != nil {
			t.Fatal(err)
		}
		components := q.queues.Components(t.Context(), r)
		if len(components) != 3 || components["queue"] != "ready" || components["dead_letters"] != "ready" || components["consumer"] != "ready" {
			t.Errorf("components are %v", components)
		}
		q.put(&store.Record{Stack: stack.Stack{Name: "orders"}, Deleted: true})
		for name := range q.store.JetStream().StreamNames(t.Context()).Name() {
			if strings.Contains(name, "orders") {
				t.Errorf("stream %s is left", name)
			}
		}
		if components := q.queues.Components(t.Context(), r); components["queue"] != "missing" || components["consumer"] != "missing" {
			t.Errorf("components are %v", components)
		}
		if err := q.queues.Send(t.Context(), "arn:aws:sqs:open-1:000000000000:orders", []byte("a"), "", ""); err == nil {
			t.Error("a deleted queue took a message")
		}
	}
}

func TestStartCollectsWhatDeletedStacksLeft(t *testing.T) {
	q := openQueue(t, queueOf(nil), Env{Invoker: &consumerFunction{}})
	left := recordOf("gone", stack.Trigger{Queue: &stack.Queue{Retention: stack.Duration(time.Hour), MaxMessageSize: 1024}})
	if err := makeStreams(t.Context(), q.store, namesOf(left), left.Stack.Trigger.Queue); err != nil {
		t.Fatal(err)
	}
	old := recordOf("orders", left.Stack.Trigger)
	old.Incarnation = "0"
	if err := makeStreams(t.Context(), q.store, namesOf(old), left.Stack.Trigger.Queue); err != nil {
		t.Fatal(err)
	}
	if err := q.queues.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var names []string
	for name := range q.store.JetStream().StreamNames(t.Context()).Name() {
		if strings.HasPrefix(name, "TIDEGATE_Q") {
			names = append(names, name)
		}
	}
	if len(names) != 1 || names[0] != "TIDEGATE_Q_orders_1" {
		t.Errorf("streams are %v", names)
	}
}

// A record that takes effect in part, and is replaced then, leaves nothing: what it
// began is no part of the record that took effect last.
func TestStreamsOfAQueueThatWasMadeInPartGoWithTheNextRecord(t *testing.T) {
	st := openStore(t)
	queues := NewQueues(Env{Store: st, Invoker: &consumerFunction{}, Authorize: allowAll})
	config := queueOf(func(q *stack.Queue) { q.Consumer.Filters = []string{"{"} })
	half := recordOf("orders", stack.Trigger{Queue: &config})
	if err := queues.Reconcile(t.Context(), nil, half); err == nil {
		t.Fatal("a wrong filter was taken")
	}
	stream := namesOf(half).messages()
	if _, err := st.JetStream().Stream(t.Context(), stream); err != nil {
		t.Fatalf("the stream was not made: %v", err)
	}
	if err := queues.Reconcile(t.Context(), nil, recordOf("orders", stack.Trigger{})); err != nil {
		t.Fatal(err)
	}
	if _, err := st.JetStream().Stream(t.Context(), stream); !errors.Is(err, jetstream.ErrStreamNotFound) {
		t.Errorf("the stream is left: %v", err)
	}
}

func TestSendOnceIsOneMessage(t *testing.T) {
	q := openQueue(t, queueOf(func(q *stack.Queue) { q.Consumer = nil }), Env{Invoker: &consumerFunction{}})
	for range 3 {
		if err := q.queues.Send(t.Context(), q.arn(), []byte("a"), "once", ""); err != nil {
			t.Fatal(err)
		}
		if err := q.queues.Send(t.Context(), q.arn(), []byte("b"), "", ""); err != nil {
			t.Fatal(err)
		}
	}
	q.wantStats(QueueStats{Messages: 4})
}
