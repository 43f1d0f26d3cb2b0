package observe

import (
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// A watch is what this node counts of one release.
type watch struct {
	key         releaseKey
	incarnation string
	// since is the step's that the counts begin with.
	since     int64
	functions map[string]*watched
	// written is what the bucket has of it, as text.
	written string
}

// A watched function.
type watched struct {
	candidate, stable int
	// What the versions had counted when the step began.
	candidateBase, stableBase telemetry.Counts
	before                    telemetry.Counts
}

// begin watches a release that this node has just learnt of. What the stable versions
// have counted up to now is from before it; of a process that was started later it is
// nothing.
func (o *Observer) begin(stack, incarnation string, r release.Release) *watch {
	w := &watch{key: keyOf(stack, r), incarnation: incarnation, functions: map[string]*watched{}}
	for name, move := range r.Moves {
		f := &watched{candidate: move.Candidate, stable: move.From()}
		f.before = o.tally(w, name, f.stable).Recent()
		w.functions[name] = f
	}
	return w
}

// step begins to count anew, if the release has come to another step.
func (o *Observer) step(w *watch, r release.Release) {
	since := r.Since.UnixNano()
	if w.since == since {
		return
	}
	w.since = since
	for name, f := range w.functions {
		f.candidateBase = o.tally(w, name, f.candidate).Counts()
		f.stableBase = o.tally(w, name, f.stable).Counts()
	}
}

// entry is what there is to write of a watch now.
func (o *Observer) entry(w *watch) entry {
	e := entry{Since: w.since, Functions: map[string]sides{}}
	for name, f := range w.functions {
		e.Functions[name] = sides{
			Candidate: o.tally(w, name, f.candidate).Counts().Minus(f.candidateBase),
			Stable:    o.tally(w, name, f.stable).Counts().Minus(f.stableBase),
			Before:    f.before,
		}
	}
	return e
}

func (o *Observer) tally(w *watch, function string, version int) *telemetry.Tally {
	return o.opts.Tallies.Tally(w.key.stack, w.incarnation, function, version)
}
