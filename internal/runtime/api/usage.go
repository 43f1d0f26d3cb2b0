package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

type usageInput struct {
	Stack    string `query:"stack" doc:"One stack; all of them if left out."`
	Function string `query:"function" doc:"One function of the stack; all of them if left out."`
}

type usageOutput struct {
	Body struct {
		Usage []VersionUsage `json:"usage" doc:"By stack, function and version. Those that were deleted are among them."`
	}
}

// VersionUsage is what one version has used.
type VersionUsage struct {
	Stack       string    `json:"stack"`
	Function    string    `json:"function"`
	Version     string    `json:"version" doc:"A number or $LATEST."`
	Invocations uint64    `json:"invocations" doc:"Those that were answered, well or not, and those that no instance could be started for."`
	Errors      uint64    `json:"errors" doc:"Those of the invocations that failed."`
	Throttles   uint64    `json:"throttles" doc:"Invocations that were turned away while this version's held the places."`
	BilledMS    uint64    `json:"billed_ms" doc:"Billed milliseconds, as in the log's REPORT lines: each invocation's rounded up, an instance's start included."`
	BilledMBMS  uint64    `json:"billed_mb_ms" doc:"Billed milliseconds times memory in MB."`
	GBSeconds   float64   `json:"gb_seconds" doc:"The same in GB-seconds."`
	Last        time.Time `json:"last" doc:"When the usage last grew. It is forgotten 400 days later."`
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
			out.Body.Usage = make([]VersionUsage, len(usage))
			for i, u := range usage {
				out.Body.Usage[i] = VersionUsage{
					u.Stack, u.Function, u.Version, u.Invocations, u.Errors, u.Throttles, u.BilledMS, u.BilledMBMS, u.GBSeconds(), u.Last,
				}
			}
			return out, nil
		})
}
