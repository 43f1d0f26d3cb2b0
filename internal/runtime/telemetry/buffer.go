package telemetry

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// noticeInterval is how often a log says that lines were dropped.
const noticeInterval = time.Second

// A buffer is what one group's log has gathered since the last flush, and what
// it had to drop.
type buffer struct {
	// mu is held by those who append; the writer has Logs.mu.
	mu      sync.Mutex
	limiter *rate.Limiter
	// told: the writer knows that there is something to take.
	told    bool
	entries []Entry
	dropped int
	// uncounted of them are not in the metrics.
	uncounted int
	// last entry dropped, for the notice to come from the same instance.
	last    Entry
	noticed time.Time
}

func newBuffer(bytesPerSecond, burst int) *buffer {
	return &buffer{limiter: rate.NewLimiter(rate.Limit(bytesPerSecond), burst)}
}

func (b *buffer) drop(e Entry) {
	b.dropped++
	b.uncounted++
	b.last = e
	b.last.Line = ""
}

// take empties the buffer, with a notice of what was dropped if one is due.
func (b *buffer) take(now time.Time, final bool) []Entry {
	entries := b.entries
	b.entries, b.told = nil, false
	if b.dropped > 0 && (final || now.Sub(b.noticed) >= noticeInterval) {
		notice := b.last
		notice.Line = fmt.Sprintf("... %d lines dropped", b.dropped)
		entries = append(entries, notice)
		b.dropped, b.noticed = 0, now
	}
	return entries
}

// idle tells whether forgetting the buffer would change nothing.
func (b *buffer) idle(now time.Time) bool {
	return len(b.entries) == 0 && b.dropped == 0 && b.limiter.TokensAt(now) >= float64(b.limiter.Burst())
}
