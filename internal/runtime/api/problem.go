package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Problem is an error as the API answers it: RFC 9457 problem JSON. Detail
// is one sentence for people; it never repeats what the client sent beyond
// names, since that may hold secrets.
type Problem struct {
	Status int    `json:"status" doc:"The HTTP status code."`
	Title  string `json:"title" doc:"The HTTP status in words."`
	Detail string `json:"detail" doc:"What is wrong and what would be right, in one sentence."`
	// Errors lists every single problem where there can be more than one.
	Errors []ProblemItem `json:"errors,omitempty" doc:"Every problem of a body or a stack."`
	// Release that is in the way, and the time by the clock that its times are of.
	Release *stack.ReleaseStatus `json:"release,omitempty" doc:"The release that is under way."`
	Now     *time.Time           `json:"now,omitempty" doc:"The time by the runtime's clock, which the release's times are of."`

	header http.Header
}

// A ProblemItem is one of several problems.
type ProblemItem struct {
	Message string `json:"message" doc:"One sentence."`
	// Location is an attribute as a user writes it, `functions["fulfil"].timeout`,
	// or the place in the request, "query.since".
	Location string `json:"location,omitempty" doc:"The attribute or parameter to blame, such as functions[\"fulfil\"].timeout."`
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// problemType is the media type of problems.
const problemType = "application/problem+json"

func problem(status int, format string, args ...any) *Problem {
	return &Problem{Status: status, Title: http.StatusText(status), Detail: fmt.Sprintf(format, args...)}
}

// invalid lists everything wrong with a stack.
func invalid(ps stack.Problems) *Problem {
	items := make([]ProblemItem, len(ps))
	for i, p := range ps {
		items[i].Message = p.Message
		if len(p.Paths) > 0 {
			items[i].Location = p.Paths[0]
		}
	}
	return withItems(http.StatusUnprocessableEntity, "the stack cannot be deployed", items)
}

// withItems says the one item as the detail, or how many there are.
func withItems(status int, what string, items []ProblemItem) *Problem {
	if len(items) == 1 {
		p := problem(status, "%s: %s", what, items[0].sentence())
		p.Errors = items
		return p
	}
	sentences := make([]string, len(items))
	for i, item := range items {
		sentences[i] = item.sentence()
	}
	p := problem(status, "%s for %d reasons: %s", what, len(items), strings.Join(sentences, "; "))
	p.Errors = items
	return p
}

func (i ProblemItem) sentence() string {
	if i.Location == "" {
		return i.Message
	}
	return i.Location + ": " + i.Message
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is for huma.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is for huma.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is for huma.
func (p *Problem) ContentType(string) string { return problemType }

// with adds a header to the answer.
func (p *Problem) with(name, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(name, value)
	return p
}

// write answers a request that did not come through huma.
func (p *Problem) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}

// Huma makes its own errors through these variables. Ours keep a Problem that
// was made by our code, and drop the values that huma would echo.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		items := make([]ProblemItem, 0, len(errs))
		for _, err := range errs {
			var own *Problem
			var detail huma.ErrorDetailer
			switch {
			case err == nil:
			case errors.As(err, &own):
				return own
			case errors.As(err, &detail):
				items = append(items, ProblemItem{detail.ErrorDetail().Message, detail.ErrorDetail().Location})
			case status < http.StatusInternalServerError:
				items = append(items, ProblemItem{Message: err.Error()})
			}
		}
		switch {
		case status >= http.StatusInternalServerError:
			return problem(status, "something went wrong in the runtime; its log says what")
		case len(items) > 0:
			return withItems(status, "the request is not valid", items)
		}
		return problem(status, "%s", msg)
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return huma.NewError(status, msg, errs...)
	}
}
