package deploy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// missing is the state of a component that is not there.
const missing = "missing"

// Status tells what there is of a stack, without its secrets. Ingress is the
// URL of the triggers' listener, without a slash at its end; triggers are the
// states of the triggers' components by name. The result shares memory with the
// record.
//
// While a release is under way, the stack told is the one that it makes; the
// components say how far it is.
func Status(r *store.Record, ingress string, triggers map[string]string) stack.Deployment {
	s := told(r)
	d := stack.Deployment{
		Stack:      withoutSecrets(s),
		Revision:   strconv.FormatUint(r.StackRevision(), 10),
		ReleaseID:  s.ReleaseID(),
		Release:    releaseStatus(r),
		Creation:   r.Creation,
		Functions:  map[string]stack.FunctionStatus{},
		Components: components(r, triggers),
	}
	switch t, name := s.Trigger, s.Name; t.Kind() {
	case stack.KindHTTPAPI:
		d.ARN = stack.APIARN(name)
		d.URL = ingress + "/apis/" + name
	case stack.KindQueue:
		d.ARN = stack.QueueARN(name, t.Queue.FIFO)
		d.URL = ingress + "/queues/" + name
		if t.Queue.DeadLetter != nil {
			d.DeadLetterARN = stack.DeadLetterARN(name, t.Queue.FIFO)
		}
	}
	for name, f := range s.Functions {
		d.Functions[name] = functionStatus(r, name, f, ingress)
	}
	return d
}

func functionStatus(r *store.Record, name string, f stack.Function, ingress string) stack.FunctionStatus {
	_, versions, _ := r.Function(name)
	status := stack.FunctionStatus{
		ARN:      stack.FunctionARN(r.Stack.Name, name),
		AliasARN: stack.AliasARN(r.Stack.Name, name),
		LogGroup: stack.LogGroup(r.Stack.Name, name),
		Version:  versions.Live.Main(),
		Routing:  versions.Live,
		Versions: make([]stack.Version, len(versions.Versions)),
	}
	if f.URL != nil {
		status.URL = functionAddress(r.Stack.Name, name, ingress) + "/"
	}
	for i, v := range versions.Versions {
		status.Versions[i] = v.Version
	}
	return status
}

// functionAddress is where trigger.FunctionURLs answers for a function.
func functionAddress(stackName, function, ingress string) string {
	return ingress + "/functions/" + stackName + "/" + function
}

// components lists what stack.Stack.Components names, whatever the triggers
// tell.
func components(r *store.Record, triggers map[string]string) map[string]string {
	s := told(r)
	states := map[string]string{}
	for _, name := range s.Components() {
		switch state, ok := triggers[name]; {
		case ok:
			states[name] = state
		case UnderWay(r) && !slices.Contains(r.Stack.Components(), name):
			states[name] = fmt.Sprintf("is made when the release %s is finished", r.Release.ID)
		default:
			states[name] = missing
		}
	}
	for name := range s.Functions {
		states[stack.AliasComponent(name)] = aliasState(r, name)
	}
	return states
}

// told is the stack that the API tells of.
func told(r *store.Record) stack.Stack {
	if UnderWay(r) {
		return *r.Pending
	}
	return r.Stack
}

// releaseStatus is of the release under way, or else of the last there was.
func releaseStatus(r *store.Record) *stack.ReleaseStatus {
	switch {
	case UnderWay(r):
		return r.Release.Status()
	case len(r.Releases) > 0:
		return r.Releases[0].Status()
	}
	return nil
}

// aliasState tells whether "live" points at what the function is.
func aliasState(r *store.Record, name string) string {
	if UnderWay(r) {
		if move, ok := r.Release.Moves[name]; ok {
			return movingState(*r.Release, move)
		}
	}
	_, versions, _ := r.Function(name)
	wanted := current(told(r).Functions[name], versions)
	live, back := versions.Live, wentBack(r, name)
	switch numbers := slices.Sorted(maps.Keys(live)); {
	case len(live) == 0:
		return missing
	case len(live) > 1:
		return fmt.Sprintf("splits %d %% to version %d and %d %% to version %d",
			live[numbers[0]], numbers[0], live[numbers[1]], numbers[1])
	case wanted == 0:
		return fmt.Sprintf("points at version %d, but the function was changed since and not released", numbers[0])
	case numbers[0] != wanted && back != nil:
		return fmt.Sprintf("points at version %d, to which %s rolled back at %s, and version %d was released: to keep it, "+
			"make the configuration that of version %d again; applying releases version %d anew",
			numbers[0], cmp.Or(back.By, "somebody"), minute(back.Began), wanted, numbers[0], wanted)
	case numbers[0] != wanted:
		return fmt.Sprintf("points at version %d, but version %d was released", numbers[0], wanted)
	}
	return stack.Ready
}

// movingState tells how far the release under way has moved an alias.
func movingState(r release.Release, move release.Move) string {
	state := fmt.Sprintf("release %s has moved %d %% to version %d, %s", r.ID, r.Weight(), move.Candidate, begun(r.By, r.Began))
	if r.Stopped != release.Running {
		state += ", and is " + string(r.Stopped)
	}
	return state
}

// wentBack is the tidegate rollback that pointed the alias where it points; nil if there
// is none. Releases that were rolled back since have returned the alias there.
func wentBack(r *store.Record, name string) *release.Release {
	last := slices.IndexFunc(r.Releases, func(past release.Release) bool { return past.Phase == release.Finished })
	if last < 0 {
		return nil
	}
	_, versions, _ := r.Function(name)
	if back := r.Releases[last]; back.Back && back.Versions[name] == versions.Live.Main() {
		return &back
	}
	return nil
}

func withoutSecrets(s stack.Stack) stack.Stack {
	s.Functions = maps.Clone(s.Functions)
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	return s
}
