package store

import (
	"context"
	"errors"
	"testing"
	"time"
)

// acquire waits for a lease and fails the test if it does not get it.
func acquire(t *testing.T, s *Store, name string) *Lease {
	t.Helper()
	l, err := s.Lease(testContext(t), name)
	if err != nil {
		t.Fatalf("%s does not get lease %q: %v", s.NodeID(), name, err)
	}
	return l
}

// A wait is a call of Lease that goes on.
type wait struct {
	lease chan *Lease
	stop  context.CancelFunc
}

func await(t *testing.T, s *Store, name string) wait {
	ctx, cancel := context.WithCancel(t.Context())
	w := wait{make(chan *Lease, 1), cancel}
	go func() {
		if l, err := s.Lease(ctx, name); err == nil {
			w.lease <- l
		}
	}()
	t.Cleanup(cancel)
	return w
}

// still waits tells that the lease was not got within a while.
func (w wait) stillWaits(t *testing.T, while time.Duration) {
	t.Helper()
	select {
	case <-w.lease:
		t.Fatal("two hold the lease")
	case <-time.After(while):
	}
}

// eachKind runs a test with two stores on a cluster, and with an embedded one
// in the place of both.
func eachKind(t *testing.T, test func(t *testing.T, a, b *Store)) {
	t.Run("embedded", func(t *testing.T) {
		s := open(t, Options{})
		test(t, s, s)
	})
	t.Run("cluster", func(t *testing.T) {
		opts := Options{NATSURL: cluster(t), leaseTime: soon}
		test(t, open(t, opts), open(t, opts))
	})
}

func TestALeaseIsKeptAsLongAsItIsHeld(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, a, b *Store) {
		first := acquire(t, a, "queue/orders")
		await(t, b, "queue/orders").stillWaits(t, 3*soon/2)
		if !first.Held() {
			t.Error("the first lost it meanwhile")
		}
		first.Release()
	})
}

func TestALeaseThatIsReleasedIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	opts := Options{NATSURL: cluster(t), leaseTime: time.Hour}
	for name, stores := range map[string][2]*Store{
		"embedded": func() [2]*Store { s := open(t, Options{}); return [2]*Store{s, s} }(),
		"cluster":  {open(t, opts), open(t, opts)},
	} {
		t.Run(name, func(t *testing.T) {
			for round := range 10 {
				first := acquire(t, stores[round%2], "queue/orders")
				second := await(t, stores[(round+1)%2], "queue/orders")
				first.Release()
				if first.Held() {
					t.Error("the first still holds it")
				}
				<-first.Lost()
				l := <-second.lease
				if !l.Held() {
					t.Error("the second does not hold it")
				}
				l.Release()
				l.Release()
			}
		})
	}
}

func TestLeasesOfDifferentNamesAreIndependent(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, a, b *Store) {
		one, two := acquire(t, a, "one"), acquire(t, b, "two")
		one.Release()
		two.Release()
	})
}

func TestWaitingForALeaseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, a, b *Store) {
		defer acquire(t, a, "one").Release()
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			_, err := b.Lease(ctx, "one")
			result <- err
		}()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("Lease says %v", err)
		}
	})
}

func TestClosingTheStoreLosesItsLeases(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, a, _ *Store) {
		l := acquire(t, a, "one")
		a.Close()
		<-l.Lost()
	})
}

func TestALeaseOfANameThatCannotBe(t *testing.T) {
	t.Parallel()
	s := open(t, Options{NATSURL: cluster(t)})
	if _, err := s.Lease(testContext(t), "not this"); err == nil {
		t.Error("Lease succeeds")
	}
}

func TestAHolderThatIsCutOffLosesTheLeaseBeforeAnotherGetsIt(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	line := connect(t, url)
	a := open(t, Options{NATSURL: line.url, leaseTime: soon})
	b := open(t, Options{NATSURL: url, leaseTime: soon})
	for range 2 {
		first := acquire(t, a, "one")
		second := await(t, b, "one")
		second.stillWaits(t, soon/2)
		line.Cut()
		l := <-second.lease
		select {
		case <-first.Lost():
		default:
			t.Error("two hold the lease")
		}
		line.Mend()
		l.Release()
		first.Release()
	}
}

func TestALeaseOutlastsAShortCut(t *testing.T) {
	t.Parallel()
	url := cluster(t)
	line := connect(t, url)
	a := open(t, Options{NATSURL: line.url, leaseTime: 5 * soon / 2})
	l := acquire(t, a, "one")
	line.Cut()
	line.Mend()
	select {
	case <-l.Lost():
		t.Error("it is lost")
	case <-time.After(3 * soon):
	}
}
