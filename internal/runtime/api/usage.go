package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

type usageInput struct {
	Stack    string `query:"stack" doc:"One stack; all of them if left out."`
	Function string `query:"function" doc:"One function of the stack; all of them if left out."`
}

type usageOutput struct {
	Body struct {
		Usage []stack.VersionUsage `json:"usage" doc:"By stack, function and version. Those that were deleted are among them."`
	}
}

func (s *Server) registerUsage(api huma.API) {
	huma.Register(api, operation("getUsage", http.MethodGet, "/v1/usage", "functions",
		"What versions of functions have used", "On all nodes, since ever. A node that is killed loses what it counted in its last second.",
		http.StatusUnprocessableEntity),
		func(ctx context.Context, in *usageInput) (*usageOutput, error) {
			if in.Function != "" && in.Stack == "" {
				return nil, problem(http.StatusUnprocessableEntity, "a function is named, but not its stack: add the parameter stack")
			}
			usage, err := s.Usage.Usage(ctx, in.Stack, in.Function)
			if err != nil {
				return nil, s.internal(ctx, "read the usage", err)
			}
			out := &usageOutput{}
			out.Body.Usage = make([]stack.VersionUsage, len(usage))
			for i, u := range usage {
				out.Body.Usage[i] = u.Priced()
			}
			return out, nil
		})
}
