package open

import (
	"context"
	"net/http"
)

// A Host is what a runtime tells of where it runs.
type Host struct {
	// Architecture is "x86_64" or "arm64".
	Architecture string    `json:"architecture"`
	Isolation    Isolation `json:"isolation"`
	// Nodes are the processes that make up the runtime.
	Nodes []string `json:"nodes"`
	// MaxConcurrency is the most instances at once, on all nodes.
	MaxConcurrency int `json:"max_concurrency"`
}

// Isolation says how far functions are kept apart.
type Isolation struct {
	Mode     string   `json:"mode"`
	Enforced []string `json:"enforced"`
	// Missing measures come with the reason.
	Missing []string `json:"missing"`
}

// Host asks the runtime about itself.
func (c *Client) Host(ctx context.Context) (*Host, error) {
	var host Host
	if err := c.json(ctx, call{method: http.MethodGet, path: "/v1/host"}, &host); err != nil {
		return nil, err
	}
	return &host, nil
}
