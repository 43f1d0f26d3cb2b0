package provider

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// releasing is a target on which every update is a release, that goes as the test says.
type releasing struct {
	fakeTarget
	// goes is what becomes of a release that has begun, before the update returns.
	goes func(release.Release) release.Release
	// refuses, if not nil, is what the next update is refused with.
	refuses error
	// releases of the stack, newest first; before is the stack as it was before the first.
	releases []release.Release
	before   stack.Deployment
}

func (f *releasing) factories() providerFactories { return factoriesOf(f) }

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func (f *releasing) Update(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	if err := f.refuses; err != nil {
		f.refuses = nil
		return nil, err
	}
	before := *f.stacks[d.Stack.Name]
	after, err := f.fakeTarget.Update(ctx, d)
	if err != nil {
		return after, err
	}
	wish := wishFor(&before, after, d)
	if len(wish.Moves) == 0 {
		return after, nil
	}
	r := release.Begin(wish, noon)
	d.Progress(r)
	if f.goes != nil {
		r = f.goes(r)
		d.Progress(r)
	}
	f.releases, f.before = append([]release.Release{r}, f.releases...), before
	now := *after
	if r.Phase == release.RolledBack {
		now = before
		now.Revision = after.Revision
	}
	f.stacks[d.Stack.Name] = inRelease(now, after, r)
	if r.Ended() && r.Phase != release.Finished || r.Stopped == release.Held {
		return f.stacks[d.Stack.Name], &target.ReleaseError{Release: r}
	}
	return f.stacks[d.Stack.Name], nil
}

// wishFor is the release that makes of one deployment the other.
func wishFor(before, after *stack.Deployment, d target.Deploy) release.Wish {
	w := release.Wish{ID: after.Stack.ReleaseID(), By: d.By, Moves: map[string]release.Move{}, Versions: map[string]int{}}
	if d.Stack.Release != nil {
		w.Policy = *d.Stack.Release
	}
	for name, f := range after.Functions {
		w.Versions[name] = f.Version
		if was := before.Functions[name].Routing; !maps.Equal(was, f.Routing) {
			w.Moves[name] = release.Move{Stable: was, Candidate: f.Version}
		}
	}
	return w
}

// inRelease is a deployment whose aliases are where the release has them. Published are
// the versions that exist.
func inRelease(d stack.Deployment, published *stack.Deployment, r release.Release) *stack.Deployment {
	d.Functions, d.Components = maps.Clone(d.Functions), maps.Clone(d.Components)
	d.Release = r.Status()
	for name, f := range d.Functions {
		f.Versions = published.Functions[name].Versions
		if routing := r.Routing(name); routing != nil {
			f.Routing, f.Version = routing, routing.Main()
			d.Components[stack.AliasComponent(name)] = stack.Ready
			if !r.Ended() {
				d.Components[stack.AliasComponent(name)] = fmt.Sprintf("release %s has moved %d %% to version %d", r.ID, r.Weight(), r.Moves[name].Candidate)
			}
		}
		d.Functions[name] = f
	}
	return &d
}

// goOn lets the newest release become another, as if time had passed, or somebody had
// steered it.
func (f *releasing) goOn(next func(release.Release) release.Release) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.releases[0] = next(f.releases[0])
	for name, d := range f.stacks {
		now := *d
		if f.releases[0].Phase == release.RolledBack {
			now = f.before
		}
		f.stacks[name] = inRelease(now, d, f.releases[0])
	}
}

func (f *releasing) ListReleases(_ context.Context, name string) ([]release.Release, error) {
	if f.stacks[name] == nil {
		return nil, target.ErrNotFound
	}
	return f.releases, nil
}

// passes lets a release finish.
func passes(r release.Release) release.Release {
	seen := release.Seen{Functions: map[string]release.Sides{"a": {Candidate: release.Counts{Invocations: 1000}}}}
	for range 2 + len(r.Policy.Steps()) {
		r = r.HookDone(r.Since, nil).Judge(r.Due(), seen)
	}
	return r
}

// misses lets a release fail its gate.
func misses(r release.Release) release.Release {
	return r.Judge(r.Since.Add(time.Minute), release.Seen{Red: []string{"errors"}})
}
