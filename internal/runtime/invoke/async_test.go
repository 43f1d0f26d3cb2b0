package invoke

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAnAcceptedEventReachesItsFunction(t *testing.T) {
	events := make(chan fakeEvent)
	n := newNode(t, openStore(t, t.TempDir()), collect(events)).start(shop(nil))
	n.async(Request{ID: "id", Qualifier: "live", Payload: []byte(`{"n":1}`), TraceID: "Root=1", ClientContext: []byte(`{"custom":{}}`)})
	e := within(t, events)
	if e.id != "id" || e.payload != `{"n":1}` || e.header.Get("Lambda-Runtime-Trace-Id") != "Root=1;Lineage="+cartLineage+":1" ||
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

func TestAFunctionWithoutEventsCostsJetStreamNothing(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo).start(shop(nil))
	for name := range n.Service.async.stream.ConsumerNames(t.Context()).Name() {
		t.Errorf("there is a consumer %s", name)
	}
	if queue := n.Service.async.open()[0]; queue.reading {
		t.Error("its queue is read")
	}
	n.async(Request{})
	n.drained()
}

func TestEventsThatAnotherNodeAcceptedAreHandled(t *testing.T) {
	st := openStore(t, t.TempDir())
	events := make(chan fakeEvent, 10)
	newNode(t, st, collect(events)).start(shop(nil))
	other := newNode(t, st, echo) // which never begins to handle any
	other.deploy(shop(nil))
	other.async(Request{ID: "id"})
	if e := within(t, events); e.id != "id" {
		t.Errorf("event %s came", e.id)
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
			p.sleep(5 * time.Second)
			p.respond(e.id, "null")
		}
	}, func(o *Options) { o.asyncLease = 2 * time.Second }).start(shop(changeCart(func(f *stack.Function) { f.Timeout = stack.Duration(testPatience) })))
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
	// The event itself would be another node's long after the test has lost its patience.
	long := func(o *Options) { o.asyncLease = 10 * testPatience }
	first := newNode(t, st, func(p *process) {
		started <- p.next()
		p.hang()
	}, long).start(shop(nil))
	first.async(Request{ID: "id", Qualifier: "live"})
	within(t, started)

	events := make(chan fakeEvent, 10)
	second := newNode(t, st, collect(events), long).start(shop(nil))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	first.Close(ctx)
	if e := within(t, events); e.id != "id" {
		t.Errorf("event %s came", e.id)
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
