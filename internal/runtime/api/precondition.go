package api

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// Precondition are the headers by which a client says which state it wants to
// change (RFC 9110, 13.1).
type Precondition struct {
	IfMatch     string `header:"If-Match" doc:"The ETag of the stack to be changed; 412 if it is another by now."`
	IfNoneMatch string `header:"If-None-Match" doc:"* creates the stack; 412 if it exists."`
}

// etag writes a revision as an ETag.
func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }

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
	case strings.Trim(strings.TrimPrefix(p.IfMatch, "W/"), `"`) != strconv.FormatUint(r.Revision, 10):
		return problem(http.StatusPreconditionFailed, "stack %q was changed since revision %s was read: it is at %s now; nothing was changed",
			name, p.IfMatch, etag(r.Revision))
	}
	return nil
}

// named tells whether the client wants exactly one state changed, so that
// somebody else's change in between is for it to decide upon.
func (p Precondition) named() bool { return p.IfMatch != "" && p.IfMatch != "*" || p.IfNoneMatch != "" }
