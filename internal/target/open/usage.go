package open

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Usage is what one version of a function has used on all nodes, since ever.
type Usage struct {
	Stack    string `json:"stack"`
	Function string `json:"function"`
	// Version is a number or "$LATEST".
	Version     string `json:"version"`
	Invocations uint64 `json:"invocations"`
	Errors      uint64 `json:"errors"`
	Throttles   uint64 `json:"throttles"`
	// BilledMS are milliseconds, BilledMBMS those times the memory in MB.
	BilledMS   uint64  `json:"billed_ms"`
	BilledMBMS uint64  `json:"billed_mb_ms"`
	GBSeconds  float64 `json:"gb_seconds"`
	// Last is when the usage last grew.
	Last time.Time `json:"last"`
}

// Usage asks what the versions of a stack's function have used. No function means all of
// the stack's, and no stack all there are, those that were deleted among them.
func (c *Client) Usage(ctx context.Context, stack, function string) ([]Usage, error) {
	var answer struct{ Usage []Usage }
	query := url.Values{}
	if stack != "" {
		query.Set("stack", stack)
	}
	if function != "" {
		query.Set("function", function)
	}
	if err := c.json(ctx, call{method: http.MethodGet, path: "/v1/usage", query: query}, &answer); err != nil {
		return nil, err
	}
	return answer.Usage, nil
}
