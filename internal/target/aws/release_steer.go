package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// ListReleases returns the stack's releases, newest first; see target.Releases. It takes
// a few calls, so that somebody can watch a release.
func (t *Target) ListReleases(ctx context.Context, name string) ([]release.Release, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	all, err := s.listReleases(ctx, name)
	return all, explain(err)
}

func (s *session) listReleases(ctx context.Context, name string) ([]release.Release, error) {
	all, err := s.history(ctx, name, nil)
	if err != nil {
		return nil, fmt.Errorf("cannot read the releases of stack %q: %w", name, err)
	}
	if len(all) == 0 {
		tags, err := s.logGroupTags(ctx, markerGroup(name))
		if missing(err) || err == nil && !ours(tags, name) {
			err = target.ErrNotFound
		}
		return nil, err
	}
	// Which of the last changes took place, the leading alias tells.
	newest := all[0]
	functions := slices.Sorted(maps.Keys(newest.Moves))
	if len(functions) == 0 {
		return all, nil
	}
	i := newInventory(s, shapeOf(stack.Stack{Name: name, Functions: map[string]stack.Function{functions[0]: {}}}))
	lead := i.functions[functions[0]].alias
	if err := lead.read(ctx); err != nil {
		return nil, err
	}
	n := lead.note()
	if n == nil {
		return all, nil
	}
	if !n.at(newest) {
		if all, err = s.history(ctx, name, n); err != nil {
			return nil, err
		}
	}
	if all = begunOnly(all, n); len(all) == 0 {
		return nil, nil
	}
	newest = all[0]
	if !newest.Ended() {
		last, err := i.lastBeat(ctx, n)
		if err == nil && last.Seen != nil && !last.At.Before(newest.Since) {
			all[0].Seen = last.Seen
		}
	}
	return all, nil
}

// look is what a command sees of a stack.
func (t *Target) look(ctx context.Context, name string) (*inventory, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.observe(ctx, stack.Stack{Name: name})
	if err == nil && (i.empty() || !i.marker.exists()) {
		err = target.ErrNotFound
	}
	if err != nil {
		return i, err
	}
	return i.withMoved(ctx)
}

// withMoved is the inventory with all functions that a release under way moves. Somebody may
// have deleted the log group by which a function is found, and not the function.
func (i *inventory) withMoved(ctx context.Context) (*inventory, error) {
	n := i.underWay()
	if n == nil {
		return i, nil
	}
	found, err := i.find(ctx, n)
	if err != nil || found == nil {
		return i, err
	}
	hints := stack.Stack{Name: i.name, Functions: map[string]stack.Function{}}
	for name := range found.Release.Moves {
		if i.functions[name] == nil {
			hints.Functions[name] = stack.Function{}
		}
	}
	if len(hints.Functions) == 0 {
		return i, nil
	}
	return i.observe(ctx, hints)
}

// Steer carries out a command on the release that is under way; see target.Releases. It
// moves the aliases itself, so that it is in effect at once whether or not anybody drives
// the release; who does sees it within seconds, and goes on from there.
func (t *Target) Steer(ctx context.Context, name string, c release.Command, by string) (release.Release, error) {
	i, err := t.look(ctx, name)
	if err != nil {
		return release.Release{}, explain(err)
	}
	n := i.underWay()
	if n == nil {
		return release.Release{}, &target.NoReleaseError{Name: name}
	}
	o, err := i.takeUp(ctx, n)
	if err != nil {
		return release.Release{}, explain(err)
	}
	err = o.steer(ctx, c, by)
	return o.r, explain(err)
}

// steer carries out a command, also if the release takes a step at the same time.
func (o *rollout) steer(ctx context.Context, c release.Command, by string) error {
	for {
		next, err := o.r.Do(c, by, o.i.now())
		if err == nil {
			next, err = o.reachable(next)
		}
		if err != nil {
			return err
		}
		if err = o.change(ctx, next); errors.Is(err, errOvertaken) {
			if err = o.catchUp(ctx); err == nil {
				continue
			}
		}
		if err == nil && o.r.Ended() {
			err = o.tidy(ctx)
		}
		return err
	}
}

// Rollback points every alias at once at earlier versions; see target.Releases.
func (t *Target) Rollback(ctx context.Context, name, to, by string) (release.Release, error) {
	i, err := t.look(ctx, name)
	if err != nil {
		return release.Release{}, explain(err)
	}
	r, err := i.goBack(ctx, to, by)
	return r, explain(err)
}

func (i *inventory) goBack(ctx context.Context, to, by string) (release.Release, error) {
	if n := i.underWay(); n != nil {
		o, err := i.takeUp(ctx, n)
		if err == nil {
			err = o.steer(ctx, release.CommandAbort, by)
		}
		if err != nil || to == "" {
			return o.release(), err
		}
	}
	if err := i.settleRelease(ctx); err != nil {
		return release.Release{}, err
	}
	lead, _ := i.leading()
	all, err := i.history(ctx, i.name, lead)
	if err != nil {
		return release.Release{}, fmt.Errorf("cannot read the releases of stack %q: %w", i.name, err)
	}
	names := i.live()
	if o := i.halfBack(lead, all); o != nil && to == "" {
		return o.r, o.follow(ctx)
	}
	goal, what, err := release.Goal(i.name, all, names, to)
	if err != nil {
		return release.Release{}, err
	}
	w := release.Wish{By: oneLine(by, maxNoteBy), Moves: map[string]release.Move{}, Versions: map[string]int{}}
	for _, function := range names {
		f := i.functions[function]
		now := f.alias.routing()
		number, ok := goal[function]
		if !ok {
			number = now.Main()
		}
		if now[0] > 0 {
			return release.Release{}, fmt.Errorf("the %s points at %s, so that there would be no way back; nothing was changed: apply again, which points it at a version",
				f.alias.subject(), stack.Latest)
		}
		if _, exists := f.versions.have[number]; !exists {
			return release.Release{}, fmt.Errorf("function %q of stack %q has no version %d, or no longer (keep_versions is %d); "+
				"nothing was changed: deploy its code again instead", function, i.name, number, keepVersions(f.function.have.tags))
		}
		w.Versions[function] = number
		if !maps.Equal(now, stack.RouteTo(number)) {
			w.Moves[function] = release.Move{Stable: now, Candidate: number}
		}
	}
	if len(w.Moves) == 0 {
		if len(all) == 0 {
			return release.Release{}, fmt.Errorf("every alias of stack %q points there already; nothing was changed", i.name)
		}
		return all[0], nil
	}
	w.ID = i.releaseIDOf(w.Versions)
	o := i.newRollout(release.Back(w, what, i.now()), noDigest)
	if len(o.r.Moves) == 0 {
		return o.r, fmt.Errorf("the aliases of stack %q point at no version that they could be moved from; nothing was changed: apply again instead", i.name)
	}
	err = o.change(ctx, o.r)
	if errors.Is(err, errOvertaken) {
		err = fmt.Errorf("somebody else moved an alias of stack %q in the meantime; nothing was changed: look again with tidegate release %s", i.name, i.name)
	}
	return o.r, err
}

// halfBack is a return to earlier versions that was cut off when its leading alias had
// moved, and some other had not; nil if the last release is none.
func (i *inventory) halfBack(lead *note, all []release.Release) *rollout {
	if len(all) == 0 || !all[0].Back || !lead.at(all[0]) {
		return nil
	}
	o := i.newRollout(i.known(all[0]), lead.wants)
	o.driver = lead.driver
	for _, function := range o.movers() {
		if a := o.alias(function); !lead.of(a.note()) && maps.Equal(a.routing(), o.r.Moves[function].Stable) {
			return o
		}
	}
	return nil
}

// noDigest is of no stack: going back makes none.
const noDigest = "00000000"

// release of a rollout, which may be nil.
func (o *rollout) release() release.Release {
	if o == nil {
		return release.Release{}
	}
	return o.r
}

// live are the functions of the stack that have an alias.
func (i *inventory) live() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(i.functions)) {
		if f := i.functions[name]; f.function.exists() && !f.function.foreign() && f.alias.exists() {
			names = append(names, name)
		}
	}
	return names
}

// releaseIDOf versions, as stack.ReleaseID does for what is wanted.
func (i *inventory) releaseIDOf(versions map[string]int) string {
	d := i.describe(stack.Stack{Name: i.name})
	s := stack.Stack{Functions: map[string]stack.Function{}}
	for name, number := range versions {
		for _, v := range d.Functions[name].Versions {
			if v.Number == number {
				s.Functions[name] = stack.Function{Config: v.Config}
			}
		}
	}
	return s.ReleaseID()
}
