package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A node is a Service on a real store, with programs in place of processes.
type node struct {
	*Service
	t       *testing.T
	store   *store.Store
	sandbox *fakeSandbox
	queues  *fakeQueues
}

// noPackages is a store in which every package is there.
type noPackages struct{ *store.Store }

func (noPackages) PackageDir(context.Context, ...string) (string, error) { return "/packages", nil }

func openStore(t *testing.T, dir string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// newNode runs p for every function of the stacks in the store.
func newNode(t *testing.T, st *store.Store, p program, change ...func(*Options)) *node {
	t.Helper()
	n := &node{t: t, store: st, queues: &fakeQueues{}, sandbox: &fakeSandbox{program: func() program { return p }}}
	opts := Options{
		Store: noPackages{st}, Sandbox: n.sandbox, Languages: fakeLanguages{}, Logs: &fakeLogs{},
		Metrics: telemetry.NewMetrics(), AsyncRetryDelay: 20 * time.Millisecond,
	}
	for _, c := range change {
		c(&opts)
	}
	var err error
	if n.Service, err = New(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	n.SetQueues(n.queues)
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		n.Close(ctx)
		if left := n.sandbox.running.Load(); left != 0 {
			t.Errorf("%d instances outlive the service", left)
		}
	})
	return n
}

// start deploys the record and begins to handle events.
func (n *node) start(rec *store.Record) *node {
	n.t.Helper()
	n.deploy(rec)
	if err := n.Start(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return n
}

// deploy puts a record into the store and tells the service, as the directory does.
func (n *node) deploy(rec *store.Record) {
	n.t.Helper()
	if old, err := n.store.Record(n.t.Context(), rec.Stack.Name); err == nil {
		rec.Revision = old.Revision
	}
	if _, err := n.store.PutRecord(n.t.Context(), rec); err != nil {
		n.t.Fatal(err)
	}
	told := rec
	if rec.Deleted {
		told = nil
	}
	if err := n.OnChange(n.t.Context(), rec, told); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) async(req Request) {
	n.t.Helper()
	if req.Function == "" {
		req.Function = "shop-cart"
	}
	if err := n.InvokeAsync(n.t.Context(), req); err != nil {
		n.t.Fatal(err)
	}
}

// waiting is how many events are not done with.
func (n *node) waiting() (sum uint64) {
	n.t.Helper()
	counts, err := n.Service.async.waiting(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	for _, count := range counts {
		sum += count
	}
	return sum
}

// drained waits until every event is done with.
func (n *node) drained() {
	n.t.Helper()
	eventually(n.t, "every event is done with", func() bool { return n.waiting() == 0 })
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatalf("it never came that %s", what)
		}
	}
}

// within returns what comes from the channel.
func within[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// fakeQueues keep what is sent to them.
type fakeQueues struct {
	mu     sync.Mutex
	refuse []error // for the next sends
	sent   []sent
}

type sent struct {
	arn, body, dedupID string
}

func (q *fakeQueues) Send(_ context.Context, arn string, body []byte, dedupID string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.refuse) > 0 {
		err := q.refuse[0]
		q.refuse = q.refuse[1:]
		return err
	}
	q.sent = append(q.sent, sent{arn, string(body), dedupID})
	return nil
}

func (q *fakeQueues) all() []sent {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.sent)
}

// collect is a program that hands events over and answers null.
func collect(events chan<- fakeEvent) program {
	return func(p *process) {
		for {
			e := p.next()
			select {
			case events <- e:
			case <-p.killed.Done():
			}
			p.respond(e.id, "null")
		}
	}
}

// failing is a program that hands events over and throws.
func failing(events chan<- fakeEvent) program {
	return func(p *process) {
		for {
			e := p.next()
			select {
			case events <- e:
			case <-p.killed.Done():
			}
			p.fail(e.id, `{"errorType":"Error","errorMessage":"<no>"}`)
		}
	}
}

const (
	onFailure = "arn:aws:sqs:open-1:000000000000:failures"
	onSuccess = "arn:aws:sqs:open-1:000000000000:successes"
)

func withDestinations(f *stack.Function) {
	f.Async.OnFailure, f.Async.OnSuccess = onFailure, onSuccess
}

func TestAnAcceptedEventReachesItsFunction(t *testing.T) {
	events := make(chan fakeEvent)
	n := newNode(t, openStore(t, t.TempDir()), collect(events)).start(shop(nil))
	n.async(Request{ID: "id", Qualifier: "live", Payload: []byte(`{"n":1}`), TraceID: "Root=1", ClientContext: []byte(`{"custom":{}}`)})
	e := within(t, events)
	if e.id != "id" || e.payload != `{"n":1}` || e.header.Get("Lambda-Runtime-Trace-Id") != "Root=1" ||
		e.header.Get("Lambda-Runtime-Client-Context") != `{"custom":{}}` {
		t.Errorf("the function got %+v", e)
	}
	if arn := e.header.Get("Lambda-Runtime-Invoked-Function-Arn"); arn != "arn:aws:lambda:open-1:000000000000:function:shop-cart:live" {
		t.Errorf("the function was invoked as %s", arn)
	}
	n.drained()
}

func TestWhatCannotBeQueuedIsRefused(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo).start(shop(nil))
	for _, c := range []struct {
		request Request
		status  int
	}{
		{Request{Function: "shop-none"}, 404},
		{Request{Function: "shop-cart", Qualifier: "7"}, 404},
		{Request{Function: "shop-cart", Payload: []byte("{")}, 400},
		{Request{Function: "shop-cart", Payload: make([]byte, MaxAsyncPayload+1)}, 413},
	} {
		err := n.InvokeAsync(t.Context(), c.request)
		var e *Error
		if !errors.As(err, &e) || e.Status != c.status {
			t.Errorf("%s:%s gives %v, want status %d", c.request.Function, c.request.Qualifier, err, c.status)
		}
	}
	largest := []byte(`"` + strings.Repeat("x", MaxAsyncPayload-2) + `"`)
	n.async(Request{Payload: largest})
	n.drained()
}

func TestAFailedEventIsTriedAgainAndThenRecorded(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), failing(events)).start(shop(changeCart(withDestinations)))
	start := time.Now()
	n.async(Request{ID: "id", Qualifier: "live", Payload: []byte(`{"n":1}`)})
	n.drained()
	if len(events) != 3 {
		t.Errorf("it was tried %d times, want 3", len(events))
	}
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("the retries took %s, want 20 ms before the first and 40 ms before the second", took)
	}
	records := n.queues.all()
	if len(records) != 1 || records[0].arn != onFailure || records[0].dedupID != "id" {
		t.Fatalf("the records are %+v, want one on failure", records)
	}
	var record struct{ Timestamp time.Time }
	if err := json.Unmarshal([]byte(records[0].body), &record); err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1.0","timestamp":"` + record.Timestamp.Format("2006-01-02T15:04:05.000Z") + `",` +
		`"requestContext":{"requestId":"id","functionArn":"arn:aws:lambda:open-1:000000000000:function:shop-cart:live",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"n":1},` +
		`"responseContext":{"statusCode":200,"executedVersion":"1","functionError":"Unhandled"},` +
		`"responsePayload":{"errorType":"Error","errorMessage":"<no>"}}`
	if records[0].body != want {
		t.Errorf("the record is\n%s, want\n%s", records[0].body, want)
	}
}

func TestARequestsOwnRetriesAndDeadLetterCount(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), failing(events)).start(shop(changeCart(withDestinations)))
	retries := 0
	n.async(Request{Retries: &retries, DeadLetter: "arn:aws:sqs:open-1:000000000000:letters"})
	n.drained()
	if len(events) != 1 {
		t.Errorf("it was tried %d times, want once", len(events))
	}
	var arns []string
	for _, s := range n.queues.all() {
		arns = append(arns, s.arn)
	}
	if !slices.Equal(arns, []string{onFailure, "arn:aws:sqs:open-1:000000000000:letters"}) {
		t.Errorf("records went to %v", arns)
	}
}

func TestASuccessIsRecordedWithTheAnswer(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			p.respond(p.next().id, "not JSON")
		}
	}).start(shop(changeCart(withDestinations)))
	n.async(Request{ID: "id"})
	n.drained()
	records := n.queues.all()
	if len(records) != 1 || records[0].arn != onSuccess {
		t.Fatalf("the records are %+v, want one on success", records)
	}
	for _, part := range []string{
		`"functionArn":"arn:aws:lambda:open-1:000000000000:function:shop-cart:$LATEST","condition":"Success","approximateInvokeCount":1}`,
		`"requestPayload":{}`, `"responseContext":{"statusCode":200,"executedVersion":"$LATEST"}`, `"responsePayload":"not JSON"}`,
	} {
		if !strings.Contains(records[0].body, part) {
			t.Errorf("the record lacks %s:\n%s", part, records[0].body)
		}
	}
}

func TestARecordThatIsTooLargeGoesWithoutItsPayloads(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			p.respond(p.next().id, `"`+strings.Repeat("y", 2<<20)+`"`)
		}
	}).start(shop(changeCart(withDestinations)))
	n.async(Request{Payload: []byte(`"` + strings.Repeat("x", 1<<19) + `"`)})
	n.drained()
	record := n.queues.all()[0].body
	if len(record) > MaxAsyncPayload || !strings.Contains(record, `"responsePayload":null`) || !strings.Contains(record, "xxx") {
		t.Errorf("the record has %d bytes and begins %.300s", len(record), record)
	}
}

func TestARecordCanGoToAFunction(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), nil)
	n.sandbox.program = func() program { return collect(events) }
	n.start(shop(func(rec *store.Record) {
		changeCart(func(f *stack.Function) {
			f.Async.OnSuccess = "arn:aws:lambda:open-1:000000000000:function:shop-audit"
		})(rec)
		audit := rec.Stack.Functions["cart"]
		audit.Async.OnSuccess = ""
		rec.Stack.Functions["audit"] = audit
		rec.Functions["audit"] = &store.FunctionRecord{}
	}))
	n.async(Request{ID: "id", Payload: []byte("1")})
	if e := within(t, events); e.payload != "1" {
		t.Fatalf("first came %s", e.payload)
	}
	record := within(t, events)
	if !strings.Contains(record.payload, `"requestId":"id"`) ||
		record.header.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn:aws:lambda:open-1:000000000000:function:shop-audit" {
		t.Errorf("the record is %s", record.payload)
	}
	n.drained()
}

func TestADestinationThatIsDownIsTriedAgainWithoutRunningTheFunction(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), collect(events))
	n.queues.refuse = []error{errors.New("the disk is full")}
	n.start(shop(changeCart(withDestinations)))
	n.async(Request{})
	n.drained()
	if len(events) != 1 || len(n.queues.all()) != 1 {
		t.Errorf("the function ran %d times and %d records arrived, want 1 of each", len(events), len(n.queues.all()))
	}
}

func TestADestinationThatIsNotThereIsGivenUp(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo)
	n.queues.refuse = []error{&Error{Status: http.StatusNotFound, Type: "QueueDoesNotExist", Message: "no such queue"}}
	n.start(shop(changeCart(withDestinations)))
	n.async(Request{})
	n.drained()
	if sent := n.queues.all(); len(sent) != 0 {
		t.Errorf("%v was sent", sent)
	}
}

func TestAnEventIsGivenUpForItsAge(t *testing.T) {
	for name, c := range map[string]struct {
		age      time.Duration
		attempts int
	}{
		"before it ran":               {-time.Second, 0},
		"before it could be retried":  {time.Minute, 1},
		"long before its age is over": {time.Hour, 3},
	} {
		t.Run(name, func(t *testing.T) {
			events := make(chan fakeEvent, 10)
			n := newNode(t, openStore(t, t.TempDir()), failing(events), func(o *Options) {
				if c.attempts == 1 {
					o.AsyncRetryDelay = time.Hour
				}
			}).start(shop(changeCart(withDestinations)))
			n.async(Request{MaxAge: &c.age})
			n.drained()
			record := n.queues.all()[0].body
			condition := "EventAgeExceeded"
			if c.attempts == 3 {
				condition = "RetriesExhausted"
			}
			want := fmt.Sprintf(`"condition":%q,"approximateInvokeCount":%d}`, condition, c.attempts)
			if !strings.Contains(record, want) || len(events) != c.attempts {
				t.Errorf("after %d attempts the record is %s, want %s", len(events), record, want)
			}
		})
	}
}

func TestAReservationOfZeroSendsEventsToOnFailureAtOnce(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo).start(shop(changeCart(func(f *stack.Function) {
		withDestinations(f)
		reserve(0)(f)
	})))
	n.async(Request{})
	n.drained()
	if record := n.queues.all()[0].body; !strings.Contains(record, `"condition":"ZeroReservedConcurrency","approximateInvokeCount":0}`) {
		t.Errorf("the record is %s", record)
	}
	if started := n.sandbox.started.Load(); started != 0 {
		t.Errorf("%d instances were started", started)
	}
}

func TestAnIDThatWasAcceptedIsNotAcceptedAgain(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), collect(events)).start(shop(nil))
	for range 3 {
		n.async(Request{ID: "same"})
	}
	n.drained()
	n.async(Request{ID: "same"})
	n.async(Request{ID: "other"})
	n.drained()
	if len(events) != 2 {
		t.Errorf("%d events were handled, want 2", len(events))
	}
}

func TestAThousandEventsAtOnceAllComplete(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			e := p.next()
			mu.Lock()
			seen[e.payload]++
			mu.Unlock()
			p.respond(e.id, "null")
		}
	})
	n.deploy(shop(nil))
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() { n.async(Request{Payload: fmt.Append(nil, i)}) })
	}
	wg.Wait()
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.drained()
	for i := range 1000 {
		if count := seen[fmt.Sprint(i)]; count != 1 {
			t.Errorf("event %d was handled %d times", i, count)
		}
	}
}

func TestASmallReservationDrainsItsQueueWithinIt(t *testing.T) {
	var running, most, handled atomic.Int64
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			e := p.next()
			most.Store(max(most.Load(), running.Add(1)))
			p.sleep(time.Millisecond)
			running.Add(-1)
			handled.Add(1)
			p.respond(e.id, "null")
		}
	})
	n.deploy(shop(changeCart(reserve(2))))
	for range 200 {
		n.async(Request{})
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.drained()
	if most.Load() > 2 || handled.Load() != 200 {
		t.Errorf("%d events were handled, up to %d at once; want 200 and 2", handled.Load(), most.Load())
	}
}

func TestALongFunctionIsNotRunTwice(t *testing.T) {
	var runs atomic.Int64
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			e := p.next()
			runs.Add(1)
			p.sleep(1500 * time.Millisecond)
			p.respond(e.id, "null")
		}
	}, func(o *Options) { o.asyncLease = 300 * time.Millisecond }).start(shop(nil))
	n.async(Request{})
	n.drained()
	if runs.Load() != 1 {
		t.Errorf("the function ran %d times", runs.Load())
	}
}

func TestTheEventsOfADeadNodeGoToAnother(t *testing.T) {
	st := openStore(t, t.TempDir())
	events := make(chan fakeEvent, 10)
	n := newNode(t, st, collect(events), func(o *Options) { o.asyncLease = 300 * time.Millisecond })
	n.deploy(shop(nil))
	n.async(Request{ID: "id"})
	f := n.runner.functions["shop-cart"]
	dead := newEventQueue(n.Service.async, f)
	consumer, err := dead.consumer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(1)
	if err != nil {
		t.Fatal(err)
	}
	within(t, batch.Messages()) // and is never heard of again

	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if e := within(t, events); e.id != "id" {
		t.Errorf("event %s came", e.id)
	}
	n.drained()
}

func TestAClosingNodeGivesItsEventsBackAtOnce(t *testing.T) {
	st := openStore(t, t.TempDir())
	started := make(chan fakeEvent, 10)
	first := newNode(t, st, func(p *process) {
		started <- p.next()
		p.hang()
	}).start(shop(nil))
	first.async(Request{ID: "id", Qualifier: "live"})
	within(t, started)

	events := make(chan fakeEvent, 10)
	second := newNode(t, st, collect(events)).start(shop(nil))
	closed := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	first.Close(ctx)
	if e := within(t, events); e.id != "id" {
		t.Errorf("event %s came", e.id)
	}
	if took := time.Since(closed); took > 5*time.Second {
		t.Errorf("the other node had the event after %s, want at once", took)
	}
	second.drained()
	if err := first.InvokeAsync(t.Context(), Request{Function: "shop-cart"}); !errors.Is(err, errClosing) {
		t.Errorf("the closed node says %v to an event", err)
	}
}

func TestAClosingNodeLetsEventsFinish(t *testing.T) {
	started := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		e := p.next()
		started <- e
		p.sleep(100 * time.Millisecond)
		p.respond(e.id, "null")
		p.next()
	}).start(shop(changeCart(withDestinations)))
	n.async(Request{})
	within(t, started)
	n.Close(t.Context())
	if n.waiting() != 0 || len(n.queues.all()) != 1 {
		t.Errorf("%d events wait and %d records were sent, want 0 and 1", n.waiting(), len(n.queues.all()))
	}
}

func TestEventsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	st := openStore(t, dir)
	n := newNode(t, st, echo)
	n.deploy(shop(nil))
	n.async(Request{ID: "id"})
	n.Close(t.Context())
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	events := make(chan fakeEvent, 10)
	again := newNode(t, openStore(t, dir), collect(events)).start(shop(nil))
	if e := within(t, events); e.id != "id" {
		t.Errorf("event %s came", e.id)
	}
	again.drained()
}

func TestTheEventsOfADeletedFunctionGo(t *testing.T) {
	st := openStore(t, t.TempDir())
	n := newNode(t, st, func(p *process) { p.next(); p.hang() }).start(shop(changeCart(reserve(1))))
	for range 5 {
		n.async(Request{})
	}
	n.deploy(shop(func(rec *store.Record) { rec.Deleted = true }))
	if waiting := n.waiting(); waiting != 0 {
		t.Errorf("%d events are left", waiting)
	}
	stream, err := st.JetStream().Stream(t.Context(), asyncStream)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Consumer(t.Context(), "shop_cart_first"); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Errorf("the function's consumer is left: %v", err)
	}
}

func TestAFunctionThatIsBackKeepsItsEvents(t *testing.T) {
	st := openStore(t, t.TempDir())
	n := newNode(t, st, echo)
	n.deploy(shop(nil))
	n.async(Request{})
	// The node hears of a removal that another node has undone since.
	if err := n.OnChange(t.Context(), shop(nil), nil); err != nil {
		t.Fatal(err)
	}
	if waiting := n.waiting(); waiting != 1 {
		t.Errorf("%d events wait, want 1", waiting)
	}
}

func TestStartRemovesWhatDeletedFunctionsLeft(t *testing.T) {
	st := openStore(t, t.TempDir())
	n := newNode(t, st, echo)
	n.deploy(shop(nil))
	orphan := &function{runner: n.runner, stack: "gone", incarnation: "x", name: "fn"}
	if err := n.Service.async.publish(t.Context(), orphan, newEvent(Request{ID: "id"}, time.Now())); err != nil {
		t.Fatal(err)
	}
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waiting := n.waiting(); waiting != 0 {
		t.Errorf("%d events are left", waiting)
	}
}

func TestErrorsOfTheRuntimeDoNotCountAsAttempts(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), collect(events), func(o *Options) {
		o.Sandbox = brokenSandbox{o.Sandbox, &broken}
	})
	retries := 0
	n.start(shop(changeCart(withDestinations)))
	n.async(Request{Retries: &retries})
	eventually(t, "the event was tried", func() bool { return !broken.Load() })
	within(t, events)
	n.drained()
	if record := n.queues.all()[0]; record.arn != onSuccess || !strings.Contains(record.body, `"approximateInvokeCount":1}`) {
		t.Errorf("the record is %+v", record)
	}
}

// brokenSandbox fails once.
type brokenSandbox struct {
	sandbox.Sandbox
	broken *atomic.Bool
}

func (s brokenSandbox) Start(ctx context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	if s.broken.Swap(false) {
		return nil, errors.New("no more processes")
	}
	return s.Sandbox.Start(ctx, spec)
}

func TestAMessageThatIsNoEventIsDropped(t *testing.T) {
	st := openStore(t, t.TempDir())
	n := newNode(t, st, echo).start(shop(nil))
	if _, err := st.JetStream().Publish(t.Context(), asyncStream+".shop.cart.first", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	n.drained()
}

func TestTheBacklogIsAMetric(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo)
	n.deploy(shop(nil))
	n.async(Request{})
	n.async(Request{})
	families, err := n.opts.Metrics.Registry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "tidegate_async_backlog" {
			if got := family.GetMetric()[0].GetGauge().GetValue(); got != 2 {
				t.Errorf("the backlog is %g, want 2", got)
			}
			return
		}
	}
	t.Error("there is no metric tidegate_async_backlog")
}

func TestThePaceGrowsWhileThereIsMoreAndTheHostIsNotBusy(t *testing.T) {
	busy := false
	p, now := newPace(func() bool { return busy }), time.Unix(0, 0)
	first := p.room(1000, now)
	if again := p.room(1, now); again != 1 {
		t.Errorf("a limit of 1 leaves room for %d", again)
	}
	fill := func() {
		for range p.room(1000, now) {
			p.begin()
		}
	}
	fill()
	if n := p.room(1000, now.Add(paceInterval/2)); n != 0 {
		t.Errorf("there is room for %d more at once", n)
	}
	busy, now = true, now.Add(paceInterval)
	if n := p.room(1000, now); n != 0 {
		t.Errorf("there is room for %d more on a busy host", n)
	}
	busy, now = false, now.Add(paceInterval)
	if n := p.room(1000, now); n != first {
		t.Errorf("after a while there is room for %d more, want %d", n, first)
	}
	for range 100 {
		fill()
		now = now.Add(paceInterval)
	}
	if p.handling != first/pacePerCPU*maxPacePerCPU {
		t.Errorf("in the end %d are handled at once", p.handling)
	}
	for p.handling > 0 {
		p.end()
	}
	if n := p.room(1000, now); n != first {
		t.Errorf("after all there is room for %d, want %d again", n, first)
	}
}

func TestTheHostsProcessorTimeIsRead(t *testing.T) {
	total, idle, ok := processorTime([]byte("cpu  10 1 5 70 4 1 2 7 3 1\ncpu0 5 1 5 30 4 1 2 7 3 1\n"))
	if total != 100 || idle != 74 || !ok {
		t.Errorf("got %d of which %d idle, %t; want 100 and 74", total, idle, ok)
	}
	for _, text := range []string{"", "cpu 1 2 3", "intr 1 2 3 4 5 6 7 8", "cpu a b c d e f g h"} {
		if _, _, ok := processorTime([]byte(text)); ok {
			t.Errorf("%q was understood", text)
		}
	}
}

// FuzzDecodeEvent reads any header without a panic, and what message writes as it was.
func FuzzDecodeEvent(f *testing.F) {
	f.Add(`{"id":"x","attempt":1,"accepted":"2024-01-01T00:00:00Z","max_age":"1m","retries":3}`, []byte("{}"))
	f.Add(`{"id":1}`, []byte(nil))
	f.Fuzz(func(t *testing.T, header string, payload []byte) {
		ev, err := decodeEvent(nats.Header{eventHeader: []string{header}}, payload)
		if err != nil {
			return
		}
		msg, err := ev.message("subject")
		if err != nil {
			return // a year that JSON does not know
		}
		again, err := decodeEvent(msg.Header, msg.Data)
		if err != nil {
			t.Fatalf("%s does not read back: %v", msg.Header.Get(eventHeader), err)
		}
		if again.ID != ev.ID || again.Attempt != ev.Attempt || !again.Accepted.Equal(ev.Accepted) {
			t.Errorf("%+v reads back as %+v", ev, again)
		}
	})
}
