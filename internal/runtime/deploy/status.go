package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// missing is the state of a component that is not there.
const missing = "missing"

// Status tells what there is of a stack, without its secrets. Ingress is the
// URL of the triggers' listener, without a slash at its end; triggers are the
// states of the triggers' components by name. The result shares memory with the
// record.
func Status(r *store.Record, ingress string, triggers map[string]string) stack.Deployment {
	d := stack.Deployment{
		Stack:      withoutSecrets(r.Stack),
		Revision:   strconv.FormatUint(r.Revision, 10),
		ReleaseID:  r.Stack.ReleaseID(),
		Creation:   r.Creation,
		Functions:  map[string]stack.FunctionStatus{},
		Components: components(r, triggers),
	}
	switch t, name := r.Stack.Trigger, r.Stack.Name; t.Kind() {
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
	for name, f := range r.Stack.Functions {
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
		status.URL = ingress + "/functions/" + r.Stack.Name + "/" + name + "/"
	}
	for i, v := range versions.Versions {
		status.Versions[i] = v.Version
	}
	return status
}

// components lists what stack.Stack.Components names, whatever the triggers
// tell.
func components(r *store.Record, triggers map[string]string) map[string]string {
	states := map[string]string{}
	for _, name := range r.Stack.Components() {
		states[name] = missing
		if state, ok := triggers[name]; ok {
			states[name] = state
		}
	}
	for name, f := range r.Stack.Functions {
		_, versions, _ := r.Function(name)
		states[stack.AliasComponent(name)] = aliasState(f, versions)
	}
	return states
}

// aliasState tells whether "live" points at what the function is.
func aliasState(f stack.Function, versions *store.FunctionRecord) string {
	wanted := current(f, versions)
	live := versions.Live
	switch numbers := slices.Sorted(maps.Keys(live)); {
	case len(live) == 0:
		return missing
	case len(live) > 1:
		return fmt.Sprintf("splits %d %% to version %d and %d %% to version %d",
			live[numbers[0]], numbers[0], live[numbers[1]], numbers[1])
	case wanted == 0:
		return fmt.Sprintf("points at version %d, but the function was changed since and not released", numbers[0])
	case numbers[0] != wanted:
		return fmt.Sprintf("points at version %d, but version %d was released", numbers[0], wanted)
	}
	return stack.Ready
}

func withoutSecrets(s stack.Stack) stack.Stack {
	s.Functions = maps.Clone(s.Functions)
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	return s
}
