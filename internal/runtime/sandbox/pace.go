//go:build unix

package sandbox

import "time"

// A pace bounds how much of the runtime's time an instance has for itself by something
// that costs the instance next to nothing, such as printing empty lines. Its zero value
// is ready for use; it is for one goroutine at a time.
type pace struct {
	// spent is the time that was not earned by waiting, at the time of at.
	spent time.Duration
	at    time.Time
}

const (
	// paceShare is what part of one processor's time it may be: one in so many.
	paceShare = 10
	// paceBurst is how much it may be at once.
	paceBurst = 200 * time.Millisecond
)

// worked tells what the instance has been worked for, from one time to another.
func (p *pace) worked(from, to time.Time) {
	p.spent = max(0, p.spent-to.Sub(p.at)/paceShare) + to.Sub(from)
	p.at = to
}

// rest is how long the instance has to wait before it is worked for again.
func (p *pace) rest() time.Duration { return max(0, p.spent-paceBurst) * paceShare }
