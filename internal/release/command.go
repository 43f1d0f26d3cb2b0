package release

import (
	"fmt"
	"time"
)

// A Command is what a person does to a release that is under way.
type Command string

// The commands.
const (
	CommandPause   Command = "pause"
	CommandResume  Command = "resume"
	CommandPromote Command = "promote"
	CommandAbort   Command = "abort"
	// CommandInterrupt is given by a driver's or follower's own program, not by a person:
	// see Interrupt.
	CommandInterrupt Command = "interrupt"
)

// Do carries out a command; by is who gave it, for people. A command that the release
// does not allow is an error, and changes nothing.
func (r Release) Do(c Command, by string, now time.Time) (Release, error) {
	switch c {
	case CommandPause:
		return r.Pause(by, now)
	case CommandResume:
		return r.Resume(by, now)
	case CommandPromote:
		return r.Promote(by, now)
	case CommandAbort:
		return r.Abort(by, now)
	case CommandInterrupt:
		if r.Ended() {
			return r, r.ended("interrupted")
		}
		return r.Interrupt(by, now), nil
	}
	return r, fmt.Errorf("%q is nothing that can be done to a release; there is pause, resume, promote and abort", c)
}

// Pause stops a release where it is, until it is resumed. By is who, for people.
func (r Release) Pause(by string, now time.Time) (Release, error) {
	switch {
	case r.Ended():
		return r, r.ended("paused")
	case r.Stopped != Running:
		return r, fmt.Errorf("the release %s is %s already", r.ID, r.Stopped)
	}
	r.Stopped = Paused
	return r.mark(now, "paused by "+by), nil
}

// Resume lets a release go on that was paused or held. The current step begins anew,
// and so does the current hook.
func (r Release) Resume(by string, now time.Time) (Release, error) {
	switch {
	case r.Ended():
		return r, r.ended("resumed")
	case r.Stopped == Running:
		return r, fmt.Errorf("the release %s goes on: it is neither paused nor held", r.ID)
	}
	return r.enter(r.Phase, r.Step, now, "resumed by "+by), nil
}

// Promote gives the candidates all traffic now, whatever the gate says. What runs
// after the traffic was shifted still runs, unless it is what the release is held for.
func (r Release) Promote(by string, now time.Time) (Release, error) {
	switch {
	case r.Ended():
		return r, r.ended("promoted")
	case r.Phase == After && r.Stopped == Held:
		return r.enter(Finished, 0, now, "promoted by "+by), nil
	case r.Phase == After:
		return r, fmt.Errorf("the release %s has moved all traffic already, and waits for %s", r.ID, r.Policy.After)
	}
	return r.shift(len(r.Policy.Steps()), now, "promoted by "+by), nil
}

// Abort returns every alias to where it was.
func (r Release) Abort(by string, now time.Time) (Release, error) {
	if r.Ended() {
		return r, r.ended("aborted")
	}
	return r.enter(RolledBack, 0, now, "aborted by "+by), nil
}

// Interrupt is what becomes of a release whose driver is told to stop: a rollback, or
// it is held, as configured.
func (r Release) Interrupt(by string, now time.Time) Release {
	if r.Ended() || r.Stopped == Held {
		return r
	}
	return r.fail(now, "interrupted by "+by)
}

func (r Release) ended(verb string) error {
	what := "is finished"
	if r.Phase == RolledBack {
		what = "was rolled back"
	}
	return fmt.Errorf("the release %s %s, so it cannot be %s; to go back to earlier versions there is tidegate rollback", r.ID, what, verb)
}
