package open

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// releasing is a runtime in which a release is under way, or ended. Each time it is
// looked at, the release takes its next step.
type releasing struct {
	fakeRuntime
	mu sync.Mutex
	// all releases, newest first.
	all []release.Release
	// steps are what becomes of the newest at each look, one after the other.
	steps []func(release.Release) release.Release
	// looks counts them.
	looks int
	// steered are the commands that came, with who gave them.
	steered []string
	// wanted is what the release under way makes of the stack.
	wanted stack.Stack
	// broken answers that many looks with an error.
	broken int
}

// canary is a release of the wanted stack that has just begun.
func canary(wanted stack.Stack) release.Release {
	return release.Begin(release.Wish{
		ID: wanted.ReleaseID(), Policy: *wanted.Release, By: "ada@laptop",
		Moves:    map[string]release.Move{"fulfil": {Stable: stack.RouteTo(7), Candidate: 8}},
		Versions: map[string]int{"fulfil": 8},
	}, noon)
}

// gradually makes a deployment one that is released in a canary.
func gradually(d target.Deploy) target.Deploy {
	d.Stack.Release = &stack.Release{Strategy: stack.Canary}
	d.By = "ada@laptop"
	return d
}

func (f *releasing) serve(t *testing.T) *Client {
	t.Helper()
	f.before = f.answerReleases
	c := f.fakeRuntime.serve(t)
	c.lookPause = time.Millisecond
	return c
}

// begun creates the stack and returns a client and an update of it, which begins a
// canary.
func (f *releasing) begun(t *testing.T) (*Client, target.Deploy) {
	t.Helper()
	c := f.serve(t)
	create(t, c, orders("code"))
	d := gradually(withMemory(orders("code"), 512))
	f.wanted = d.Stack
	return c, d
}

// answerReleases answers what a runtime without releases would not; it is called with
// the fake's lock held.
func (f *releasing) answerReleases(w http.ResponseWriter, r *http.Request) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/packages/"):
		return false
	case r.Method == http.MethodPut && r.URL.Query().Get("creation") == "":
		f.put(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/v1/stacks/orders/releases":
		f.list(w)
	case r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/stacks/orders/releases/"):
		f.steer(w, r, release.Command(r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]))
	case r.Method == http.MethodGet && f.stack != nil && len(f.all) > 0:
		f.answerStack(w)
	default:
		return false
	}
	return true
}

// put begins a release, joins it, or refuses.
func (f *releasing) put(w http.ResponseWriter, r *http.Request) {
	var s stack.Stack
	_ = json.NewDecoder(r.Body).Decode(&s)
	match := r.Header.Get("If-Match")
	switch newest := underWay(f.all); {
	case match != "*" && match != `"`+strconv.Itoa(f.revision)+`"`:
		refuse(w, http.StatusPreconditionFailed, "the stack was changed")
		return
	case newest == nil:
		f.all = append([]release.Release{canary(f.wanted)}, f.all...)
	case !sameContent(s, f.wanted):
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(map[string]any{"detail": "another release is under way", "release": newest.Status(), "now": noon.Add(4 * time.Minute)})
		return
	}
	f.answerStack(w)
}

func (f *releasing) list(w http.ResponseWriter) {
	f.looks++
	if f.broken > 0 {
		f.broken--
		refuse(w, http.StatusInternalServerError, "not just now")
		return
	}
	if len(f.steps) > 0 && len(f.all) > 0 {
		f.all[0] = f.steps[0](f.all[0])
		f.steps = f.steps[1:]
		f.revision++
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"releases": f.all})
}

func (f *releasing) steer(w http.ResponseWriter, r *http.Request, c release.Command) {
	var by order
	_ = json.NewDecoder(r.Body).Decode(&by)
	f.steered = append(f.steered, string(c)+" "+by.By)
	newest := underWay(f.all)
	if newest == nil || by.Began != nil && !by.Began.Equal(newest.Began) {
		refuse(w, http.StatusConflict, "none is under way, or another")
		return
	}
	next, err := newest.Do(c, by.By, noon)
	if err != nil {
		refuse(w, http.StatusConflict, err.Error())
		return
	}
	f.all[0] = next
	_ = json.NewEncoder(w).Encode(next)
}

// answerStack answers the stack as it is while its newest release is where it is.
func (f *releasing) answerStack(w http.ResponseWriter) {
	d := stack.Deployment{Stack: *f.stack, Revision: strconv.Itoa(f.revision), Release: f.all[0].Status()}
	if f.all[0].Phase == release.Finished {
		d.Stack = f.wanted
	}
	_ = json.NewEncoder(w).Encode(d)
}

// passes is a step that the gate lets pass.
func passes(r release.Release) release.Release {
	return r.Judge(r.Due(), release.Seen{})
}

// misses is a step in which the gate is missed.
func misses(r release.Release) release.Release {
	return r.Judge(r.Due(), release.Seen{Red: []string{"errors"}})
}

func stays(r release.Release) release.Release { return r }

func TestAnUpdateFollowsItsReleaseToTheEnd(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{stays, stays, passes}}
	c, d := f.begun(t)
	var told []string
	d.Progress = func(r release.Release) { told = append(told, r.Status().What) }
	got, err := c.Update(t.Context(), d)
	if err != nil || got.Stack.Functions["fulfil"].Memory != 512 || got.Release.State != "finished" {
		t.Fatalf("Update returned %+v, %v", got, err)
	}
	if want := []string{"began", "10 % passed after 5m"}; !slices.Equal(told, want) {
		t.Errorf("the progress is %q, want %q", told, want)
	}
}

func TestAnUpdateThatDoesNotWaitReturnsAtOnce(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	d.NoWait = true
	got, err := c.Update(t.Context(), d)
	if err != nil || got.Release.State != "running" || f.looks != 0 {
		t.Errorf("Update returned %+v, %v after %d looks", got, err, f.looks)
	}
}

func TestAReleaseThatFailsFailsTheUpdateAndLeavesTheStackAsItWas(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{stays, misses}}
	c, d := f.begun(t)
	got, err := c.Update(t.Context(), d)
	var failed *target.ReleaseError
	if !errors.As(err, &failed) || got == nil || got.Stack.Functions["fulfil"].Memory == 512 {
		t.Fatalf("Update returned %+v, %v", got, err)
	}
	if want := `the release ` + f.wanted.ReleaseID() + ` was rolled back: the alarm "errors" went into alarm at 10 %; every alias is where it was before`; err.Error() != want {
		t.Errorf("the error is %q, want %q", err, want)
	}
}

func TestAReleaseThatFailedBeforeTheAnswerCameIsAFailure(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	d.NoWait = true
	first := canary(d.Stack)
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path == "/v1/stacks/orders" {
			f.all = []release.Release{misses(first)}
			f.answerStack(w)
			return true
		}
		return f.answerReleases(w, r)
	}
	_, err := c.Update(t.Context(), d)
	var failed *target.ReleaseError
	if !errors.As(err, &failed) {
		t.Errorf("Update returned %v", err)
	}
}

func TestAHeldReleaseFailsTheUpdate(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{misses}}
	c, d := f.begun(t)
	d.Stack.Release.OnFailure = stack.Hold
	got, err := c.Update(t.Context(), d)
	if err == nil || !strings.Contains(err.Error(), "its candidates keep 10 % of the traffic until it is resumed") || got.Release.State != "held" {
		t.Errorf("Update returned %+v, %v", got, err)
	}
}

func TestAnUpdateIsRefusedWhileAnotherReleaseIsUnderWay(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	f.all = []release.Release{canary(d.Stack)}
	_, err := c.Update(t.Context(), gradually(withMemory(orders("code"), 1024)))
	var other *target.UnderWayError
	if !errors.As(err, &other) || !strings.Contains(err.Error(), "is at 10 %, started by ada@laptop 4 minutes ago, and nothing was changed now") {
		t.Errorf("Update returned %v", err)
	}
}

func TestAnUpdateJoinsTheReleaseThatMakesTheSame(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{stays, passes}}
	c, d := f.begun(t)
	f.all = []release.Release{canary(d.Stack)}
	d.Revision = "1" // From before it began, and took a step.
	d.Stack.Release = &stack.Release{Strategy: stack.Linear}
	got, err := c.Update(t.Context(), d)
	if err != nil || got.Release.State != "finished" || len(f.all) != 1 {
		t.Errorf("Update returned %+v, %v with %d releases", got, err, len(f.all))
	}
}

func TestAnInterruptedUpdateInterruptsItsRelease(t *testing.T) {
	for onFailure, want := range map[string]string{stack.Rollback: "rolled back: interrupted by ada@laptop", stack.Hold: "held: interrupted by ada@laptop"} {
		t.Run(onFailure, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := &releasing{steps: []func(release.Release) release.Release{stays, func(r release.Release) release.Release {
				cancel()
				return r
			}}}
			c, d := f.begun(t)
			d.Stack.Release.OnFailure = onFailure
			got, err := c.Update(ctx, d)
			var failed *target.ReleaseError
			if !errors.As(err, &failed) || failed.Release.Status().What != want || got == nil {
				t.Errorf("Update returned %+v, %v", got, err)
			}
			if want := []string{"interrupt ada@laptop"}; !slices.Equal(f.steered, want) {
				t.Errorf("the runtime was told %q, want %q", f.steered, want)
			}
		})
	}
}

// A runtime that is being restarted while an update is interrupted is told when it is
// back, and carries it out once, also when a request or an answer got lost.
func TestAnInterruptionReachesARuntimeThatIsDown(t *testing.T) {
	for name, lose := range map[string]func(f *releasing, w http.ResponseWriter, r *http.Request){
		"the request": func(*releasing, http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"the answer": func(f *releasing, w http.ResponseWriter, r *http.Request) {
			f.answerReleases(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := &releasing{}
			f.steps = []func(release.Release) release.Release{stays, func(r release.Release) release.Release {
				f.broken = 5
				cancel()
				return r
			}}
			c, d := f.begun(t)
			lost := false
			f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasSuffix(r.URL.Path, "/interrupt") && !lost {
					lost = true
					lose(f, w, r)
				}
				return f.answerReleases(w, r)
			}
			_, err := c.Update(ctx, d)
			var failed *target.ReleaseError
			if !errors.As(err, &failed) || failed.Release.Status().What != "rolled back: interrupted by ada@laptop" {
				t.Errorf("Update returned %v", err)
			}
			if !lost || len(f.steered) != 1 {
				t.Errorf("the runtime carried out %q", f.steered)
			}
		})
	}
}

// A release that another began at this very moment goes on.
func TestAnInterruptionIsForItsOwnRelease(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &releasing{steps: []func(release.Release) release.Release{func(r release.Release) release.Release {
		cancel()
		return r
	}}}
	c, d := f.begun(t)
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/interrupt") {
			other := f.all[0]
			other.Began = noon.Add(time.Minute)
			f.all = []release.Release{other, misses(f.all[0])}
		}
		return f.answerReleases(w, r)
	}
	_, err := c.Update(ctx, d)
	var failed *target.ReleaseError
	if !errors.As(err, &failed) || !failed.Release.Began.Equal(noon) || len(f.all) != 2 || f.all[0].Ended() {
		t.Errorf("Update returned %v, and the other release is %+v", err, f.all[0])
	}
}

func TestAnInterruptionOfARuntimeThatStaysDownIsSaidSo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := &releasing{}
	f.steps = []func(release.Release) release.Release{func(r release.Release) release.Release {
		f.broken = 1 << 30
		cancel()
		return r
	}}
	c, d := f.begun(t)
	c.interruptFor = 2 * time.Second
	_, err := c.Update(ctx, d)
	if want := "the release " + d.Stack.ReleaseID() + ` of stack "orders" was to be interrupted, and may go on: not just now; see tidegate release orders, and end it with --abort`; err == nil || err.Error() != want {
		t.Errorf("Update says %v, want %s", err, want)
	}
}

// Of a cluster's nodes, which answer in turn, one may know less than another.
func TestANodeThatIsBehindIsNoEnd(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{stays, passes}}
	c, d := f.begun(t)
	behind, old := 3, 3
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		switch ended := len(f.all) > 0 && f.all[0].Ended(); {
		case strings.HasSuffix(r.URL.Path, "/releases") && behind > 0:
			behind--
			_, _ = w.Write([]byte(`{"releases": []}`))
			return true
		case r.Method == http.MethodGet && r.URL.Path == "/v1/stacks/orders" && ended && old > 0:
			old--
			_ = json.NewEncoder(w).Encode(stack.Deployment{Stack: *f.stack, Release: canary(d.Stack).Status()})
			return true
		}
		return f.answerReleases(w, r)
	}
	got, err := c.Update(t.Context(), d)
	if err != nil || behind+old > 0 || got.Release.State != "finished" || got.Stack.Functions["fulfil"].Memory != 512 {
		t.Errorf("Update returned %+v, %v", got, err)
	}

	c.behindFor, f.all, behind = 0, nil, 1
	d.Revision = ""
	if _, err := c.Update(t.Context(), d); err == nil || !strings.Contains(err.Error(), "knows nothing of the release") {
		t.Errorf("of a release that nobody knows Update says %v", err)
	}
}

// A release that finished is no failure because the runtime is being restarted just then.
func TestWhatWasReleasedIsReadWhenTheRuntimeIsBack(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{passes}}
	c, d := f.begun(t)
	down := 3
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet && r.URL.Path == "/v1/stacks/orders" && len(f.all) > 0 && down > 0 {
			down--
			refuse(w, http.StatusInternalServerError, "not just now")
			return true
		}
		return f.answerReleases(w, r)
	}
	if got, err := c.Update(t.Context(), d); err != nil || down > 0 || got.Release.State != "finished" {
		t.Errorf("Update returned %+v, %v", got, err)
	}
}

func TestATimeoutThatPassesIsNamed(t *testing.T) {
	ctx, pass := context.WithCancelCause(t.Context())
	f := &releasing{}
	f.steps = []func(release.Release) release.Release{func(r release.Release) release.Release {
		pass(errors.New("the update timeout of 20ms has passed"))
		return r
	}}
	c, d := f.begun(t)
	_, err := c.Update(ctx, d)
	if err == nil || !strings.Contains(err.Error(), "rolled back: interrupted by ada@laptop, because the update timeout of 20ms has passed") {
		t.Errorf("Update returned %v", err)
	}
}

func TestAnUpdateInterruptedBeforeItsAnswerInterruptsTheReleaseItBegan(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Path == "/v1/stacks/orders" {
			f.all = []release.Release{canary(d.Stack)}
			cancel()
			panic(http.ErrAbortHandler)
		}
		return f.answerReleases(w, r)
	}
	_, err := c.Update(ctx, d)
	var failed *target.ReleaseError
	if !errors.As(err, &failed) || len(f.steered) != 1 {
		t.Errorf("Update returned %v; the runtime was told %q", err, f.steered)
	}
}

func TestAReleaseOutlivesARuntimeThatStartsAgain(t *testing.T) {
	f := &releasing{steps: []func(release.Release) release.Release{stays, passes}, broken: 20}
	c, d := f.begun(t)
	if _, err := c.Update(t.Context(), d); err != nil {
		t.Errorf("Update returned %v", err)
	}
	f.all, f.broken, c.lostFor = nil, 1<<30, 0
	d.Revision = ""
	_, err := c.Update(t.Context(), d)
	if err == nil || !strings.Contains(err.Error(), "goes on where it is, and nobody watches it: not just now") {
		t.Errorf("of a runtime that never comes back Update says %v", err)
	}
}

func TestAStackThatIsDeletedMeanwhileIsSaidSo(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	f.steps = []func(release.Release) release.Release{func(r release.Release) release.Release {
		f.fakeRuntime.before = func(w http.ResponseWriter, _ *http.Request) bool {
			refuse(w, http.StatusNotFound, "there is no such stack")
			return true
		}
		return r
	}}
	if _, err := c.Update(t.Context(), d); err == nil || !strings.Contains(err.Error(), `stack "orders" was deleted while the release`) {
		t.Errorf("Update returned %v", err)
	}
}

func TestCommandsReachTheRelease(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	f.all = []release.Release{canary(d.Stack)}
	if r, err := c.Steer(t.Context(), "orders", release.CommandPause, "bob@desk"); err != nil || r.Stopped != release.Paused {
		t.Errorf("Steer returned %+v, %v", r, err)
	}
	if _, err := c.Steer(t.Context(), "orders", release.CommandPause, "bob@desk"); err == nil || !strings.Contains(err.Error(), "is paused already") {
		t.Errorf("of what is paused Steer says %v", err)
	}
	if r, err := c.Steer(t.Context(), "orders", release.CommandAbort, "bob@desk"); err != nil || r.Phase != release.RolledBack {
		t.Errorf("Steer returned %+v, %v", r, err)
	}
	var none *target.NoReleaseError
	if _, err := c.Steer(t.Context(), "orders", release.CommandAbort, "bob@desk"); !errors.As(err, &none) {
		t.Errorf("of what has ended Steer says %v", err)
	}
}

func TestARollbackSaysWhereToAndWho(t *testing.T) {
	f := &releasing{}
	c, d := f.begun(t)
	var in struct{ To, By string }
	answer := http.StatusOK
	f.fakeRuntime.before = func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/stacks/orders/rollback" {
			_ = json.NewDecoder(r.Body).Decode(&in)
			if answer != http.StatusOK {
				refuse(w, answer, "version 3 was pruned")
				return true
			}
			_ = json.NewEncoder(w).Encode(canary(d.Stack))
			return true
		}
		return f.answerReleases(w, r)
	}
	r, err := c.Rollback(t.Context(), "orders", "7", "bob@desk")
	if err != nil || r.ID != d.Stack.ReleaseID() || in.To != "7" || in.By != "bob@desk" {
		t.Errorf("Rollback sent %+v and returned %+v, %v", in, r, err)
	}
	answer = http.StatusNotFound
	if _, err := c.Rollback(t.Context(), "orders", "3", "bob@desk"); err == nil || err.Error() != "version 3 was pruned" {
		t.Errorf("Rollback returned %v", err)
	}
}

func TestReleasesOfNoStackAreNotFound(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "there is no such stack") })
	if _, err := c.ListReleases(t.Context(), "orders"); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("ListReleases returned %v", err)
	}
	if _, err := c.Rollback(t.Context(), "orders", "", ""); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("Rollback returned %v", err)
	}
	if _, err := c.Steer(t.Context(), "orders", release.CommandAbort, ""); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("Steer returned %v", err)
	}
}
