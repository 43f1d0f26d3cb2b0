package release

import (
	"maps"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Release is the move of a stack's aliases from one set of versions to another. It
// is a value: methods that change it return the changed one.
type Release struct {
	// ID of what it makes live; see stack.Stack.ReleaseID.
	ID string `json:"id"`
	// Policy with all defaults; see stack.Release.Resolve.
	Policy stack.Release `json:"policy"`
	// Moves by function; those of the stack's functions whose version stays are not
	// among them.
	Moves map[string]Move `json:"moves"`
	// Versions of all functions of the stack, also of those that do not move, once the
	// release is finished.
	Versions map[string]int `json:"versions"`
	// New are the functions that had no alias before the release: there is a candidate of
	// them, and nothing to move from. By name, sorted.
	New []string `json:"new,omitempty"`
	// By is who began it, for people: "ada@laptop".
	By    string    `json:"by,omitempty"`
	Began time.Time `json:"began"`
	// Back tells that it returned to earlier versions; see Back.
	Back bool `json:"back,omitempty"`

	Phase Phase `json:"phase"`
	// Step of the policy's steps that it is at, from 0, while shifting.
	Step int `json:"step"`
	// Since is when the step, or the hook's phase, began; after a pause, when it went on.
	Since time.Time `json:"since"`
	// Stopped tells whether it waits for a person, and why.
	Stopped Stopped `json:"stopped,omitempty"`
	// Awaits tells that the step's interval is over, and that the step waits for further
	// invocations of the candidates, as its gate wants. The trail says so once.
	Awaits bool `json:"awaits,omitempty"`
	// Red are the alarms that were in alarm when the release began, and have not recovered.
	Red []string `json:"red,omitempty"`
	// Seen is what was last observed of the current step, for people who watch; nil where
	// the driver has not said so. No decision is taken from it.
	Seen *Seen `json:"seen,omitempty"`
	// Trail is what happened, oldest first. Its last mark says why a release ended, or
	// why it waits.
	Trail []Mark `json:"trail,omitempty"`
}

// A Move is what becomes of one function's alias.
type Move struct {
	// Stable is the alias as it was, to which a rollback returns: exactly so.
	Stable stack.Routing `json:"stable"`
	// Candidate is the version that is to get all traffic.
	Candidate int `json:"candidate"`
}

// A Phase of a release.
type Phase string

// The phases, in their order. The last two are ends.
const (
	// Before any traffic: the hook of that name runs.
	Before Phase = "before"
	// Shifting traffic in steps.
	Shifting Phase = "shifting"
	// After all traffic was shifted: the hook of that name runs.
	After Phase = "after"

	Finished   Phase = "finished"
	RolledBack Phase = "rolled_back"
)

// Stopped tells why a release waits for a person.
type Stopped string

// Somebody paused it, or it failed and is to be held.
const (
	Running Stopped = ""
	Paused  Stopped = "paused"
	Held    Stopped = "held"
)

// A Mark is something that happened to a release.
type Mark struct {
	At time.Time `json:"at"`
	// Weight in percent that the candidates had from then on.
	Weight int `json:"weight"`
	// What happened, in words: "10 %: 2 of 518 invocations failed (0.4 %)".
	What string `json:"what"`
}

// A Wish is a release that is to begin.
type Wish struct {
	// ID and Policy as in Release; the policy need not be resolved.
	ID     string
	Policy stack.Release
	// Moves of the functions whose version changes. Those that have nothing to move
	// from, because their alias is new, are left out of the release.
	Moves map[string]Move
	// Versions of all functions of the stack when it is finished.
	Versions map[string]int
	// New are those of them that had no alias before.
	New []string
	By  string
	// Red are those of the gate's alarms that are in alarm already.
	Red []string
}

// Begin begins a release. One that has nothing to run or to wait for is finished at
// once.
func Begin(w Wish, now time.Time) Release {
	r := Release{
		ID: w.ID, Policy: w.Policy.Resolve(), Moves: maps.Clone(w.Moves), Versions: maps.Clone(w.Versions), By: w.By, Began: now,
		New: slices.Sorted(slices.Values(w.New)), Red: slices.Sorted(slices.Values(w.Red)),
	}
	maps.DeleteFunc(r.Moves, func(_ string, m Move) bool { return m.From() == 0 })
	if r.Policy.Before != "" {
		return r.enter(Before, 0, now, "began with "+r.Policy.Before)
	}
	return r.shift(0, now, "began")
}

// Ended tells whether nothing becomes of the release any more.
func (r Release) Ended() bool { return r.Phase == Finished || r.Phase == RolledBack }

// Status is how far it is.
func (r Release) Status() *stack.ReleaseStatus {
	status := &stack.ReleaseStatus{
		ID: r.ID, State: "running", Weight: r.Weight(), By: r.By, Began: r.Began, Since: r.Since, Candidates: map[string]int{}, Back: r.Back,
	}
	switch {
	case r.Ended():
		status.State = string(r.Phase)
	case r.Stopped != Running:
		status.State = string(r.Stopped)
	}
	for name, move := range r.Moves {
		status.Candidates[name] = move.Candidate
	}
	if n := len(r.Trail); n > 0 {
		status.What = r.Trail[n-1].What
	}
	return status
}

// Weight is the percentage of traffic that the candidates have now. After a rollback
// it is 0, whatever a candidate had before the release.
func (r Release) Weight() int {
	switch r.Phase {
	case Shifting:
		return r.Policy.Steps()[r.Step]
	case After, Finished:
		return 100
	}
	return 0
}

// Routing is what the alias of a function has to be now; nil if the function does not
// move.
func (r Release) Routing(function string) stack.Routing {
	move, ok := r.Moves[function]
	if !ok {
		return nil
	}
	switch weight := r.Weight(); weight {
	case 0:
		return maps.Clone(move.Stable)
	case 100:
		return stack.RouteTo(move.Candidate)
	default:
		return stack.Routing{move.Candidate: weight, move.From(): 100 - weight}
	}
}

// From is the version that traffic is taken from: of a split alias the one with more
// of it, which is not the candidate.
func (m Move) From() int {
	others := maps.Clone(m.Stable)
	delete(others, m.Candidate)
	return others.Main()
}

// Hook is the function to run now, if any: in the phase Before or After.
func (r Release) Hook() string {
	switch {
	case r.Stopped != Running:
		return ""
	case r.Phase == Before:
		return r.Policy.Before
	case r.Phase == After:
		return r.Policy.After
	}
	return ""
}

// Due is when the current step may end at the earliest. It is meaningful while
// shifting.
func (r Release) Due() time.Time { return r.Since.Add(r.Policy.Interval.Std()) }

// shift goes to a step, or beyond the last one.
func (r Release) shift(step int, now time.Time, what string) Release {
	if step < len(r.Policy.Steps()) {
		return r.enter(Shifting, step, now, what)
	}
	if r.Policy.After != "" {
		return r.enter(After, 0, now, what)
	}
	return r.enter(Finished, 0, now, what)
}

// enter is how every change of phase or step is made.
func (r Release) enter(phase Phase, step int, now time.Time, what string) Release {
	r.Phase, r.Step, r.Since, r.Stopped, r.Seen, r.Awaits = phase, step, now, Running, nil, false
	return r.mark(now, what)
}

// mark adds to the trail.
func (r Release) mark(now time.Time, what string) Release {
	r.Trail = append(slices.Clip(r.Trail), Mark{At: now, Weight: r.Weight(), What: what})
	return r
}

// fail ends the release, or holds it.
func (r Release) fail(now time.Time, why string) Release {
	if r.Policy.OnFailure == stack.Hold {
		r.Stopped = Held
		return r.mark(now, "held: "+why)
	}
	return r.enter(RolledBack, 0, now, "rolled back: "+why)
}

// HookDone tells that the current hook has ended: with nil well, else the release
// fails and says what the hook did.
func (r Release) HookDone(now time.Time, failure error) Release {
	hook := r.Hook()
	switch {
	case hook == "":
		return r
	case failure != nil:
		return r.fail(now, "the function "+hook+" that runs "+string(r.Phase)+" the traffic moves: "+failure.Error())
	case r.Phase == Before:
		return r.shift(0, now, hook+" succeeded")
	}
	return r.enter(Finished, 0, now, hook+" succeeded")
}
