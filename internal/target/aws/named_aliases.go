package aws

import (
	"context"
	"fmt"
	"maps"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var _ target.Aliases = (*Target)(nil)

// ReadAlias returns the alias as it is, whoever made it; see target.Aliases.
func (t *Target) ReadAlias(ctx context.Context, ref stack.AliasRef) (*stack.AliasStatus, error) {
	n, err := t.lookAtAlias(ctx, ref)
	if err != nil {
		return nil, err
	}
	if n.have == nil {
		return nil, target.ErrNotFound
	}
	return n.status(), nil
}

// CreateAlias makes the alias; see target.Aliases. One that Tidegate did not make is left
// alone, even if it is the same.
func (t *Target) CreateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	n, err := t.lookAtAlias(ctx, ref)
	if err != nil {
		return nil, err
	}
	a = a.WithDefaults()
	if n.have != nil && !n.begun() && (!n.finished() || !n.is(a)) {
		return nil, &target.AliasExistsError{Ref: ref}
	}
	return n.put(ctx, a)
}

// UpdateAlias makes the alias what a says; see target.Aliases.
func (t *Target) UpdateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	n, err := t.lookAtAlias(ctx, ref)
	if err != nil {
		return nil, err
	}
	return n.put(ctx, a.WithDefaults())
}

// DeleteAlias removes the alias; see target.Aliases.
func (t *Target) DeleteAlias(ctx context.Context, ref stack.AliasRef) error {
	n, err := t.lookAtAlias(ctx, ref)
	if err != nil {
		return err
	}
	if err := n.remove(ctx); err != nil {
		return fmt.Errorf("alias %s: %w", ref, explain(err))
	}
	return nil
}

func (t *Target) lookAtAlias(ctx context.Context, ref stack.AliasRef) (*namedAlias, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	n, err := s.namedAlias(ctx, ref)
	return n, explain(err)
}

// is tells whether the alias is what a says.
func (n *namedAlias) is(a stack.Alias) bool {
	if !maps.Equal(routingOf(*n.have), a.Routing) || n.url.exists() != (a.URL != nil) {
		return false
	}
	return a.URL == nil || n.url.have.is(*a.URL)
}

// put applies the alias and tells what there is then.
func (n *namedAlias) put(ctx context.Context, a stack.Alias) (*stack.AliasStatus, error) {
	err := explain(n.apply(ctx, a))
	s := n.status()
	if s != nil && s.URL != nil && a.URL != nil && sameURLCORS(s.URL.CORS, a.URL.CORS) {
		s.URL.CORS = a.URL.CORS // In the spelling that was asked for.
	}
	return s, err
}
