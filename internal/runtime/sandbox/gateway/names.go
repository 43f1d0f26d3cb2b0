package gateway

import (
	"context"
	"net/netip"
	"sync"
	"time"
)

// names has the addresses of the names in policies, which are few, and renews them
// in the background for as long as its context lasts.
type names struct {
	ctx    context.Context
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)

	mu    sync.Mutex
	known map[string][]netip.Addr // nil while none are known
}

// renewal is how old addresses may become.
const renewal = 30 * time.Second

func newNames(ctx context.Context, lookup func(ctx context.Context, name string) ([]netip.Addr, error)) *names {
	return &names{ctx: ctx, lookup: lookup, known: map[string][]netip.Addr{}}
}

// watch begins to look a name up, unless it is watched already.
func (n *names) watch(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.known[name]; ok {
		return
	}
	if a, err := netip.ParseAddr(name); err == nil {
		n.known[name] = []netip.Addr{a}
		return
	}
	n.known[name] = nil
	go n.renew(name)
}

func (n *names) renew(name string) {
	wait := 100 * time.Millisecond
	for n.ctx.Err() == nil {
		ctx, cancel := context.WithTimeout(n.ctx, renewal)
		addresses, err := n.lookup(ctx, name)
		cancel()
		if err == nil && len(addresses) > 0 {
			n.mu.Lock()
			n.known[name] = addresses
			n.mu.Unlock()
			wait = renewal
		} else { // what was known goes on holding
			wait = min(2*wait, renewal)
		}
		select {
		case <-n.ctx.Done():
		case <-time.After(wait):
		}
	}
}

// addresses is false while nothing is known of the name.
func (n *names) addresses(name string) ([]netip.Addr, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.known[name]
	return a, len(a) > 0
}
