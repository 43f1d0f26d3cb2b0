package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// Precondition are the headers by which a client says which state it wants to
// change (RFC 9110, 13.1).
type Precondition struct {
	IfMatch     string `header:"If-Match" doc:"The ETag of the stack to be changed; 412 if it is another by now."`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates the stack; 412 if it exists."`
}

// A condition tells in which states a stack may be changed.
type condition interface {
	// check returns why it may not be changed in that state; nil means that there is none.
	check(name string, r *store.Record) error
	// named tells whether the client wants exactly one state changed, so that
	// somebody else's change in between is for it to decide upon.
	named() bool
}

// joining is the precondition of a deployment. While a release is under way it is for
// deploy.Deploy to say whether the deployment joins it: the revision changes with every
// step of the release, which tells nothing.
type joining struct{ Precondition }

func (j joining) check(name string, r *store.Record) error {
	if deploy.UnderWay(r) && j.IfNoneMatch == "" {
		return nil
	}
	return j.Precondition.check(name, r)
}

// named is false because check is called again after a change in between.
func (j joining) named() bool { return false }

// etag writes the revision of a record's stack as an ETag.
func etag(r *store.Record) string { return `"` + strconv.FormatUint(r.StackRevision(), 10) + `"` }

// check compares the headers with the record there is; nil means none.
func (p Precondition) check(name string, r *store.Record) error {
	if p.IfNoneMatch != "" && p.IfNoneMatch != "*" {
		return problem(http.StatusBadRequest, "If-None-Match is %q; it can be *", p.IfNoneMatch)
	}
	switch exists := r != nil; {
	case p.IfNoneMatch == "*" && exists:
		return problem(http.StatusPreconditionFailed, "stack %q exists already", name)
	case p.IfMatch == "" || p.IfMatch == "*" && exists:
		return nil
	case !exists:
		return problem(http.StatusPreconditionFailed, "stack %q does not exist", name)
	case strings.Trim(strings.TrimPrefix(p.IfMatch, "W/"), `"`) != strconv.FormatUint(r.StackRevision(), 10):
		return problem(http.StatusPreconditionFailed, "stack %q was changed since revision %s was read: it is at %s now; nothing was changed",
			name, p.IfMatch, etag(r))
	}
	return nil
}

func (p Precondition) named() bool { return p.IfMatch != "" && p.IfMatch != "*" || p.IfNoneMatch != "" }
