package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Binding is what connects the stack's trigger to one of its functions.
type Binding struct {
	Name     string `json:"name" doc:"A route key, a schedule's name, or consumer."`
	Function string `json:"function"`
	Enabled  bool   `json:"enabled" doc:"Routes always are."`
}

type bindingsOutput struct {
	Body struct {
		Bindings []Binding `json:"bindings"`
	}
}

// BindingChange changes a binding's stack.
type BindingChange struct {
	StackPath
	Precondition
	Binding string `path:"binding" doc:"The binding's name, percent-encoded: a route key, a schedule's name, or consumer."`
}

// BindingSwitch is what can be changed of a binding by itself.
type BindingSwitch struct {
	Enabled *bool `json:"enabled" required:"true" nullable:"false" doc:"Only consumers and schedules can be disabled."`
}

type putBindingInput struct {
	BindingChange
	JSON[BindingSwitch]
}

type bindingOutput struct {
	ETag string `header:"ETag" doc:"The stack's revision, for If-Match."`
	Body Binding
}

const bindingRoute = "/v1/stacks/{stack}/bindings/{binding}"

func (s *Server) registerBindings(api huma.API) {
	huma.Register(api, operation("listBindings", http.MethodGet, "/v1/stacks/{stack}/bindings", "bindings",
		"A stack's bindings", "", http.StatusNotFound),
		func(ctx context.Context, in *StackPath) (*bindingsOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			out := &bindingsOutput{}
			out.Body.Bindings = bindings(r)
			return out, nil
		})

	put := operation("putBinding", http.MethodPut, bindingRoute, "bindings",
		"Enable or disable a consumer or a schedule", "",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity)
	huma.Register(api, put, func(ctx context.Context, in *putBindingInput) (*bindingOutput, error) {
		if in.value.Enabled == nil {
			return nil, problem(http.StatusUnprocessableEntity, "enabled is missing; it must be true or false")
		}
		r, err := s.changeBinding(ctx, &in.BindingChange, func(r *store.Record) (*store.Record, error) {
			return deploy.SetBindingEnabled(r, in.Binding, *in.value.Enabled)
		})
		if err != nil {
			return nil, err
		}
		for _, b := range bindings(r) {
			if b.Name == in.Binding {
				return &bindingOutput{ETag: etag(r), Body: b}, nil
			}
		}
		return nil, problem(http.StatusNotFound, "stack %q has no binding %q", in.Stack, in.Binding)
	})
	describeBody[BindingSwitch](api, put.Path)

	remove := operation("deleteBinding", http.MethodDelete, bindingRoute, "bindings",
		"Remove a route, a consumer or a schedule from a stack", "", http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *BindingChange) (*struct{}, error) {
		_, err := s.changeBinding(ctx, in, func(r *store.Record) (*store.Record, error) {
			return deploy.DeleteBinding(r, in.Binding)
		})
		return nil, err
	})
}

func (s *Server) changeBinding(ctx context.Context, in *BindingChange,
	f func(*store.Record) (*store.Record, error),
) (*store.Record, error) {
	return s.change(ctx, in.Stack, in.Precondition, func(old *store.Record) (*store.Record, error) {
		if old == nil || old.Deleted {
			return nil, noStack(in.Stack)
		}
		next, err := f(old)
		return next, deployProblem(err)
	})
}

func bindings(r *store.Record) []Binding {
	list := []Binding{}
	for _, b := range r.Stack.Trigger.Bindings() {
		list = append(list, Binding{Name: b.Name, Function: b.Function, Enabled: enabled(r.Stack.Trigger, b.Name)})
	}
	return list
}

func enabled(t stack.Trigger, binding string) bool {
	switch t.Kind() {
	case stack.KindQueue:
		return t.Queue.Consumer.Enabled
	case stack.KindSchedule:
		return t.Schedule.Schedules[binding].Enabled
	}
	return true
}
