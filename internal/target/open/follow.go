package open

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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
	// behindFor is how long one node of a cluster may know less than another has answered.
	behindFor = 5 * time.Second
	// interruptFor is how long it is tried to tell a runtime that its release is
	// interrupted, also one that is being restarted.
	interruptFor = 30 * time.Second
)

// A follower waits for the end of a release.
type follower struct {
	client *Client
	deploy target.Deploy
	// of is the release, which its id and its beginning tell from others.
	of stack.ReleaseStatus
	// reported is what happened last of what was reported.
	reported release.Mark
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
			return f.outcome(ctx, r, f.client.lostFor)
		case err == nil:
			answered = time.Now()
		case !f.passes(err, answered):
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
	return release.Release{}, unknownError{&APIError{Detail: fmt.Sprintf("the runtime at %s knows nothing of the release %s of stack %q any more; plan again to see what there is", f.client.endpoint, f.of.ID, name)}}
}

// An unknownError says that the release is not among those of its stack.
type unknownError struct{ *APIError }

func (e unknownError) Unwrap() error { return e.APIError }

// passes tells whether what a look ended with may be otherwise the next time; answered is
// when a runtime last knew of the release.
func (f *follower) passes(err error, answered time.Time) bool {
	var unknown unknownError
	if errors.As(err, &unknown) {
		return time.Since(answered) < f.client.behindFor
	}
	return passing(err)
}

// report passes on every change once.
func (f *follower) report(r release.Release) {
	if len(r.Trail) == 0 || r.Trail[len(r.Trail)-1] == f.reported {
		return
	}
	f.reported = r.Trail[len(r.Trail)-1] // Not how many there are: a long trail is abridged.
	if f.deploy.Progress != nil {
		f.deploy.Progress(r)
	}
}

// interrupt ends the release because ctx has ended, and tells what became of it.
func (f *follower) interrupt(ctx context.Context) (*stack.Deployment, error) {
	by := f.deploy.By
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		by += ", because " + cause.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.client.interruptFor)
	defer cancel()
	began := time.Now()
	var why error
	for pause := firstLook; ; pause = min(2*pause, f.client.lookPause) {
		r, err := f.stop(ctx, by)
		if err == nil {
			return f.outcome(ctx, r, lookTimeout)
		}
		if ctx.Err() == nil || why == nil {
			why = err
		}
		if ctx.Err() == nil && f.passes(err, began) {
			select {
			case <-ctx.Done():
			case <-time.After(pause):
				continue
			}
		}
		return nil, fmt.Errorf("the release %s of stack %q was to be interrupted, and may go on: %w; see tidegate release %s, and end it with --abort",
			f.of.ID, f.deploy.Stack.Name, why, f.deploy.Stack.Name)
	}
}

// stop interrupts the release, unless it has ended or is held already: another that is
// under way by now is none of ours, and an answer that got lost was one, too.
func (f *follower) stop(ctx context.Context, by string) (release.Release, error) {
	r, err := f.look(ctx)
	if err != nil || r.Ended() || r.Stopped == release.Held {
		return r, err
	}
	r, err = f.client.steer(ctx, f.deploy.Stack.Name, release.CommandInterrupt, order{by, &f.of.Began})
	if err == nil {
		f.report(r)
		return r, nil
	}
	var none *target.NoReleaseError
	if errors.As(err, &none) || hasStatus(err, http.StatusConflict) { // It may have ended at the same time.
		if now, lookErr := f.look(ctx); lookErr == nil && (now.Ended() || now.Stopped == release.Held) {
			return now, nil
		}
	}
	return r, err
}

// outcome is what an update returns of a release that it need not wait for any more.
// Patience is for a runtime that does not answer just now.
func (f *follower) outcome(ctx context.Context, r release.Release, patience time.Duration) (*stack.Deployment, error) {
	d, err := f.read(ctx, r, patience)
	if r.Phase != release.Finished {
		return d, &target.ReleaseError{Release: r} // Without d, the next plan reads it.
	}
	return d, err
}

// read returns the stack as it is after the release.
func (f *follower) read(ctx context.Context, r release.Release, patience time.Duration) (*stack.Deployment, error) {
	began := time.Now()
	for pause := firstLook; ; pause = min(2*pause, f.client.lookPause) {
		d, err := f.readOnce(ctx)
		behind := err == nil && r.Ended() && d.Release.UnderWay() && d.Release.ID == r.ID && d.Release.Began.Equal(r.Began)
		again := behind && time.Since(began) < f.client.behindFor ||
			err != nil && passing(err) && !errors.Is(err, target.ErrNotFound) && time.Since(began) < patience
		if !again {
			return d, err
		}
		select {
		case <-ctx.Done():
			return d, err
		case <-time.After(pause):
		}
	}
}

// readOnce asks also when ctx has ended: what was released is to be in the state.
func (f *follower) readOnce(ctx context.Context) (*stack.Deployment, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
	defer cancel()
	return f.client.Read(ctx, f.deploy.Stack)
}

// passing tells whether a runtime that answers so may answer again.
func passing(err error) bool {
	var refused *APIError
	return !errors.As(err, &refused) || refused.Status >= 500
}
