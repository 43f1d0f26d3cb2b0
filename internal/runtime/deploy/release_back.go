package deploy

import (
	"maps"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Rollback points every alias at once at the versions that it had at the end of an
// earlier release, and returns that as a release of its own. To is the id of a release
// that was finished, or, in a stack with one function, a version's number; empty means
// what was before the last release that was finished. By is who wants it, for people.
//
// A release under way is aborted first; with an empty to, that is all. Where every
// alias points already, nothing is changed, and the release that did it is returned.
//
// Only aliases move: the stack stays what it is, so that the next plan shows that they
// differ from it.
func Rollback(old *store.Record, to, by string, now time.Time) (*store.Record, release.Release, error) {
	next := old.Clone()
	if UnderWay(old) {
		aborted, err := old.Release.Abort(by, now)
		if err != nil {
			return nil, release.Release{}, failure(InUse, "stack %q: %v", old.Stack.Name, err)
		}
		next = Advance(old, aborted)
		if to == "" {
			return next, aborted, nil
		}
	}
	goal, what, err := release.Goal(next.Stack.Name, next.Releases, next.Stack.FunctionNames(), to)
	switch {
	case err != nil && to == "":
		return nil, release.Release{}, failure(InUse, "%v", err)
	case err != nil:
		return nil, release.Release{}, failure(Invalid, "%v", err)
	}
	versions, err := reachable(next, goal)
	if err != nil {
		return nil, release.Release{}, err
	}
	moves := map[string]release.Move{}
	for name, number := range versions {
		f := next.Functions[name]
		if !maps.Equal(f.Live, stack.RouteTo(number)) {
			moves[name] = release.Move{Stable: maps.Clone(f.Live), Candidate: number}
			f.Live = stack.RouteTo(number)
		}
	}
	if len(moves) == 0 {
		if len(next.Releases) == 0 {
			return nil, release.Release{}, failure(InUse, "every alias of stack %q points there already; nothing was changed", next.Stack.Name)
		}
		return next, next.Releases[0], nil
	}
	r := release.Back(release.Wish{ID: liveID(next), Moves: moves, Versions: versions, By: by}, what, now)
	remember(next, r)
	return next, r, nil
}

// reachable returns the versions of all functions of the stack: of those that the goal
// names, its; of others, which are newer than it, what they are at.
func reachable(r *store.Record, goal map[string]int) (map[string]int, error) {
	versions := map[string]int{}
	for _, name := range r.Stack.FunctionNames() {
		f, published, _ := r.Function(name)
		number, ok := goal[name]
		if !ok {
			if number = published.Live.Main(); number == 0 {
				continue
			}
		}
		if _, exists := published.Version(number); !exists {
			return nil, failure(InUse, "function %q of stack %q has no version %d, or no longer (keep_versions is %d); "+
				"nothing was changed: deploy its code again instead", name, r.Stack.Name, number, f.KeepVersions)
		}
		versions[name] = number
	}
	return versions, nil
}

// liveID identifies what is live, as stack.ReleaseID does for what is wanted.
func liveID(r *store.Record) string {
	live := stack.Stack{Functions: map[string]stack.Function{}}
	for _, name := range r.Stack.FunctionNames() {
		f, published, _ := r.Function(name)
		if v, ok := published.Version(published.Live.Main()); ok {
			f.Config = v.Config
			live.Functions[name] = f
		}
	}
	return live.ReleaseID()
}
