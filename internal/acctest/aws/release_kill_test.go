package aws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// gradual are stacks that are alike, each with the code "one" or "two", which is released
// in a canary. What else the second has is changed before and after the traffic moves.
const gradual = `
variable "code" { type = map(string) }

resource "tidegate_stack" "gradual" {
  for_each = var.code
  name     = each.key

  functions = {
    for name in ["crop", "resize"] : name => {
      source      = "${path.module}/${each.value}"
      runtime     = "python3.13"
      handler     = "app.handler"
      permissions = [{ actions = [each.value == "one" ? "s3:GetObject" : "s3:PutObject"], resources = ["*"] }]
      logs        = { retention_days = each.value == "one" ? 7 : 14 }
    }
  }

  release = {
    strategy = "canary"
    weight   = 20
    interval = "2s"
    before   = "resize"
  }
}

data "tidegate_releases" "gradual" {
  for_each   = var.code
  stack      = each.key
  depends_on = [tidegate_stack.gradual]
}

output "releases" {
  value = { for name, d in data.tidegate_releases.gradual : name => [for r in d.releases : "${r.state} after ${length(r.steps)} steps"] }
}
`

// A cut is a workspace with many releases that are cut off, each at another point.
type cut struct {
	*crash
	points []cutPoint
}

// A cutPoint is where the provider of one stack's release is killed.
type cutPoint struct {
	acctest.Point
	stack string
	// moved is the percentage that the leading alias was given last, -1 if none.
	moved int
	// givenUp are releases that nobody goes on with.
	givenUp bool
}

func openCut(t *testing.T) *cut {
	code := func(text string) string { return "def handler(event, context):\n    return '" + text + "'\n" }
	c := &crash{t: t, mappings: map[string]string{}}
	files := map[string]string{"main.tf": gradual, "one/app.py": code("one"), "two/app.py": code("two")}
	c.workspace = &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}
	return &cut{crash: c}
}

// releases says which stacks have the second code; all others have the first.
func (c *cut) releases(stacks ...string) {
	c.t.Helper()
	code := map[string]string{}
	for _, stack := range append([]string{undisturbed}, c.stacks...) {
		code[stack] = "one"
		if slices.Contains(stacks, stack) {
			code[stack] = "two"
		}
	}
	text, err := json.Marshal(map[string]any{"code": code})
	if err != nil {
		c.t.Fatal(err)
	}
	c.put("code.auto.tfvars.json", string(text))
}

// find keeps those points of an undisturbed release at which it teaches something to be
// cut off: whenever something was written down, done to an alias or run, and amid what is
// changed at last. Each gets a stack.
func (c *cut) find(steps []acctest.Point) {
	c.t.Helper()
	var written []*awswire.Request
	for _, r := range c.Proxy.Matching("logs:PutLogEvents") {
		if c.owner(r) == undisturbed {
			written = append(written, r)
		}
	}
	moved, leads := -1, map[int]int{1: 0, 3: 20, 5: 100} // Of two aliases every other one leads.
	for _, step := range steps {
		switch {
		case step.Call == "lambda:UpdateAlias":
			if percent, ok := leads[step.N]; ok {
				moved = percent
			}
		case step.Call == "logs:PutLogEvents" && written[step.N-1].Status != http.StatusOK: // The stream was not there yet.
			continue
		case step.Call == "logs:PutRetentionPolicy" && step.N > 1 || !slices.Contains([]string{"logs:PutLogEvents", "logs:PutRetentionPolicy", "lambda:Invoke"}, step.Call):
			continue
		}
		c.stacks = append(c.stacks, fmt.Sprintf("crash%02d", len(c.stacks)+1))
		c.points = append(c.points, cutPoint{Point: step, stack: c.stacks[len(c.stacks)-1], moved: moved})
	}
	if len(c.points) < 12 || moved != 100 {
		c.t.Fatalf("a release has the steps %v", steps)
	}
	// The leading alias alone has begun, or alone has traffic, or the end was written down
	// and nothing more.
	for n, p := range c.points {
		if p.Call == "lambda:UpdateAlias" && (p.N == 1 || p.N == 3) || n+1 < len(c.points) && p.moved == 20 && c.points[n+1].moved == 100 {
			c.points[n].givenUp = true
		}
	}
}

// Each release is cut off at another step. The next apply goes on with it, or, once
// somebody has aborted it, an apply of what was before has nothing to move.
func TestTheNextApplyGoesOnWithAReleaseWhoseProviderWasKilled(t *testing.T) {
	t.Parallel()
	start := time.Now()
	lap := func(what string) { t.Logf("%v: %s", time.Since(start).Round(100*time.Millisecond), what) }
	c := openCut(t)
	c.releases()
	c.Apply()
	former := c.Things(crashNames)[undisturbed]
	c.releases(undisturbed)
	whole := c.watch("apply")
	c.find(whole.steps)
	lap("watched")

	c.releases(undisturbed)
	c.Apply(many, "-refresh=false")
	c.releases(append(c.stacks, undisturbed)...)
	at := map[string]acctest.Point{}
	for _, p := range c.points {
		at[p.stack] = p.Point
	}
	c.killed(at, "apply", "-auto-approve", "-refresh=false")
	lap(fmt.Sprintf("killed after %v", c.points))

	c.tells()
	released, aborted := []string{undisturbed}, []string{}
	for _, p := range c.points {
		if !p.givenUp {
			released = append(released, p.stack)
			continue
		}
		aborted = append(aborted, p.stack)
		if out := c.tidegate("release", p.stack, "--abort"); !strings.Contains(out, ": aborted by ") || !strings.HasSuffix(out, ", at 0 %\n") {
			t.Errorf("aborting the release of %s says %q", p.stack, out)
		}
	}
	c.releases(released...)
	c.Apply(many)
	lap("gone on with")
	if changes, out := c.Plan(many); changes {
		t.Errorf("the plan is not empty:\n%s", out)
	}

	want := map[string][]string{}
	for _, stack := range released {
		want[stack] = whole.things
	}
	for _, stack := range aborted {
		want[stack] = returned(former, whole.things)
	}
	if diff := cmp.Diff(want, c.Things(crashNames)); diff != "" {
		t.Errorf("there is not what there should be (-want +got):\n%s", diff)
	}
	for stack, went := range output[map[string][]string](t, c.Workspace, "releases") {
		expected := "finished after 3 steps"
		if slices.Contains(aborted, stack) {
			expected = "rolled_back after"
		}
		if len(went) != 1 || !strings.HasPrefix(went[0], expected) {
			t.Errorf("%s had the releases %q, want one: %s", stack, went, expected)
		}
	}
}

// returned is what there is of a stack that has returned to what it was: the versions that
// were published stay, and so does the code that no alias points at.
func returned(former, released []string) []string {
	unpublished := func(thing string) bool {
		return strings.HasPrefix(thing, "function ") && !strings.Contains(thing, ",")
	}
	want := slices.DeleteFunc(slices.Clone(former), unpublished)
	for _, thing := range released {
		if unpublished(thing) || strings.Contains(thing, "version 2:") {
			want = append(want, thing)
		}
	}
	slices.Sort(want)
	return want
}

// tells checks that a plan says of every release how far it was when it was cut off.
func (c *cut) tells() {
	c.t.Helper()
	_, out := c.Plan(many)
	out = strings.Join(strings.Fields(out), " ")
	for _, p := range c.points {
		moves, warns := fmt.Sprintf("has moved %d %% to version 2, begun by ", p.moved), fmt.Sprintf(" is at %d %%, started by ", p.moved)
		_, change, _ := strings.Cut(out, fmt.Sprintf(`# tidegate_stack.gradual["%s"] will be updated`, p.stack))
		change, _, _ = strings.Cut(change, " # tidegate_stack.")
		_, warning, _ := strings.Cut(out, fmt.Sprintf(`Warning: Release under way: stack "%s"`, p.stack))
		warning, _, _ = strings.Cut(warning, " Warning: ")
		if underWay := p.moved >= 0 && p.moved < 100; strings.Contains(change, moves) != underWay || strings.Contains(warning, warns) != underWay {
			c.t.Errorf("the release of %s was cut off after %v, at %d %%, and the plan says of it:\n%s\n%s", p.stack, p.Point, p.moved, change, warning)
		}
	}
}
