package aws

import (
	"context"
	"fmt"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A Target deploys stacks to one region of one AWS account. Its methods may be
// called at the same time. Errors are sentences for people and hold no secrets.
type Target struct {
	options Options

	// mu guards connected, which is nil before the first call, and is closed once made
	// or failed is there.
	mu        sync.Mutex
	connected chan struct{}
	made      *session
	failed    error
}

var (
	_ target.Target   = (*Target)(nil)
	_ target.Releases = (*Target)(nil)
)

// New returns a target. It asks nobody anything yet: credentials are looked for by
// the first call.
func New(_ context.Context, o Options) (*Target, error) { return &Target{options: o}, nil }

// Name is "aws".
func (t *Target) Name() string { return "aws" }

// session returns the connection to AWS. The first call makes it, whether or not its
// own ctx lasts that long, for all others need it too. If it cannot be made the others
// learn why without trying for themselves.
func (t *Target) session(ctx context.Context) (*session, error) {
	t.mu.Lock()
	if t.connected == nil {
		t.connected = make(chan struct{})
		go func() {
			defer close(t.connected)
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
			defer cancel()
			t.made, t.failed = connect(ctx, t.options)
		}()
	}
	t.mu.Unlock()
	select {
	case <-t.connected:
		return t.made, t.failed
	case <-ctx.Done():
		return nil, fmt.Errorf("finding credentials for AWS took too long: %w", ctx.Err())
	}
}

// A place is one region of one account.
type place struct {
	// partition is "aws", "aws-cn" or "aws-us-gov"; domain what its hosts' names end in.
	partition, domain string
	region            string
	account           string
}

// A session is a place and the means to work there.
type session struct {
	place
	clients
	// defaultTags go to everything, beside the stack's own.
	defaultTags map[string]string
	// stagingBucket for large packages; empty means one that Tidegate makes.
	stagingBucket string
	// endpoints that are not AWS's standard ones, by service; see url.
	endpoints map[string]string
	// pace is how long to wait between looks at something that takes time; see wait.go.
	pace pace
	// clock tells the time of releases; nil means the machine's. See release_clock.go.
	clock clock
	// apis are the HTTP APIs of the region, listed once for everybody who reads at the
	// same time.
	apis apiListing
}

// Components names what a stack of this shape has on AWS; see target.Target.
func (t *Target) Components(s stack.Stack) []string {
	i := newInventory(&session{}, shapeOf(s))
	i.want(s)
	var names []string
	for _, p := range i.parts {
		if p.wanted() {
			names = append(names, p.name())
		}
	}
	return names
}
