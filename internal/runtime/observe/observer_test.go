package observe

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// A cluster is nodes that share a store.
type cluster struct {
	*testing.T
	store *store.Store
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &cluster{t, s}
}

// A node has an observer, and versions that are invoked.
type node struct {
	*Observer
	*cluster
	id string

	mu      sync.Mutex
	tallies map[string]*telemetry.Tally
}

func (n *node) JetStream() jetstream.JetStream { return n.store.JetStream() }
func (n *node) Replicas() int                  { return 1 }
func (n *node) NodeID() string                 { return n.id }

func (n *node) Tally(stack, incarnation, function string, version int) *telemetry.Tally {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tallies[strings.Join([]string{stack, incarnation, function, strconv.Itoa(version)}, "/")]
}

// start starts a node with the versions 3 and 4 of two functions.
func (c *cluster) start(id string) *node { return c.startSlow(id, 5*time.Millisecond) }

// startSlow is start of a node that writes as often as that.
func (c *cluster) startSlow(id string, interval time.Duration) *node {
	c.Helper()
	n := &node{cluster: c, id: id, tallies: map[string]*telemetry.Tally{}}
	for _, incarnation := range []string{"first", "second"} {
		for _, function := range []string{"fulfil", "audit"} {
			for _, version := range []string{"3", "4"} {
				n.tallies[strings.Join([]string{"orders", incarnation, function, version}, "/")] = &telemetry.Tally{}
			}
		}
	}
	o, err := New(c.Context(), Options{Store: n, Tallies: n, interval: interval})
	if err != nil {
		c.Fatal(err)
	}
	n.Observer = o
	c.Cleanup(func() { n.Close(context.Background()) })
	return n
}

// invoke lets a version of fulfil answer a number of times.
func (n *node) invoke(version, times int, took time.Duration, failed bool) {
	tally := n.Tally("orders", "first", "fulfil", version)
	for range times {
		tally.Begin()
		tally.Ran(noon, took, failed)
	}
}

// seen waits until what the node sees of fulfil is so.
func (n *node) wantSeen(r release.Release, want release.Sides) {
	n.Helper()
	var got release.Sides
	deadline := time.After(2 * time.Minute)
	for {
		seen, err := n.Seen(n.Context(), "orders", r)
		if err != nil {
			n.Fatal(err)
		}
		got = seen.Functions["fulfil"]
		if same(got.Candidate, want.Candidate) && same(got.Stable, want.Stable) {
			return
		}
		select {
		case <-deadline:
			n.Fatalf("%s sees %+v, want %+v", n.id, got, want)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// same but for what a histogram's bucket may be off.
func same(a, b release.Counts) bool {
	near := a.P95*100 >= b.P95*95 && a.P95*100 <= b.P95*105
	a.P95, b.P95 = 0, 0
	return a == b && near
}

// keys in the bucket, markers of deleted ones included.
func (c *cluster) keys() uint64 {
	c.Helper()
	s, err := c.store.JetStream().Stream(c.Context(), "KV_"+bucketName)
	if err != nil {
		c.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

func (c *cluster) eventually(what string, holds func() bool) {
	c.Helper()
	deadline := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-deadline:
			c.Fatalf("it never came that %s", what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// begin a release of fulfil from version 3 to 4.
func begin(policy stack.Release) release.Release {
	return release.Begin(release.Wish{
		ID: "r-1", Policy: policy, Versions: map[string]int{"fulfil": 4, "audit": 3},
		Moves: map[string]release.Move{"fulfil": {Stable: stack.RouteTo(3), Candidate: 4}},
	}, noon)
}

func TestWhatAllNodesCountIsSeen(t *testing.T) {
	c := newCluster(t)
	a, b := c.start("a"), c.start("b")
	r := begin(stack.Release{Strategy: stack.Canary})
	for _, n := range []*node{a, b} {
		n.invoke(3, 50, time.Second, true) // before the release
		n.Watch("orders", "first", r)
	}
	a.invoke(3, 90, 20*time.Millisecond, false)
	a.invoke(4, 8, 40*time.Millisecond, false)
	b.invoke(3, 20, 20*time.Millisecond, true)
	b.invoke(4, 2, 80*time.Millisecond, true)
	b.Tally("orders", "first", "fulfil", 4).Throttle()
	b.invoke(3, 1, time.Hour, false)
	want := release.Sides{
		Candidate: release.Counts{Invocations: 10, Errors: 2, Throttles: 1, P95: 80 * time.Millisecond},
		Stable:    release.Counts{Invocations: 111, Errors: 20, P95: 20 * time.Millisecond},
	}
	a.wantSeen(r, want)
	b.wantSeen(r, want)

	seen, err := a.Seen(t.Context(), "orders", r)
	if err != nil || len(seen.Functions) != 1 || seen.Red != nil {
		t.Errorf("functions that do not move are seen: %+v (%v)", seen, err)
	}
}

func TestCountsBeginAnewWithEachStep(t *testing.T) {
	c := newCluster(t)
	a, b := c.start("a"), c.start("b")
	r := begin(stack.Release{Strategy: stack.Linear, Weight: 50})
	a.Watch("orders", "first", r)
	b.Watch("orders", "first", r)
	a.invoke(4, 5, time.Millisecond, true)
	b.invoke(4, 5, time.Millisecond, true)
	a.wantSeen(r, release.Sides{Candidate: release.Counts{Invocations: 10, Errors: 10, P95: time.Millisecond}})
	a.Watch("orders", "first", r) // Its record was written, and the step is the same.
	a.wantSeen(r, release.Sides{Candidate: release.Counts{Invocations: 10, Errors: 10, P95: time.Millisecond}})

	paused, err := r.Pause("ada", noon.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	next, err := paused.Resume("ada", noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	a.Watch("orders", "first", next)
	// What b counts from the step before is not of this one.
	a.invoke(4, 1, time.Millisecond, false)
	b.invoke(4, 1, time.Millisecond, false)
	a.wantSeen(next, release.Sides{Candidate: release.Counts{Invocations: 1, P95: time.Millisecond}})
	b.Watch("orders", "first", next)
	b.invoke(4, 3, time.Millisecond, false)
	a.wantSeen(next, release.Sides{Candidate: release.Counts{Invocations: 4, P95: time.Millisecond}})
}

// A node that was killed goes on under another name, with counts from nothing.
func TestCountsOutliveTheirNode(t *testing.T) {
	c := newCluster(t)
	a := c.start("a")
	r := begin(stack.Release{Strategy: stack.Canary})
	a.Watch("orders", "first", r)
	a.invoke(4, 7, time.Millisecond, true)
	b := c.start("b")
	b.wantSeen(r, release.Sides{Candidate: release.Counts{Invocations: 7, Errors: 7, P95: time.Millisecond}})
	a.Close(t.Context())

	b.Watch("orders", "first", r)
	b.invoke(4, 3, time.Millisecond, false)
	b.wantSeen(r, release.Sides{Candidate: release.Counts{Invocations: 10, Errors: 7, P95: time.Millisecond}})
}

func TestTheLastCountsAreWrittenAtTheEnd(t *testing.T) {
	c := newCluster(t)
	a, b := c.startSlow("a", time.Hour), c.start("b")
	r := begin(stack.Release{Strategy: stack.Canary})
	a.Watch("orders", "first", r)
	a.invoke(4, 7, time.Millisecond, false)
	a.Close(t.Context())
	seen, err := b.Seen(t.Context(), "orders", r)
	if got := seen.Functions["fulfil"].Candidate.Invocations; err != nil || got != 7 {
		t.Errorf("%d invocations are seen (%v), want 7", got, err)
	}
}

// With blue and green the stable version gets nothing, and is compared as it was.
func TestAnIdleStableVersionIsSeenAsBeforeTheRelease(t *testing.T) {
	c := newCluster(t)
	a, b := c.start("a"), c.start("b")
	a.invoke(3, 60, 30*time.Millisecond, false)
	b.invoke(3, 40, 30*time.Millisecond, true)
	r := begin(stack.Release{Strategy: stack.BlueGreen})
	a.Watch("orders", "first", r)
	b.Watch("orders", "first", r)
	a.invoke(3, 5, time.Second, true) // what was under way
	a.invoke(4, 9, 10*time.Millisecond, false)
	want := release.Sides{
		Candidate: release.Counts{Invocations: 9, P95: 10 * time.Millisecond},
		Stable:    release.Counts{Invocations: 100, Errors: 40, P95: 30 * time.Millisecond},
	}
	a.wantSeen(r, want)
	b.wantSeen(r, want)
	a.Close(t.Context())
	b.Close(t.Context())

	again := c.start("again")
	again.Watch("orders", "first", r)
	again.invoke(4, 1, 10*time.Millisecond, false)
	want.Candidate.Invocations = 10
	again.wantSeen(r, want)
}

func TestNothingIsLeftOfAReleaseThatEnded(t *testing.T) {
	c := newCluster(t)
	a, b := c.start("a"), c.start("b")
	r := begin(stack.Release{Strategy: stack.Canary})
	for _, n := range []*node{a, b} {
		n.Watch("orders", "first", r)
		n.Watch("other", "first", r)
	}
	c.eventually("both nodes have written", func() bool { return c.keys() == 4 })
	ended, err := r.Abort("ada", noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	a.Watch("orders", "first", ended)
	b.invoke(4, 1, time.Millisecond, false) // b does not know yet, and may write again
	b.Forget("orders")
	b.Forget("orders")
	b.Forget("nothing")
	c.eventually("the other stack's are left", func() bool { return c.keys() == 2 })
	a.Forget("other")
	b.Forget("other")
	c.eventually("nothing is left", func() bool { return c.keys() == 0 })
}

// The next release, or the same release of a stack made anew, begins with nothing.
func TestAnotherReleaseBeginsWithNothing(t *testing.T) {
	c := newCluster(t)
	a := c.start("a")
	r := begin(stack.Release{Strategy: stack.Canary})
	a.Watch("orders", "first", r)
	a.invoke(4, 5, time.Millisecond, false)
	next := r
	next.Began, next.Since = noon.Add(time.Hour), noon.Add(time.Hour)
	a.Watch("orders", "second", next)
	a.wantSeen(next, release.Sides{})
	tally := a.Tally("orders", "second", "fulfil", 4)
	tally.Begin()
	tally.Unstarted(noon)
	a.wantSeen(next, release.Sides{Candidate: release.Counts{Invocations: 1, Errors: 1}})
	c.eventually("the first one's entry is gone", func() bool { return c.keys() == 1 })
}

func TestCollectRemovesWhatDeadNodesLeft(t *testing.T) {
	c := newCluster(t)
	dead := c.start("dead")
	r := begin(stack.Release{Strategy: stack.Canary})
	for _, name := range []string{"orders", "gone", "later", "unknown"} {
		dead.Watch(name, "first", r)
	}
	c.eventually("all are written", func() bool { return c.keys() == 4 })
	dead.Close(t.Context())

	a := c.start("a")
	a.Observer.opts.UnderWay = func(_ context.Context, name string) (*release.Release, error) {
		later := r
		later.Began = noon.Add(time.Hour)
		switch name {
		case "orders":
			return &r, nil
		case "later":
			return &later, nil
		case "unknown":
			return nil, errors.New("the store does not answer")
		}
		return nil, nil
	}
	if err := a.Collect(t.Context()); err == nil || err.Error() != "the store does not answer" {
		t.Errorf("collecting: %v", err)
	}
	if n := c.keys(); n != 2 {
		t.Errorf("%d entries are left, want that of the release under way and the one nobody knows of", n)
	}
}

// A replica of the store that is asked whether the release is under way may not know yet.
func TestCollectLeavesAloneWhatIsWatched(t *testing.T) {
	c := newCluster(t)
	a := c.start("a")
	a.Observer.opts.UnderWay = func(context.Context, string) (*release.Release, error) { return nil, nil }
	r := begin(stack.Release{Strategy: stack.Canary})
	a.Watch("orders", "first", r)
	c.eventually("it is written", func() bool { return c.keys() == 1 })
	if err := a.Collect(t.Context()); err != nil || c.keys() != 1 {
		t.Errorf("collecting left %d entries (%v)", c.keys(), err)
	}
	a.Forget("orders")
	c.eventually("nothing is left", func() bool { return c.keys() == 0 })
}

func TestWhatCannotBeReadIsAnError(t *testing.T) {
	c := newCluster(t)
	a := c.start("a")
	r := begin(stack.Release{Strategy: stack.Canary})
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	const begins = `cannot read what the nodes counted of the release of stack "orders": `
	if _, err := a.Seen(cancelled, "orders", r); err == nil || !strings.HasPrefix(err.Error(), begins) {
		t.Errorf("without an answer: %v", err)
	}
	if _, err := a.bucket.kv.PutString(t.Context(), fmt.Sprintf("orders.%d.b", noon.UnixNano()), "{"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Seen(t.Context(), "orders", r); err == nil || !strings.HasPrefix(err.Error(), begins) {
		t.Errorf("of a damaged entry: %v", err)
	}
}

// silent is a bucket of which nothing is heard.
type silent struct{ jetstream.KeyValue }

func (silent) Watch(context.Context, string, ...jetstream.WatchOpt) (jetstream.KeyWatcher, error) {
	return mute{make(chan jetstream.KeyValueEntry)}, nil
}

type mute struct{ updates chan jetstream.KeyValueEntry }

func (m mute) Updates() <-chan jetstream.KeyValueEntry { return m.updates }
func (m mute) Error() <-chan error                     { return nil }
func (m mute) Stop() error {
	close(m.updates)
	return nil
}

func TestABucketThatFallsSilentIsAnError(t *testing.T) {
	a := newCluster(t).start("a")
	a.bucket.kv, a.bucket.patience = silent{a.bucket.kv}, time.Millisecond
	if _, err := a.Seen(t.Context(), "orders", begin(stack.Release{})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it says %v", err)
	}
}
