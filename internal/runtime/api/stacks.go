package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// StackPath names a stack.
type StackPath struct {
	Stack string `path:"stack" doc:"The stack's name."`
}

type putStackInput struct {
	StackPath
	Precondition
	Creation string `query:"creation" enum:"unfinished" doc:"unfinished: a stack made by this request stays marked as such until it is confirmed, so that an interrupted creation can be told from somebody else's stack."`
	Actor
	JSON[stack.Stack]
}

// Actor is who does something.
type Actor struct {
	By string `query:"by" doc:"Who does it, for people who look on: ada@laptop."`
}

// StackChange changes a stack.
type StackChange struct {
	StackPath
	Precondition
}

type stackOutput struct {
	ETag string `header:"ETag" doc:"The stack's revision, for If-Match."`
	Body *stack.Deployment
}

type stacksOutput struct {
	Body struct {
		Stacks []*stack.Deployment `json:"stacks"`
	}
}

func (s *Server) registerStacks(api huma.API) {
	huma.Register(api, operation("listStacks", http.MethodGet, "/v1/stacks", "stacks",
		"Every stack", "Sorted by name."),
		func(ctx context.Context, _ *struct{}) (*stacksOutput, error) {
			out := &stacksOutput{}
			out.Body.Stacks = []*stack.Deployment{}
			for _, r := range s.Store.Directory().Stacks() {
				out.Body.Stacks = append(out.Body.Stacks, s.deployment(ctx, r))
			}
			return out, nil
		})
	huma.Register(api, operation("getStack", http.MethodGet, "/v1/stacks/{stack}", "stacks",
		"One stack as it is", "", http.StatusNotFound),
		func(ctx context.Context, in *StackPath) (*stackOutput, error) {
			r, err := s.record(ctx, in.Stack)
			if err != nil {
				return nil, err
			}
			return s.stackOutput(ctx, r), nil
		})

	put := operation("putStack", http.MethodPut, "/v1/stacks/{stack}", "stacks",
		"Create or replace a stack",
		"The whole stack is checked before anything is changed. A function whose code and configuration have no version yet gets one, "+
			"and the alias \"live\" of every function moves to the version of its configuration, all in one step. "+
			"Packages are uploaded first. The answer comes when the stack serves. Sending what is deployed already changes nothing. "+
			"If the stack has a gradual release, the answer comes when that has begun; everything but new versions, new functions and added permissions "+
			"is then in effect when it is finished. While a release is under way, the stack that it makes joins it, whatever If-Match says, and any other is refused.",
		http.StatusBadRequest, http.StatusConflict, http.StatusPreconditionFailed, http.StatusRequestEntityTooLarge,
		http.StatusUnprocessableEntity, http.StatusFailedDependency, http.StatusInsufficientStorage)
	huma.Register(api, put, func(ctx context.Context, in *putStackInput) (*stackOutput, error) {
		r, err := s.putStack(ctx, in)
		if err != nil {
			return nil, err
		}
		return s.stackOutput(ctx, r), nil
	})
	describeBody[stack.Stack](api, put.Path)

	huma.Register(api, operation("confirmStack", http.MethodPost, "/v1/stacks/{stack}/confirm", "stacks",
		"Mark a stack's creation as finished", "", http.StatusNotFound, http.StatusPreconditionFailed),
		func(ctx context.Context, in *StackChange) (*stackOutput, error) {
			r, err := s.changeExisting(ctx, in.Stack, in.Precondition, func(r *store.Record) error {
				r.Creation = stack.CreationFinished
				return nil
			})
			if err != nil {
				return nil, err
			}
			return s.stackOutput(ctx, r), nil
		})

	remove := operation("deleteStack", http.MethodDelete, "/v1/stacks/{stack}", "stacks",
		"Delete a stack and all it owns",
		"Its messages, asynchronous invocations, logs and versions too, and a release that is under way. The answer comes when all is removed.",
		http.StatusNotFound, http.StatusPreconditionFailed)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, func(ctx context.Context, in *StackChange) (*struct{}, error) {
		_, err := s.change(ctx, in.Stack, in.Precondition, func(old *store.Record) (*store.Record, error) {
			if old == nil || old.Deleted {
				return nil, noStack(in.Stack)
			}
			return deploy.Tombstone(old), nil
		})
		return nil, err
	})
}

// changeExisting changes a copy of the record of a stack that exists.
func (s *Server) changeExisting(ctx context.Context, name string, match condition, f func(*store.Record) error) (*store.Record, error) {
	return s.change(ctx, name, match, func(old *store.Record) (*store.Record, error) {
		if old == nil || old.Deleted {
			return nil, noStack(name)
		}
		r := old.Clone()
		return r, f(r)
	})
}

func (s *Server) stackOutput(ctx context.Context, r *store.Record) *stackOutput {
	return &stackOutput{ETag: etag(r), Body: s.deployment(ctx, r)}
}
