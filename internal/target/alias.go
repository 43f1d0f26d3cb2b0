package target

import (
	"context"
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Aliases are what a Target knows of aliases beside "live". They do not belong to the
// stack of their function: no Update and no release changes them, and the stack's
// revision does not tell of them. A version that one points at is kept. They go when
// their function goes.
type Aliases interface {
	// ReadAlias returns the alias as it is, or ErrNotFound, also if there is no such
	// stack or function.
	ReadAlias(ctx context.Context, ref stack.AliasRef) (*stack.AliasStatus, error)

	// CreateAlias makes the alias, or adopts one that an interrupted create left or that
	// is exactly what it would make. Of anything else of that name it makes
	// *AliasExistsError. When it fails half-way it returns what exists beside the error.
	CreateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error)

	// UpdateAlias makes an alias that CreateAlias made what a says, and makes it anew if
	// it is gone. When it fails half-way it returns what exists beside the error.
	UpdateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error)

	// DeleteAlias removes the alias. Deleting what is gone succeeds.
	DeleteAlias(ctx context.Context, ref stack.AliasRef) error
}

// AliasExistsError says that the name is taken by an alias that is not ours.
type AliasExistsError struct{ Ref stack.AliasRef }

func (e *AliasExistsError) Error() string {
	return fmt.Sprintf("function %q of stack %q has an alias %q already, which was made by another configuration; "+
		"choose another name, or take it over with: terraform import tidegate_alias.<label> %s", e.Ref.Function, e.Ref.Stack, e.Ref.Name, e.Ref)
}
