package invoke

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// Tally has the counts of a version of a function on this node: of all invocations
// of it, whatever caused them. Nil means that there is no such version here.
func (s *Service) Tally(stack, incarnation, function string, version int) *telemetry.Tally {
	s.runner.mu.RLock()
	f := find(s.runner.stacks[stack], incarnation, function)
	s.runner.mu.RUnlock()
	if f == nil {
		return nil
	}
	if p := f.settings.Load().pools[strconv.Itoa(version)]; p != nil {
		return &p.tally
	}
	return nil
}

// settle ends an invocation's place under the limits, and counts it.
func (p *pool) settle(inv *invocation, now time.Time) {
	f, o := p.function, &inv.outcome
	f.runner.limits.release(&f.quota)
	f.runner.running.Done()
	p.tallyUp(now, *o)
	switch {
	case o.err == nil:
		billed, memory := inv.billed(), p.version.config.Memory
		p.metrics().Invocation(&p.series, f.stack, f.name, p.version.name, o.String(), o.duration, billed, memory)
		p.meter().Invocation(now, billed, memory, o.failure != nil)
	case !passing(o.err):
		p.meter().Invocation(now, 0, p.version.config.Memory, true)
	}
}

// tallyUp counts how an invocation of the version ended.
//
// One that no instance could be had for (the package is missing, the interpreter
// does not start) counts as failed, though the function never ran: it is what a
// version that cannot run looks like from outside. One whose caller stopped waiting,
// or that the node's end cut off, says nothing of the version.
func (p *pool) tallyUp(now time.Time, o outcome) {
	switch {
	case o.err == nil:
		p.tally.Ran(now, o.duration, o.failure != nil)
	case passing(o.err):
		p.tally.Abandoned()
	default:
		p.tally.Unstarted(now)
	}
}

// passing tells whether an invocation did not run for a reason that is not its version's.
func passing(err error) bool {
	var known *Error
	return errors.As(err, &known) && known.Status == http.StatusServiceUnavailable
}

// throttle counts an invocation that got no place. Chosen is the version that it
// would have run.
//
// It is put down not to that version but to one whose invocations hold the places: of
// two versions, to each as often as it holds some. The limit is for all versions
// together, so that every version's invocations are turned away equally often, however
// few of them a slow candidate leaves the others; a gate that compares the two would
// never see it. Where none of the function's own invocations is running, since others
// use up what they share or its reservation is 0, the version chosen has it.
func (f *function) throttle(chosen *pool) {
	p := f.settings.Load().occupant(f.runner.opts.Random)
	if p == nil {
		p = chosen
	}
	p.tally.Throttle()
	p.meter().Throttle(time.Now())
	p.metrics().Throttle(f.stack, f.name, p.version.name)
}

// occupant returns the pool that holds one of the function's places, any of which may
// be meant; nil if none is held. Each pool takes the place of those before it with the
// probability of its share of the places so far, so that no list of them is needed.
func (s *settings) occupant(random func() float64) (occupant *pool) {
	var all int64
	for _, p := range s.pools {
		n := p.tally.Running()
		all += n
		if n > 0 && random()*float64(all) < float64(n) {
			occupant = p
		}
	}
	return occupant
}
