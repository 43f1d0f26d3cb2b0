package stack

import "slices"

// Names of components on the open runtime, beside those that the functions below make.
const (
	// ComponentAPI is what answers an HTTP API's requests.
	ComponentAPI = "api"
	// ComponentQueue holds a queue's messages, ComponentDeadLetters those received
	// too often, and ComponentConsumer invokes the function with them.
	ComponentQueue       = "queue"
	ComponentDeadLetters = "dead_letters"
	ComponentConsumer    = "consumer"
)

// AliasComponent is the alias "live" of one of the stack's functions.
func AliasComponent(function string) string { return "functions/" + function + "/alias" }

// URLComponent is the address of one of the stack's functions.
func URLComponent(function string) string { return "functions/" + function + "/url" }

// ScheduleComponent is what fires one of the stack's schedules.
func ScheduleComponent(name string) string { return "schedules/" + name }

// Components names what the open runtime makes for a stack of this shape, sorted.
// A plan wants each of them to be Ready, so the runtime's answers
// (Deployment.Components) list these names and no others.
func (s Stack) Components() []string {
	var names []string
	for name, f := range s.Functions {
		names = append(names, AliasComponent(name))
		if f.URL != nil {
			names = append(names, URLComponent(name))
		}
	}
	switch t := s.Trigger; {
	case t.HTTPAPI != nil:
		names = append(names, ComponentAPI)
	case t.Queue != nil:
		names = append(names, ComponentQueue)
		if t.Queue.DeadLetter != nil {
			names = append(names, ComponentDeadLetters)
		}
		if t.Queue.Consumer != nil {
			names = append(names, ComponentConsumer)
		}
	case t.Schedule != nil:
		for name := range t.Schedule.Schedules {
			names = append(names, ScheduleComponent(name))
		}
	}
	slices.Sort(names)
	return names
}
