package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// FunctionPath names a function. (It and the other inputs that are embedded are
// exported because huma finds them by reflection.)
type FunctionPath struct {
	StackPath
	Function string `path:"function" doc:"The function's name in its stack."`
}

// FunctionChange changes a function's stack.
type FunctionChange struct {
	FunctionPath
	Precondition
}

type putFunctionInput struct {
	FunctionChange
	JSON[stack.Function]
}

type functionOutput struct {
	ETag string `header:"ETag" doc:"The stack's revision, for If-Match."`
	Body stack.Function
}

type versionsOutput struct {
	Body struct {
		Versions []stack.Version `json:"versions" doc:"Oldest first."`
	}
}

type deleteVersionInput struct {
	FunctionChange
	Version int `path:"version" minimum:"1" doc:"The version's number."`
}

// Alias is where an alias points.
type Alias struct {
	Routing stack.Routing `json:"routing" doc:"Version number to percent: one or two versions, 100 in all."`
}

type putAliasInput struct {
	FunctionChange
	JSON[Alias]
}

type aliasOutput struct {
	ETag string `header:"ETag" doc:"The stack's revision, for If-Match."`
	Body Alias
}

const (
	functionRoute = "/v1/stacks/{stack}/functions/{function}"
	aliasRoute    = functionRoute + "/aliases/" + stack.AliasLive
)

func (s *Server) registerFunctions(api huma.API) {
	huma.Register(api, operation("getFunction", http.MethodGet, functionRoute, "functions",
		"A function's configuration ($LATEST)", "Without its secrets.", http.StatusNotFound),
		func(ctx context.Context, in *FunctionPath) (*functionOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			return functionAnswer(r, *in)
		})

	put := operation("putFunction", http.MethodPut, functionRoute, "functions",
		"Change a function's configuration ($LATEST)", "Publishes nothing: the alias and its versions stay as they are.",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity, http.StatusFailedDependency)
	huma.Register(api, put, func(ctx context.Context, in *putFunctionInput) (*functionOutput, error) {
		r, err := s.putFunction(ctx, in)
		if err != nil {
			return nil, err
		}
		return functionAnswer(r, in.FunctionPath)
	})
	describeBody[stack.Function](api, put.Path)

	remove := operation("deleteFunction", http.MethodDelete, functionRoute, "functions",
		"Delete a function with all its versions", "Bindings that name it stay, and fail.", http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *FunctionChange) (*struct{}, error) {
		_, err := s.changeFunction(ctx, in, func(r *store.Record) (*store.Record, error) {
			return deploy.DeleteFunction(r, in.Function)
		})
		return nil, err
	})

	huma.Register(api, operation("listVersions", http.MethodGet, functionRoute+"/versions", "functions",
		"A function's versions", "", http.StatusNotFound),
		func(ctx context.Context, in *FunctionPath) (*versionsOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			_, published, ok := r.Function(in.Function)
			if !ok {
				return nil, noFunction(in.Stack, in.Function)
			}
			out := &versionsOutput{}
			out.Body.Versions = make([]stack.Version, len(published.Versions))
			for i, v := range published.Versions {
				out.Body.Versions[i] = v.Version
			}
			return out, nil
		})

	removeVersion := operation("deleteVersion", http.MethodDelete, functionRoute+"/versions/{version}", "functions",
		"Delete a version", "Not one that the alias points at. Its number is never used again.",
		http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	removeVersion.DefaultStatus = http.StatusNoContent
	huma.Register(api, removeVersion, func(ctx context.Context, in *deleteVersionInput) (*struct{}, error) {
		_, err := s.changeFunction(ctx, &in.FunctionChange, func(r *store.Record) (*store.Record, error) {
			return deploy.DeleteVersion(r, in.Function, in.Version)
		})
		return nil, err
	})

	s.registerAlias(api)
	s.registerNamedAliases(api)
}

func (s *Server) registerAlias(api huma.API) {
	huma.Register(api, operation("getAlias", http.MethodGet, aliasRoute, "functions",
		"Where the alias \"live\" points", "", http.StatusNotFound),
		func(ctx context.Context, in *FunctionPath) (*aliasOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			return aliasAnswer(r, *in)
		})

	put := operation("putAlias", http.MethodPut, aliasRoute, "functions",
		"Point the alias \"live\" at one version, or split its traffic between two", "",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity)
	huma.Register(api, put, func(ctx context.Context, in *putAliasInput) (*aliasOutput, error) {
		r, err := s.changeFunction(ctx, &in.FunctionChange, func(r *store.Record) (*store.Record, error) {
			if len(in.value.Routing) == 0 {
				return nil, problem(http.StatusUnprocessableEntity, "the routing is empty; to remove the alias, delete it")
			}
			return deploy.SetLive(r, in.Function, in.value.Routing)
		})
		if err != nil {
			return nil, err
		}
		return aliasAnswer(r, in.FunctionPath)
	})
	describeBody[Alias](api, put.Path)

	remove := operation("deleteAlias", http.MethodDelete, aliasRoute, "functions",
		"Delete the alias \"live\"", "Nothing that is bound to it can be invoked then.", http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *FunctionChange) (*struct{}, error) {
		_, err := s.changeFunction(ctx, in, func(r *store.Record) (*store.Record, error) {
			return deploy.SetLive(r, in.Function, nil)
		})
		return nil, err
	})
}

// changeFunction changes the record of a stack that has the function.
func (s *Server) changeFunction(ctx context.Context, in *FunctionChange,
	f func(*store.Record) (*store.Record, error),
) (*store.Record, error) {
	return s.change(ctx, in.Stack, in.Precondition, func(old *store.Record) (*store.Record, error) {
		if old == nil || old.Deleted {
			return nil, noStack(in.Stack)
		}
		if _, _, ok := old.Function(in.Function); !ok {
			return nil, noFunction(in.Stack, in.Function)
		}
		next, err := f(old)
		return next, deployProblem(err)
	})
}

// deployProblem gives deploy's errors their status.
func deployProblem(err error) error {
	var refused *deploy.Error
	if !errors.As(err, &refused) {
		return err
	}
	status := map[deploy.Reason]int{
		deploy.NotFound:  http.StatusNotFound,
		deploy.InUse:     http.StatusConflict,
		deploy.Invalid:   http.StatusUnprocessableEntity,
		deploy.NoRelease: http.StatusConflict,
	}[refused.Reason]
	return problem(status, "%s", refused.Message)
}

func functionAnswer(r *store.Record, in FunctionPath) (*functionOutput, error) {
	f, _, ok := r.Function(in.Function)
	if !ok {
		return nil, noFunction(in.Stack, in.Function)
	}
	f.Secrets = nil
	return &functionOutput{ETag: etag(r), Body: f}, nil
}

func aliasAnswer(r *store.Record, in FunctionPath) (*aliasOutput, error) {
	_, published, ok := r.Function(in.Function)
	if !ok {
		return nil, noFunction(in.Stack, in.Function)
	}
	if len(published.Live) == 0 {
		return nil, problem(http.StatusNotFound, "function %q of stack %q has no alias %q", in.Function, in.Stack, stack.AliasLive)
	}
	return &aliasOutput{ETag: etag(r), Body: Alias{published.Live}}, nil
}
