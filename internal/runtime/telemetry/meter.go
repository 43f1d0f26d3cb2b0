package telemetry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
)

// meterInterval is how often what was counted is written: so much of it at most is lost
// when the process is killed. meterTimeout is how long JetStream may take to take it.
const (
	meterInterval = time.Second
	meterTimeout  = 5 * time.Second
)

// usageParts is into how many values a node's usage is split by stack, so that neither
// the usage of one busy stack writes that of a thousand others again, nor a thousand busy
// ones take a thousand writes. It never changes: where a stack's usage is follows from it.
const usageParts = 16

// MeterOptions configure OpenMeter. JetStream and Node are required.
type MeterOptions struct {
	JetStream jetstream.JetStream
	// Replicas of the bucket, default 1.
	Replicas int
	// Node names what counts; other than a process it stays the same, since its counts go
	// on where those of the process before ended. No two may run at once.
	Node string
	// Log gets the meter's own troubles; nil means none.
	Log *slog.Logger

	// interval between two writes; tests change it.
	interval time.Duration
}

// A Meter keeps the usage of all versions.
//
// Each node counts in memory and writes the sums since ever, of those parts that have
// changed, once a second. As a value replaces the one before, nothing can be counted
// twice: not by a write that is repeated, nor by a process that is killed before it
// learns that a write was done. What all nodes have counted is added up by who reads.
type Meter struct {
	opts   MeterOptions
	bucket usageBucket

	mu       sync.RWMutex
	counters map[usageKey]*Counter

	// writing is held while parts are written.
	writing sync.Mutex
	closing chan struct{}
	done    chan struct{}
	once    sync.Once
}

// OpenMeter makes or finds the bucket, and goes on where the node's counts ended.
func OpenMeter(ctx context.Context, opts MeterOptions) (*Meter, error) {
	opts.interval = cmp.Or(opts.interval, meterInterval)
	opts.Replicas = cmp.Or(opts.Replicas, 1)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	bucket, err := openUsageBucket(ctx, opts)
	if err != nil {
		return nil, err
	}
	m := &Meter{
		opts: opts, bucket: bucket, counters: map[usageKey]*Counter{},
		closing: make(chan struct{}), done: make(chan struct{}),
	}
	before, err := bucket.read(ctx, opts.Node+".*")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	for _, usage := range before {
		for _, u := range usage {
			if !expired(u, now) {
				m.Counter(u.Stack, u.Function, u.Version).continueFrom(u)
			}
		}
	}
	go m.run()
	return m, nil
}

// Counter returns the counter of a version; nil from no meter.
func (m *Meter) Counter(stack, function, version string) *Counter {
	if m == nil {
		return nil
	}
	key := usageKey{stack, function, version}
	m.mu.RLock()
	c := m.counters[key]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c := m.counters[key]; c != nil {
		return c
	}
	c = &Counter{usageKey: key}
	m.counters[key] = c
	return c
}

// Usage is what the versions of a stack's function have used on all nodes, and of this
// one until now. No function means all of the stack, and no stack all there are.
func (m *Meter) Usage(ctx context.Context, stack, function string) ([]Usage, error) {
	entries, err := m.bucket.read(ctx, ">")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var all []Usage
	add := func(u Usage) {
		if (stack == "" || u.Stack == stack) && (function == "" || u.Function == function) && !expired(u, now) {
			all = append(all, u)
		}
	}
	for key, usage := range entries {
		if nodeOf(key) == m.opts.Node {
			continue // it knows better
		}
		for _, u := range usage {
			add(u)
		}
	}
	m.mu.RLock()
	for _, c := range m.counters {
		if u := c.usage(); u.Invocations+u.Throttles > 0 {
			add(u)
		}
	}
	m.mu.RUnlock()
	return sumUsage(all), nil
}

// run writes once a second until the meter is closed.
func (m *Meter) run() {
	defer close(m.done)
	tick := time.NewTicker(m.opts.interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := m.write(); err != nil {
				m.opts.Log.Warn("the functions' usage could not be written; trying again", "error", err)
			}
		case <-m.closing:
			return
		}
	}
}

// write brings the parts that have changed to the bucket.
func (m *Meter) write() error {
	m.writing.Lock()
	defer m.writing.Unlock()
	var parts [usageParts][]*Counter
	var changed [usageParts]bool
	m.mu.RLock()
	for _, c := range m.counters {
		part := partOf(c.stack)
		parts[part] = append(parts[part], c)
		changed[part] = changed[part] || c.usage() != c.written
	}
	m.mu.RUnlock()
	var errs []error
	for part, counters := range parts {
		if !changed[part] {
			continue
		}
		usage := make([]Usage, 0, len(counters))
		for _, c := range counters {
			if u := c.usage(); u.Invocations+u.Throttles > 0 {
				usage = append(usage, u)
			}
		}
		if err := m.bucket.put(usageName(m.opts.Node, part), usage); err != nil {
			errs = append(errs, err)
			continue
		}
		written := map[usageKey]Usage{}
		for _, u := range usage {
			written[keyOf(u)] = u
		}
		for _, c := range counters {
			if u, ok := written[c.usageKey]; ok {
				c.written = u
				c.stored.Store(u.Invocations)
			}
		}
	}
	return errors.Join(errs...)
}

// Unwritten is how many invocations were counted that a kill would lose now.
func (m *Meter) Unwritten() (n uint64) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, c := range m.counters {
		stored := c.stored.Load() // first: it only ever is what the other was
		n += c.invocations.Load() - stored
	}
	return n
}

// Collect removes what nodes wrote whose usage has all expired. Call it now and then, on
// any node.
func (m *Meter) Collect(ctx context.Context) error {
	entries, err := m.bucket.read(ctx, ">")
	if err != nil {
		return err
	}
	now := time.Now()
	var errs []error
	for key, usage := range entries {
		gone := nodeOf(key) != m.opts.Node
		for _, u := range usage {
			gone = gone && expired(u, now)
		}
		if gone {
			errs = append(errs, m.bucket.remove(ctx, key))
		}
	}
	return errors.Join(errs...)
}

// Close writes what was counted last, and ends the meter. Nothing counts any more.
func (m *Meter) Close() error {
	m.once.Do(func() { close(m.closing) })
	<-m.done
	return m.write()
}

// partOf is the part that a stack's usage is in.
func partOf(stack string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(stack))
	return int(h.Sum32() % usageParts)
}

// Gauge tells how much a kill would lose.
func (m *Meter) Gauge() prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tidegate_usage_unwritten_invocations",
		Help: "Invocations that are counted on this node, and whose usage is not stored yet: a kill would lose it.",
	}, func() float64 { return float64(m.Unwritten()) })
}

// usageName is the key of one part of a node's usage.
func usageName(node string, part int) string { return fmt.Sprintf("%s.%d", node, part) }
