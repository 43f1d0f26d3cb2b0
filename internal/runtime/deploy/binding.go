package deploy

import (
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// SetBindingEnabled enables or disables a queue's consumer or a schedule.
func SetBindingEnabled(r *store.Record, binding string, enabled bool) (*store.Record, error) {
	if err := hasBinding(r, binding); err != nil {
		return nil, err
	}
	if err := settled(r, fmt.Sprintf("the binding %q", binding)); err != nil {
		return nil, err
	}
	next := r.Clone()
	switch t := next.Stack.Trigger; t.Kind() {
	case stack.KindQueue:
		t.Queue.Consumer.Enabled = enabled
	case stack.KindSchedule:
		item := t.Schedule.Schedules[binding]
		item.Enabled = enabled
		t.Schedule.Schedules[binding] = item
	default:
		return nil, failure(Invalid, "the route %q of stack %q cannot be enabled or disabled, only deleted: "+
			"this is for consumers and schedules", binding, r.Stack.Name)
	}
	return next, nil
}

// DeleteBinding removes a route, a queue's consumer or a schedule.
func DeleteBinding(r *store.Record, binding string) (*store.Record, error) {
	if err := hasBinding(r, binding); err != nil {
		return nil, err
	}
	if err := settled(r, fmt.Sprintf("the binding %q", binding)); err != nil {
		return nil, err
	}
	next := r.Clone()
	switch t := next.Stack.Trigger; t.Kind() {
	case stack.KindHTTPAPI:
		delete(t.HTTPAPI.Routes, binding)
	case stack.KindQueue:
		t.Queue.Consumer = nil
	case stack.KindSchedule:
		delete(t.Schedule.Schedules, binding)
	}
	return next, nil
}

func hasBinding(r *store.Record, name string) error {
	for _, b := range r.Stack.Trigger.Bindings() {
		if b.Name == name {
			return nil
		}
	}
	return failure(NotFound, "stack %q has no binding %q", r.Stack.Name, name)
}
