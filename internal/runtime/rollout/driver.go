package rollout

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// Options for New. All but Now and Log are required.
type Options struct {
	// Put replaces the record that has r.Revision, and returns the new revision, or
	// store.ErrConflict.
	Put func(ctx context.Context, r *store.Record) (uint64, error)
	// Lease waits until this node may hold the lease of that name.
	Lease    func(ctx context.Context, name string) (Lease, error)
	Invoker  invoke.Invoker
	Observer Observer
	// Now is the time; nil means the system's.
	Now func() time.Time
	// Log gets the driver's own messages; nil means none.
	Log *slog.Logger
}

// A Lease is what *store.Lease is.
type Lease interface {
	// Lost is closed when the lease is no longer held.
	Lost() <-chan struct{}
	Release()
}

const (
	// judgeInterval is how often a step is judged before its interval is over.
	judgeInterval = time.Second
	// retryPause is how long to wait after the store refused; the pauses double up to
	// longestPause.
	retryPause   = 250 * time.Millisecond
	longestPause = 5 * time.Second
)

// A Driver is one node's. The order of calls is: New, OnChange for every stack that
// exists, Start, OnChange for every change, Close.
type Driver struct {
	opts Options

	life    context.Context
	end     context.CancelFunc
	running sync.WaitGroup

	mu sync.Mutex
	// stacks with a release under way, by name.
	stacks  map[string]*driven
	started bool
}

// New makes a driver that does nothing yet.
func New(opts Options) *Driver {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	d := &Driver{opts: opts, stacks: map[string]*driven{}}
	d.life, d.end = context.WithCancel(context.Background())
	return d
}

// OnChange is a store.ChangeFunc. It comes after that of what runs functions: a
// release's candidates can be invoked then.
func (d *Driver) OnChange(_ context.Context, old, new *store.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !deploy.UnderWay(new) {
		name := ""
		if old != nil {
			name = old.Stack.Name
		}
		if s := d.stacks[name]; s != nil || deploy.UnderWay(old) {
			d.opts.Observer.Forget(name)
			d.leave(name)
		}
		return nil
	}
	name := new.Stack.Name
	d.opts.Observer.Watch(name, new.Incarnation, *new.Release)
	s := d.stacks[name]
	if s == nil {
		s = newDriven(d.life, name)
		s.set(new)
		d.stacks[name] = s
		if d.started {
			d.begin(s)
		}
		return nil
	}
	s.set(new)
	return nil
}

// leave ends the driving of a stack. mu is held.
func (d *Driver) leave(name string) {
	if s := d.stacks[name]; s != nil {
		s.end()
		delete(d.stacks, name)
	}
}

// Start begins to drive.
func (d *Driver) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.started = true
	for _, s := range d.stacks {
		d.begin(s)
	}
}

// begin has mu held.
func (d *Driver) begin(s *driven) {
	d.running.Go(func() {
		for s.life.Err() == nil {
			if err := d.hold(s); err != nil && s.life.Err() == nil {
				d.opts.Log.Warn("a release waits for somebody to drive it", "stack", s.name, "error", err)
				pause(s.life, retryPause)
			}
		}
	})
}

// Close stops driving. Releases stay where they are, until a node goes on with them.
func (d *Driver) Close() {
	d.mu.Lock()
	d.started = false
	d.end()
	d.mu.Unlock()
	d.running.Wait()
}

// hold waits for the lease, and drives while it is held.
func (d *Driver) hold(s *driven) error {
	lease, err := d.opts.Lease(s.life, "releases/"+s.name)
	if err != nil {
		return err
	}
	defer lease.Release()
	ctx, cancel := context.WithCancel(s.life)
	defer cancel()
	go func() {
		select {
		case <-lease.Lost():
			cancel()
		case <-ctx.Done():
		}
	}()
	for ctx.Err() == nil {
		rec := s.record() // All of a turn is about this one; a newer one may be of another release.
		r := *rec.Release
		turn, done := s.while(ctx, r)
		next, decided := d.decide(turn, rec)
		done()
		if decided {
			d.write(ctx, s, r, next)
		}
	}
	return nil
}

// decide waits until something becomes of the record's release, and returns what. It
// returns false if ctx ended before, because somebody else changed the release or drives
// it.
func (d *Driver) decide(ctx context.Context, rec *store.Record) (next release.Release, decided bool) {
	switch r := *rec.Release; {
	case r.Hook() != "":
		failure := d.runHook(ctx, rec, r)
		return r.HookDone(d.now(), failure), ctx.Err() == nil
	case r.Phase == release.Shifting && r.Stopped == release.Running:
		return d.judge(ctx, rec.Stack.Name, r)
	default:
		<-ctx.Done()
		return r, false
	}
}

// judge watches a step until it passes or fails.
func (d *Driver) judge(ctx context.Context, name string, r release.Release) (release.Release, bool) {
	for {
		if !pause(ctx, d.untilJudged(r)) {
			return r, false
		}
		seen, err := d.opts.Observer.Seen(ctx, name, r)
		if err != nil {
			d.opts.Log.Warn("what was seen of a release is not known; it waits", "stack", name, "release", r.ID, "error", err)
			if r.Policy.Gate != nil {
				continue
			}
		}
		if next := r.Judge(d.now(), seen); !reflect.DeepEqual(next, r) {
			return next, ctx.Err() == nil
		}
	}
}

// untilJudged is how long until the step is judged again: every so often, so that a
// failure is noticed soon, and when its interval is over.
func (d *Driver) untilJudged(r release.Release) time.Duration {
	if left := r.Due().Sub(d.now()); left > 0 {
		return min(left, judgeInterval)
	}
	return judgeInterval
}

func (d *Driver) now() time.Time { return d.opts.Now().UTC() }

// write makes next of the release r, unless it has become something else, and waits
// until this node knows. It does not give up: a hook would be run anew.
func (d *Driver) write(ctx context.Context, s *driven, r, next release.Release) {
	for retry := retryPause; ctx.Err() == nil; {
		rec := s.record()
		if !reflect.DeepEqual(*rec.Release, r) {
			return
		}
		revision, err := d.opts.Put(ctx, deploy.Advance(rec, next))
		switch {
		case err == nil:
			d.opts.Log.Info("a release goes on", "stack", s.name, "release", r.ID, "phase", next.Phase, "weight", next.Weight(), "what", next.Status().What)
			s.await(ctx, revision)
			return
		case errors.Is(err, store.ErrConflict):
			s.awaitFor(ctx, rec.Revision+1, retryPause)
		case ctx.Err() == nil:
			d.opts.Log.Error("a release cannot go on; it is tried again", "stack", s.name, "release", r.ID, "error", err)
			pause(ctx, retry)
			retry = min(2*retry, longestPause)
		}
	}
}

// pause returns false if ctx ends before the time is over.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
