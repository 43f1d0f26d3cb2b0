// Package target is what the provider and the command line know of the places
// a stack can live in.
package target

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
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

	Releases
}

// Releases are what a Target knows of releases.
//
// An Update whose stack has a gradual release publishes versions, moves the aliases as
// the release says, changes everything else, and returns when the release has ended. If
// that failed, it returns *ReleaseError beside the stack as it was before. If a release
// is under way already, Update joins it where it makes the same of the stack, and else
// returns *UnderWayError; on AWS, where an update drives its release, so does one that
// makes the same while another is at it. When ctx is cancelled, the release is
// interrupted (see release.Release.Interrupt).
//
// In a stack's creation, and for functions that are new in it, nothing moves gradually:
// there is nothing to move from.
type Releases interface {
	// ListReleases returns the stack's releases, newest first: the one under way, if
	// any, and at least the last twenty that have ended. ErrNotFound if there is no such
	// stack.
	ListReleases(ctx context.Context, name string) ([]release.Release, error)

	// Steer carries out a command on the release that is under way, and returns it when
	// that is in effect. By is who gave it. *NoReleaseError if none is under way; any
	// other refusal changes nothing.
	Steer(ctx context.Context, name string, c release.Command, by string) (release.Release, error)

	// Rollback points every alias of the stack at once at the versions that it had at
	// the end of an earlier release, and returns that as a release of its own. To is a
	// release's id, or, in a stack with one function, a version's number; empty means
	// what was before the last release that was finished. A release that is under way is
	// aborted first; with an empty to, that is all. A version that was pruned is an
	// error, and nothing is changed.
	Rollback(ctx context.Context, name, to, by string) (release.Release, error)
}

// A Deploy is one create or update.
type Deploy struct {
	Stack stack.Stack
	// Prior is the stack as the caller last knew it, for an update; see Read.
	Prior stack.Stack
	// Revision of the stack that the caller saw; empty means whichever it is.
	Revision string
	// By is who deploys, for people: "ada@laptop".
	By string
	// NoWait lets an Update return as soon as a gradual release has begun.
	NoWait bool
	// Progress, if not nil, is called with every change of a gradual release.
	Progress func(release.Release)
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

// ReleaseError says that a release ended by a rollback, or is held.
type ReleaseError struct{ Release release.Release }

func (e *ReleaseError) Error() string {
	r := e.Release
	why := r.Status().What
	if r.Stopped == release.Held {
		return fmt.Sprintf("the release %s is %s; its candidates keep %d %% of the traffic until it is resumed, promoted or aborted with tidegate release", r.ID, why, r.Weight())
	}
	return fmt.Sprintf("the release %s was %s; every alias is where it was before", r.ID, why)
}

// UnderWayError says that another release of the stack is not finished.
type UnderWayError struct {
	// Name of the stack.
	Name    string
	Release stack.ReleaseStatus
	// Now is the time by the clock that the release's times are of.
	Now time.Time
}

func (e *UnderWayError) Error() string {
	return fmt.Sprintf("the release %s of stack %q is at %d %%, started by %s %s ago, and nothing was changed now; "+
		"watch it with tidegate release %s, or end it with --promote or --abort",
		e.Release.ID, e.Name, e.Release.Weight, cmp.Or(e.Release.By, "another apply"), Ago(e.Now.Sub(e.Release.Began)), e.Name)
}

// Ago is a duration in words: "4 minutes".
func Ago(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := int(d / unit.of); n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		} else if n == 1 {
			return "1 " + unit.name
		}
	}
	return "0 seconds"
}

// NoReleaseError says that no release of the stack is under way.
type NoReleaseError struct{ Name string }

func (e *NoReleaseError) Error() string {
	return fmt.Sprintf("no release of stack %q is under way; to go back to earlier versions there is tidegate rollback %s", e.Name, e.Name)
}
