package aws

import (
	"context"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// nothing stands in for a component that is being written.
type nothing struct{ called string }

func (n *nothing) name() string                 { return n.called }
func (n *nothing) subject() string              { return n.called }
func (n *nothing) read(context.Context) error   { return nil }
func (n *nothing) exists() bool                 { return false }
func (n *nothing) foreign() bool                { return false }
func (n *nothing) show(*stack.Deployment)       {}
func (n *nothing) want(stack.Stack)             {}
func (n *nothing) wanted() bool                 { return false }
func (n *nothing) drift() string                { return "" }
func (n *nothing) apply(context.Context) error  { return nil }
func (n *nothing) remove(context.Context) error { return nil }
