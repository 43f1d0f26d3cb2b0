package api

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

type logsInput struct {
	StackPath
	Function string    `query:"function" doc:"One function of the stack; all of them if left out."`
	Since    time.Time `query:"since" doc:"The first line's time (RFC 3339); all there are if left out."`
	Follow   bool      `query:"follow" doc:"Go on with lines as they are written, until the client hangs up."`
}

// ndjson is the media type of JSON values, one a line.
const ndjson = "application/x-ndjson"

func (s *Server) registerLogs(api huma.API) {
	op := operation("readLogs", http.MethodGet, "/v1/stacks/{stack}/logs", "logs",
		"Read or follow the logs of a stack's functions", "One JSON object a line.", http.StatusNotFound)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Log lines, oldest first.",
		Content: map[string]*huma.MediaType{
			ndjson: {Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[telemetry.Entry](), true, "")},
		},
	}}
	huma.Register(api, op, func(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
		record, err := s.record(ctx, in.Stack)
		if err != nil {
			return nil, err
		}
		if _, _, ok := record.Function(in.Function); in.Function != "" && !ok {
			return nil, noFunction(in.Stack, in.Function)
		}
		query := telemetry.Query{Stack: in.Stack, Function: in.Function, Since: in.Since, Follow: in.Follow}
		return &huma.StreamResponse{Body: func(hctx huma.Context) { s.streamLogs(hctx, query) }}, nil
	})
}

// streamLogs writes lines as they come. The answer has begun when the first of
// them fails to be read, so that a failure can only end it.
func (s *Server) streamLogs(hctx huma.Context, q telemetry.Query) {
	ctx, cancel := context.WithCancel(hctx.Context())
	defer cancel()
	defer context.AfterFunc(s.Draining, cancel)()
	hctx.SetHeader("Content-Type", ndjson)
	hctx.SetStatus(http.StatusOK)
	w := hctx.BodyWriter()
	flush := func() {
		if f, ok := w.(http.Flusher); ok && q.Follow {
			f.Flush()
		}
	}
	flush()
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	for entry, err := range s.Logs.Read(ctx, q) {
		if err != nil {
			s.Log.ErrorContext(ctx, "reading logs failed", "stack", q.Stack, "function", q.Function, "error", err)
			return
		}
		if encoder.Encode(entry) != nil {
			return // the client hung up
		}
		flush()
	}
}
