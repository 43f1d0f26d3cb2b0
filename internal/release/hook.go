package release

import (
	"slices"
	"strconv"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A HookEvent is what a function is invoked with that runs before or after the traffic
// moves. Its JSON is the same on every target.
type HookEvent struct {
	// Release is its id, Stack the stack's name.
	Release string `json:"release"`
	Stack   string `json:"stack"`
	Phase   Phase  `json:"phase"`
	// Functions that the release moves, or that are new with it, by name.
	Functions map[string]HookFunction `json:"functions"`
}

// A HookFunction is what a hook is told of one function.
type HookFunction struct {
	// Function is its full name.
	Function string `json:"function"`
	// Candidate and Stable are version numbers; a new function has no stable one.
	Candidate string  `json:"candidate"`
	Stable    *string `json:"stable"`
	// ARN of the candidate, qualified.
	ARN string `json:"arn"`
}

// HookEvent is the event of the current hook. It follows from the release alone, so that
// whoever goes on with a release that another has left tells its hooks the same. Arn
// makes the qualified ARN of one of the stack's functions.
func (r Release) HookEvent(stackName string, arn func(function, qualifier string) string) HookEvent {
	e := HookEvent{Release: r.ID, Stack: stackName, Phase: r.Phase, Functions: map[string]HookFunction{}}
	for name, number := range r.Versions {
		move, moves := r.Moves[name]
		if !moves && !slices.Contains(r.New, name) {
			continue
		}
		candidate := strconv.Itoa(number)
		f := HookFunction{Function: stack.FullName(stackName, name), Candidate: candidate, ARN: arn(name, candidate)}
		if moves {
			stable := strconv.Itoa(move.From())
			f.Stable = &stable
		}
		e.Functions[name] = f
	}
	return e
}
