package trigger

import (
	"time"

	"golang.org/x/time/rate"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A throttle is a token bucket that all nodes share: each has the part of it
// that its store says. A nil one lets everything pass.
type throttle struct {
	config  stack.Throttle
	share   func(limit int) int
	limiter *rate.Limiter
}

func newThrottle(config *stack.Throttle, share func(limit int) int) *throttle {
	if config == nil {
		return nil
	}
	t := &throttle{config: *config, share: share}
	perSecond, burst := t.part()
	t.limiter = rate.NewLimiter(perSecond, burst)
	return t
}

// part is this node's part. Share divides whole numbers only, so the rate is
// divided as a million is. A node that has a part of the rate lets at least one
// request pass at once, however many nodes share the burst.
func (t *throttle) part() (rate.Limit, int) {
	const whole = 1_000_000
	fraction := float64(t.share(whole)) / whole
	return rate.Limit(t.config.Rate * fraction), max(1, t.share(t.config.Burst))
}

// allow takes a token if there is one.
func (t *throttle) allow(now time.Time) bool {
	if t == nil {
		return true
	}
	perSecond, burst := t.part()
	if perSecond != t.limiter.Limit() || burst != t.limiter.Burst() {
		t.limiter.SetLimitAt(now, perSecond)
		t.limiter.SetBurstAt(now, burst)
	}
	return t.limiter.AllowN(now, 1)
}

// same tells whether the throttle is already as configured.
func (t *throttle) same(config *stack.Throttle) bool {
	return t != nil && config != nil && t.config == *config
}
