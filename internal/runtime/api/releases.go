package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

type releasesOutput struct {
	Body struct {
		Releases []release.Release `json:"releases" doc:"Newest first: the one under way, if any, and at most twenty that have ended."`
	}
}

type releaseOutput struct {
	ETag string `header:"ETag" doc:"The stack's revision, for If-Match."`
	Body release.Release
}

// Order says who gives a command.
type Order struct {
	By string `json:"by" required:"false" doc:"Who, for people who look on: ada@laptop."`
	// Began tells the release that is meant from one that began since it was looked at.
	Began *time.Time `json:"began,omitempty" doc:"When the release began that is meant; 409 if another is under way. Without it, whichever is under way is meant."`
}

type steerInput struct {
	StackPath
	Command string `path:"command" enum:"pause,resume,promote,abort,interrupt" doc:"pause stops the release where it is, and resume lets it go on, with its current step from the beginning. promote moves all traffic now. abort returns every alias to where it was. interrupt is for programs that are told to stop while they wait for the release: it is rolled back or held, as its policy has it."`
	JSON[Order]
}

// Goal says where to go back to, and who wants it.
type Goal struct {
	To string `json:"to" required:"false" doc:"The id of a release that was finished, or, in a stack with one function, a version's number. Empty means what was before the last release that was finished."`
	By string `json:"by" required:"false" doc:"Who, for people who look on: ada@laptop."`
}

type rollbackInput struct {
	StackPath
	JSON[Goal]
}

func (s *Server) registerReleases(api huma.API) {
	huma.Register(api, operation("listReleases", http.MethodGet, "/v1/stacks/{stack}/releases", "releases",
		"A stack's releases", "", http.StatusNotFound), s.listReleases)

	steer := operation("steerRelease", http.MethodPost, "/v1/stacks/{stack}/releases/{command}", "releases",
		"Pause, resume, promote, abort or interrupt the release that is under way",
		"The answer comes when the command is in effect.",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	huma.Register(api, steer, s.steerRelease)
	describeBody[Order](api, steer.Path)

	back := operation("rollbackStack", http.MethodPost, "/v1/stacks/{stack}/rollback", "releases",
		"Point every alias of a stack at the versions it had at the end of an earlier release",
		"At once. A release that is under way is aborted first; with an empty goal, that is all. "+
			"The stack's configuration stays what it is. Nothing is changed if a version of the earlier release was pruned.",
		http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	huma.Register(api, back, s.rollbackStack)
	describeBody[Goal](api, back.Path)
}

func (s *Server) listReleases(ctx context.Context, in *StackPath) (*releasesOutput, error) {
	r, err := s.record(ctx, in.Stack)
	if err != nil {
		return nil, err
	}
	out := &releasesOutput{}
	out.Body.Releases = []release.Release{}
	if deploy.UnderWay(r) {
		out.Body.Releases = append(out.Body.Releases, s.withSeen(ctx, r))
	}
	out.Body.Releases = append(out.Body.Releases, r.Releases...)
	return out, nil
}

// withSeen is the release under way, with what was seen of it where that can be told.
func (s *Server) withSeen(ctx context.Context, r *store.Record) release.Release {
	under := *r.Release
	if under.Phase != release.Shifting {
		return under
	}
	seen, err := s.Seen(ctx, r.Stack.Name, under)
	if err != nil {
		s.Log.WarnContext(ctx, "what was seen of a release cannot be told", "stack", r.Stack.Name, "release", under.ID, "error", err)
		return under
	}
	under.Seen = &seen
	return under
}

func (s *Server) steerRelease(ctx context.Context, in *steerInput) (*releaseOutput, error) {
	return s.changeRelease(ctx, in.Stack, in.value.By, func(old *store.Record, by string) (*store.Record, release.Release, error) {
		if meant := in.value.Began; meant != nil && deploy.UnderWay(old) && !old.Release.Began.Equal(*meant) {
			return nil, release.Release{}, problem(http.StatusConflict, "another release of stack %q is under way, %s, which began at %s; nothing was changed",
				in.Stack, old.Release.ID, old.Release.Began.Format(time.RFC3339))
		}
		return deploy.Steer(old, release.Command(in.Command), by, s.Now().UTC())
	})
}

func (s *Server) rollbackStack(ctx context.Context, in *rollbackInput) (*releaseOutput, error) {
	if len(in.value.To) > maxGoal {
		return nil, problem(http.StatusUnprocessableEntity, "to is neither a release's id nor a version's number; it has more than %d bytes", maxGoal)
	}
	return s.changeRelease(ctx, in.Stack, in.value.By, func(old *store.Record, by string) (*store.Record, release.Release, error) {
		return deploy.Rollback(old, in.value.To, by, s.Now().UTC())
	})
}

// changeRelease changes the record of a stack that exists, in one write, and answers
// with the release that this was about.
func (s *Server) changeRelease(ctx context.Context, name, by string,
	f func(old *store.Record, by string) (*store.Record, release.Release, error),
) (*releaseOutput, error) {
	by, err := person(by)
	if err != nil {
		return nil, err
	}
	out := &releaseOutput{}
	r, err := s.change(ctx, name, Precondition{}, func(old *store.Record) (next *store.Record, err error) {
		if old == nil || old.Deleted {
			return nil, noStack(name)
		}
		next, out.Body, err = f(old, by)
		return next, deployProblem(err)
	})
	if err != nil {
		return nil, err
	}
	s.Log.InfoContext(ctx, "a release was steered", "stack", name, "release", out.Body.ID, "what", out.Body.Status().What)
	out.ETag = etag(r)
	return out, nil
}

// maxPerson is the most bytes of a person's name, maxGoal of what to go back to.
const maxPerson, maxGoal = 200, 100

// person checks a name that people will read on their terminals.
func person(by string) (string, error) {
	unseen := func(r rune) bool { return !unicode.IsPrint(r) }
	if len(by) > maxPerson || !utf8.ValidString(by) || strings.ContainsFunc(by, unseen) {
		return "", problem(http.StatusUnprocessableEntity, "by is not a name such as ada@laptop; it can have %d bytes, and no control characters", maxPerson)
	}
	return cmp.Or(by, "somebody"), nil
}

// underWayProblem gives a deployment that another release is in the way of its answer.
func (s *Server) underWayProblem(err error) error {
	var other *deploy.UnderWayError
	if !errors.As(err, &other) {
		return deployProblem(err)
	}
	now := s.Now().UTC()
	p := problem(http.StatusConflict, "%s", other)
	p.Release, p.Now = &other.Release, &now
	return p
}
