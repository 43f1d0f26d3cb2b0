package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// AliasPath names an alias beside "live".
type AliasPath struct {
	FunctionPath
	Name string `path:"name" doc:"The alias's name."`
}

// ref says which alias that is.
func (p AliasPath) ref() stack.AliasRef {
	return stack.AliasRef{Stack: p.Stack, Function: p.Function, Name: p.Name}
}

type putNamedAliasInput struct {
	AliasPath
	IfNoneMatch string `header:"If-None-Match" enum:"*" doc:"* makes the alias; 412 if it exists."`
	JSON[stack.Alias]
}

type namedAliasOutput struct {
	Body stack.AliasStatus
}

const namedAliasRoute = functionRoute + "/aliases/{name}"

func (s *Server) registerNamedAliases(api huma.API) {
	huma.Register(api, operation("getNamedAlias", http.MethodGet, namedAliasRoute, "functions",
		"An alias beside \"live\"", "", http.StatusNotFound),
		func(ctx context.Context, in *AliasPath) (*namedAliasOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			return s.namedAliasAnswer(r, in.ref())
		})

	put := operation("putNamedAlias", http.MethodPut, namedAliasRoute, "functions",
		"Make or change an alias beside \"live\"",
		"No deployment and no release moves it. A version that it points at is kept. It goes when its function goes. "+
			"The stack's revision stays what it is.",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity)
	huma.Register(api, put, func(ctx context.Context, in *putNamedAliasInput) (*namedAliasOutput, error) {
		r, err := s.changeAlias(ctx, in.AliasPath, func(r *store.Record) (*store.Record, error) {
			_, published, _ := r.Function(in.Function)
			if _, exists := published.Aliases[in.Name]; exists && in.IfNoneMatch != "" {
				return nil, problem(http.StatusPreconditionFailed, "function %q of stack %q has an alias %q already", in.Function, in.Stack, in.Name)
			}
			return deploy.SetAlias(r, in.ref(), in.value)
		})
		if err != nil {
			return nil, err
		}
		return s.namedAliasAnswer(r, in.ref())
	})
	describeBody[stack.Alias](api, put.Path)

	remove := operation("deleteNamedAlias", http.MethodDelete, namedAliasRoute, "functions",
		"Delete an alias beside \"live\"", "Nothing that is bound to it can be invoked then.", http.StatusNotFound, http.StatusConflict)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *AliasPath) (*struct{}, error) {
		_, err := s.changeAlias(ctx, *in, func(r *store.Record) (*store.Record, error) {
			return deploy.DeleteAlias(r, in.ref())
		})
		return nil, err
	})
}

// changeAlias changes an alias of a function that exists, whatever the stack's revision
// is: the alias does not belong to the stack.
func (s *Server) changeAlias(ctx context.Context, in AliasPath, f func(*store.Record) (*store.Record, error)) (*store.Record, error) {
	return s.changeFunction(ctx, &FunctionChange{FunctionPath: in.FunctionPath}, f)
}

func (s *Server) namedAliasAnswer(r *store.Record, ref stack.AliasRef) (*namedAliasOutput, error) {
	_, published, ok := r.Function(ref.Function)
	if !ok {
		return nil, noFunction(ref.Stack, ref.Function)
	}
	alias, ok := published.Aliases[ref.Name]
	if !ok {
		return nil, problem(http.StatusNotFound, "function %q of stack %q has no alias %q", ref.Function, ref.Stack, ref.Name)
	}
	return &namedAliasOutput{Body: deploy.AliasStatus(ref, alias, s.IngressURL())}, nil
}
