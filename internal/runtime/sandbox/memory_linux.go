package sandbox

import (
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const mb = 1 << 20

// A memoryGuard holds an instance to its memory limit.
//
// On Lambda /tmp is a disk; here it is a tmpfs, whose pages the kernel counts as
// memory of the cgroup. So the kernel's own limit (the backstop) is the sum of
// both sizes, and the guard keeps the memory alone to its part: it looks when all
// that is counted has come to the limit, and from then on as often as what is
// left could be used up. It ends an instance that exceeds it by little; the
// backstop ends one that is faster.
type memoryGuard struct {
	group group // nil without a memory cgroup
	tmp   int   // descriptor of /tmp; -1 if that is no tmpfs of the instance
	limit int64
	// sample measures the tree where there is no memory cgroup.
	sample func() int64

	mu      sync.Mutex
	peak    int64
	read    time.Time
	stopped bool
}

// growth is how fast a tree is taken to use up memory at most, in bytes per
// second; it sets how often the guard looks.
const growth = 1 << 30

const (
	minGuardInterval = 10 * time.Millisecond
	maxGuardInterval = 250 * time.Millisecond
)

// run calls exceeded once when the limit is, until stop is closed.
func (g *memoryGuard) run(stop <-chan struct{}, exceeded func()) {
	if g.group != nil {
		// An error means that this kernel has no such event: then look all the time.
		if crossed, err := g.group.crossed(stop); err == nil {
			select {
			case <-stop:
				return
			case <-crossed:
			}
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		used := g.look()
		if used > g.limit {
			exceeded()
			return
		}
		left := time.Duration(float64(g.limit-used) / growth * float64(time.Second))
		timer.Reset(min(max(left, minGuardInterval), maxGuardInterval))
	}
}

// look measures what is used now and keeps the peak.
func (g *memoryGuard) look() (used int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return 0
	}
	g.read = time.Now()
	if g.group == nil {
		used = g.sample()
		g.peak = max(g.peak, used)
		return used
	}
	use, err := g.group.memory()
	if err != nil {
		return 0
	}
	elsewhere := use.cache + tmpUsed(g.tmp)
	used = use.total - elsewhere
	// The kernel's peak holds cached files and /tmp; what they were then is not known,
	// only what they are.
	g.peak = max(g.peak, used, min(use.peak-elsewhere, g.limit))
	return used
}

// peakFor is how long a peak that was read is good enough to answer with again.
const peakFor = 100 * time.Millisecond

func (g *memoryGuard) memoryPeak() int64 {
	g.mu.Lock()
	fresh := g.stopped || time.Since(g.read) < peakFor
	peak := g.peak
	g.mu.Unlock()
	if fresh {
		return peak
	}
	g.look()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.peak
}

// stop takes the last measures, before the group is removed. It tells how many
// processes the kernel has killed for the limit.
func (g *memoryGuard) stop() (oomKills uint64) {
	g.look()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
	if g.group != nil {
		if use, err := g.group.memory(); err == nil {
			oomKills = use.oomKills
		}
	}
	return oomKills
}

// tmpUsed returns how much is stored in a tmpfs.
func tmpUsed(fd int) int64 {
	if fd < 0 {
		return 0
	}
	var s unix.Statfs_t
	if err := unix.Fstatfs(fd, &s); err != nil {
		return 0
	}
	return int64(s.Blocks-s.Bfree) * s.Bsize
}
