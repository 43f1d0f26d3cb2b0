package invoke

import (
	"runtime"
	"sync"
	"time"
)

// The pace of a queue begins with so many events per CPU. It grows by as many
// every paceInterval while there are more and the host is not busy, up to
// maxPacePerCPU.
const (
	pacePerCPU    = 8
	maxPacePerCPU = 64
	paceInterval  = time.Second
)

// A pace is how many events of one queue this node handles at once. A thousand
// events that come at once are no reason for a thousand processes: where the
// functions wait for something, more of them at once get more done, but where
// they compute, each further one only slows down the others.
type pace struct {
	// busy tells whether the host has no processor time to spare.
	busy func() bool

	mu       sync.Mutex
	handling int
	limit    int
	changed  time.Time
	// freed gets a value when there may be room again.
	freed chan struct{}
}

func newPace(busy func() bool) *pace {
	return &pace{busy: busy, limit: pacePerCPU * runtime.GOMAXPROCS(0), freed: make(chan struct{}, 1)}
}

// room is how many more events may be handled now, if the function's own limit
// is capacity. Asking for it while there is none makes the pace grow in time.
func (p *pace) room(capacity int, now time.Time) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	cpus := runtime.GOMAXPROCS(0)
	switch {
	case p.handling == 0:
		p.limit, p.changed = pacePerCPU*cpus, now
	case p.handling >= p.limit && now.Sub(p.changed) >= paceInterval:
		p.changed = now
		if !p.busy() {
			p.limit = min(p.limit+pacePerCPU*cpus, maxPacePerCPU*cpus)
		}
	}
	return min(capacity, p.limit) - p.handling
}

func (p *pace) begin() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handling++
}

func (p *pace) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.handling--
	select {
	case p.freed <- struct{}{}:
	default:
	}
}
