package invoke

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// A pool has the instances of one version, and starts more as invocations wait.
//
// An invocation that finds no idle instance waits in line, and one instance is
// started for each that waits: N at once on a cold function start N at most. The
// first in line gets whichever instance is ready first, new or used.
//
// Where an instance fails to initialise, it is tried once more for the first in line.
// While no instance of the version lives, the others wait for how that ends: it is the
// answer of all who were in line when it began.
type pool struct {
	runner   *runner
	function *function
	version  version
	key      string // version.key()
	// kindOf is what its instances are prepared by; nil as long as that is not known.
	// It belongs to runner.expect.
	kindOf *sandbox.Spec
	// tally counts the version's invocations, usage what they are billed (see meter), and
	// series are its metrics.
	tally  telemetry.Tally
	usage  atomic.Pointer[telemetry.Counter]
	series telemetry.VersionMetrics
	// pruned: the version is no more, and leaves no series behind. What still runs goes on.
	pruned atomic.Bool
	// cache says whether the version has a compile cache.
	cache atomic.Int32

	mu sync.Mutex
	// idle instances; the one used last is last, and is used first.
	idle []idleInstance
	// waiting invocations, the first in line first.
	waiting []*waiter
	// starting, returning and living count instances: those that were never ready,
	// those that have answered and are about to be ready again, and all that were
	// ready once and have not ended.
	starting, returning, living int
	// retrying counts those that are starting, or about to, for who saw one fail.
	retrying int
	// patience is set while waiting invocations rely on returning instances.
	patience *time.Timer
	// startTook is how long the instance that became ready last took for it.
	startTook time.Duration
	// reaper is set while there are idle instances.
	reaper *time.Timer
	// keep is how many instances are to be there without being asked for. After one
	// failed to initialise, none is started for that until keepAgain.
	keep      int
	keepAgain time.Time
	keepPause time.Duration
	// warm is set once all instances to keep were there, or one of them failed to
	// initialise: there is nothing to wait for any more.
	warm atomic.Bool
	// retired: no new invocations come, and instances end as they become idle.
	retired bool
}

type idleInstance struct {
	*instance
	since time.Time
}

// A waiter is an invocation in line.
type waiter struct {
	// ready gets one value, by whoever takes the waiter out of line, unless direct is there
	// to be called instead, without a lock.
	ready  chan grant
	direct func(grant)
	since  time.Time
}

// give ends the waiting. It may be called with the pool's lock.
func (w *waiter) give(g grant) {
	if w.direct != nil {
		go w.direct(g)
		return
	}
	w.ready <- g
}

func newWaiter() *waiter { return &waiter{ready: make(chan grant, 1), since: time.Now()} }

// A grant is an instance that is the waiter's, or why there is none: an
// *initFailure or an *Error.
type grant struct {
	instance *instance
	err      error
}

// A place is where an instance is in its pool's books. It belongs to pool.mu.
type place int

const (
	placeStarting place = iota
	placeIdle
	placeBusy
	placeReturning
	placeGone
)

const (
	// An invocation waits for an instance that has just answered as long as a start
	// took, within these bounds, before another one is started: on a busy host both take
	// long, and who calls one after the other has the same instance all the time.
	minPatience = 20 * time.Millisecond
	maxPatience = time.Second
	// A start occupies its turn (see runner.starts) for that long at most: who takes
	// longer to initialise is most likely not busy but waiting for something.
	maxTurn = time.Second
	// The pauses after a provisioned instance failed to initialise.
	minKeepPause = time.Second
	maxKeepPause = 5 * time.Minute
)

// acquire returns an instance that is the caller's until it answers or ends.
// Errors are an *initFailure, an *Error or the context's.
func (p *pool) acquire(ctx context.Context) (*instance, error) {
	i, w := p.acquireOr(nil)
	if i != nil {
		return i, nil
	}
	return p.wait(ctx, w)
}

// acquireOr returns an instance, or a place in line. When that is served, direct is called
// unless it is nil, by a goroutine that has other things to do.
func (p *pool) acquireOr(direct func(grant)) (*instance, *waiter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.idle); n > 0 {
		i := p.idle[n-1].instance
		p.idle[n-1] = idleInstance{}
		p.idle = p.idle[:n-1]
		i.place = placeBusy
		return i, nil
	}
	w := newWaiter()
	w.direct = direct
	p.waiting = append(p.waiting, w)
	p.scale(true)
	return nil, w
}

// forsake takes the waiter out of line, and returns false if it was served before.
func (p *pool) forsake(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.leave(w)
}

// acquireAgain is acquire for who got an *initFailure: Lambda initialises once
// more, on the invocation's own time. That failing is the invocation's failure.
func (p *pool) acquireAgain(ctx context.Context, timeout time.Duration) (*instance, error) {
	w := newWaiter()
	p.mu.Lock()
	p.waiting = slices.Insert(p.waiting, 0, w)
	p.starting++
	p.retrying++
	p.mu.Unlock()
	tried := sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.retrying--
		p.scale(true)
	})
	late := time.AfterFunc(initTimeout, tried) // it may take as long as an invocation
	go func() {
		p.start(w, timeout, phaseInvoke)
		late.Stop()
		tried()
	}()
	return p.wait(ctx, w)
}

func (p *pool) wait(ctx context.Context, w *waiter) (*instance, error) {
	select {
	case g := <-w.ready:
		return g.instance, g.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	left := p.leave(w)
	p.mu.Unlock()
	if !left { // it was just served
		if g := <-w.ready; g.instance != nil {
			p.putBack(g.instance)
		}
	}
	return nil, ctx.Err()
}

// leave takes the waiter out of line, and returns false if it is out already.
// mu is held.
func (p *pool) leave(w *waiter) bool {
	at := slices.Index(p.waiting, w)
	if at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
	}
	return at >= 0
}

// putBack returns an instance that was acquired and not used.
func (p *pool) putBack(i *instance) {
	p.mu.Lock()
	var surplus *instance
	var first *waiter
	if i.place == placeBusy {
		first, surplus = p.offer(i)
	}
	p.mu.Unlock()
	first.served(i)
	p.dismiss(surplus)
}

// scale starts what is missing. With patient set, returning instances count as
// if they were there. mu is held.
func (p *pool) scale(patient bool) {
	if p.doubtful() {
		return
	}
	for missing := p.missing(patient); p.starting < missing; p.starting++ {
		go p.start(nil, initTimeout, phaseInit)
	}
	if patient && p.patience == nil && p.returning > 0 && len(p.waiting) > p.starting {
		p.patience = time.AfterFunc(min(max(p.startTook, minPatience), maxPatience), func() {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.patience = nil
			p.scale(false)
		})
	}
}

// doubtful tells whether it is being tried again to start an instance of a version of
// which none lives: what else was to be started waits. mu is held.
func (p *pool) doubtful() bool { return p.retrying > 0 && p.living == 0 }

// missing is how many instances should be starting. mu is held.
func (p *pool) missing(patient bool) int {
	forWaiting := len(p.waiting)
	if patient {
		forWaiting -= p.returning
	}
	forKeeping := 0
	if !p.retired && !time.Now().Before(p.keepAgain) {
		forKeeping = p.runner.limits.share(p.keep) - p.living
	}
	return max(forWaiting, forKeeping)
}

// start starts an instance, for the waiter given or for whoever is first in
// line by then.
func (p *pool) start(w *waiter, timeout time.Duration, phase string) {
	done := p.runner.turn()
	defer done()
	p.mu.Lock()
	began := time.Now()
	if w == nil && p.doubtful() || p.starting > p.missing(false) && !slices.Contains(p.waiting, w) { // others were quicker
		p.starting--
		p.mu.Unlock()
		return
	}
	initialization := onDemand
	if len(p.waiting) == 0 {
		initialization = provisionedConcurrency
	}
	p.mu.Unlock()

	i, err := p.launch(initialization, phase)
	if err != nil {
		p.failed(w, err, began)
		return
	}
	enough := time.AfterFunc(maxTurn, done)
	defer enough.Stop()
	if failure := p.initialise(i, timeout, phase); failure != nil {
		p.failed(w, failure, began)
	}
}

// failed passes the failure of a start on to who waits for it.
func (p *pool) failed(w *waiter, err error, began time.Time) {
	if p.runner.life.Err() != nil {
		err = errClosing
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	p.warm.Store(true)
	switch {
	case w != nil:
		if p.leave(w) {
			w.give(grant{err: err})
		}
		p.giveUp(err, began)
	case len(p.waiting) > 0:
		w, p.waiting = p.waiting[0], p.waiting[1:]
		w.give(grant{err: err})
	default:
		p.keepPause = min(max(2*p.keepPause, minKeepPause), maxKeepPause)
		p.keepAgain = time.Now().Add(p.keepPause)
		time.AfterFunc(p.keepPause, p.rescale)
	}
	p.scale(true)
}

// giveUp passes the failure of a second try on to all who were in line when it
// began, unless instances live that may serve them. mu is held.
func (p *pool) giveUp(err error, began time.Time) {
	failure, ok := err.(*initFailure) //nolint:errorlint // nobody wraps it
	if !ok || p.living > 0 {
		return
	}
	shared := *failure
	shared.final = true
	p.waiting = slices.DeleteFunc(p.waiting, func(w *waiter) bool {
		if w.since.After(began) {
			return false
		}
		w.give(grant{err: &shared})
		return true
	})
}

func (p *pool) rescale() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scale(true)
}

// onAnswer implements instanceEvents.
func (p *pool) onAnswer(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i.place == placeBusy {
		i.place = placeReturning
		p.returning++
	}
}

// onReady implements instanceEvents.
func (p *pool) onReady(i *instance) {
	p.mu.Lock()
	switch i.place {
	case placeStarting:
		p.starting--
		p.living++
		p.startTook = i.initTook
		p.keepPause = 0
		p.warmUp()
	case placeReturning:
		p.returning--
	default: // it has ended already
		p.mu.Unlock()
		return
	}
	first, surplus := p.offer(i)
	p.scale(true)
	p.mu.Unlock()
	first.served(i)
	p.dismiss(surplus)
}

// offer finds the first in line for a ready instance, or keeps it. It returns
// the instance if there is no use for it. mu is held.
func (p *pool) offer(i *instance) (first *waiter, surplus *instance) {
	switch {
	case len(p.waiting) > 0:
		i.place = placeBusy
		first = p.waiting[0]
		p.waiting = p.waiting[1:]
		return first, nil
	case p.retired:
		i.place = placeGone
		p.living--
		return nil, i
	default:
		i.place = placeIdle
		p.idle = append(p.idle, idleInstance{i, time.Now()})
		if p.reaper == nil {
			p.reaper = time.AfterFunc(p.runner.opts.IdleTimeout, p.reap)
		}
	}
	return nil, nil
}

// served gives the waiter, if there is one, its instance. No lock is held.
func (w *waiter) served(i *instance) {
	switch {
	case w == nil:
	case w.direct != nil:
		w.direct(grant{instance: i})
	default:
		w.ready <- grant{instance: i}
	}
}

// onEnd implements instanceEvents.
func (p *pool) onEnd(i *instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch i.place {
	case placeGone:
		return
	case placeStarting:
		p.starting--
	case placeIdle:
		p.idle = slices.DeleteFunc(p.idle, func(other idleInstance) bool { return other.instance == i })
		p.living--
	case placeReturning:
		p.returning--
		p.living--
	case placeBusy:
		p.living--
	}
	i.place = placeGone
	p.scale(true)
}

// reap ends instances that have been idle for too long, but for those to keep.
func (p *pool) reap() {
	p.mu.Lock()
	p.reaper = nil
	now := time.Now()
	var surplus []*instance
	keep := p.runner.limits.share(p.keep)
	for len(p.idle) > 0 && p.living > keep && now.Sub(p.idle[0].since) >= p.runner.opts.IdleTimeout {
		surplus = append(surplus, p.forget(0))
	}
	if len(p.idle) > 0 && p.living > keep {
		p.reaper = time.AfterFunc(p.idle[0].since.Add(p.runner.opts.IdleTimeout).Sub(now), p.reap)
	}
	p.mu.Unlock()
	p.dismiss(surplus...)
}

// forget takes an idle instance out of the books. mu is held.
func (p *pool) forget(at int) *instance {
	i := p.idle[at].instance
	p.idle = slices.Delete(p.idle, at, at+1)
	i.place = placeGone
	p.living--
	return i
}

// dismiss ends instances that are in no book any more.
func (p *pool) dismiss(instances ...*instance) {
	for _, i := range instances {
		if i != nil {
			i.end(errors.New("the instance is not needed any more"))
		}
	}
}

// provision sets how many instances of all nodes are kept.
func (p *pool) provision(keep int) {
	p.mu.Lock()
	if p.keep == 0 {
		p.warm.Store(false)
	}
	p.keep = keep
	p.warmUp()
	p.scale(true)
	if p.reaper == nil && len(p.idle) > 0 {
		p.reaper = time.AfterFunc(p.runner.opts.IdleTimeout, p.reap)
	}
	p.mu.Unlock()
}

// warmUp notices when all instances to keep are there. mu is held.
func (p *pool) warmUp() {
	if p.living >= p.runner.limits.share(p.keep) {
		p.warm.Store(true)
	}
}

// retire lets the pool run dry: invocations that came this far are served.
func (p *pool) retire() {
	p.mu.Lock()
	p.retired = true
	var surplus []*instance
	for len(p.idle) > 0 {
		surplus = append(surplus, p.forget(0))
	}
	p.mu.Unlock()
	p.dismiss(surplus...)
}
