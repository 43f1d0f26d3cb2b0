package open

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

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

// Update makes an existing stack what d says; see target.Target.
func (c *Client) Update(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	if err := c.upload(ctx, d); err != nil {
		return nil, err
	}
	deployment, err := c.put(ctx, d, ifRevision(d.Revision), "")
	if !hasStatus(err, http.StatusPreconditionFailed) {
		return deployment, err
	}
	// Changed since the caller saw it. If it is what we want by now, that was us: the
	// answer got lost and the request was sent again.
	found, readErr := c.Read(ctx, d.Stack)
	if readErr != nil {
		return nil, readErr
	}
	if sameContent(found.Stack, d.Stack) {
		return c.put(ctx, d, ifMatch(found.Revision), "")
	}
	return nil, &target.ConflictError{Name: d.Stack.Name}
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
	if creation != "" {
		k.query = url.Values{"creation": {string(creation)}}
	}
	var deployment stack.Deployment
	err := c.json(ctx, k, &deployment)
	if hasStatus(err, http.StatusFailedDependency) {
		if err := c.upload(ctx, d); err != nil {
			return nil, err
		}
		err = c.json(ctx, k, &deployment)
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
// answer of the runtime holds.
func sameContent(a, b stack.Stack) bool {
	return content(a) == content(b)
}

func content(s stack.Stack) string {
	s = s.WithDefaults()
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	// A Stack holds strings, numbers and maps of them: it always marshals, and the
	// keys of maps come out sorted.
	text, _ := json.Marshal(s)
	return string(text)
}
