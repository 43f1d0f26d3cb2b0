package sandbox

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// poolTick is how often a pool looks for what is not needed any more, and whether it
	// may have more.
	poolTick = 5 * time.Second
	// maxSettling is how long an interpreter may take to start before the pool goes on.
	maxSettling = 10 * time.Second
	// An instance counts as starting for that long at most: who takes longer to
	// initialise is most likely not busy but waiting for something.
	maxInitialising = time.Second
	// The pauses after a sandbox could not be prepared, or ended by itself.
	minPoolPause = time.Second
	maxPoolPause = 5 * time.Minute
)

// A class is what sandboxes can be prepared by: two specs of the same class can be
// started in the same prepared sandbox.
type class struct {
	RuntimeDir string
	Readable   []string
	Network    string
	// IngressPort is Spec.Ingress's; 0 without one.
	IngressPort int
	Warm        *Program
}

func classOf(s Spec) class {
	c := class{RuntimeDir: s.RuntimeDir, Readable: s.Readable, Network: s.Network, Warm: s.Warm}
	if s.Ingress != nil && s.Network != NetworkNone {
		c.IngressPort = s.Ingress.Port
	}
	return c
}

// key tells classes apart. Neither paths nor variables hold what separates them.
func (c class) key() string {
	lists := [][]string{{c.RuntimeDir, c.Network, strconv.Itoa(c.IngressPort)}, c.Readable}
	if c.Warm != nil {
		lists = append(lists, c.Warm.Argv, c.Warm.Env)
	}
	var b strings.Builder
	for _, list := range lists {
		for _, text := range list {
			b.WriteString(text)
			b.WriteString("\x00\x01")
		}
		b.WriteString("\x00\x02")
	}
	return b.String()
}

// prepareTimeout is how long it may take to prepare a sandbox that nobody waits for.
const prepareTimeout = time.Minute

// prepareAhead prepares a sandbox for the pool.
func (h *host) prepareAhead(c class) (*prepared, error) {
	ctx, cancel := context.WithTimeout(context.Background(), prepareTimeout)
	defer cancel()
	return h.prepare(ctx, c)
}

// spare is how many sandboxes the pool may have. There is none where there are no
// namespaces: nothing that takes long can be prepared.
func (h *host) spare() int {
	if h.namespace == noNamespaces {
		return 0
	}
	return spareSandboxes()
}

// A poolable is a prepared sandbox.
type poolable interface {
	comparable
	// discard ends it; nothing is left of it when discard returns.
	discard()
	// rests is closed when it has nothing left to do before it is taken.
	rests() <-chan struct{}
	// ended is closed when it ended by itself.
	ended() <-chan struct{}
}

// A pool keeps prepared sandboxes, of each class as many as were asked for in a
// second lately, and one at least where it is known that there will be a start. Each
// is taken once.
//
// It prepares one after the other, and only while no instance is starting: those who
// wait come first. All of it is bounded by what the host can spare.
type pool[T poolable] struct {
	prepare func(class) (T, error)
	// limit is how many sandboxes of all classes there may be now.
	limit func() int
	// window is for how many seconds it is remembered how many were asked for.
	window int
	log    *slog.Logger

	mu      sync.Mutex
	classes map[string]*stock[T]
	// starting counts instances that are on their way to their first event.
	starting int
	closed   bool
	// closing is closed with closed.
	closing chan struct{}
	// changed gets a value when there may be something to do.
	changed chan struct{}
	stopped chan struct{}
}

// A stock has the prepared sandboxes of one class, the oldest first.
type stock[T poolable] struct {
	class    class
	ready    []T
	expected bool
	demand   demand
	used     time.Time
	// After a failure none is prepared until again.
	pause time.Duration
	again time.Time
}

// newPool starts a pool; close ends it.
func newPool[T poolable](prepare func(class) (T, error), limit func() int, window time.Duration, log *slog.Logger) *pool[T] {
	p := &pool[T]{
		prepare: prepare, limit: limit, window: max(int(window/time.Second), 1), log: log, classes: map[string]*stock[T]{},
		closing: make(chan struct{}), changed: make(chan struct{}, 1), stopped: make(chan struct{}),
	}
	go p.run()
	return p
}

// take returns a sandbox of the class that nobody else gets, if there is one.
func (p *pool[T]) take(c class) (taken T, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return taken, false
	}
	s := p.stockOf(c)
	now := time.Now()
	s.used = now
	s.demand.add(now)
	if len(s.ready) > 0 {
		taken, ok = s.ready[0], true
		s.ready = slices.Delete(s.ready, 0, 1)
		s.pause = 0
	}
	p.wake()
	return taken, ok
}

// expect says of which classes there will be starts; it takes the place of what was
// said before.
func (p *pool[T]) expect(classes []class) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.classes {
		s.expected = false
	}
	for _, c := range classes {
		p.stockOf(c).expected = true
	}
	p.wake()
}

func (p *pool[T]) stockOf(c class) *stock[T] {
	key := c.key()
	s := p.classes[key]
	if s == nil {
		s = &stock[T]{class: c, demand: demand{counts: make([]int, p.window)}}
		p.classes[key] = s
	}
	return s
}

// size is how many sandboxes are in stock.
func (p *pool[T]) size() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.classes {
		n += len(s.ready)
	}
	return n
}

// begin counts an instance as starting until the function returned is called, or for
// maxInitialising.
func (p *pool[T]) begin() func() {
	p.mu.Lock()
	p.starting++
	p.mu.Unlock()
	end := sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.starting--
		p.wake()
	})
	late := time.AfterFunc(maxInitialising, end)
	return func() {
		late.Stop()
		end()
	}
}

// wake has run look at the stocks. mu is held.
func (p *pool[T]) wake() {
	select {
	case p.changed <- struct{}{}:
	default:
	}
}

// close discards everything. Nothing is prepared when it returns.
func (p *pool[T]) close() {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.closing)
	}
	p.wake()
	p.mu.Unlock()
	<-p.stopped
}

// run keeps the stocks as they should be.
func (p *pool[T]) run() {
	defer close(p.stopped)
	tick := time.NewTicker(poolTick)
	defer tick.Stop()
	for {
		next, surplus, closed := p.plan(time.Now(), p.limit())
		for _, t := range surplus {
			t.discard()
		}
		if closed {
			return
		}
		if next != nil {
			p.add(next)
			continue
		}
		select {
		case <-p.changed:
		case <-tick.C:
		}
	}
}

// plan says of which stock there should be one more, unless nil, and which sandboxes
// there should not be any more. They are out of stock.
func (p *pool[T]) plan(now time.Time, limit int) (next *stock[T], surplus []T, closed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		limit = 0
	}
	// Those used last come first if there is not enough for all.
	stocks := make([]*stock[T], 0, len(p.classes))
	for _, s := range p.classes {
		stocks = append(stocks, s)
	}
	slices.SortFunc(stocks, func(a, b *stock[T]) int { return b.used.Compare(a.used) })
	want := shares(stocks, now, limit)
	for i, s := range stocks {
		if excess := len(s.ready) - want[i]; excess > 0 {
			surplus = append(surplus, s.ready[:excess]...)
			s.ready = slices.Delete(s.ready, 0, excess)
		}
		if want[i] == 0 && len(s.ready) == 0 && !s.expected && s.demand.peak(now) == 0 {
			delete(p.classes, s.class.key())
		}
		if len(s.ready) < want[i] && p.starting == 0 && now.After(s.again) && (next == nil || len(s.ready) < len(next.ready)) {
			next = s
		}
	}
	return next, surplus, p.closed
}

// shares says how many sandboxes of each stock there should be: one of each first,
// and then as many as are asked for, of those that are asked for.
func shares[T poolable](stocks []*stock[T], now time.Time, limit int) []int {
	want := make([]int, len(stocks))
	peaks := make([]int, len(stocks))
	for i, s := range stocks {
		peaks[i] = s.demand.peak(now)
		if limit > 0 && (s.expected || peaks[i] > 0) {
			want[i] = 1
			limit--
		}
	}
	for i := range stocks {
		if more := min(peaks[i]-want[i], limit); want[i] > 0 && more > 0 {
			want[i] += more
			limit -= more
		}
	}
	return want
}

// add prepares one more sandbox.
func (p *pool[T]) add(s *stock[T]) {
	t, err := p.prepare(s.class)
	if err == nil {
		p.settle(t)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed(s, err)
		return
	}
	s.ready = append(s.ready, t)
	go p.watch(s, t)
}

// settle waits until the sandbox rests, so that no two start their interpreters at the
// same time, and who takes one gets it whole.
func (p *pool[T]) settle(t T) {
	late := time.NewTimer(maxSettling)
	defer late.Stop()
	select {
	case <-t.rests():
	case <-t.ended():
	case <-p.closing:
	case <-late.C:
	}
}

// watch takes a sandbox that ends by itself out of stock.
func (p *pool[T]) watch(s *stock[T], t T) {
	select {
	case <-t.ended():
	case <-p.stopped:
		return
	}
	p.mu.Lock()
	at := slices.IndexFunc(s.ready, func(other T) bool { return other == t })
	if at >= 0 {
		s.ready = slices.Delete(s.ready, at, at+1)
		p.failed(s, errors.New("it ended by itself"))
	}
	p.mu.Unlock()
	if at >= 0 {
		t.discard()
	}
}

// failed keeps the pool from trying again at once. mu is held.
func (p *pool[T]) failed(s *stock[T], err error) {
	if p.closed || time.Now().Before(s.again) { // one of many that ended at once
		return
	}
	s.pause = min(max(2*s.pause, minPoolPause), maxPoolPause)
	s.again = time.Now().Add(s.pause)
	p.log.Warn("no sandbox can be kept ready; functions start without", "runtime", s.class.RuntimeDir, "again_in", s.pause, "error", err)
	p.wake()
}

// A demand counts what was asked for in each of the last seconds, as many as there are
// counts.
type demand struct {
	counts []int
	// last is the second that was counted last.
	last int64
}

func (d *demand) add(now time.Time) {
	d.forget(now)
	d.counts[d.last%int64(len(d.counts))]++
}

// peak is the most that was asked for in a second.
func (d *demand) peak(now time.Time) int {
	d.forget(now)
	return slices.Max(d.counts)
}

// forget makes now the last second.
func (d *demand) forget(now time.Time) {
	second, window := now.Unix(), int64(len(d.counts))
	for s := max(d.last+1, second-window+1); s <= second; s++ {
		d.counts[s%window] = 0
	}
	d.last = max(d.last, second)
}
