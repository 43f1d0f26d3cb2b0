package store

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrNotFound says that there is no such record or package.
	ErrNotFound = errors.New("not found in the store")
	// ErrConflict says that somebody else changed a record in the meantime; nothing
	// was written.
	ErrConflict = errors.New("changed by somebody else in the meantime")
	// ErrFull says that there is no room left; nothing was written.
	ErrFull   = errors.New("no space left")
	errClosed = errors.New("the store was closed")
	// ErrHash says that a package's bytes are not those its name promises.
	ErrHash = errors.New("the package's content does not have the SHA-256 it was announced with")
)

// A NameTakenError says that two functions would be called the same.
type NameTakenError struct {
	// FullName is what both would be called.
	FullName string
	// Stack and Function are who wants the name, OwnerStack and OwnerFunction who
	// has it.
	Stack, Function, OwnerStack, OwnerFunction string
}

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("function %q of stack %q would be called %q, which is what function %q of stack %q is called: rename one of them",
		e.Function, e.Stack, e.FullName, e.OwnerFunction, e.OwnerStack)
}

// insufficientStorage is the code of JetStream's "insufficient storage
// resources available" errors, by which it says that a limit was reached.
var insufficientStorage = map[jetstream.ErrorCode]bool{10023: true, 10047: true, 10028: true}

// fullDisk puts the many ways in which a full disk shows into one sentence, and
// leaves other errors alone. where is the data folder, or the cluster's name.
func fullDisk(where string, err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	var api *jetstream.APIError
	if errors.As(err, &api) && insufficientStorage[api.ErrorCode] ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		strings.Contains(err.Error(), syscall.ENOSPC.Error()) {
		return fmt.Errorf("%w in %s; nothing was written: free some, then try again (%w)", ErrFull, where, err)
	}
	return err
}
