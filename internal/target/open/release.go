package open

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// ListReleases returns the stack's releases, newest first; see target.Releases.
func (c *Client) ListReleases(ctx context.Context, name string) ([]release.Release, error) {
	var answer struct {
		Releases []release.Release `json:"releases"`
	}
	if err := c.json(ctx, call{method: http.MethodGet, path: stackPath(name) + "/releases"}, &answer); err != nil {
		return nil, notFound(err)
	}
	return answer.Releases, nil
}

// Steer carries out a command on the release under way; see target.Releases.
func (c *Client) Steer(ctx context.Context, name string, command release.Command, by string) (release.Release, error) {
	return c.steer(ctx, name, command, order{By: by})
}

// An order says who gives a command, and, unless any is meant, when the release began
// that it is for.
type order struct {
	By    string     `json:"by"`
	Began *time.Time `json:"began,omitempty"`
}

// steer does not send a command twice: what it does depends on what was done before.
func (c *Client) steer(ctx context.Context, name string, command release.Command, o order) (release.Release, error) {
	var r release.Release
	err := c.json(ctx, call{
		method: http.MethodPost,
		path:   stackPath(name) + "/releases/" + url.PathEscape(string(command)),
		in:     o,
		once:   true,
	}, &r)
	if !hasStatus(err, http.StatusConflict) {
		return r, notFound(err)
	}
	// The same status says that the release does not allow it, in the runtime's words.
	if all, listErr := c.ListReleases(ctx, name); listErr == nil && underWay(all) == nil {
		return r, &target.NoReleaseError{Name: name}
	}
	return r, err
}

// Rollback returns the stack to earlier versions; see target.Releases.
func (c *Client) Rollback(ctx context.Context, name, to, by string) (release.Release, error) {
	var r release.Release
	err := c.json(ctx, call{
		method: http.MethodPost,
		path:   stackPath(name) + "/rollback",
		in:     map[string]string{"to": to, "by": by},
		once:   true,
	}, &r)
	var refused *APIError
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		// A release or version that is not there is no stack that is not there.
		if _, listErr := c.ListReleases(ctx, name); errors.Is(listErr, target.ErrNotFound) {
			return r, target.ErrNotFound
		}
	}
	return r, err
}

// underWay is the release of a stack that is under way; nil if none is.
func underWay(all []release.Release) *release.Release {
	if len(all) == 0 || all[0].Ended() {
		return nil
	}
	return &all[0]
}
