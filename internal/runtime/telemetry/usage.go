package telemetry

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// UsageKept is how long the usage of a version is kept after its last invocation,
// whether the function still exists or not: thirteen months, and a few days.
const UsageKept = 400 * 24 * time.Hour

// Usage is what one version of a function has used.
type Usage = stack.Usage

// A usageKey is what usage is of. A stack that is made again after its deletion gives
// its versions other numbers, so that they need no incarnation to be told apart.
type usageKey struct{ stack, function, version string }

func keyOf(u Usage) usageKey { return usageKey{u.Stack, u.Function, u.Version} }

func expired(u Usage, now time.Time) bool { return now.Sub(u.Last) > UsageKept }

// sumUsage adds up what several nodes have counted, and sorts it.
func sumUsage(all []Usage) []Usage {
	sums := map[usageKey]Usage{}
	for _, u := range all {
		if sum, ok := sums[keyOf(u)]; ok {
			u = sum.Plus(u)
		}
		sums[keyOf(u)] = u
	}
	usage := make([]Usage, 0, len(sums))
	for _, u := range sums {
		usage = append(usage, u)
	}
	sortUsage(usage)
	return usage
}

func sortUsage(usage []Usage) {
	slices.SortFunc(usage, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Function, b.Function),
			cmp.Compare(len(a.Version), len(b.Version)), cmp.Compare(a.Version, b.Version)) // 9 before 10
	})
}

// A Counter counts the usage of one version on this node. Its methods take no lock, and
// do nothing on nil.
type Counter struct {
	usageKey
	invocations, errors, throttles, billedMS, billedMBMS atomic.Uint64
	last                                                 atomic.Int64

	// written is what the meter has last written. It belongs to Meter.writing; stored are
	// the invocations in it.
	written Usage
	stored  atomic.Uint64
}

// Invocation counts one that ended at a time. One that no instance could be started
// for is billed nothing.
func (c *Counter) Invocation(now time.Time, billed time.Duration, memory int, failed bool) {
	if c == nil {
		return
	}
	ms := uint64(billed / time.Millisecond)
	c.billedMS.Add(ms)
	c.billedMBMS.Add(ms * uint64(memory))
	c.last.Store(now.Unix())
	if failed {
		c.errors.Add(1)
	}
	c.invocations.Add(1)
}

// Throttle counts an invocation that was turned away.
func (c *Counter) Throttle(now time.Time) {
	if c == nil {
		return
	}
	c.last.Store(now.Unix())
	c.throttles.Add(1)
}

// usage is what was counted so far. Invocations that end meanwhile may be in it in part,
// and are whole in the next.
func (c *Counter) usage() Usage {
	return Usage{
		Stack: c.stack, Function: c.function, Version: c.version,
		Invocations: c.invocations.Load(), Errors: c.errors.Load(), Throttles: c.throttles.Load(),
		BilledMS: c.billedMS.Load(), BilledMBMS: c.billedMBMS.Load(), Last: time.Unix(c.last.Load(), 0).UTC(),
	}
}

// continueFrom counts on from what was counted before this process.
func (c *Counter) continueFrom(u Usage) {
	c.invocations.Add(u.Invocations)
	c.errors.Add(u.Errors)
	c.throttles.Add(u.Throttles)
	c.billedMS.Add(u.BilledMS)
	c.billedMBMS.Add(u.BilledMBMS)
	c.last.Store(max(c.last.Load(), u.Last.Unix()))
	c.written = c.usage()
	c.stored.Store(u.Invocations)
}
