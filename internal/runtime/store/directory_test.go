package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// A witness is an OnChange function that writes down what it was told.
type witness struct {
	mu     sync.Mutex
	told   []string
	result func(call string) error
}

// OnChange notes a call as "orders: 3 -> 5", by revisions, 0 for none.
func (w *witness) OnChange(_ context.Context, old, new *Record) error {
	call := func(r *Record) (string, uint64) {
		if r == nil {
			return "", 0
		}
		return r.Stack.Name, r.Revision
	}
	oldName, from := call(old)
	newName, to := call(new)
	text := fmt.Sprintf("%s: %d -> %d", max(oldName, newName), from, to)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.told = append(w.told, text)
	if w.result != nil {
		return w.result(text)
	}
	return nil
}

func (w *witness) calls() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// start starts the store's directory with these OnChange functions.
func start(t *testing.T, s *Store, functions ...ChangeFunc) *Directory {
	t.Helper()
	d := s.Directory()
	for _, f := range functions {
		d.OnChange(f)
	}
	if err := d.Start(testContext(t)); err != nil {
		t.Fatal(err)
	}
	return d
}

// applied waits until a record has taken effect on a node.
func applied(t *testing.T, s *Store, r *Record) {
	t.Helper()
	if err := s.Directory().Applied(testContext(t), r.Stack.Name, r.Revision); err != nil {
		t.Fatal(err)
	}
}

// names are those of the directory's stacks.
func names(d *Directory) (names []string) {
	for _, r := range d.Stacks() {
		names = append(names, r.Stack.Name)
	}
	return names
}

func TestADirectoryHasWhatIsThereWhenItStarts(t *testing.T) {
	s := open(t, Options{})
	b, a := put(t, s, record("b", "f")), put(t, s, record("a", "f"))
	put(t, s, tombstone(put(t, s, record("gone", "f"))))
	var w witness
	d := start(t, s, w.OnChange)

	if got := names(d); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("stacks %v", got)
	}
	got := w.calls()
	slices.Sort(got)
	if want := []string{fmt.Sprintf("a: 0 -> %d", a.Revision), fmt.Sprintf("b: 0 -> %d", b.Revision)}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	if _, ok := d.Stack("gone"); ok {
		t.Error("the deleted stack is there")
	}
}

func TestADirectoryFollowsEveryChange(t *testing.T) {
	s := open(t, Options{})
	var w witness
	d := start(t, s, w.OnChange)

	one := put(t, s, record("orders", "f", "g"))
	applied(t, s, one)
	if r, function, ok := d.Function("orders-g"); !ok || function != "g" || r.Revision != one.Revision {
		t.Errorf("Function(orders-g) = %+v, %q, %v", r, function, ok)
	}
	two := one.Clone()
	delete(two.Stack.Functions, "g")
	two = put(t, s, two)
	applied(t, s, two)
	if _, _, ok := d.Function("orders-g"); ok {
		t.Error("the function that was removed is there")
	}
	if r, ok := d.Stack("orders"); !ok || r.Revision != two.Revision {
		t.Errorf("Stack(orders) = %+v, %v", r, ok)
	}
	gone := put(t, s, tombstone(two))
	applied(t, s, gone)
	if _, ok := d.Stack("orders"); ok {
		t.Error("the stack that was deleted is there")
	}
	if _, _, ok := d.Function("orders-f"); ok {
		t.Error("the function of the stack that was deleted is there")
	}
	want := []string{
		fmt.Sprintf("orders: 0 -> %d", one.Revision),
		fmt.Sprintf("orders: %d -> %d", one.Revision, two.Revision),
		fmt.Sprintf("orders: %d -> 0", two.Revision),
	}
	if got := w.calls(); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestANameThatMovesToAnotherStackLeadsThere(t *testing.T) {
	s := open(t, Options{})
	d := start(t, s)
	applied(t, s, put(t, s, tombstone(put(t, s, record("a", "b-c")))))
	applied(t, s, put(t, s, record("a-b", "c")))
	if r, function, ok := d.Function("a-b-c"); !ok || r.Stack.Name != "a-b" || function != "c" {
		t.Errorf("Function(a-b-c) = %+v, %q, %v", r, function, ok)
	}
}

func TestAStackMadeAgainIsADeletionAndACreation(t *testing.T) {
	s := open(t, Options{})
	one := put(t, s, record("orders", "f"))
	var w witness
	begun, goOn := make(chan bool), make(chan bool)
	start(t, s, w.OnChange, func(_ context.Context, _, new *Record) error {
		if new != nil && new.Stack.Tags["slow"] != "" {
			begun <- true
			<-goOn
		}
		return nil
	})
	// While this node is busy with one revision, the stack is deleted and made
	// again, so that it sees the last of three changes only.
	slow := one.Clone()
	slow.Stack.Tags = map[string]string{"slow": "yes"}
	slow = put(t, s, slow)
	<-begun
	again := record("orders", "f")
	again.Incarnation = "2"
	again.Revision = put(t, s, tombstone(slow)).Revision
	again = put(t, s, again)
	eventually(t, "the new one is known", func() bool {
		r, ok := s.Directory().Stack("orders")
		return ok && r.Revision == again.Revision
	})
	goOn <- true
	applied(t, s, again)
	want := []string{
		fmt.Sprintf("orders: 0 -> %d", one.Revision),
		fmt.Sprintf("orders: %d -> %d", one.Revision, slow.Revision),
		fmt.Sprintf("orders: %d -> 0", slow.Revision),
		fmt.Sprintf("orders: 0 -> %d", again.Revision),
	}
	if got := w.calls(); !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestAppliedWaitsForTheFunctionsToReturn(t *testing.T) {
	s := open(t, Options{})
	goOn := make(chan bool)
	d := start(t, s, func(ctx context.Context, _, _ *Record) error { <-goOn; return nil })
	r := put(t, s, record("orders", "f"))
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- d.Applied(ctx, "orders", r.Revision) }()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `stack "orders" was stored, but has not taken effect`) {
		t.Errorf("Applied says %v", err)
	}
	close(goOn)
	applied(t, s, r)
}

func TestAStackThatIsBusyDoesNotHoldUpOthers(t *testing.T) {
	s := open(t, Options{})
	goOn := make(chan bool)
	start(t, s, func(_ context.Context, _, new *Record) error {
		if new.Stack.Name == "slow" {
			<-goOn
		}
		return nil
	})
	slow := put(t, s, record("slow", "f"))
	applied(t, s, put(t, s, record("quick", "f")))
	close(goOn)
	applied(t, s, slow)
}

func TestAFunctionThatFailsIsCalledAgain(t *testing.T) {
	s := open(t, Options{})
	var first, second witness
	failures := 2
	second.result = func(string) error {
		if failures--; failures >= 0 {
			return errors.New("no luck")
		}
		return nil
	}
	d := start(t, s, first.OnChange, second.OnChange)
	r := put(t, s, record("orders", "f"))
	if err := d.Applied(testContext(t), "orders", r.Revision); err == nil || err.Error() != "no luck" {
		t.Errorf("Applied says %v, want the function's error", err)
	}
	eventually(t, "it succeeds", func() bool { return d.Applied(testContext(t), "orders", r.Revision) == nil })
	call := fmt.Sprintf("orders: 0 -> %d", r.Revision)
	if got := first.calls(); !slices.Equal(got, []string{call}) {
		t.Errorf("the one that succeeded was told %v, want %s once", got, call)
	}
	if got := second.calls(); !slices.Equal(got, []string{call, call, call}) {
		t.Errorf("the one that failed was told %v, want %s three times", got, call)
	}
}

func TestAFunctionThatNeverSucceededIsToldOfTheDeletion(t *testing.T) {
	s := open(t, Options{})
	var w witness
	w.result = func(call string) error {
		if strings.HasSuffix(call, "-> 0") {
			return nil
		}
		return errors.New("no luck")
	}
	d := start(t, s, w.OnChange)
	r := put(t, s, record("orders", "f"))
	_ = d.Applied(testContext(t), "orders", r.Revision)
	applied(t, s, put(t, s, tombstone(r)))
	calls := w.calls()
	if got, want := calls[len(calls)-1], fmt.Sprintf("orders: %d -> 0", r.Revision); got != want {
		t.Errorf("told %v, want %s in the end", calls, want)
	}
}

func TestDeletionsGoTheOtherWayRound(t *testing.T) {
	s := open(t, Options{})
	var mu sync.Mutex
	var order []string
	function := func(name string) ChangeFunc {
		return func(_ context.Context, _, new *Record) error {
			mu.Lock()
			defer mu.Unlock()
			if new == nil {
				name = "no " + name
			}
			order = append(order, name)
			return nil
		}
	}
	start(t, s, function("one"), function("two"))
	r := put(t, s, record("orders", "f"))
	applied(t, s, r)
	applied(t, s, put(t, s, tombstone(r)))
	if want := []string{"one", "two", "no two", "no one"}; !slices.Equal(order, want) {
		t.Errorf("called %v, want %v", order, want)
	}
}

func TestARecordThatCannotBeReadLeavesTheStackAsItWas(t *testing.T) {
	s := open(t, Options{})
	ctx := testContext(t)
	var w witness
	d := start(t, s, w.OnChange)
	r := put(t, s, record("orders", "f"))
	applied(t, s, r)
	revision, err := s.stacks.Put(ctx, "orders", []byte(`{"format": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Applied(ctx, "orders", revision); err == nil || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("Applied says %v", err)
	}
	if got, ok := d.Stack("orders"); !ok || got.Revision != r.Revision {
		t.Errorf("Stack(orders) = %+v, %v", got, ok)
	}
	if got := w.calls(); len(got) != 1 {
		t.Errorf("told %v", got)
	}
	r.Revision = revision
	applied(t, s, putRaw(t, s, r))
	if got := w.calls(); len(got) != 2 {
		t.Errorf("told %v, want the next revision too", got)
	}
}

// putRaw replaces whatever is there at r's revision.
func putRaw(t *testing.T, s *Store, r *Record) *Record {
	t.Helper()
	value, err := s.encodeRecord(r)
	if err != nil {
		t.Fatal(err)
	}
	r = r.Clone()
	if r.Revision, err = s.stacks.Update(testContext(t), r.Stack.Name, value, r.Revision); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARecordThatAnOperatorRemovedIsADeletion(t *testing.T) {
	t.Run("while the node runs", func(t *testing.T) {
		s := open(t, Options{})
		d := start(t, s)
		applied(t, s, put(t, s, record("orders", "f")))
		if err := s.stacks.Delete(testContext(t), "orders"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is gone", func() bool { return len(d.Stacks()) == 0 })
		applied(t, s, put(t, s, record("orders", "f")))
	})
	t.Run("while the node is cut off", func(t *testing.T) {
		url := cluster(t)
		line := connect(t, url)
		a, b := open(t, Options{NATSURL: url}), open(t, Options{NATSURL: line.url})
		d := start(t, b)
		applied(t, b, put(t, a, record("stays", "f")))
		applied(t, b, put(t, a, record("goes", "f")))
		line.Cut()
		stream, err := a.js.Stream(testContext(t), "KV_"+bucketStacks)
		if err == nil {
			err = stream.Purge(testContext(t), jetstream.WithPurgeSubject("$KV."+bucketStacks+".goes"))
		}
		if err != nil {
			t.Fatal(err)
		}
		line.Mend()
		eventually(t, "it is gone", func() bool { return slices.Equal(names(d), []string{"stays"}) })
	})
}

func TestAChangeThroughOneNodeIsOnTheOther(t *testing.T) {
	url := cluster(t)
	a, b := open(t, Options{NATSURL: url}), open(t, Options{NATSURL: url})
	var onA, onB witness
	start(t, a, onA.OnChange)
	start(t, b, onB.OnChange)
	for i := range 50 {
		r := put(t, []*Store{a, b}[i%2], record(fmt.Sprintf("stack-%d", i), "f"))
		applied(t, a, r)
		applied(t, b, r)
	}
	if !slices.Equal(names(a.Directory()), names(b.Directory())) || len(names(a.Directory())) != 50 {
		t.Errorf("one has %v, the other %v", names(a.Directory()), names(b.Directory()))
	}
}

func TestChangesDuringACutArriveAfterIt(t *testing.T) {
	url := cluster(t)
	line := connect(t, url)
	a, b := open(t, Options{NATSURL: url}), open(t, Options{NATSURL: line.url})
	var w witness
	start(t, b, w.OnChange)
	changed, gone := put(t, a, record("changed", "f")), put(t, a, record("gone", "f"))
	same := put(t, a, record("same", "f"))
	for _, r := range []*Record{changed, gone, same} {
		applied(t, b, r)
	}
	line.Cut()
	changed = put(t, a, put(t, a, changed))
	gone = put(t, a, tombstone(gone))
	added := put(t, a, record("added", "f"))
	line.Mend()
	for _, r := range []*Record{changed, gone, added} {
		applied(t, b, r)
	}
	if got := names(b.Directory()); !slices.Equal(got, []string{"added", "changed", "same"}) {
		t.Errorf("stacks %v", got)
	}
	times := 0
	for _, call := range w.calls() {
		if strings.HasPrefix(call, "same:") {
			times++
		}
	}
	if times != 1 {
		t.Errorf("the stack that did not change was told of %d times", times)
	}
}
