package invoke

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

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
	sum, err := n.Service.async.intake.waiting(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	counts, _, err := n.Service.async.waiting(n.t.Context())
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

// testPatience is how long a test waits for what must happen, on a machine with other
// things to do.
const testPatience = 2 * time.Minute

// eventually waits for a condition.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(testPatience)
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
	case <-time.After(testPatience):
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
	arn, body, dedupID, trace string
}

func (q *fakeQueues) Send(_ context.Context, arn string, body []byte, dedupID, trace string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.refuse) > 0 {
		err := q.refuse[0]
		q.refuse = q.refuse[1:]
		return err
	}
	q.sent = append(q.sent, sent{arn, string(body), dedupID, trace})
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
