package open

import (
	"context"
	"net/http"
	"net/url"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Usage asks what the versions of a stack's function have used. No function means all of
// the stack's, and no stack all there are, those that were deleted among them.
func (c *Client) Usage(ctx context.Context, name, function string) ([]stack.VersionUsage, error) {
	var answer struct{ Usage []stack.VersionUsage }
	query := url.Values{}
	if name != "" {
		query.Set("stack", name)
	}
	if function != "" {
		query.Set("function", function)
	}
	if err := c.json(ctx, call{method: http.MethodGet, path: "/v1/usage", query: query}, &answer); err != nil {
		return nil, err
	}
	return answer.Usage, nil
}
