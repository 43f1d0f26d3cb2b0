package deploy

import (
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Reason classes errors.
type Reason int

// Why a change cannot be made.
const (
	// NotFound: what is to be changed does not exist.
	NotFound Reason = iota + 1
	// InUse: something else needs it.
	InUse
	// Invalid: it cannot be so.
	Invalid
	// NoRelease: no release is under way.
	NoRelease
)

// An Error says why a record cannot be changed as asked.
type Error struct {
	Reason  Reason
	Message string
}

func (e *Error) Error() string { return e.Message }

func failure(reason Reason, format string, args ...any) error {
	return &Error{reason, fmt.Sprintf(format, args...)}
}

// function returns the versions of a function that exists.
func function(r *store.Record, name string) (stack.Function, *store.FunctionRecord, error) {
	f, versions, ok := r.Function(name)
	if !ok {
		return f, nil, failure(NotFound, "stack %q has no function %q", r.Stack.Name, name)
	}
	return f, versions, nil
}
