package open

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// The runtime drives releases; a client only looks on.
const (
	// firstLook is how long after a release began it is looked at, for the fast ones. The
	// pauses double from there to lookPause.
	firstLook = 50 * time.Millisecond
	lookPause = time.Second
	// lostFor is how long a runtime that does not answer is waited for, while it is
	// driving a release: after a restart it goes on.
	lostFor = 2 * time.Minute
	// interruptTimeout bounds the telling of a runtime that its release is interrupted.
	interruptTimeout = 30 * time.Second
)

// A follower waits for the end of a release.
type follower struct {
	client *Client
	deploy target.Deploy
	// of is the release, which its id and its beginning tell from others.
	of stack.ReleaseStatus
	// marks that were reported.
	marks int
}

func (c *Client) follow(d target.Deploy, of stack.ReleaseStatus) *follower {
	return &follower{client: c, deploy: d, of: of}
}

// wait returns when the release has ended, is held, or was interrupted because ctx
// ended.
func (f *follower) wait(ctx context.Context) (*stack.Deployment, error) {
	answered := time.Now()
	for pause := firstLook; ; pause = min(2*pause, f.client.lookPause) {
		r, err := f.look(ctx)
		switch {
		case ctx.Err() != nil:
			return f.interrupt(ctx)
		case err == nil && (r.Ended() || r.Stopped == release.Held):
			return f.outcome(ctx, r)
		case err == nil:
			answered = time.Now()
		case !passing(err):
			return nil, err
		case time.Since(answered) > f.client.lostFor:
			return nil, fmt.Errorf("the release %s of stack %q goes on where it is, and nobody watches it: %w", f.of.ID, f.deploy.Stack.Name, err)
		}
		select {
		case <-ctx.Done():
			return f.interrupt(ctx)
		case <-time.After(pause):
		}
	}
}

// look returns the release as it is now, and reports what happened to it.
func (f *follower) look(ctx context.Context) (release.Release, error) {
	name := f.deploy.Stack.Name
	all, err := f.client.ListReleases(ctx, name)
	if errors.Is(err, target.ErrNotFound) {
		return release.Release{}, &APIError{Detail: fmt.Sprintf("stack %q was deleted while the release %s was under way", name, f.of.ID)}
	}
	if err != nil {
		return release.Release{}, err
	}
	for _, r := range all {
		if r.ID == f.of.ID && r.Began.Equal(f.of.Began) {
			f.report(r)
			return r, nil
		}
	}
	return release.Release{}, &APIError{Detail: fmt.Sprintf("the runtime at %s knows nothing of the release %s of stack %q any more; plan again to see what there is", f.client.endpoint, f.of.ID, name)}
}

// report passes on every change once.
func (f *follower) report(r release.Release) {
	if f.deploy.Progress != nil && len(r.Trail) != f.marks {
		f.deploy.Progress(r)
	}
	f.marks = len(r.Trail)
}

// interrupt ends the release because ctx has ended, and tells what became of it.
func (f *follower) interrupt(ctx context.Context) (*stack.Deployment, error) {
	by := f.deploy.By
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		by += ", because " + cause.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), interruptTimeout)
	defer cancel()
	r, err := f.look(ctx) // Another than this one is none of ours.
	if err == nil && !r.Ended() {
		_, err = f.client.Steer(ctx, f.deploy.Stack.Name, release.CommandInterrupt, by)
		if now, lookErr := f.look(ctx); lookErr == nil && (err == nil || now.Ended() || now.Stopped == release.Held) {
			r, err = now, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the release %s of stack %q was to be interrupted, and may go on: %w; see tidegate release %s, and end it with --abort",
			f.of.ID, f.deploy.Stack.Name, err, f.deploy.Stack.Name)
	}
	return f.outcome(ctx, r)
}

// outcome is what an update returns of a release that it need not wait for any more.
func (f *follower) outcome(ctx context.Context, r release.Release) (*stack.Deployment, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	d, err := f.client.Read(ctx, f.deploy.Stack)
	if r.Phase != release.Finished {
		return d, &target.ReleaseError{Release: r} // Without d, the next plan reads it.
	}
	return d, err
}

// passing tells whether a runtime that answers so may answer again.
func passing(err error) bool {
	var refused *APIError
	return !errors.As(err, &refused) || refused.Status >= 500
}
