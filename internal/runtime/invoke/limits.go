package invoke

import (
	"context"
	"slices"
	"sync"
	"time"
)

// limits keep the number of invocations that run at once within bounds, as
// Lambda does: a function with a reservation has that many for all of its
// versions together, and nobody else can use them; all other functions share
// what the reservations leave of the account's limit.
//
// The bounds hold for all nodes together: each node grants its share.
type limits struct {
	account int
	share   func(limit int) int

	mu sync.Mutex
	// reserved is the sum of all reservations.
	reserved int
	// shared is the group of all functions without a reservation.
	shared group
}

// A group of functions share one limit. Its fields belong to limits.mu.
type group struct {
	// reserved is the reservation of the one function in the group; nil in
	// limits.shared.
	reserved *int
	running  int
	// waiting for a place, the first in line first.
	waiting []*ticket
}

// A quota is what limits know of one function. Its fields belong to limits.mu.
type quota struct {
	group   *group
	running int
}

// A ticket is a place in line.
type ticket struct {
	quota   *quota
	granted chan struct{}
}

func newLimits(account int, share func(int) int) *limits {
	return &limits{account: account, share: share}
}

// set gives the function its reservation, or takes it away. What runs stays
// counted, under the new limit.
func (l *limits) set(q *quota, reserved *int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.group == nil {
		q.group = &l.shared
	}
	old := q.group
	if old == &l.shared && reserved == nil {
		return
	}
	if old != &l.shared {
		l.reserved -= *old.reserved
	}
	next := &l.shared
	if reserved != nil {
		next = &group{reserved: reserved}
		l.reserved += *reserved
	}
	old.running -= q.running
	next.running += q.running
	for _, t := range old.waiting {
		if t.quota == q {
			next.waiting = append(next.waiting, t)
		}
	}
	old.waiting = slices.DeleteFunc(old.waiting, func(t *ticket) bool { return t.quota == q })
	q.group = next
	l.grant(next)
	l.grant(&l.shared)
}

// capacity is how many invocations of the function's group this node may run
// at once. None is true if no node may run any, ever.
func (l *limits) capacity(q *quota) (n int, none bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.capacityOf(q.group), q.group.reserved != nil && *q.group.reserved == 0
}

func (l *limits) capacityOf(g *group) int {
	if g.reserved != nil {
		return l.share(*g.reserved)
	}
	return l.share(max(0, l.account-l.reserved))
}

// take counts one more invocation, or says why there cannot be one.
func (l *limits) take(q *quota) *Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if q.group.running < l.capacityOf(q.group) {
		q.group.running++
		q.running++
		return nil
	}
	if q.group.reserved != nil {
		return throttled(reasonReserved)
	}
	return throttled(reasonAccount)
}

// recheck is how often who waits looks whether this node's share has grown.
const recheck = time.Second

// wait is take for those who have time: it waits in line until ctx ends.
func (l *limits) wait(ctx context.Context, q *quota) error {
	t := &ticket{quota: q, granted: make(chan struct{})}
	l.mu.Lock()
	q.group.waiting = append(q.group.waiting, t)
	l.grant(q.group)
	l.mu.Unlock()

	tick := time.NewTicker(recheck)
	defer tick.Stop()
	for {
		select {
		case <-t.granted:
			return nil
		case <-tick.C:
			l.mu.Lock()
			l.grant(q.group)
			l.mu.Unlock()
		case <-ctx.Done():
			l.mu.Lock()
			defer l.mu.Unlock()
			select {
			case <-t.granted: // at the same moment
				return nil
			default:
			}
			q.group.waiting = slices.DeleteFunc(q.group.waiting, func(other *ticket) bool { return other == t })
			return ctx.Err()
		}
	}
}

// release gives back what take or wait gave.
func (l *limits) release(q *quota) {
	l.mu.Lock()
	defer l.mu.Unlock()
	q.running--
	q.group.running--
	l.grant(q.group)
}

// grant lets in who waits, as far as there is room.
func (l *limits) grant(g *group) {
	for len(g.waiting) > 0 && g.running < l.capacityOf(g) {
		t := g.waiting[0]
		g.waiting = g.waiting[1:]
		t.quota.running++
		g.running++
		close(t.granted)
	}
}
