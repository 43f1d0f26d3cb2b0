package open

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// Name is "open".
func (c *Client) Name() string { return "open" }

// Components names what the runtime makes for a stack; see target.Target.
func (c *Client) Components(s stack.Stack) []string { return s.Components() }

// Read returns the stack as it is; see target.Target.
func (c *Client) Read(ctx context.Context, prior stack.Stack) (*stack.Deployment, error) {
	name := prior.Name
	var d stack.Deployment
	if err := c.json(ctx, call{method: http.MethodGet, path: stackPath(name)}, &d); err != nil {
		return nil, notFound(err)
	}
	if d.Stack.Name != name {
		return nil, fmt.Errorf("the runtime at %s was asked for stack %q and answered with %.50q; check that endpoint and versions are right", c.endpoint, name, d.Stack.Name)
	}
	return &d, nil
}

// List returns every stack, by name.
func (c *Client) List(ctx context.Context) ([]*stack.Deployment, error) {
	var answer struct {
		Stacks []*stack.Deployment `json:"stacks"`
	}
	if err := c.json(ctx, call{method: http.MethodGet, path: "/v1/stacks"}, &answer); err != nil {
		return nil, err
	}
	slices.SortFunc(answer.Stacks, func(a, b *stack.Deployment) int { return strings.Compare(a.Stack.Name, b.Stack.Name) })
	return answer.Stacks, nil
}

// Versions returns the versions of a function that exist, oldest first.
func (c *Client) Versions(ctx context.Context, name, function string) ([]stack.Version, error) {
	var answer struct {
		Versions []stack.Version `json:"versions"`
	}
	path := stackPath(name) + "/functions/" + url.PathEscape(function) + "/versions"
	err := c.json(ctx, call{method: http.MethodGet, path: path}, &answer)
	return answer.Versions, err
}

// Runtimes lists the runtime identifiers that the host has interpreters for. The
// runtime is asked once.
func (c *Client) Runtimes(ctx context.Context) ([]string, error) {
	c.mu.Lock()
	known := c.runtimes
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	var answer struct {
		Runtimes []string `json:"runtimes"`
	}
	if err := c.json(ctx, call{method: http.MethodGet, path: "/v1/runtimes"}, &answer); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.runtimes = answer.Runtimes
	return answer.Runtimes, nil
}

// notFound turns the API's 404 into target.ErrNotFound.
func notFound(err error) error {
	if hasStatus(err, http.StatusNotFound) {
		return target.ErrNotFound
	}
	return err
}
