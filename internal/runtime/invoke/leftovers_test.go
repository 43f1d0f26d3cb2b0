package invoke

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// leftovers leaves what a node leaves that dies right after it has deleted the
// records of a stack, of an earlier incarnation of another and of one function.
func leftovers(n *node) {
	n.t.Helper()
	for _, left := range []queueName{
		{"gone", "fn", "first"},
		{"shop", "cart", "earlier"},
		{"shop", "removed", "first"},
	} {
		f := &function{runner: n.runner, stack: left.stack, name: left.function, incarnation: left.incarnation}
		if err := n.Service.async.enqueue(n.t.Context(), f, newEvent(Request{ID: left.consumer()}, time.Now())); err != nil {
			n.t.Fatal(err)
		}
		if _, err := newEventQueue(n.Service.async, f).consumer(n.t.Context()); err != nil {
			n.t.Fatal(err)
		}
		logs := n.opts.Logs.(*fakeLogs)
		logs.groups = append(logs.groups, telemetry.Group{Stack: left.stack, Incarnation: left.incarnation, Function: left.function})
	}
}

// wantOnly fails the test unless the function "cart" alone has something.
func (n *node) wantOnly(consumers ...string) {
	n.t.Helper()
	var found []string
	for name := range n.Service.async.stream.ConsumerNames(n.t.Context()).Name() {
		found = append(found, name)
	}
	if !slices.Equal(found, consumers) {
		n.t.Errorf("there are the consumers %v, want %v", found, consumers)
	}
	counts, _, err := n.Service.async.waiting(n.t.Context())
	if err != nil || len(counts) != 1 || counts[queueName{"shop", "cart", "first"}] != 1 {
		n.t.Errorf("these events wait: %v, %v; want one of the function that exists", counts, err)
	}
	groups, _ := n.opts.Logs.Groups(n.t.Context())
	if len(groups) != 1 || groups[0].Incarnation != "first" || groups[0].Function != "cart" {
		n.t.Errorf("there are logs of %v", groups)
	}
}

// hangingShop is a node whose only function begins its event and does not end.
func hangingShop(t *testing.T) *node {
	t.Helper()
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) { p.next(); p.hang() })
	n.opts.Logs.(*fakeLogs).groups = []telemetry.Group{{Stack: "shop", Incarnation: "first", Function: "cart"}}
	n.deploy(shop(nil))
	n.async(Request{})
	return n
}

func TestStartRemovesWhatDeletedFunctionsLeft(t *testing.T) {
	n := hangingShop(t)
	leftovers(n)
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the function's consumer was made", func() bool {
		_, err := n.Service.async.stream.Consumer(t.Context(), "shop_cart_first")
		return err == nil
	})
	n.wantOnly("shop_cart_first")
}

func TestCollectRemovesWhatDeletedFunctionsLeftSinceStart(t *testing.T) {
	n := hangingShop(t)
	if err := n.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the function's consumer was made", func() bool {
		_, err := n.Service.async.stream.Consumer(t.Context(), "shop_cart_first")
		return err == nil
	})
	leftovers(n)
	if err := n.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	n.wantOnly("shop_cart_first")
}

// A node that does not know a function yet, since another has just made it, does
// not take what is the function's for a leftover.
func TestCollectLeavesWhatAnotherNodeHasMadeAlone(t *testing.T) {
	st := openStore(t, t.TempDir())
	other := newNode(t, st, echo)
	n := newNode(t, st, echo).start(&store.Record{Stack: shop(nil).Stack, Incarnation: "other"})
	other.deploy(shop(nil))
	other.async(Request{})
	if err := n.Collect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if waiting := other.waiting(); waiting != 1 {
		t.Errorf("%d events wait, want 1", waiting)
	}
}

// A slowStream is JetStream under load: it does what it was asked to, also when
// who asked has gone, but late.
type slowStream struct {
	jetstream.Stream
	// asked is closed when a consumer is to be made, and made when it may be.
	asked, make chan struct{}
	// late is what was asked for by somebody who has gone.
	late []jetstream.ConsumerConfig
}

func (s *slowStream) CreateOrUpdateConsumer(ctx context.Context, config jetstream.ConsumerConfig) (jetstream.Consumer, error) {
	close(s.asked)
	<-s.make
	if ctx.Err() != nil {
		s.late = append(s.late, config)
		return nil, ctx.Err()
	}
	return s.Stream.CreateOrUpdateConsumer(ctx, config)
}

func TestAConsumerThatIsBeingMadeGoesWithItsFunction(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo)
	slow := &slowStream{Stream: n.Service.async.stream, asked: make(chan struct{}), make: make(chan struct{})}
	n.Service.async.stream = slow
	n.start(shop(nil)).async(Request{})
	within(t, slow.asked)
	queue := n.Service.async.open()[0]

	existing, err := n.store.Record(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	tombstone := shop(func(rec *store.Record) { rec.Deleted, rec.Revision = true, existing.Revision })
	if _, err := n.store.PutRecord(t.Context(), tombstone); err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error)
	go func() { deleted <- n.OnChange(t.Context(), existing, nil) }()
	within(t, queue.ctx.Done())
	close(slow.make)
	if err := within(t, deleted); err != nil {
		t.Fatal(err)
	}
	for _, config := range slow.late {
		if _, err := slow.Stream.CreateOrUpdateConsumer(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}

	if _, err := slow.Consumer(t.Context(), "shop_cart_first"); !errors.Is(err, jetstream.ErrConsumerNotFound) {
		t.Errorf("the function's consumer is left: %v", err)
	}
}
