package invoke

import (
	"slices"
	"strconv"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// expectDelay is how long after a change the sandbox is told what may be started now:
// at a node's start there are many changes at once.
const expectDelay = 50 * time.Millisecond

// changed has the sandbox told in a moment what may be started.
func (r *runner) changed() {
	select {
	case r.changes <- struct{}{}:
	default:
	}
}

// expect tells the sandbox after every change, as long as the runner lives.
func (r *runner) expect() {
	defer r.living.Done()
	for {
		select {
		case <-r.changes:
		case <-r.life.Done():
			return
		}
		select {
		case <-time.After(expectDelay):
		case <-r.life.Done():
			return
		}
		r.opts.Sandbox.Prepare(r.expected()...)
	}
}

// expected are the kinds of instances that an alias of some function leads to. What
// cannot be started is left out; who invokes it learns why.
func (r *runner) expected() []sandbox.Spec {
	r.mu.RLock()
	functions := make([]*function, 0, len(r.functions))
	for _, f := range r.functions {
		functions = append(functions, f)
	}
	r.mu.RUnlock()
	var specs []sandbox.Spec
	for _, f := range functions {
		for _, p := range f.settings.Load().routed() {
			command, err := p.command(r.life, onDemand, "")
			if err == nil {
				specs = append(specs, p.kind(command))
			}
		}
	}
	return specs
}

// routed are the pools of the versions that the live alias may lead to.
func (s *settings) routed() []*pool {
	names := []string{s.candidate, s.stable}
	for number := range s.live {
		names = append(names, strconv.Itoa(number))
	}
	var pools []*pool
	for _, name := range names {
		if p := s.pools[name]; p != nil && !slices.Contains(pools, p) {
			pools = append(pools, p)
		}
	}
	return pools
}
