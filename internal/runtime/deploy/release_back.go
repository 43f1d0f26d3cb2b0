package deploy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
	goal, what, err := goalOf(next, to)
	if err != nil {
		return nil, release.Release{}, err
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

// goalOf returns the versions that functions are to have, and says what that is.
func goalOf(r *store.Record, to string) (versions map[string]int, what string, err error) {
	if to == "" {
		return beforeLast(r)
	}
	if number, err := strconv.Atoi(to); err == nil {
		names := r.Stack.FunctionNames()
		if len(names) != 1 {
			return nil, "", failure(Invalid, "stack %q has %d functions, so the number %s does not say which versions to go back to; name a release%s",
				r.Stack.Name, len(names), to, finishedIDs(r))
		}
		return map[string]int{names[0]: number}, "went back to version " + to, nil
	}
	for _, past := range r.Releases {
		if past.ID == to && past.Phase == release.Finished {
			return past.Versions, "went back to release " + to, nil
		}
	}
	for _, past := range r.Releases {
		if past.ID == to {
			return nil, "", failure(Invalid, "the release %s of stack %q was rolled back, so there is nothing to go back to; name another%s",
				to, r.Stack.Name, finishedIDs(r))
		}
	}
	return nil, "", failure(Invalid, "stack %q knows of no release %q to go back to; name another%s", r.Stack.Name, to, finishedIDs(r))
}

// beforeLast returns what was live before the last release that was finished.
func beforeLast(r *store.Record) (map[string]int, string, error) {
	for _, past := range r.Releases {
		if past.Phase != release.Finished {
			continue
		}
		versions := maps.Clone(past.Versions)
		for name, move := range past.Moves {
			versions[name] = move.Stable.Main()
		}
		return versions, "went back to what was before release " + past.ID, nil
	}
	return nil, "", failure(InUse, "stack %q has had no release that could be undone; nothing was changed", r.Stack.Name)
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
			return nil, failure(InUse, "function %q of stack %q has no version %d any more, because %d versions are kept (keep_versions); "+
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

// finishedIDs lists the releases that can be gone back to, as the end of a sentence.
func finishedIDs(r *store.Record) string {
	var ids []string
	for _, past := range r.Releases {
		if past.Phase == release.Finished && !slices.Contains(ids, past.ID) {
			ids = append(ids, past.ID)
		}
	}
	if len(ids) == 0 {
		return fmt.Sprintf("; stack %q has had none that was finished", r.Stack.Name)
	}
	return ": " + strings.Join(ids, ", ")
}
