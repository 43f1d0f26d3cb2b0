package open

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// lookTimeout bounds the look at what an interrupted create has left behind.
const lookTimeout = 5 * time.Second

// Create makes the stack; see target.Target. The stack is marked unfinished until
// the last step, so that a create that was cut off anywhere is taken up by the
// next.
func (c *Client) Create(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	deployment, err := c.create(ctx, d)
	if err == nil {
		return deployment, nil
	}
	if deployment == nil {
		deployment = c.leftBehind(ctx, d.Stack, err)
	}
	return deployment, err
}

func (c *Client) create(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	if err := c.upload(ctx, d); err != nil {
		return nil, err
	}
	deployment, err := c.put(ctx, d, ifAbsent, stack.CreationUnfinished)
	if hasStatus(err, http.StatusPreconditionFailed) {
		deployment, err = c.adopt(ctx, d)
	}
	if err != nil {
		return nil, err
	}
	var confirmed stack.Deployment
	if err := c.json(ctx, call{method: http.MethodPost, path: stackPath(d.Stack.Name) + "/confirm", slow: true}, &confirmed); err != nil {
		return deployment, err
	}
	return &confirmed, nil
}

// adopt takes over the stack that has the name already, if it is what an
// interrupted create left or exactly what this one would make.
func (c *Client) adopt(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	found, err := c.Read(ctx, d.Stack)
	if errors.Is(err, target.ErrNotFound) {
		// It was deleted just now.
		return c.put(ctx, d, ifAbsent, stack.CreationUnfinished)
	}
	if err != nil {
		return nil, err
	}
	if found.Creation != stack.CreationUnfinished && !sameContent(found.Stack, d.Stack) {
		return nil, &target.ExistsError{Kind: found.Stack.Trigger.Kind(), Name: d.Stack.Name}
	}
	// Put it even if it is the same: that repairs its components and brings the
	// secrets, which nobody can compare.
	deployment, err := c.put(ctx, d, ifMatch(found.Revision), stack.CreationUnfinished)
	if hasStatus(err, http.StatusPreconditionFailed) {
		return nil, &target.ConflictError{Name: d.Stack.Name}
	}
	return deployment, err
}

// leftBehind looks for what a failed create has made, so that it gets into the
// state. Only what is unfinished and has the wanted content counts: anything else
// may be somebody else's.
func (c *Client) leftBehind(ctx context.Context, s stack.Stack, err error) *stack.Deployment {
	var api *APIError
	var exists *target.ExistsError
	var conflict *target.ConflictError
	if errors.As(err, &api) || errors.As(err, &exists) || errors.As(err, &conflict) {
		return nil // The runtime said no: it has made nothing.
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	found, err := c.Read(ctx, s)
	if err != nil || found.Creation != stack.CreationUnfinished || !sameContent(found.Stack, s) {
		return nil
	}
	return found
}

// Update makes an existing stack what d says, and follows the release that this begins,
// or that it joins; see target.Target and target.Releases.
func (c *Client) Update(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	if err := c.upload(ctx, d); err != nil {
		return nil, err
	}
	deployment, err := c.update(ctx, d)
	switch {
	case err != nil && ctx.Err() != nil && !d.NoWait:
		return c.interruptUnanswered(ctx, d, err)
	case err != nil:
		return nil, err
	case failed(deployment, d), deployment.Release.UnderWay() && !d.NoWait:
		return c.follow(d, *deployment.Release).wait(ctx)
	}
	return deployment, nil
}

// maxMeetings is how often an update begins again because the release under way took a
// step at the same time.
const maxMeetings = 5

func (c *Client) update(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	condition := ifRevision(d.Revision)
	for range maxMeetings {
		deployment, err := c.put(ctx, d, condition, "")
		if !hasStatus(err, http.StatusPreconditionFailed) {
			return deployment, err
		}
		// Changed since the caller saw it. If it is what we want by now, that was us: the
		// answer got lost and the request was sent again. If a release is under way, each of
		// its steps is a change, and the runtime tells whether the release is the one that we
		// want; anything else of a stack nobody changes until it has ended.
		found, err := c.Read(ctx, d.Stack)
		if err != nil {
			return nil, err
		}
		if !found.Release.UnderWay() && !sameContent(found.Stack, d.Stack) {
			break
		}
		condition = ifMatch(found.Revision)
	}
	return nil, &target.ConflictError{Name: d.Stack.Name}
}

// failed tells whether the release that an update began has ended already, and not well.
func failed(d *stack.Deployment, wanted target.Deploy) bool {
	r := d.Release
	return r != nil && r.State == string(release.RolledBack) && r.ID == wanted.Stack.ReleaseID() && !sameContent(d.Stack, wanted.Stack)
}

// interruptUnanswered interrupts the release that an update began before ctx ended and
// the answer came, if it did so; err is what the update ended with.
func (c *Client) interruptUnanswered(ctx context.Context, d target.Deploy, err error) (*stack.Deployment, error) {
	look, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	all, listErr := c.ListReleases(look, d.Stack.Name)
	begun := underWay(all)
	if listErr != nil || begun == nil || begun.ID != d.Stack.ReleaseID() || begun.By != d.By {
		return nil, err
	}
	return c.follow(d, *begun.Status()).interrupt(ctx)
}

// Delete removes the stack and all it owns; see target.Target.
func (c *Client) Delete(ctx context.Context, name string) error {
	err := c.json(ctx, call{method: http.MethodDelete, path: stackPath(name), slow: true}, nil)
	if hasStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

// put writes the stack. With creation unfinished, a stack that this makes is marked
// so, and one that exists stays what it is. A package that the runtime dropped since it was uploaded
// (it keeps unused ones for an hour) is uploaded once more.
func (c *Client) put(ctx context.Context, d target.Deploy, condition http.Header, creation stack.Creation) (*stack.Deployment, error) {
	k := call{method: http.MethodPut, path: stackPath(d.Stack.Name), header: condition, in: d.Stack, slow: true}
	k.query = url.Values{}
	if creation != "" {
		k.query.Set("creation", string(creation))
	}
	if d.By != "" {
		k.query.Set("by", d.By)
	}
	var deployment stack.Deployment
	err := c.json(ctx, k, &deployment)
	if hasStatus(err, http.StatusFailedDependency) {
		if err := c.upload(ctx, d); err != nil {
			return nil, err
		}
		err = c.json(ctx, k, &deployment)
	}
	var refused *APIError
	if errors.As(err, &refused) && refused.Status == http.StatusConflict && refused.Release != nil {
		return nil, &target.UnderWayError{Name: d.Stack.Name, Release: *refused.Release, Now: refused.Now}
	}
	if err != nil {
		return nil, err
	}
	return &deployment, nil
}

// The conditions of a write, which also make it safe to send it twice.
var ifAbsent = http.Header{"If-None-Match": {"*"}}

func ifMatch(revision string) http.Header { return http.Header{"If-Match": {`"` + revision + `"`}} }

// ifRevision is ifMatch, or for an unknown revision any that exists.
func ifRevision(revision string) http.Header {
	if revision == "" {
		return http.Header{"If-Match": {"*"}}
	}
	return ifMatch(revision)
}

func stackPath(name string) string { return "/v1/stacks/" + url.PathEscape(name) }

// sameContent tells whether two stacks are the same but for secrets, which no
// answer of the runtime holds, and for how they are released.
func sameContent(a, b stack.Stack) bool {
	return content(a) == content(b)
}

func content(s stack.Stack) string {
	s = s.WithDefaults()
	s.Release = nil
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	// A Stack holds strings, numbers and maps of them: it always marshals, and the
	// keys of maps come out sorted.
	text, _ := json.Marshal(s)
	return string(text)
}
