package telemetry

import (
	"sync"
	"sync/atomic"
	"time"
)

// Counts are of one version's invocations over some time: on one node, or, added up,
// on several.
type Counts struct {
	// Invocations that were answered, well or not, and those that no instance could be
	// started for.
	Invocations uint64 `json:"invocations,omitempty"`
	// Errors are those of them that failed: errors, timeouts, crashes, and all for which
	// there was no instance.
	Errors uint64 `json:"errors,omitempty"`
	// Throttles are no Invocations: they were turned away, while this version's
	// invocations held the places.
	Throttles uint64 `json:"throttles,omitempty"`
	// Durations of the function's own time, as CloudWatch's: neither a cold start nor the
	// wait for an instance is part of them. Those without an instance have none.
	Durations Durations `json:"durations,omitempty"`
}

// Plus are both together.
func (c Counts) Plus(other Counts) Counts {
	return Counts{
		Invocations: c.Invocations + other.Invocations, Errors: c.Errors + other.Errors,
		Throttles: c.Throttles + other.Throttles, Durations: c.Durations.plus(other.Durations),
	}
}

// Minus is what came after an earlier look at the same counts. An invocation that ended
// during that look may have been counted there without its error, which is left out.
func (c Counts) Minus(earlier Counts) Counts {
	invocations := less(c.Invocations, earlier.Invocations)
	return Counts{
		Invocations: invocations, Errors: min(less(c.Errors, earlier.Errors), invocations),
		Throttles: less(c.Throttles, earlier.Throttles), Durations: c.Durations.minus(earlier.Durations),
	}
}

func less(a, b uint64) uint64 {
	if a < b {
		return 0
	}
	return a - b
}

// A Tally counts the invocations of one version on this node, from its first on. The
// zero value is ready. Its methods take no lock that others wait for, whoever looks
// at the counts meanwhile; those that look return nothing on nil.
type Tally struct {
	running                        atomic.Int64
	invocations, errors, throttles atomic.Uint64
	durations                      [bucketCount]atomic.Uint64

	// marking is held while the marks are moved, or looked at.
	marking      sync.Mutex
	older, newer mark
}

// A mark is what the counts were at a time.
type mark struct {
	at     time.Time
	counts Counts
}

// A mark is moved when it is that old, and so many invocations were counted since the
// check before. The second also keeps the clock out of the usual case.
const (
	markInterval    = 10 * time.Minute
	markInvocations = 1 << 10
)

// Begin counts an invocation as running. Ran, Unstarted or Abandoned ends that.
func (t *Tally) Begin() { t.running.Add(1) }

// Ran counts an invocation that was answered at a time, after so long.
func (t *Tally) Ran(now time.Time, took time.Duration, failed bool) {
	t.durations[bucketOf(took)].Add(1)
	t.end(now, failed)
}

// Unstarted counts an invocation that there was no instance for.
func (t *Tally) Unstarted(now time.Time) { t.end(now, true) }

// Abandoned is the end of an invocation that tells nothing of the version: whoever
// waited for it left before it began, or the node closes.
func (t *Tally) Abandoned() { t.running.Add(-1) }

// end counts an invocation before its error, and Counts looks the other way round: there are
// never more errors than invocations.
func (t *Tally) end(now time.Time, failed bool) {
	t.running.Add(-1)
	n := t.invocations.Add(1)
	if failed {
		t.errors.Add(1)
	}
	if n%markInvocations == 0 {
		t.mark(now)
	}
}

// Throttle counts an invocation that was turned away.
func (t *Tally) Throttle() { t.throttles.Add(1) }

// Running is how many invocations have begun and not ended.
func (t *Tally) Running() int64 { return t.running.Load() }

// Counts are all there were.
func (t *Tally) Counts() Counts {
	if t == nil {
		return Counts{}
	}
	c := Counts{Errors: t.errors.Load(), Throttles: t.throttles.Load(), Durations: Durations{}}
	for bucket := range t.durations {
		if n := t.durations[bucket].Load(); n > 0 {
			c.Durations[bucket] = n
		}
	}
	c.Invocations = t.invocations.Load()
	return c
}

// Recent are the counts of the last minutes: at least ten, and at least a thousand
// invocations, if there were so many; at most about twice whichever of the two is more.
func (t *Tally) Recent() Counts {
	if t == nil {
		return Counts{}
	}
	t.marking.Lock()
	defer t.marking.Unlock()
	return t.Counts().Minus(t.older.counts)
}

// mark moves the marks if it is time to. Recent counts begin at the older.
func (t *Tally) mark(now time.Time) {
	if !t.marking.TryLock() {
		return // The next one will do.
	}
	defer t.marking.Unlock()
	if now.Sub(t.newer.at) < markInterval {
		return
	}
	t.older, t.newer = t.newer, mark{now, t.Counts()}
}
