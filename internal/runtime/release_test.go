package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A valve holds each hook until the test lets it go on.
type valve struct {
	url   string
	hooks chan *heldHook
}

// A heldHook is a hook that waits for its answer.
type heldHook struct {
	event  string
	answer chan int
}

func newValve(t *testing.T) *valve {
	v := &valve{hooks: make(chan *heldHook)}
	over := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		h := &heldHook{string(event), make(chan int, 1)}
		select {
		case v.hooks <- h:
		case <-r.Context().Done():
			return
		case <-over:
			return
		}
		select {
		case status := <-h.answer:
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "the answer is "+http.StatusText(status))
		case <-r.Context().Done():
		case <-over:
		}
	}))
	listener, err := harness.ListenOutside()
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	v.url = server.URL
	return v
}

// next waits for a hook that runs.
func (v *valve) next(t *testing.T) *heldHook {
	t.Helper()
	select {
	case h := <-v.hooks:
		return h
	case <-time.After(patience):
		t.Fatal("no hook ran")
		return nil
	}
}

// A releases test has a stack "shop" with the functions f and g, and the hook "check".
type releases struct {
	*node
	valve *valve
	hook  stack.Function
	// good answers with its marker, bad fails, broken does not start.
	good, bad, broken stack.Function
}

func newReleases(t *testing.T) *releases {
	t.Helper()
	return newReleasesOn(t, startNode(t))
}

func newReleasesOn(t *testing.T, n *node) *releases {
	t.Helper()
	r := &releases{node: n, valve: newValve(t)}
	r.good = r.javascript(`export const handler = async () => ({ marker: process.env.MARKER })`)
	r.bad = r.javascript(`export const handler = async () => { throw new Error('bad code') }`)
	r.broken = r.javascript(`export const handler = nowhere.to.be.found`)
	r.hook = r.javascript(`
import http from 'node:http'
export const handler = event => new Promise((resolve, reject) => {
  const request = http.request(process.env.VALVE, { method: 'POST' }, response => {
    let text = ''
    response.on('data', part => { text += part })
    response.on('end', () => response.statusCode === 200 ? resolve(text) : reject(new Error(text)))
  })
  request.on('error', reject)
  request.end(JSON.stringify(event))
})`)
	r.hook.Environment = map[string]string{"VALVE": r.valve.url}
	r.hook.Timeout = stack.Duration(5 * time.Minute)
	return r
}

// marked is the good function with a marker.
func (r *releases) marked(marker string) stack.Function {
	f := r.good
	f.Environment = map[string]string{"MARKER": marker}
	return f
}

func (r *releases) stack(policy *stack.Release, f, g stack.Function) stack.Stack {
	return stack.Stack{Name: "shop", Release: policy, Functions: map[string]stack.Function{"f": f, "g": g, "check": r.hook}}
}

// put deploys, and does not want what is not there yet.
func (r *releases) put(s stack.Stack) stack.Deployment {
	r.t.Helper()
	var d stack.Deployment
	r.must(r.Call(r.t.Context(), http.MethodPut, "/v1/stacks/shop?by=ada@laptop", s, &d))
	return d
}

// refused calls and wants that status; it returns the problem.
func (r *releases) refused(status int, method, path string, in any) (problem struct {
	Detail  string
	Release *stack.ReleaseStatus
	Now     time.Time
},
) {
	r.t.Helper()
	err := r.Call(r.t.Context(), method, path, in, nil)
	var refused *harness.StatusError
	if !errors.As(err, &refused) || refused.Status != status {
		r.t.Fatalf("%s %s: %v, want status %d", method, path, err, status)
	}
	r.must(json.Unmarshal([]byte(refused.Body), &problem))
	return problem
}

// steer gives the release under way a command.
func (r *releases) steer(command release.Command) release.Release {
	r.t.Helper()
	var got release.Release
	r.must(r.Call(r.t.Context(), http.MethodPost, "/v1/stacks/shop/releases/"+string(command), map[string]string{"by": "bob"}, &got))
	return got
}

// newest is the release under way, or the last.
func (r *releases) newest() release.Release {
	r.t.Helper()
	var answer struct{ Releases []release.Release }
	r.must(r.Call(r.t.Context(), http.MethodGet, "/v1/stacks/shop/releases", nil, &answer))
	if len(answer.Releases) == 0 {
		r.t.Fatal("there was no release")
	}
	return answer.Releases[0]
}

// until waits until the newest release is so.
func (r *releases) until(what string, is func(release.Release) bool) release.Release {
	r.t.Helper()
	var got release.Release
	wait(r.t, "the release to be "+what, func() bool {
		got = r.newest()
		return is(got)
	})
	return got
}

func (r *releases) ends(phase release.Phase) release.Release {
	r.t.Helper()
	got := r.until("over", release.Release.Ended)
	if got.Phase != phase {
		r.t.Fatalf("the release is %s: %+v", got.Phase, got.Trail)
	}
	return got
}

// live is where the aliases of f and g are.
func (r *releases) live() (f, g stack.Routing) {
	r.t.Helper()
	d := r.read()
	return d.Functions["f"].Routing, d.Functions["g"].Routing
}

func (r *releases) read() (d stack.Deployment) {
	r.t.Helper()
	r.must(r.Call(r.t.Context(), http.MethodGet, "/v1/stacks/shop", nil, &d))
	return d
}

// isAt wants both aliases at these versions.
func (r *releases) isAt(wantF, wantG int) {
	r.t.Helper()
	if f, g := r.live(); !maps.Equal(f, stack.RouteTo(wantF)) || !maps.Equal(g, stack.RouteTo(wantG)) {
		r.t.Errorf("f is at %v and g at %v, want %d and %d", f, g, wantF, wantG)
	}
}

// load invokes f and g through their aliases until the function it returns is called.
func (r *releases) load() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var callers sync.WaitGroup
	for _, function := range []string{"shop-f:live", "shop-g:live"} {
		callers.Go(func() {
			for ctx.Err() == nil {
				r.invoke(ctx, function, `{}`)
			}
		})
	}
	return func() {
		cancel()
		callers.Wait()
	}
}

// gated is a canary that only a failure ends: half of the traffic, for a day.
func gated() *stack.Release {
	limit := 0.05
	return &stack.Release{Strategy: stack.Canary, Weight: 50, Interval: stack.Duration(24 * time.Hour), Gate: &stack.Gate{MaxErrorRate: &limit}}
}

func TestEachStrategyReleasesAllFunctionsTogether(t *testing.T) {
	r := newReleases(t)
	r.deploy(r.stack(nil, r.marked("0"), r.marked("0")))
	for i, policy := range []stack.Release{
		{Strategy: stack.AllAtOnce},
		{Strategy: stack.Canary, Weight: 10, Interval: stack.Duration(time.Second)},
		{Strategy: stack.Linear, Weight: 40, Interval: stack.Duration(time.Second)},
		{Strategy: stack.BlueGreen, Interval: stack.Duration(time.Second)},
	} {
		number := i + 2
		marker := fmt.Sprint(number)
		d := r.put(r.stack(&policy, r.marked(marker), r.marked(marker)))
		if gradual := policy.Strategy != stack.AllAtOnce; d.Release == nil || d.Release.UnderWay() != gradual || d.Release.By != "ada@laptop" {
			t.Fatalf("%s: the answer tells of %+v", policy.Strategy, d.Release)
		}
		got := r.ends(release.Finished)
		var weights []int
		for _, mark := range got.Trail {
			weights = append(weights, mark.Weight)
		}
		want := append(policy.Resolve().Steps(), 100)
		if fmt.Sprint(weights) != fmt.Sprint(want) {
			t.Errorf("%s: the weights were %v, want %v", policy.Strategy, weights, want)
		}
		r.isAt(number, number)
		if got := r.invoke(t.Context(), "shop-f:live", `{}`); got.version != marker || !strings.Contains(got.payload, `"`+marker+`"`) {
			t.Errorf("%s: version %s answered %s", policy.Strategy, got.version, got.payload)
		}
		r.deploy(r.stack(&policy, r.marked(marker), r.marked(marker))) // wants every component ready
	}

	// Back to what there was: nothing is published, and it is released as any other.
	canary := stack.Release{Strategy: stack.Canary, Interval: stack.Duration(time.Second)}
	r.put(r.stack(&canary, r.marked("2"), r.marked("5")))
	got := r.ends(release.Finished)
	if move, moved := got.Moves["f"]; !moved || move.Candidate != 2 || len(got.Moves) != 1 {
		t.Errorf("back to version 2 the moves are %+v", got.Moves)
	}
	r.isAt(2, 5)
	if n := len(r.read().Functions["f"].Versions); n != 5 {
		t.Errorf("f has %d versions, want 5", n)
	}
}

func TestOneBadFunctionRollsBackAll(t *testing.T) {
	r := newReleases(t)
	before := r.deploy(r.stack(nil, r.marked("1"), r.marked("1")))
	stop := r.load()
	defer stop()
	for name, g := range map[string]stack.Function{"bad": r.bad, "broken": r.broken} {
		d := r.put(r.stack(gated(), r.marked(name), g))
		moved := "release " + d.Release.ID + " has moved 50 % to version "
		if state := d.Components["functions/g/alias"]; !strings.HasPrefix(state, moved) || !strings.Contains(state, ", begun by ada@laptop at ") {
			t.Errorf("%s: g's alias %s", name, state)
		}
		got := r.ends(release.RolledBack)
		if what := got.Status().What; !strings.Contains(what, "rolled back: at 50 % the candidate version ") || !strings.Contains(what, `of function "g" failed in `) {
			t.Errorf("%s: it ended because %s", name, what)
		}
		r.isAt(1, 1)
		after := r.read()
		if after.ReleaseID != before.ReleaseID || after.Stack.Functions["f"].Hash() != before.Stack.Functions["f"].Hash() {
			t.Errorf("%s: the stack is not what it was: %+v", name, after.Stack)
		}
		for component, state := range after.Components {
			if state != stack.Ready {
				t.Errorf("%s: component %s is %s", name, component, state)
			}
		}
	}
}

func TestHooksDecideAboutARelease(t *testing.T) {
	r := newReleases(t)
	r.deploy(r.stack(nil, r.marked("1"), r.marked("1")))
	policy := stack.Release{Strategy: stack.AllAtOnce, Before: "check", After: "check", OnFailure: stack.Hold}
	r.put(r.stack(&policy, r.marked("2"), r.marked("1")))
	h := r.valve.next(t)
	r.isAt(1, 1)
	if got := r.invoke(t.Context(), "shop-f:2", `{}`); !strings.Contains(got.payload, `"2"`) {
		t.Errorf("while the hook runs the candidate answers %+v", got)
	}
	if !strings.Contains(h.event, `"phase":"before"`) || !strings.Contains(h.event, `"f":{"function":"shop-f","candidate":"2","stable":"1"`) || strings.Contains(h.event, "shop-g") {
		t.Errorf("the hook was told %s", h.event)
	}
	h.answer <- http.StatusOK
	h = r.valve.next(t)
	r.isAt(2, 1)
	h.answer <- http.StatusTeapot
	held := r.until("held", func(now release.Release) bool { return now.Stopped == release.Held })
	if what := held.Status().What; !strings.Contains(what, "the function check that runs after the traffic moves: version 1 failed and returned {") || !strings.Contains(what, "I'm a teapot") {
		t.Errorf("it is held because %s", what)
	}
	r.isAt(2, 1)
	r.steer(release.CommandResume)
	h = r.valve.next(t)
	h.answer <- http.StatusOK
	r.ends(release.Finished)

	policy.OnFailure = stack.Rollback
	r.put(r.stack(&policy, r.marked("3"), r.marked("1")))
	h = r.valve.next(t)
	h.answer <- http.StatusInternalServerError
	r.ends(release.RolledBack)
	r.isAt(2, 1)
}

func TestAReleaseIsSteeredAndUndone(t *testing.T) {
	r := newReleases(t)
	r.deploy(r.stack(nil, r.marked("1"), r.marked("1")))
	policy := &stack.Release{Strategy: stack.Linear, Weight: 20, Interval: stack.Duration(24 * time.Hour)}
	r.refused(http.StatusConflict, http.MethodPost, "/v1/stacks/shop/releases/abort", map[string]string{})
	r.refused(http.StatusUnprocessableEntity, http.MethodPost, "/v1/stacks/shop/releases/explode", map[string]string{})

	wanted := r.stack(policy, r.marked("2"), r.marked("2"))
	wanted.Functions["new"] = r.marked("new")
	d := r.put(wanted)
	if got := r.invoke(t.Context(), "shop-new:1", `{}`); got.status != 200 {
		t.Errorf("the new function answers %+v", got)
	}
	if got := r.newest(); got.Seen == nil || got.Weight() != 20 {
		t.Errorf("seen of the release is %+v", got)
	}
	if again := r.put(wanted); again.Revision != d.Revision || again.Release.ID != d.Release.ID {
		t.Errorf("joining it made revision %s of %s", again.Revision, d.Revision)
	}
	other := r.refused(http.StatusConflict, http.MethodPut, "/v1/stacks/shop?by=bob", r.stack(policy, r.marked("3"), r.marked("3")))
	if other.Release == nil || other.Release.ID != d.Release.ID || other.Release.Weight != 20 || other.Now.IsZero() || !strings.Contains(other.Detail, "nothing was changed now") {
		t.Errorf("another deployment is told %+v", other)
	}
	for path, in := range map[string]any{
		"/v1/stacks/shop/functions/f":              r.marked("4"),
		"/v1/stacks/shop/functions/f/aliases/live": map[string]any{"routing": map[string]int{"2": 100}},
	} {
		if p := r.refused(http.StatusConflict, http.MethodPut, path, in); !strings.Contains(p.Detail, "end it first with tidegate release shop --promote or --abort") {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	if got := r.steer(release.CommandPause); got.Stopped != release.Paused {
		t.Errorf("paused it is %+v", got)
	}
	r.refused(http.StatusConflict, http.MethodPost, "/v1/stacks/shop/releases/pause", map[string]string{})
	r.steer(release.CommandResume)
	if got := r.steer(release.CommandAbort); got.Phase != release.RolledBack || got.Status().What != "aborted by bob" {
		t.Errorf("aborted it is %+v", got)
	}
	r.isAt(1, 1)
	if got := r.invoke(t.Context(), "shop-new:1", `{}`); got.status != http.StatusNotFound {
		t.Errorf("what came with the release answers %+v", got)
	}

	r.put(wanted)
	if got := r.steer(release.CommandPromote); got.Phase != release.Finished {
		t.Errorf("promoted it is %+v", got)
	}
	r.isAt(2, 2)

	var back release.Release
	r.must(r.Call(t.Context(), http.MethodPost, "/v1/stacks/shop/rollback", map[string]string{"by": "bob"}, &back))
	r.isAt(1, 1)
	if !back.Back || back.By != "bob" || r.read().Release.State != "finished" {
		t.Errorf("the rollback is %+v", back)
	}
	if state := r.read().Components["functions/f/alias"]; !strings.HasPrefix(state, "points at version 1, to which bob rolled back at ") {
		t.Errorf("f's alias %s", state)
	}
	r.refused(http.StatusUnprocessableEntity, http.MethodPost, "/v1/stacks/shop/rollback", map[string]string{"to": "r-none"})
	r.refused(http.StatusNotFound, http.MethodPost, "/v1/stacks/none/rollback", map[string]string{})

	// A deletion ends a release, and a later stack of that name knows nothing of it.
	r.put(wanted)
	r.must(r.Call(t.Context(), http.MethodDelete, "/v1/stacks/shop", nil, nil))
	if d := r.put(wanted); d.Release != nil {
		t.Errorf("the new stack has the release %+v", d.Release)
	}
}

// Wherever a release is when the runtime is killed, it goes on from there.
func TestAReleaseSurvivesAKillInEveryPhase(t *testing.T) {
	r := newReleases(t)
	r.deploy(r.stack(nil, r.marked("1"), r.marked("1")))
	restart := func() {
		t.Helper()
		r.must(r.Kill())
		r.must(r.Start(t.Context()))
	}
	policy := stack.Release{Strategy: stack.Linear, Weight: 50, Interval: stack.Duration(2 * time.Second), Before: "check", After: "check"}
	r.put(r.stack(&policy, r.marked("2"), r.marked("2")))

	r.valve.next(t)
	restart()
	r.isAt(1, 1)
	h := r.valve.next(t) // Once more: nobody knows what became of it.
	h.answer <- http.StatusOK

	step := r.until("shifting", func(now release.Release) bool { return now.Phase == release.Shifting })
	restart()
	if now := r.newest(); now.Phase == release.Shifting && !now.Since.Equal(step.Since) {
		t.Errorf("the step began anew: %+v, was %+v", now, step)
	}
	if f, g := r.live(); f[2] < 50 || g[2] < 50 {
		t.Errorf("traffic moved back: f %v, g %v", f, g)
	}

	r.valve.next(t)
	restart()
	r.isAt(2, 2)
	h = r.valve.next(t)
	h.answer <- http.StatusOK
	got := r.ends(release.Finished)
	if len(got.Trail) != 4 {
		t.Errorf("what happened is %+v", got.Trail)
	}
	restart()
	if again := r.newest(); again.Phase != release.Finished || len(again.Trail) != 4 {
		t.Errorf("after its end it is %+v", again)
	}

	// A release that somebody paused waits for as long as it takes.
	policy.Before, policy.After, policy.Interval = "", "", stack.Duration(24*time.Hour)
	r.put(r.stack(&policy, r.marked("3"), r.marked("3")))
	r.steer(release.CommandPause)
	restart()
	if now := r.newest(); now.Stopped != release.Paused || now.Weight() != 50 {
		t.Errorf("paused, it became %+v", now)
	}
	r.steer(release.CommandAbort)
	r.isAt(2, 2)
}

// Of two nodes one drives. When it is killed, the other goes on from where the release
// is, with what both have counted.
func TestAReleaseGoesOnWithAnotherNode(t *testing.T) {
	a, b := startPair(t)
	r := newReleasesOn(t, a)
	r.deploy(r.stack(nil, r.marked("1"), r.marked("1")))
	policy := gated()
	policy.Before, policy.Interval = "check", stack.Duration(time.Second)
	policy.Gate.MinInvocations = 20
	r.put(r.stack(policy, r.marked("2"), r.marked("2")))
	r.valve.next(t).answer <- http.StatusOK
	r.until("shifting", func(now release.Release) bool { return now.Phase == release.Shifting })
	wait(t, "the other node to know", func() bool { return b.invoke(t.Context(), "shop-f:2", `{}`).status == http.StatusOK })
	// Each node counts less than the gate wants.
	for _, n := range []*node{a, b} {
		for candidates := 0; candidates < 15; {
			if n.invoke(t.Context(), "shop-f:live", `{}`).version == "2" {
				candidates++
			}
		}
	}
	r.ends(release.Finished)

	policy.Before, policy.Interval, policy.Gate = "", stack.Duration(3*time.Second), nil
	begun := r.put(r.stack(policy, r.marked("3"), r.marked("3")))
	r.must(a.Kill())
	r.node = b
	got := r.ends(release.Finished)
	if got.ID != begun.ReleaseID || len(got.Trail) != 2 {
		t.Errorf("it ended as %+v", got)
	}
	r.isAt(3, 3)
}
