package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// begun is a release of two functions that has just begun.
func begun(policy stack.Release) release.Release {
	return release.Begin(release.Wish{
		ID: "r-new", Policy: policy, By: "ada@laptop",
		Moves: map[string]release.Move{
			"fulfil": {Stable: stack.RouteTo(7), Candidate: 8},
			"report": {Stable: stack.Routing{3: 90, 2: 10}, Candidate: 4},
		},
		Versions: map[string]int{"fulfil": 8, "report": 4},
	}, noon)
}

var canary = stack.Release{Strategy: stack.Canary}

func passes(r release.Release) release.Release { return r.Judge(r.Due(), release.Seen{}) }

func misses(r release.Release) release.Release {
	return r.Judge(r.Due(), release.Seen{Red: []string{"errors"}})
}

// releasing makes the commands find a runtime on which a stack has these releases,
// newest first. What the newest becomes is told by steps, one at each look.
func releasing(t *testing.T, all []release.Release, steps ...func(release.Release) release.Release) {
	t.Helper()
	fakeRuntime(t, map[string]http.HandlerFunc{
		"GET /v1/stacks/orders/releases": func(w http.ResponseWriter, _ *http.Request) {
			if len(steps) > 0 {
				all[0] = steps[0](all[0])
				steps = steps[1:]
			}
			_ = json.NewEncoder(w).Encode(map[string]any{"releases": all})
		},
		"POST /v1/stacks/orders/releases/{command}": func(w http.ResponseWriter, r *http.Request) {
			var in struct{ By string }
			_ = json.NewDecoder(r.Body).Decode(&in)
			if in.By != target.Who() {
				t.Errorf("the command is by %q", in.By)
			}
			next, err := all[0].Do(release.Command(r.PathValue("command")), in.By, noon)
			if err != nil {
				refuse(w, http.StatusConflict, err.Error())
				return
			}
			all[0] = next
			_ = json.NewEncoder(w).Encode(next)
		},
		"/": func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "there is no such stack") },
	})
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"detail": detail})
}

// inOrder checks that a text has these parts, one after the other.
func inOrder(t *testing.T, text string, parts ...string) {
	t.Helper()
	rest := squeeze(text)
	for _, part := range parts {
		i := strings.Index(rest, part)
		if i < 0 {
			t.Errorf("%q is not where it should be in\n%s", part, text)
			return
		}
		rest = rest[i+len(part):]
	}
}

func stays(r release.Release) release.Release { return r }

func TestAReleaseIsWatchedUntilItEnds(t *testing.T) {
	t.Setenv("TZ", "UTC")
	releasing(t, []release.Release{begun(canary)}, stays, stays, passes)
	status, stdout, stderr := run(t, "", "release", "orders")
	if status != 0 || stderr != "" {
		t.Errorf("got %d, %q", status, stderr)
	}
	inOrder(t, stdout,
		"release r-new, running: canary of 10 % for 5m, begun by ada@laptop at 20",
		"fulfil 7 → 8", "report 2=10%/3=90% → 4",
		"[##------------------] 10 % began",
		"[##------------------] 10 % next: 100 %",
		"[####################] 100 % 10 % passed after 5m")
}

func TestAReleaseThatIsRolledBackFailsTheCommand(t *testing.T) {
	releasing(t, []release.Release{begun(canary)}, stays, misses)
	status, stdout, stderr := run(t, "", "release", "orders")
	if want := "tidegate: the release r-new was rolled back: the alarm \"errors\" went into alarm at 10 %; every alias is where it was before\n"; status != 1 || stderr != want {
		t.Errorf("got %d, %q, want %q", status, stderr, want)
	}
	inOrder(t, stdout, "[--------------------] 0 % rolled back")

	// So it does when it has ended before anybody looked.
	releasing(t, []release.Release{misses(begun(canary))})
	status, stdout, _ = run(t, "", "release", "orders")
	inOrder(t, stdout, "no release of stack \"orders\" is under way; the last one was:", "release r-new, rolled back", "began", "rolled back")
	if status != 1 {
		t.Errorf("got %d", status)
	}
}

func TestAWatchedReleaseIsJSONForPrograms(t *testing.T) {
	releasing(t, []release.Release{begun(canary)}, stays, stays, passes)
	_, stdout, _ := run(t, "", "release", "orders", "-o", "json")
	var phases []release.Phase
	for decoder := json.NewDecoder(strings.NewReader(stdout)); ; {
		var r release.Release
		if err := decoder.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		phases = append(phases, r.Phase)
	}
	if len(phases) != 2 || phases[0] != release.Shifting || phases[1] != release.Finished {
		t.Errorf("the phases are %q", phases)
	}
}

func TestAReleaseIsSteered(t *testing.T) {
	releasing(t, []release.Release{begun(canary)})
	who := target.Who()
	for _, c := range []struct{ flag, stdout, stderr string }{
		{"--pause", "release r-new: paused by " + who + ", at 10 %\n", ""},
		{"--pause", "", "tidegate: the release r-new is paused already\n"},
		{"--resume", "release r-new: resumed by " + who + ", at 10 %\n", ""},
		{"--promote", "release r-new: promoted by " + who + ", at 100 %\n", ""},
		{"--abort", "", "tidegate: no release of stack \"orders\" is under way; to go back to earlier versions there is tidegate rollback orders\n"},
	} {
		status, stdout, stderr := run(t, "", "release", "orders", c.flag)
		if stdout != c.stdout || stderr != c.stderr || (status != 0) != (c.stderr != "") {
			t.Errorf("%s: got %d, %q, %q", c.flag, status, stdout, stderr)
		}
	}
	releasing(t, []release.Release{begun(canary)})
	_, stdout, _ := run(t, "", "release", "orders", "--abort", "-o", "json")
	var r release.Release
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Phase != release.RolledBack {
		t.Errorf("got %s, %v", stdout, err)
	}
}

func TestTheHistoryOfReleases(t *testing.T) {
	releasing(t, []release.Release{begun(canary), misses(begun(canary))})
	status, stdout, _ := run(t, "", "release", "orders", "--history")
	if status != 0 {
		t.Errorf("got %d", status)
	}
	inOrder(t, stdout, "release r-new, running", "began", "\n\n", "release r-new, rolled back", "began", "the alarm")
	_, stdout, _ = run(t, "", "release", "orders", "--history", "-o", "json")
	var out struct{ Releases []release.Release }
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || len(out.Releases) != 2 {
		t.Errorf("got %s, %v", stdout, err)
	}
	releasing(t, nil)
	for _, args := range [][]string{{"release", "orders", "--history"}, {"release", "orders"}} {
		if status, stdout, _ := run(t, "", args...); status != 0 || stdout != "stack \"orders\" has had no release yet\n" {
			t.Errorf("%v: got %d, %q", args, status, stdout)
		}
	}
}

func TestAStackIsRolledBack(t *testing.T) {
	var in struct{ To, By string }
	answer := release.Back(release.Wish{ID: "r-old", Moves: map[string]release.Move{"fulfil": {Stable: stack.RouteTo(8), Candidate: 7}}}, "went back to release r-old", noon)
	fakeRuntime(t, map[string]http.HandlerFunc{"POST /v1/stacks/orders/rollback": func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewDecoder(r.Body).Decode(&in)
		_ = json.NewEncoder(w).Encode(answer)
	}})
	status, stdout, stderr := run(t, "", "rollback", "orders", "--to", "r-old")
	if status != 0 || stderr != "" || in.To != "r-old" || in.By != target.Who() {
		t.Errorf("got %d, %q; the runtime got %+v", status, stderr, in)
	}
	if want := "fulfil 8 → 7\nwent back to release r-old; the next terraform plan shows it, and says how to keep it\n"; stdout != want {
		t.Errorf("got %q, want %q", stdout, want)
	}
	answer, _ = begun(canary).Abort("ada@laptop", noon)
	if _, stdout, _ := run(t, "", "rollback", "orders"); stdout != "the release r-new was aborted by ada@laptop; every alias is where it was before\n" || in.To != "" {
		t.Errorf("got %q; the runtime got %+v", stdout, in)
	}
}

func TestMistakesInReleasesAreOneSentence(t *testing.T) {
	releasing(t, []release.Release{begun(canary)})
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"release"}, "tidegate release needs a stack, such as orders"},
		{[]string{"release", "orders/fulfil"}, "all functions of a stack are released together"},
		{[]string{"release", "orders", "--pause", "--abort"}, "--pause and --abort cannot be given together"},
		{[]string{"release", "orders", "--history", "--promote"}, "--history and --promote cannot be given together"},
		{[]string{"release", "Orders!", "--target", "aws"}, `no stack can be named "Orders!": names are made of lower-case letters, digits and hyphens`},
		{[]string{"release", "nobody"}, `there is no stack named "nobody" on this target`},
		{[]string{"rollback", "orders", "--to", ""}, "--to is empty; name a release or a version, or leave --to out to undo the last release"},
		{[]string{"rollback", "nobody"}, `there is no stack named "nobody" on this target`},
		{[]string{"release", "nobody", "--pause"}, `there is no stack named "nobody" on this target`},
		{[]string{"release", "orders", "--target", "moon"}, `the target is "moon"; it can be "open" or "aws"`},
		{[]string{"release", "orders", "--region", "eu-central-1"}, "add --target aws"},
		{[]string{"rollback", "orders", "--target", "aws", "--token", "x"}, "--token is of the open runtime"},
	} {
		status, stdout, stderr := run(t, "", c.args...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "tidegate: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: got %d, %q, %q; want %q", c.args, status, stdout, stderr, c.want)
		}
	}
}

func TestTheShellCompletesStacksAloneForReleases(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{"GET /v1/stacks": answering(`{"stacks":[` + deployment + `]}`)})
	if _, stdout, _ := run(t, "", "__complete", "release", ""); stdout != "orders\n:4\n" {
		t.Errorf("got %q", stdout)
	}
	if _, stdout, _ := run(t, "", "__complete", "release", "--target", "aws", ""); stdout != ":4\n" {
		t.Errorf("of AWS: got %q", stdout)
	}
}

func TestTheShellCompletesWhereToGoBack(t *testing.T) {
	t.Setenv("TZ", "UTC")
	old := passes(begun(canary))
	old.ID = "r-old"
	releasing(t, []release.Release{begun(canary), misses(begun(canary)), old})
	if _, stdout, _ := run(t, "", "__complete", "rollback", "orders", "--to", "r-"); !strings.HasPrefix(stdout, "r-old\tby ada@laptop at 2026-06-01 ") || strings.Contains(stdout, "r-new") {
		t.Errorf("got %q", stdout)
	}
	if _, stdout, _ := run(t, "", "__complete", "rollback", "orders", "--target", "aws", "--to", "r-"); strings.Contains(stdout, "r-") {
		t.Errorf("of AWS: got %q", stdout)
	}
}

func TestWhoStopsWatchingLeavesTheReleaseAlone(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r := begun(canary)
	said := &script{}
	said.says(r).answers = append(said.answers, func() ([]release.Release, error) {
		stop()
		return nil, ctx.Err()
	})
	var out bytes.Buffer
	w := newWatcher(said, "orders", &out, io.Discard)
	w.live = true
	want := "the release r-new is watched no longer, and left as it is; see how it ends with tidegate release orders, or end it with --promote or --abort"
	if err := w.run(ctx); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if !strings.HasSuffix(out.String(), fmt.Sprintf(redraw, 1)) {
		t.Errorf("the last line is left in %q", out.String())
	}
	said.breaks("it does not answer")
	if err := newWatcher(said, "orders", &out, io.Discard).run(ctx); err == nil || err.Error() != `interrupted before anything was known of the releases of stack "orders"` {
		t.Errorf("got %v", err)
	}
}

func TestReleasesOnAWSAreReachedAsToldTo(t *testing.T) {
	var mu sync.Mutex
	var signed []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		signed = append(signed, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error></ErrorResponse>")
	}))
	t.Cleanup(server.Close)
	folder := t.TempDir()
	for name, text := range map[string]string{"config": "", "credentials": "[shop]\naws_access_key_id = AKIASHOP\naws_secret_access_key = hush\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(folder, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(folder, "credentials"))
	t.Setenv("TIDEGATE_TARGET", "aws")
	status, _, stderr := run(t, "", "release", "orders", "--region", "eu-west-3", "--profile", "shop", "--endpoint", server.URL)
	if status != 1 || !strings.HasPrefix(stderr, "tidegate: ") || strings.Contains(stderr, "hush") {
		t.Errorf("got %d, %q", status, stderr)
	}
	if len(signed) == 0 || !strings.Contains(signed[0], "Credential=AKIASHOP/") || !strings.Contains(signed[0], "/eu-west-3/") {
		t.Errorf("the requests are signed %q", signed)
	}
}

// A script of answers is a target that is asked for its releases.
type script struct {
	target.Releases
	answers []func() ([]release.Release, error)
}

func (s *script) ListReleases(context.Context, string) ([]release.Release, error) {
	next := s.answers[0]
	s.answers = s.answers[1:]
	return next()
}

func (s *script) says(r release.Release) *script {
	s.answers = append(s.answers, func() ([]release.Release, error) { return []release.Release{r}, nil })
	return s
}

func (s *script) breaks(why string) *script {
	s.answers = append(s.answers, func() ([]release.Release, error) { return nil, errors.New(why) })
	return s
}

func TestATerminalIsRedrawnBetweenTheSteps(t *testing.T) {
	r := begun(canary)
	seen := r
	seen.Seen = &release.Seen{Functions: map[string]release.Sides{
		"fulfil": {Candidate: release.Counts{Invocations: 500, Errors: 2, P95: 120 * time.Millisecond}, Stable: release.Counts{Invocations: 4500}},
		"report": {Candidate: release.Counts{Invocations: 18, Throttles: 3}},
	}}
	var out bytes.Buffer
	w := newWatcher((&script{}).says(r).says(seen).says(passes(r)), "orders", &out, io.Discard)
	w.live, w.now = true, func() time.Time { return noon.Add(100 * time.Second) }
	if err := w.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	line := "[##------------------]  10 %  next: 100 % in 3m20s"
	counts := "\n  new: 2 of 518 failed (0.39 %), 3 turned away, p95 120ms\n  former: 0 of 4500 failed (0 %)"
	const up = "\x1b[%dA\x1b[J"
	want := noWrap + line + "\n" + wrap + fmt.Sprintf(up, 1) + noWrap + line + counts + "\n" + wrap + fmt.Sprintf(up, 3)
	if !strings.Contains(out.String(), want) {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestATargetThatDoesNotAnswerIsAskedAgain(t *testing.T) {
	r := begun(canary)
	var out, stderr bytes.Buffer
	w := newWatcher((&script{}).says(r).breaks("it starts again").breaks("it starts again").says(passes(r)), "orders", &out, &stderr)
	if err := w.run(t.Context()); err != nil || stderr.String() != "tidegate: it starts again; asking again\n" {
		t.Errorf("got %v, %q", err, stderr.String())
	}
	now := noon
	w = newWatcher((&script{}).says(r).breaks("it burns"), "orders", &out, &stderr)
	w.now = func() time.Time { now = now.Add(silence); return now }
	if err := w.run(t.Context()); err == nil || err.Error() != "it burns" {
		t.Errorf("got %v", err)
	}
}

func TestWhatComesNext(t *testing.T) {
	linear := begun(stack.Release{Strategy: stack.Linear, Weight: 40, Gate: &stack.Gate{MinInvocations: 50}})
	blue := begun(stack.Release{Strategy: stack.BlueGreen, After: "verify"})
	paused, _ := linear.Pause("ada", noon)
	for want, r := range map[string]release.Release{
		"next: 80 % in 30s": linear,
		"next: 80 % after 50 invocations of the new versions": late(linear),
		"next: verify in 4m30s":                               blue,
		"next: 100 % once the gate has judged this step":      late(begun(stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{}})),
		"next: 100 %, overdue for 1h0m30s; if no apply drives the release any more, apply again, or give --promote or --abort":  forgotten(begun(canary)),
		"next: 100 %, overdue for 1h0m30s; if no apply drives the release any more, apply again, or give --promote or --abort ": forgotten(begun(stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{}})),
		"next: 100 % after 5 invocations of the new versions":                                                                   forgotten(begun(stack.Release{Strategy: stack.Canary, Gate: &stack.Gate{MinInvocations: 5, Timeout: stack.Duration(2 * time.Hour)}})),
		"next: the end in 4m30s": begun(stack.Release{Strategy: stack.BlueGreen}),
		"next: 100 % any moment": late(begun(canary)),
		"now smoke runs":         begun(stack.Release{Strategy: stack.Canary, Before: "smoke"}),
		"now verify runs":        passes(blue),
		"paused until somebody gives --resume, --promote or --abort": paused,
		"held until somebody gives --resume, --promote or --abort":   misses(begun(stack.Release{Strategy: stack.Canary, OnFailure: stack.Hold})),
	} {
		if got := nextWords(r, noon.Add(30*time.Second)); got != strings.TrimSpace(want) { // Two may say the same.
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// late is a release whose step should have ended.
func late(r release.Release) release.Release {
	r.Since = r.Since.Add(-r.Policy.Interval.Std())
	return r
}

// forgotten is one whose step should have ended an hour ago.
func forgotten(r release.Release) release.Release {
	r = late(r)
	r.Since = r.Since.Add(-time.Hour)
	return r
}
