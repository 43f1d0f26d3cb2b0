package stack

import (
	"maps"
	"slices"
)

// BindingConsumer is the name of a queue's one binding.
const BindingConsumer = "consumer"

// Bindings returns the trigger's bindings, sorted by name.
func (t Trigger) Bindings() []Binding {
	switch {
	case t.HTTPAPI != nil:
		var out []Binding
		for _, key := range slices.Sorted(maps.Keys(t.HTTPAPI.Routes)) {
			out = append(out, Binding{element("routes", key) + ".function", key, t.HTTPAPI.Routes[key].Function})
		}
		return out
	case t.Queue != nil && t.Queue.Consumer != nil:
		return []Binding{{"consumer.function", BindingConsumer, t.Queue.Consumer.Function}}
	case t.Schedule != nil:
		var out []Binding
		for _, name := range slices.Sorted(maps.Keys(t.Schedule.Schedules)) {
			out = append(out, Binding{element("schedules", name) + ".function", name, t.Schedule.Schedules[name].Function})
		}
		return out
	}
	return nil
}
