package open

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// errSlow is the cause of a context that ended because the runtime took too long
// for a call that takes no time.
var errSlow = errors.New("the runtime took too long")

// An APIError is a refusal of the runtime, in its own words.
type APIError struct {
	Status int
	// Detail is one sentence.
	Detail string
	// Release is the one under way because of which the runtime refuses, and Now the
	// time by its clock.
	Release *stack.ReleaseStatus
	Now     time.Time
}

func (e *APIError) Error() string { return e.Detail }

// hasStatus tells whether err is an answer with that status.
func hasStatus(err error, status int) bool {
	var api *APIError
	return errors.As(err, &api) && api.Status == status
}

// problem turns an answer that is not 2xx into an error.
func (c *Client) problem(k call, resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	var problem struct {
		Detail  string               `json:"detail"`
		Release *stack.ReleaseStatus `json:"release"`
		Now     time.Time            `json:"now"`
	}
	_ = json.Unmarshal(text, &problem)
	switch {
	case resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden:
		return &APIError{Status: resp.StatusCode, Detail: fmt.Sprintf("the runtime at %s refused the token: set $%s, or the provider's open.token, to the one it prints the file of when it starts", c.endpoint, EnvToken)}
	case problem.Detail != "":
		return &APIError{
			Status: resp.StatusCode, Detail: strings.ReplaceAll(problem.Detail, c.secret(), "***"),
			Release: problem.Release, Now: problem.Now,
		}
	}
	return &APIError{Status: resp.StatusCode, Detail: fmt.Sprintf("the runtime at %s answered %s with %d %s and no explanation; its log may have one", c.endpoint, k, resp.StatusCode, http.StatusText(resp.StatusCode))}
}

// secret is the token, or what occurs in no text if there is none.
func (c *Client) secret() string {
	if c.token == "" {
		return "\x00"
	}
	return c.token
}

// checkVersion refuses answers of something that is not a runtime, or one that
// speaks another version of the API.
func (c *Client) checkVersion(resp *http.Response) error {
	switch version := resp.Header.Get(headerAPI); version {
	case apiVersion:
		return nil
	case "":
		return fmt.Errorf("what answers at %s (%d %s) is not a Tidegate runtime, or something stands between that does not pass its answers on; check the endpoint", c.endpoint, resp.StatusCode, http.StatusText(resp.StatusCode))
	default:
		return fmt.Errorf("the runtime at %s speaks version %.20q of the management API and this program version %q; use releases of Tidegate that go together", c.endpoint, version, apiVersion)
	}
}

// unreachableError says in one sentence why there was no answer.
func (c *Client) unreachableError(ctx context.Context, k call, err error) error {
	var unreadable *packageError
	if errors.As(err, &unreadable) {
		return unreadable.err
	}
	if cause := context.Cause(ctx); errors.Is(cause, context.Canceled) {
		return fmt.Errorf("%s at %s: interrupted: %w", k, c.endpoint, context.Canceled)
	}
	var timeout net.Error
	switch {
	case ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSlow):
		return fmt.Errorf("the runtime at %s has not answered %s: %w", c.endpoint, k, context.Cause(ctx))
	case ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("the runtime at %s did not answer %s in time; it may be overloaded, or something else listens there", c.endpoint, k)
	}
	c.giveUp()
	return fmt.Errorf("cannot reach the runtime at %s: %s; start it with `tidegate serve`, or set the endpoint ($%s, or the provider's open.endpoint)", c.endpoint, reason(err), EnvEndpoint)
}

// reason is the innermost sense of a failed connection: "connection refused".
func reason(err error) string {
	var dns *net.DNSError
	var system *os.SyscallError
	var wrapped *url.Error
	switch {
	case errors.As(err, &dns):
		return dns.Err
	case errors.As(err, &system):
		return system.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was closed before an answer came"
	case errors.As(err, &wrapped):
		return wrapped.Err.Error()
	}
	return err.Error()
}
