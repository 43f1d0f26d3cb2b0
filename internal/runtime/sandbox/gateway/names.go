package gateway

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// names has the addresses of the names in policies, which are few, and renews them
// in the background for as long as its context lasts.
type names struct {
	ctx    context.Context
	lookup func(ctx context.Context, name string) ([]netip.Addr, error)
	// changed gets a value when all has.
	changed chan struct{}

	mu    sync.Mutex
	known map[string][]netip.Addr // nil while none are known
}

// renewal is how old addresses may become.
const renewal = 30 * time.Second

func newNames(ctx context.Context, lookup func(ctx context.Context, name string) ([]netip.Addr, error)) *names {
	return &names{ctx: ctx, lookup: lookup, changed: make(chan struct{}, 1), known: map[string][]netip.Addr{}}
}

// watch begins to look a name up, unless it is an address, or watched already.
func (n *names) watch(name string) {
	if _, err := netip.ParseAddr(name); err == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, ok := n.known[name]; ok {
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
			n.learn(name, addresses)
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

func (n *names) learn(name string, addresses []netip.Addr) {
	slices.SortFunc(addresses, netip.Addr.Compare)
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Equal(n.known[name], addresses) {
		return
	}
	n.known[name] = addresses
	select {
	case n.changed <- struct{}{}:
	default:
	}
}

// all are the names of which addresses are known.
func (n *names) all() map[string][]netip.Addr {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := maps.Clone(n.known)
	maps.DeleteFunc(all, func(_ string, addresses []netip.Addr) bool { return len(addresses) == 0 })
	return all
}
