package open

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var _ target.Aliases = (*Client)(nil)

// ReadAlias returns the alias as it is; see target.Aliases.
func (c *Client) ReadAlias(ctx context.Context, ref stack.AliasRef) (*stack.AliasStatus, error) {
	var found stack.AliasStatus
	if err := c.json(ctx, call{method: http.MethodGet, path: aliasPath(ref)}, &found); err != nil {
		return nil, notFound(err)
	}
	return &found, nil
}

// CreateAlias makes the alias; see target.Aliases.
func (c *Client) CreateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	made, err := c.putAlias(ctx, ref, a, ifAbsent)
	if !hasStatus(err, http.StatusPreconditionFailed) {
		return made, err
	}
	found, err := c.ReadAlias(ctx, ref)
	switch {
	case errors.Is(err, target.ErrNotFound):
		// It was deleted just now.
		return c.putAlias(ctx, ref, a, ifAbsent)
	case err != nil:
		return nil, err
	case !sameAlias(found.Alias, a):
		return nil, &target.AliasExistsError{Ref: ref}
	}
	return found, nil
}

// UpdateAlias makes the alias what a says; see target.Aliases.
func (c *Client) UpdateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	return c.putAlias(ctx, ref, a, nil)
}

func (c *Client) putAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias, condition http.Header) (*stack.AliasStatus, error) {
	var made stack.AliasStatus
	if err := c.json(ctx, call{method: http.MethodPut, path: aliasPath(ref), header: condition, in: a, slow: true}, &made); err != nil {
		return nil, err
	}
	return &made, nil
}

// DeleteAlias removes the alias; see target.Aliases.
func (c *Client) DeleteAlias(ctx context.Context, ref stack.AliasRef) error {
	err := c.json(ctx, call{method: http.MethodDelete, path: aliasPath(ref), slow: true}, nil)
	if hasStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

func aliasPath(ref stack.AliasRef) string {
	return stackPath(ref.Stack) + "/functions/" + url.PathEscape(ref.Function) + "/aliases/" + url.PathEscape(ref.Name)
}

// sameAlias tells whether two aliases are the same, however they are written.
func sameAlias(a, b stack.Alias) bool {
	x, errX := json.Marshal(a.WithDefaults())
	y, errY := json.Marshal(b.WithDefaults())
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
