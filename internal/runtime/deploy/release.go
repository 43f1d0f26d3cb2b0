package deploy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Deploy returns the record that makes the stack what s says, and which versions are
// new in it. Old is the record it is to replace, nil if there is none; sizeOf tells the
// size of a package in bytes, given its CodeSHA256; by is who deploys, for people.
//
// A function gets a new version if none of its versions has the hash of its
// configuration; "live" then moves to the one that has. So what was deleted or moved
// behind a deployment's back is as it should be after the next, and where nothing is to
// be done, the result equals old.
//
// Secrets that were sent become the function's. Where none were sent and the secrets'
// version is unchanged, they stay.
//
// A stack that is new, or new after a deletion, is another incarnation, and its creation
// is finished: a caller that wants it otherwise sets it.
//
// Where aliases of functions that were there before are to move, a release takes place,
// as s.Release says. Before any traffic moves, the record gets only what adds to it: versions, new
// functions, Pending. The rest of what s changes is in effect when Advance has finished
// the release, and never if that is rolled back.
//
// While a release is under way, the stack that it makes joins it, and nothing moves.
// Any other is an *UnderWayError.
func Deploy(old *store.Record, s stack.Stack, by string, now time.Time, sizeOf func(sha string) int64) (*store.Record, []Published, error) {
	if UnderWay(old) {
		if Joins(old, s) {
			joined := old.Clone()
			joined.Pending.Release = s.WithDefaults().Release
			return joined, nil, nil
		}
		return nil, nil, &UnderWayError{Stack: s.Name, Release: *old.Release.Status()}
	}
	next := begin(old, s.Name, now)
	s = withSecrets(s.WithDefaults(), next.Stack.Functions)
	versions, published := publishAll(next, s, now, sizeOf)
	moves := movesTo(old, versions)
	if len(moves) == 0 {
		complete(next, s, versions)
		return next, published, nil
	}
	wish := release.Wish{ID: s.ReleaseID(), Moves: moves, Versions: versions, By: by}
	if s.Release != nil {
		wish.Policy = *s.Release
	}
	next.Pending = &s
	for name := range s.Functions {
		if versions := next.Functions[name]; len(versions.Live) == 0 {
			wish.New = append(wish.New, name)
			versions.Live = stack.RouteTo(wish.Versions[name])
			if _, had := next.Stack.Functions[name]; had {
				next.Repaired = append(next.Repaired, name)
			}
		}
	}
	slices.Sort(next.Repaired)
	return advanced(next, release.Begin(wish, now)), published, nil
}

// UnderWay tells whether a release of the stack is under way.
func UnderWay(r *store.Record) bool { return r != nil && !r.Deleted && r.Release != nil }

// Joins tells whether the release under way makes the stack what s says. Their
// policies may differ: the one with which the release began holds for it.
func Joins(r *store.Record, s stack.Stack) bool {
	if !UnderWay(r) {
		return false
	}
	s = withSecrets(s.WithDefaults(), r.Pending.Functions)
	pending := *r.Pending
	s.Release, pending.Release = nil, nil
	a, errA := json.Marshal(s)
	b, errB := json.Marshal(pending)
	return errA == nil && errB == nil && bytes.Equal(a, b)
}

// movesTo returns which aliases of a stack that was deployed before have to move so
// that these versions are live. One that is missing has nothing to move from.
func movesTo(r *store.Record, versions map[string]int) map[string]release.Move {
	moves := map[string]release.Move{}
	if r == nil || r.Deleted || r.Creation == stack.CreationUnfinished {
		return moves
	}
	for name, number := range versions {
		_, published, ok := r.Function(name)
		if ok && len(published.Live) > 0 && !maps.Equal(published.Live, stack.RouteTo(number)) {
			moves[name] = release.Move{Stable: maps.Clone(published.Live), Candidate: number}
		}
	}
	return moves
}

// Advance returns the record in which the release under way is r. When r is finished,
// the stack is what was pending; when it was rolled back, the stack and every alias are
// what they were.
func Advance(old *store.Record, r release.Release) *store.Record {
	return advanced(old.Clone(), r)
}

// advanced changes the record itself.
func advanced(next *store.Record, r release.Release) *store.Record {
	r.Trail = abridged(r.Trail, maxMarks, maxWhat)
	for name := range r.Moves {
		next.Functions[name].Live = r.Routing(name)
	}
	switch r.Phase {
	case release.Finished:
		complete(next, *next.Pending, r.Versions)
	case release.RolledBack:
		for _, name := range next.Repaired {
			next.Functions[name].Live = nil
		}
		tidy(next)
	default:
		next.Release = &r
		return next
	}
	next.Release, next.Pending, next.Repaired = nil, nil, nil
	remember(next, r)
	return next
}

// Steer carries out a command on the release under way, and returns it too. By is who
// gave the command, for people.
func Steer(old *store.Record, c release.Command, by string, now time.Time) (*store.Record, release.Release, error) {
	if !UnderWay(old) {
		return nil, release.Release{}, failure(NoRelease, "no release of stack %q is under way; to go back to earlier versions there is tidegate rollback %s",
			old.Stack.Name, old.Stack.Name)
	}
	r, err := old.Release.Do(c, by, now)
	if err != nil {
		return nil, r, failure(InUse, "stack %q: %v", old.Stack.Name, err)
	}
	return Advance(old, r), r, nil
}

// An UnderWayError says that another release of the stack is not finished.
type UnderWayError struct {
	Stack   string
	Release stack.ReleaseStatus
}

func (e *UnderWayError) Error() string {
	return fmt.Sprintf("the release %s of stack %q is at %d %%, %s, and nothing was changed now; "+
		"watch it with tidegate release %s, or end it with --promote or --abort",
		e.Release.ID, e.Stack, e.Release.Weight, begun(e.Release.By, e.Release.Began), e.Stack)
}

// begun says who began something and when.
func begun(by string, at time.Time) string {
	if by == "" {
		return "begun at " + minute(at)
	}
	return "begun by " + by + " at " + minute(at)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// settled refuses what would change a stack behind the back of a release under way.
func settled(r *store.Record, what string) error {
	if !UnderWay(r) {
		return nil
	}
	return failure(InUse, "the release %s of stack %q is under way, so %s cannot be changed; "+
		"nothing was changed: end it first with tidegate release %s --promote or --abort", r.Release.ID, r.Stack.Name, what, r.Stack.Name)
}
