// Package target is what the provider and the command line know of the places
// a stack can live in.
package target

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Target deploys stacks. Its methods may be called at the same time for
// different stacks. Errors are sentences for people and hold no secrets.
type Target interface {
	// Name is "aws" or "open".
	Name() string

	// Check says what of a valid stack this target cannot honour (an interpreter
	// that is missing, an attribute it has no counterpart for). It changes nothing
	// and is called while planning.
	Check(ctx context.Context, s stack.Stack) (stack.Problems, error)

	// Components names the components a stack of this shape has here. It asks
	// nobody: the plan wants every one of them to be stack.Ready.
	Components(s stack.Stack) []string

	// Read returns the stack as it is, or ErrNotFound. Prior is the stack as the
	// caller last knew it; all that matters is its name. Further on it may settle what
	// the target cannot tell: which of two spellings of the same was meant, and what
	// belonged to the stack although nothing on the target says so any more.
	Read(ctx context.Context, prior stack.Stack) (*stack.Deployment, error)

	// List returns every stack on the target, by name.
	List(ctx context.Context) ([]*stack.Deployment, error)

	// Create makes a stack, or adopts one that an interrupted create left or that
	// is exactly what it would make. Of anything else of that name it makes
	// *ExistsError. When it fails half-way it returns what exists beside the error.
	Create(ctx context.Context, d Deploy) (*stack.Deployment, error)

	// Update makes an existing stack what d says, publishing versions of those
	// functions only whose Config.Hash is new. ErrNotFound if it is gone,
	// *ConflictError if it changed since d.Revision.
	// When it fails half-way it returns what exists beside the error.
	Update(ctx context.Context, d Deploy) (*stack.Deployment, error)

	// Delete removes the stack and all it owns. Deleting what is gone succeeds.
	Delete(ctx context.Context, name string) error
}

// A Deploy is one create or update.
type Deploy struct {
	Stack stack.Stack
	// Prior is the stack as the caller last knew it, for an update; see Read.
	Prior stack.Stack
	// Revision of the stack that the caller saw; empty means whichever it is.
	Revision string
	// Packages by CodeSHA256: the code and the layers the stack names. Opened only
	// when the target lacks them.
	Packages map[string]Package
}

// A Package is a deployable archive (see internal/pack).
type Package interface {
	// Size in bytes.
	Size() int64
	// Open returns the archive's bytes from their beginning.
	Open() (io.ReadCloser, error)
}

// ErrNotFound says that the target has no such stack.
var ErrNotFound = errors.New("no such stack")

// ExistsError says that the name is taken by a stack that is not ours.
type ExistsError struct {
	// Kind is the resource type without "tidegate_", Name the stack's name.
	Kind stack.Kind
	Name string
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("a stack named %q exists already and was made by another configuration; "+
		"choose another name, or take it over with: terraform import tidegate_%s.<label> %s", e.Name, e.Kind, e.Name)
}

// ConflictError says that somebody else changed the stack in the meantime.
type ConflictError struct{ Name string }

func (e *ConflictError) Error() string {
	return fmt.Sprintf("stack %q was changed by somebody else since it was read; nothing was changed now: plan again", e.Name)
}
