package invoke

import (
	"maps"
	"reflect"
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
	var known kinds
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
		r.opts.Sandbox.Prepare(r.expected(&known)...)
	}
}

// kinds are what instances are prepared by, each once: a thousand functions have but a
// few.
type kinds []*sandbox.Spec

func (k *kinds) find(spec sandbox.Spec) *sandbox.Spec {
	for _, known := range *k {
		if reflect.DeepEqual(*known, spec) {
			return known
		}
	}
	*k = append(*k, &spec)
	return &spec
}

// expected are the kinds of instances that an alias of some function leads to. What
// cannot be started is left out; who invokes it learns why. It is for one goroutine.
func (r *runner) expected(known *kinds) []sandbox.Spec {
	r.mu.RLock()
	functions := slices.Collect(maps.Values(r.functions))
	r.mu.RUnlock()
	used := map[*sandbox.Spec]bool{}
	for _, f := range functions {
		for _, p := range f.settings.Load().routed() {
			if p.kindOf == nil {
				if command, err := p.command(r.life, onDemand, ""); err == nil {
					p.kindOf = known.find(p.kind(command))
				}
			}
			if p.kindOf != nil {
				used[p.kindOf] = true
			}
		}
	}
	*known = slices.Collect(maps.Keys(used))
	specs := make([]sandbox.Spec, 0, len(*known))
	for _, k := range *known {
		specs = append(specs, *k)
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
