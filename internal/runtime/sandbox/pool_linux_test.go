package sandbox

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A fakePool counts what is prepared of each class.
type fakePool struct {
	*pool[*fakeSandbox]
	mu sync.Mutex
	// prepared and discarded sandboxes by class.
	prepared, discarded map[string]int
	limit               int
	// takes is how long preparing one takes, and fails why it cannot be done.
	takes time.Duration
	fails error
	// rest is closed if what is prepared has nothing left to do then.
	rest chan struct{}
}

type fakeSandbox struct {
	pool *fakePool
	name string
	end  chan struct{}
}

func (f *fakeSandbox) rests() <-chan struct{} { return f.pool.rest }
func (f *fakeSandbox) ended() <-chan struct{} { return f.end }

func (f *fakeSandbox) discard() {
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	f.pool.discarded[f.name]++
}

func newFakePool(t *testing.T) *fakePool {
	f := &fakePool{prepared: map[string]int{}, discarded: map[string]int{}, limit: 100, rest: make(chan struct{})}
	close(f.rest)
	f.pool = newPool(func(c class) (*fakeSandbox, error) {
		time.Sleep(f.takes)
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.fails != nil {
			return nil, f.fails
		}
		f.prepared[c.RuntimeDir]++
		return &fakeSandbox{f, c.RuntimeDir, make(chan struct{})}, nil
	}, func() int { return f.limit }, defaultPoolWindow, slog.New(slog.DiscardHandler))
	t.Cleanup(f.close)
	return f
}

// inStock is how many sandboxes of a class are ready once all has come to rest.
func (f *fakePool) inStock(name string) int {
	synctest.Wait()
	f.pool.mu.Lock()
	defer f.pool.mu.Unlock()
	if s := f.classes[class{RuntimeDir: name}.key()]; s != nil {
		return len(s.ready)
	}
	return 0
}

func (f *fakePool) holds(t *testing.T, name string, want int) {
	t.Helper()
	if got := f.inStock(name); got != want {
		t.Errorf("%d sandboxes of class %s are ready, want %d", got, name, want)
	}
}

func (f *fakePool) takeAll(n int, name string) (found int) {
	for range n {
		if _, ok := f.take(class{RuntimeDir: name}); ok {
			found++
		}
	}
	return found
}

// wait lets time pass.
func wait(d time.Duration) { <-time.After(d) }

func TestAPoolHasOneOfWhatIsExpectedBeforeItIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.expect([]class{{RuntimeDir: "a"}, {RuntimeDir: "b"}})
		f.holds(t, "a", 1)
		f.holds(t, "b", 1)
		if f.takeAll(2, "a") != 1 {
			t.Error("of one prepared sandbox not one was there")
		}
		wait(time.Hour)
		f.holds(t, "a", 1)
		f.expect([]class{{RuntimeDir: "b"}})
		f.holds(t, "a", 0)
		f.holds(t, "b", 1)
	})
}

func TestAPoolHasAsManyAsWereAskedForInASecondAndGivesThemUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.takeAll(7, "a")
		f.holds(t, "a", 7)
		wait(2 * time.Second)
		if f.takeAll(3, "a") != 3 {
			t.Error("not all that were ready were there")
		}
		f.holds(t, "a", 7)
		wait(defaultPoolWindow - 10*time.Second)
		f.holds(t, "a", 7)
		wait(5*time.Second + poolTick) // the seven are forgotten
		f.holds(t, "a", 3)
		wait(defaultPoolWindow)
		f.holds(t, "a", 0)
		if len(f.classes) > 0 {
			t.Error("a class that nobody asks for is remembered")
		}
		if f.discarded["a"] != 7 {
			t.Errorf("%d were discarded, want 7", f.discarded["a"])
		}
	})
}

func TestAPoolForgetsDemandAfterItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.window = 2
		f.expect([]class{{RuntimeDir: "a"}})
		f.takeAll(5, "a")
		f.holds(t, "a", 5)
		wait(2*time.Second + poolTick)
		f.holds(t, "a", 1)
		if n := f.size(); n != 1 {
			t.Errorf("it says that it has %d", n)
		}
	})
}

func TestAPoolIsNotFilledWhileInstancesStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		end := f.begin()
		f.expect([]class{{RuntimeDir: "a"}})
		f.holds(t, "a", 0)
		end()
		f.holds(t, "a", 1)
		f.begin() // hangs in its initialisation
		f.takeAll(1, "a")
		wait(maxInitialising - time.Millisecond)
		f.holds(t, "a", 0)
		wait(time.Millisecond)
		f.holds(t, "a", 1)
	})
}

func TestAPoolStaysWithinWhatTheHostCanSpare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.limit = 4
		f.takeAll(9, "a")
		wait(time.Second)
		f.takeAll(9, "b")
		f.holds(t, "a", 1)
		f.holds(t, "b", 3) // asked for last
		f.limit = 0
		wait(poolTick)
		f.holds(t, "a", 0)
		f.holds(t, "b", 0)
	})
}

func TestASandboxThatEndsInThePoolIsReplacedEverMoreSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.expect([]class{{RuntimeDir: "a"}})
		for range 8 {
			wait(poolTick + maxPoolPause)
			f.holds(t, "a", 1)
			f.pool.mu.Lock()
			ready := slices.Clone(f.classes[class{RuntimeDir: "a"}.key()].ready)
			f.pool.mu.Unlock()
			close(ready[0].end)
			f.holds(t, "a", 0)
		}
		if f.discarded["a"] != 8 {
			t.Errorf("of 8 that ended %d were discarded", f.discarded["a"])
		}
		f.fails = errors.New("no")
		wait(time.Hour)
		f.holds(t, "a", 0)
		f.fails = nil
		wait(poolTick + maxPoolPause)
		f.holds(t, "a", 1)
	})
}

func TestAPoolIsFilledOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.rest = make(chan struct{})
		f.takeAll(3, "a")
		synctest.Wait()
		if f.prepared["a"] != 1 {
			t.Errorf("%d are prepared at the same time", f.prepared["a"])
		}
		f.holds(t, "a", 0)
		wait(maxSettling) // one that hangs
		f.holds(t, "a", 1)
		close(f.rest)
		f.holds(t, "a", 3)
	})
}

func TestAClosedPoolHasNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakePool(t)
		f.takes = time.Second
		f.takeAll(3, "a")
		wait(1500 * time.Millisecond) // one is ready, one under way
		f.close()
		if f.prepared["a"] != 2 || f.discarded["a"] != 2 {
			t.Errorf("%d were prepared and %d discarded, want 2", f.prepared["a"], f.discarded["a"])
		}
		if f.takeAll(1, "a") != 0 {
			t.Error("a closed pool has a sandbox")
		}
	})
}

func TestClassesDifferInWhatIsPrepared(t *testing.T) {
	program := func(argv, env string) *Program { return &Program{[]string{argv}, []string{env}} }
	specs := []Spec{
		{},
		{RuntimeDir: "/a"},
		{Network: "none"},
		{Readable: []string{"/a"}},
		{Readable: []string{"/a", "/b"}},
		{Readable: []string{"/a/b"}},
		{Warm: program("", "")},
		{Warm: program("x", "")},
		{Warm: program("", "x")},
		{Warm: program("x", "y")},
	}
	keys := map[string]bool{}
	for _, s := range specs {
		keys[classOf(s).key()] = true
	}
	if len(keys) != len(specs) {
		t.Errorf("%d specs are of %d classes", len(specs), len(keys))
	}
	if a, b := (Spec{ID: "a", TaskDir: "/x", Memory: 128, Env: []string{"A=b"}}), (Spec{ID: "b"}); classOf(a).key() != classOf(b).key() {
		t.Error("specs that differ in the function alone are of different classes")
	}
}
