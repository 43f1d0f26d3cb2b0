package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// steered are the configuration of a stack whose release takes a while, since its gate
// waits for metrics, and of one with one function, of which two versions are kept.
const steered = `
variable "media" { type = string }
variable "solo" { type = string }

resource "tidegate_stack" "media" {
  name = "media"

  functions = {
    for name in ["crop", "resize"] : name => {
      source  = "${path.module}/${var.media}"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  release = {
    strategy = "linear"
    weight   = 40
    interval = "10m"
    gate     = { max_error_rate = 0.5 }
  }
}

resource "tidegate_stack" "solo" {
  name = "solo"

  functions = {
    f = {
      source        = "${path.module}/${var.solo}"
      runtime       = "python3.13"
      handler       = "app.handler"
      keep_versions = 2
    }
  }
}
`

// command is the tidegate command, as somebody else uses it.
func (w *workspace) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.t.Context(), acctest.Binary(w.t), args...)
	cmd.Env = append(slices.Clone(w.Workspace.Workspace.Env), w.AWSAccount.Env()...)
	cmd.Env = append(cmd.Env, "TIDEGATE_TARGET=aws", "TZ=UTC")
	return cmd
}

// tidegate runs the command, which succeeds and complains of nothing.
func (w *workspace) tidegate(args ...string) string {
	w.t.Helper()
	out, complaints, err := w.tries(args...)
	if err != nil || complaints != "" {
		w.t.Errorf("tidegate %s: %v: %s", strings.Join(args, " "), err, complaints)
	}
	return out
}

// tries runs the command.
func (w *workspace) tries(args ...string) (out, complaints string, err error) {
	var stdout, stderr strings.Builder
	cmd := w.command(args...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	return stdout.String(), stderr.String(), err
}

// A running command, with what it has printed so far.
type running struct {
	*exec.Cmd
	t           testing.TB
	out, errors printed
	ended       chan struct{}
	err         error
}

// printed is what a command that runs has printed.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// start starts a command, which ends with the test.
func start(t testing.TB, cmd *exec.Cmd) *running {
	t.Helper()
	r := &running{Cmd: cmd, t: t, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &r.out, &r.errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		r.err = cmd.Wait()
		close(r.ended)
	}()
	t.Cleanup(func() { <-r.ended }) // By then the test's context has ended it.
	return r
}

// ends waits for the command's end.
func (r *running) ends() (out, errors string, err error) {
	r.t.Helper()
	r.until("it to end", func() bool {
		select {
		case <-r.ended:
			return true
		default:
			return false
		}
	})
	return r.out.String(), r.errors.String(), r.err
}

// prints waits until the command has printed all words.
func (r *running) prints(words ...string) {
	r.t.Helper()
	r.until("it to print "+strings.Join(words, " and "), func() bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(r.out.String(), w) })
	})
}

// until waits for something that is to come while the command runs, or at its end.
func (r *running) until(what string, is func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	err := harness.Wait(ctx, what, func() (bool, error) {
		select {
		case <-r.ended:
			if !is() {
				return false, fmt.Errorf("it has ended (%v)", r.err)
			}
		default:
		}
		return is(), nil
	})
	if err != nil {
		r.t.Fatalf("%s: %v\n%s%s", strings.Join(r.Args, " "), err, &r.out, &r.errors)
	}
}

// What differs from one run to the next.
var (
	anyTime    = regexp.MustCompile(`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)
	anyRelease = regexp.MustCompile(`r-[0-9a-f]{12}`)
	anyLeft    = regexp.MustCompile(`next: 80 % in \w+`)
	anyNumbers = regexp.MustCompile(`; new: .*`)
)

// plainly is an output without what differs from run to run, and each line once in a row.
func plainly(out string) string {
	out = strings.ReplaceAll(anyTime.ReplaceAllString(out, "TIME"), who(), "WHO")
	out = anyLeft.ReplaceAllString(anyRelease.ReplaceAllString(out, "ID"), "next: 80 % soon")
	out = anyNumbers.ReplaceAllString(out, "")
	return strings.Join(slices.Compact(strings.Split(strings.TrimSpace(out), "\n")), "\n")
}

// prints checks what a command has printed, without what differs from run to run.
func prints(t testing.TB, what, out, want string) {
	t.Helper()
	if diff := cmp.Diff(want, plainly(out)); diff != "" {
		t.Errorf("%s prints something else (-want +got):\n%s", what, diff)
	}
}

// says wants the command to print this.
func (w *workspace) says(want string, args ...string) {
	w.t.Helper()
	prints(w.t, strings.Join(args, " "), w.tidegate(args...), want)
}

// refuses wants the command to fail with this sentence alone.
func (w *workspace) refuses(want string, args ...string) {
	w.t.Helper()
	out, complaints, err := w.tries(args...)
	if err == nil || out != "" {
		w.t.Errorf("tidegate %s succeeded, or printed %q", strings.Join(args, " "), out)
	}
	prints(w.t, strings.Join(args, " "), complaints, "tidegate: "+want)
}

// releasesOf is the history of a stack, from its JSON.
func (w *workspace) releasesOf(stack string) []release.Release {
	w.t.Helper()
	var history struct{ Releases []release.Release }
	if err := json.Unmarshal([]byte(w.tidegate("release", stack, "--history", "-o", "json")), &history); err != nil {
		w.t.Fatal(err)
	}
	return history.Releases
}

// codes has the stacks have these codes.
func (w *workspace) codes(media, solo string) {
	w.t.Helper()
	w.put("code.auto.tfvars", fmt.Sprintf("media = %q\nsolo = %q\n", media, solo))
}

// begins applies, and returns when a release of the stack media is under way.
func (w *workspace) begins() *running {
	w.t.Helper()
	var begun atomic.Bool
	moves := awswire.On("lambda:UpdateAlias").Where(func(r *awswire.Request) bool { return r.Param("FunctionName") == "media-crop" })
	stop := w.Proxy.After(moves, func(*awswire.Request, *awswire.Answer) { begun.Store(true) })
	defer stop()
	apply := start(w.t, w.Command(w.t.Context(), "apply", "-auto-approve", "-no-color"))
	apply.until("a release to begin", begun.Load)
	return apply
}

// A person watches and steers what an apply drives, and another plans and applies at the
// same time.
func TestAReleaseOnAWSIsWatchedAndSteeredFromTheCommandLine(t *testing.T) {
	t.Parallel()
	files := map[string]string{"main.tf": steered}
	for _, name := range []string{"one", "two", "three"} {
		files[name+"/app.py"] = "def handler(event, context):\n    return '" + name + "'\n"
	}
	w := &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}
	w.codes("one", "one")
	w.Apply()
	w.says(`stack "media" has had no release yet`, "release", "media")
	w.refuses(`stack "media" has had no release that could be undone; nothing was changed`, "rollback", "media")
	w.refuses(`there is no stack named "nobody" on this target; check the name, and --target`, "release", "nobody")

	w.codes("two", "two")
	apply := w.begins()
	watch, bored := start(t, w.command("release", "media")), start(t, w.command("release", "media"))
	watch.prints("next: ")
	w.Python(meter+`
for f in ("media-crop", "media-resize"):
    meter(f, "1", errors=1)
    meter(f, "2", errors=7)
`, nil)
	bored.prints("next: ")
	if err := bored.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if _, says, err := bored.ends(); err == nil || plainly(says) != "tidegate: the release ID is watched no longer, and left as it is; "+
		"see how it ends with tidegate release media, or end it with --promote or --abort" {
		t.Errorf("who stops watching is told %q, %v", says, err)
	}
	w.tellsOthers()

	watch.prints("new: 14 of 200 failed (7 %), p95 20ms; former: 2 of 200 failed (1 %), p95 20ms")
	w.says("release ID: paused by WHO, at 40 %", "release", "media", "--pause")
	w.refuses("the release ID is paused already", "release", "media", "--pause")
	watch.prints("paused until")
	w.says("release ID: resumed by WHO, at 40 %", "release", "media", "--resume")
	watch.prints("resumed", "next: ")
	w.says("release ID: promoted by WHO, at 100 %", "release", "media", "--promote")
	out, complaints, err := watch.ends()
	if err != nil || complaints != "" {
		t.Errorf("watching ends with %v, %q", err, complaints)
	}
	prints(t, "watching", out, `release ID, running: linear, 40 % more every 10m, begun by WHO at TIME
  crop 1 → 2
  resize 1 → 2
TIME [########------------]  40 %  began
TIME [########------------]  40 %  next: 80 % soon
TIME [########------------]  40 %  paused by WHO
TIME [########------------]  40 %  paused until somebody gives --resume, --promote or --abort
TIME [########------------]  40 %  resumed by WHO
TIME [########------------]  40 %  next: 80 % soon
TIME [####################] 100 %  promoted by WHO`)
	if out, complaints, err := apply.ends(); err != nil {
		t.Errorf("the apply ends with %v:\n%s%s", err, out, complaints)
	}
	w.says(`release ID, finished: linear, 40 % more every 10m, begun by WHO at TIME
  crop 1 → 2
  resize 1 → 2
TIME [########------------]  40 %  began
TIME [########------------]  40 %  paused by WHO
TIME [########------------]  40 %  resumed by WHO
TIME [####################] 100 %  promoted by WHO`, "release", "media", "--history")
	w.refuses(`no release of stack "media" is under way; to go back to earlier versions there is tidegate rollback media`, "release", "media", "--pause")

	w.codes("three", "three")
	apply = w.begins()
	watch = start(t, w.command("release", "media", "-o", "json"))
	watch.prints("began")
	w.says("release ID: aborted by WHO, at 0 %", "release", "media", "--abort")
	if _, says, err := watch.ends(); err == nil || plainly(says) != "tidegate: the release ID was aborted by WHO; every alias is where it was before" {
		t.Errorf("who watches is told %q, %v", says, err)
	}
	var phases []release.Phase
	for line := range strings.Lines(watch.out.String()) {
		var r release.Release
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%v: %s", err, line)
		}
		phases = append(phases, r.Phase)
	}
	if !slices.Equal(phases, []release.Phase{release.Shifting, release.RolledBack}) {
		t.Errorf("who watches in JSON sees the phases %q", phases)
	}
	if _, says, err := apply.ends(); err == nil || !strings.Contains(strings.Join(strings.Fields(says), " "), "was aborted by "+who()+"; every alias is where it was before. The next plan offers the release again.") {
		t.Errorf("the apply ends with %v: %s", err, says)
	}
	w.goesBack()
}

// tellsOthers checks that a plan tells how far a release is, and that an apply of the
// same is refused and changes nothing.
func (w *workspace) tellsOthers() {
	w.t.Helper()
	w.Proxy.Forget()
	second := start(w.t, w.Command(w.t.Context(), "apply", "-auto-approve", "-no-color", "-lock=false"))
	_, plan := w.Plan("-lock=false")
	plan = strings.Join(strings.Fields(plan), " ")
	for _, words := range []string{
		`Release under way: stack "media"`, " is at 40 %, started by " + who() + " ", " ago (last: began). Watch it with: tidegate release media",
		`"functions/crop/alias" = "release r-`, " has moved 40 % to version 2, begun by " + who() + " at ",
	} {
		if !strings.Contains(plan, words) {
			w.t.Errorf("the plan does not say %q:\n%s", words, plan)
		}
	}
	_, says, err := second.ends()
	for _, words := range []string{` of stack "media" is at 40 %, started by ` + who(), " ago, and nothing was changed now; watch it with tidegate release media, or end it with --promote or --abort."} {
		if err == nil || !strings.Contains(strings.Join(strings.Fields(says), " "), words) {
			w.t.Errorf("the second apply is not told %q: %v\n%s", words, err, says)
		}
	}
	for _, r := range w.Proxy.Requests() {
		point := acctest.Point{Call: r.Call()}
		if point.Changes() && r.Call() != "sts:GetCallerIdentity" && r.Param("logStreamName") != "drivers" {
			w.t.Errorf("while a second apply was refused there was the call %s: %s", r.Call(), r.Body)
		}
	}
}

// goesBack returns stacks to what they were, and checks what a plan says of that.
func (w *workspace) goesBack() {
	w.t.Helper()
	w.says("crop 2 → 1\nresize 2 → 1\nwent back to what was before release ID; the next terraform plan shows it, and says how to keep it", "rollback", "media")
	w.refuses(`function "f" of stack "solo" has no version 1, or no longer (keep_versions is 2); nothing was changed: deploy its code again instead`, "rollback", "solo", "--to", "1")
	w.says("f 3 → 2\nwent back to version 2; the next terraform plan shows it, and says how to keep it", "rollback", "solo", "--to", "2")
	w.refuses(`stack "media" has 2 functions, so the number 1 does not say which versions to go back to; name a release: ID, ID`, "rollback", "media", "--to", "1")
	w.refuses(`stack "media" knows of no release "r-9" to go back to; name another: ID, ID`, "rollback", "media", "--to", "r-9")

	all := w.releasesOf("media")
	if len(all) != 3 || !all[0].Back || all[1].Phase != release.RolledBack || all[2].Phase != release.Finished {
		w.t.Fatalf("the releases are %+v", all)
	}
	var back release.Release
	if err := json.Unmarshal([]byte(w.tidegate("rollback", "media", "--to", all[2].ID, "-o", "json")), &back); err != nil || !back.Back || back.ID != all[2].ID || back.Moves["crop"].Candidate != 2 {
		w.t.Errorf("going to a release is %+v, %v", back, err)
	}
	w.says("crop 2 → 1\nresize 2 → 1\nwent back to what was before release ID; the next terraform plan shows it, and says how to keep it", "rollback", "media")

	_, plan := w.Plan()
	plan = strings.Join(strings.Fields(plan), " ")
	for _, words := range []string{
		`Rolled back outside Terraform: stack "media"`, who() + " rolled the stack back ", "- functions/crop/alias points at version 1, to which " + who() + " rolled back at ",
		"to keep it, make the configuration that of version 1 again; applying releases version 3 anew",
		`Rolled back outside Terraform: stack "solo"`, "(went back to version 2).",
	} {
		if !strings.Contains(plan, words) {
			w.t.Errorf("the plan does not say %q:\n%s", words, plan)
		}
	}
	w.Proxy.Forget()
	w.codes("one", "two")
	w.Apply()
	w.EmptyPlan()
	if n := w.Proxy.Count("lambda:PublishVersion"); n > 0 {
		w.t.Errorf("keeping what was rolled back to publishes %d versions", n)
	}
	w.sees(sight{"the aliases", `[routing("media-crop"), routing("media-resize"), routing("solo-f")]`, `[["1", {}], ["1", {}], ["2", {}]]`})
}

// who is the person who runs the programs, as other people are told.
func who() string {
	name := os.Getenv("USER")
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	return name + "@" + host
}
