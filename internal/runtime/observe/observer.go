package observe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rollout"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// Store is what observing needs of *store.Store.
type Store interface {
	JetStream() jetstream.JetStream
	// Replicas of buckets.
	Replicas() int
	// NodeID names this process; a restart gets a new one.
	NodeID() string
}

// Tallies is what observing needs of *invoke.Service.
type Tallies interface {
	// Tally has the counts of a version on this node; nil if it has none.
	Tally(stack, incarnation, function string, version int) *telemetry.Tally
}

// Options for New. Store and Tallies are required.
type Options struct {
	Store   Store
	Tallies Tallies
	// UnderWay asks the store for the stack's release that is under way: nil if there is
	// none, or no such stack. What was written of others is removed by Collect.
	UnderWay func(ctx context.Context, stack string) (*release.Release, error)
	// Log gets the observer's own messages; nil means none.
	Log *slog.Logger

	// interval between two writes; tests shorten it.
	interval time.Duration
}

// writeInterval is how often a node writes what it counted, writeTimeout how long it
// waits for JetStream to take it, and readTimeout for what others wrote.
const (
	writeInterval = time.Second
	writeTimeout  = 5 * time.Second
	readTimeout   = 5 * time.Second
)

// An Observer is one node's. Its methods may be called by many at once.
type Observer struct {
	opts   Options
	log    *slog.Logger
	bucket *bucket

	mu sync.Mutex
	// watches by stack.
	watches map[string]*watch
	// ended are releases whose entries are to be removed.
	ended map[releaseKey]bool
	// news wakes the writer: there is a release, or the end of one.
	news chan struct{}

	life context.Context
	end  context.CancelFunc
	done chan struct{}
}

var _ rollout.Observer = (*Observer)(nil)

// New makes or finds the bucket that all nodes share, and begins to write into it.
func New(ctx context.Context, opts Options) (*Observer, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	opts.interval = cmp.Or(opts.interval, writeInterval)
	b, err := openBucket(ctx, opts.Store)
	if err != nil {
		return nil, err
	}
	o := &Observer{
		opts: opts, log: opts.Log, bucket: b,
		watches: map[string]*watch{}, ended: map[releaseKey]bool{},
		news: make(chan struct{}, 1), done: make(chan struct{}),
	}
	o.life, o.end = context.WithCancel(context.Background())
	go o.run()
	return o, nil
}

// Watch implements rollout.Observer.
func (o *Observer) Watch(stack, incarnation string, r release.Release) {
	if r.Ended() {
		o.Forget(stack)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.watches[stack]
	if w == nil || w.key != keyOf(stack, r) || w.incarnation != incarnation {
		o.forget(stack)
		w = o.begin(stack, incarnation, r)
		o.watches[stack] = w
		o.wake()
	}
	o.step(w, r)
}

// Forget implements rollout.Observer.
func (o *Observer) Forget(stack string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(stack)
}

// forget has mu held.
func (o *Observer) forget(stack string) {
	if w := o.watches[stack]; w != nil {
		delete(o.watches, stack)
		o.ended[w.key] = true
		o.wake()
	}
}

func (o *Observer) wake() {
	select {
	case o.news <- struct{}{}:
	default:
	}
}

// Seen implements rollout.Observer.
func (o *Observer) Seen(ctx context.Context, stack string, r release.Release) (release.Seen, error) {
	entries, err := o.bucket.read(ctx, keyOf(stack, r))
	if err != nil {
		return release.Seen{}, err
	}
	o.mu.Lock()
	if w := o.watches[stack]; w != nil && w.key == keyOf(stack, r) {
		entries[o.opts.Store.NodeID()] = o.entry(w)
	}
	o.mu.Unlock()
	return merge(r, slices.Collect(maps.Values(entries))), nil
}

// run writes what is new until the observer is closed.
func (o *Observer) run() {
	defer close(o.done)
	tick := time.NewTicker(o.opts.interval)
	defer tick.Stop()
	for {
		o.write()
		select {
		case <-tick.C:
		case <-o.news:
		case <-o.life.Done():
			o.write()
			return
		}
	}
}

// write brings the bucket up to date. What fails is tried again the next time.
func (o *Observer) write() {
	for _, w := range o.changed() {
		if err := o.bucket.put(w.key.of(o.opts.Store.NodeID()), w.text); err != nil {
			o.log.Debug("the other nodes cannot see what this one counts of a release; trying again", "stack", w.key.stack, "error", err)
			continue
		}
		o.mu.Lock()
		w.watch.written = w.text
		o.mu.Unlock()
	}
	o.mu.Lock()
	ended := slices.Collect(maps.Keys(o.ended))
	o.mu.Unlock()
	for _, key := range ended {
		if err := o.bucket.remove(context.Background(), key); err != nil {
			o.log.Debug("what was counted of a release that has ended was not removed; trying again", "stack", key.stack, "error", err)
			continue
		}
		o.mu.Lock()
		delete(o.ended, key)
		o.mu.Unlock()
	}
}

// A change is a watch whose counts the bucket does not have.
type change struct {
	*watch
	text string
}

func (o *Observer) changed() (changes []change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range o.watches {
		if text := encode(o.entry(w)); text != w.written {
			changes = append(changes, change{w, text})
		}
	}
	return changes
}

// Collect removes what was written of releases that are no longer under way: the last
// node that knew of one died before it was done. Call it now and then, on any node.
func (o *Observer) Collect(ctx context.Context) error {
	keys, err := o.bucket.releases(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keys {
		if o.watching(key) {
			continue // A replica of the store may know less than this node does.
		}
		// Only now: a release is in the store before anybody counts for it.
		r, err := o.opts.UnderWay(ctx, key.stack)
		if err == nil && (r == nil || keyOf(key.stack, *r) != key) {
			err = o.bucket.remove(ctx, key)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (o *Observer) watching(key releaseKey) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	w := o.watches[key.stack]
	return w != nil && w.key == key
}

// Close writes what was counted last, and ends the observer. What was written stays for
// the process that comes after this one, and for the other nodes.
func (o *Observer) Close(context.Context) {
	o.end()
	<-o.done
}
