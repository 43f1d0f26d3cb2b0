package provider

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// releasingLab has the stack "shop" of two functions, "f" and a hook, "smoke". What its
// release says is in the file release.json.
func releasingLab(t *testing.T) *lab {
	return newLab(t, map[string]string{
		"main.tf": `
resource "tidegate_stack" "shop" {
  name = "shop"
  functions = {
    f     = { source = "f", runtime = "PYTHON", handler = "app.handler" }
    smoke = { source = "smoke", runtime = "PYTHON", handler = "app.handler" }
  }
  release = jsondecode(file("release.json"))
}
`,
		"release.json": `{ "strategy": "canary", "interval": "1s" }`,
		"f/app.py":     handler("one"),
		"smoke/app.py": handler("smoke"),
	})
}

// newest is the stack's newest release.
func (l *lab) newest() release.Release {
	l.t.Helper()
	var answer struct{ Releases []release.Release }
	l.runtime.Call(http.MethodGet, "/v1/stacks/shop/releases", nil, &answer)
	if len(answer.Releases) == 0 {
		return release.Release{}
	}
	return answer.Releases[0]
}

// awaits waits until the newest release is of a kind.
func (l *lab) awaits(what string, is func(release.Release) bool) release.Release {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 3*time.Minute)
	defer cancel()
	var r release.Release
	if err := harness.Wait(ctx, "a release that "+what, func() (bool, error) {
		r = l.newest()
		return is(r), nil
	}); err != nil {
		l.t.Fatal(err)
	}
	return r
}

// tidegate runs the command line and returns what it printed.
func (l *lab) tidegate(args ...string) (string, error) {
	out, err := l.runtime.CLI(l.t.Context(), args...).CombinedOutput()
	return string(out), err
}

func wantWords(t *testing.T, out string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(oneLine(out), w) {
			t.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

func TestReleasesFromTheFirstToTheRollback(t *testing.T) {
	l := releasingLab(t)
	l.Apply()
	l.write("f/app.py", handler("two"))
	l.Apply()
	l.EmptyPlan()
	if r := l.newest(); r.Phase != release.Finished || r.Moves["f"].Candidate != 2 {
		t.Errorf("the release is %+v", r)
	}
	out, err := l.tidegate("release", "shop")
	if err != nil {
		t.Error(err)
	}
	wantWords(t, out, "f 1 → 2", "10 % began", "[####################] 100 %")

	// A function that is to be satisfied first, and is not.
	l.write("release.json", `{ "strategy": "canary", "interval": "1s", "before": "smoke" }`)
	l.write("f/app.py", handler("three"))
	l.write("smoke/app.py", "def handler(event, context):\n    raise Exception('no stock for ' + event['functions']['f']['candidate'])\n")
	out = l.fails("apply", "-auto-approve")
	wantWords(t, out, `Release rolled back: stack "shop"`, "no stock for 3", "every alias is where it was before")
	changes, printed := l.plannedChanges()
	wantWords(t, strings.Join(changes["shop"].Paths, " "), `functions["f"].code_sha256`, `functions["f"].routing`, `functions["smoke"].version`, "release_id")
	wantWords(t, printed, `"3" = 100`)
	if strings.Contains(printed, "Warning: ") && strings.Contains(printed, "outside Terraform") {
		t.Errorf("the plan takes the release for somebody's meddling:\n%s", printed)
	}

	// Back to what was before, by hand.
	l.write("f/app.py", handler("two"))
	l.write("smoke/app.py", handler("smoke"))
	l.write("release.json", `{ "strategy": "canary", "interval": "1s" }`)
	l.EmptyPlan()
	if out, err = l.tidegate("rollback", "shop"); err != nil {
		t.Error(err)
	}
	wantWords(t, out, "f 2 → 1")
	changes, printed = l.plannedChanges()
	wantWords(t, strings.Join(changes["shop"].Paths, " "), `components["functions/f/alias"] functions["f"].routing functions["f"].version`)
	wantWords(t, printed, `Rolled back outside Terraform: stack "shop"`, "to keep it, make the configuration that of version 1 again")
	l.write("f/app.py", handler("one"))
	l.Apply()
	l.EmptyPlan()
	if d := l.read("shop"); d.Functions["f"].Version != 1 || len(d.Functions["f"].Versions) != 3 {
		t.Errorf("function f is %+v", d.Functions["f"])
	}
}

func TestAnApplyThatIsInterruptedRollsItsReleaseBack(t *testing.T) {
	l := releasingLab(t)
	l.Apply()
	l.write("release.json", `{ "strategy": "canary", "interval": "1h" }`)
	l.write("f/app.py", handler("two"))
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := make(chan string)
	go func() {
		out, _ := l.Run(ctx, "apply", "-auto-approve")
		done <- out
	}()
	l.awaits("has begun", func(r release.Release) bool { return r.ID != "" })
	interrupt()
	wantWords(t, <-done, `Release rolled back: stack "shop"`, "rolled back: interrupted by ")
	if d := l.read("shop"); d.Functions["f"].Version != 1 || d.Functions["f"].Routing[1] != 100 {
		t.Errorf("function f is %+v", d.Functions["f"])
	}
}

func TestAnApplyGoesOnWithTheReleaseOfOneThatWasKilled(t *testing.T) {
	l := releasingLab(t)
	l.Apply()
	l.write("release.json", `{ "strategy": "canary", "interval": "1h" }`)
	l.write("f/app.py", handler("two"))
	l.killedInRelease()
	if r := l.newest(); r.Ended() || r.Weight() != 10 {
		t.Errorf("the release did not outlive Terraform: %+v", r)
	}
	changes, printed := l.plannedChanges()
	wantWords(t, strings.Join(changes["shop"].Paths, " "), `components["functions/f/alias"]`, `functions["f"].routing functions["f"].version`)
	wantWords(t, printed, `Release under way: stack "shop"`, "is at 10 %, started by", "has moved 10 % to version 2")

	// Something else has to wait.
	l.write("f/app.py", handler("three"))
	wantWords(t, l.fails("apply", "-auto-approve"), `A release is under way: stack "shop"`, "nothing was changed now")

	l.write("f/app.py", handler("two"))
	cmd := l.Command(t.Context(), "apply", "-auto-approve", "-no-color")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.Contains(lines.Text(), "Modifying...") {
		continue
	}
	if out, err := l.tidegate("release", "shop", "--promote"); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for lines.Scan() {
		continue
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	l.EmptyPlan()
	if d := l.read("shop"); d.Functions["f"].Version != 2 {
		t.Errorf("function f is %+v", d.Functions["f"])
	}
}

// killedInRelease applies, and kills Terraform when the release has begun.
func (l *lab) killedInRelease() {
	l.t.Helper()
	cmd := l.Command(l.t.Context(), "apply", "-auto-approve")
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.awaits("has begun", func(r release.Release) bool { return r.ID != "" })
	provider, _ := harness.Descendant(cmd.Process.Pid, "terraform-provi")
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	ctx, cancel := context.WithTimeout(l.t.Context(), 3*time.Minute)
	defer cancel()
	if err := harness.Wait(ctx, "the provider to end", func() (bool, error) { return !provider.Alive(), nil }); err != nil {
		l.t.Fatal(err)
	}
}
