package store

import (
	"cmp"
	"context"
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

// outOfStorage are the codes of JetStream's errors that say that a limit of
// storage was reached: of the server, the account, the disk or the memory.
var outOfStorage = map[jetstream.ErrorCode]bool{10002: true, 10023: true, 10028: true, 10047: true}

// fullDisk puts the many ways in which a full disk shows into one sentence, and
// leaves other errors alone.
func (s *Store) fullDisk(err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	if isFull(err) {
		return fmt.Errorf("%w in %s: nothing was written; make room, then try again (%w)", ErrFull, s.where(), err)
	}
	// JetStream that cannot write does not answer.
	if s.embedded != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, jetstream.ErrAsyncPublishTimeout)) {
		return cmp.Or(s.roomForRecord(1), err)
	}
	return err
}

func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && outOfStorage[api.ErrorCode] ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		strings.Contains(err.Error(), syscall.ENOSPC.Error())
}

// roomForRecord tells whether n bytes of a record may be written, as far as this
// node can know.
func (s *Store) roomForRecord(n int) error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.disk.room(int64(n), 1)
}

// roomForPackage is the same for n bytes of a package. Packages leave as much
// again free: a stack can be deleted on a disk that they filled.
func (s *Store) roomForPackage(n int) error {
	if s.embedded == nil {
		return nil
	}
	return s.embedded.disk.room(int64(n), 2)
}
