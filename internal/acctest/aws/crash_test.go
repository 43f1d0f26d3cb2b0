package aws

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// crashNames are the stacks' names: "crash00" is the one that nothing happens to.
var crashNames = regexp.MustCompile(`crash\d\d`)

const undisturbed = "crash00"

// A crash is a workspace with many stacks that are alike, whose provider is killed when
// each of them is at another point.
type crash struct {
	*workspace
	t *testing.T
	// mappings are the stacks of event source mappings, which have names of AWS's making.
	mu       sync.Mutex
	mappings map[string]string
	// stacks that there are, but for the undisturbed one.
	stacks []string
}

func openCrash(t *testing.T) *crash {
	files := folder(t, "testdata/crash")
	c := &crash{t: t, mappings: map[string]string{}}
	c.workspace = &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}
	uuid := regexp.MustCompile(`"UUID": ?"([0-9a-f-]+)"`)
	c.Proxy.After(awswire.On("lambda:CreateEventSourceMapping"), func(r *awswire.Request, a *awswire.Answer) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if found := uuid.FindSubmatch(a.Body); found != nil {
			c.mappings[string(found[1])] = crashNames.FindString(string(r.Body))
		}
	})
	return c
}

// owner tells whose request it is by the names in it.
func (c *crash) owner(r *awswire.Request) string {
	for _, text := range []string{r.URL.String(), string(r.Body)} {
		if name := crashNames.FindString(text); name != "" {
			return name
		}
		c.mu.Lock()
		for id, stack := range c.mappings {
			if strings.Contains(text, id) {
				c.mu.Unlock()
				return stack
			}
		}
		c.mu.Unlock()
	}
	return ""
}

// configure says which stacks there are to be, and which of the two versions.
func (c *crash) configure(changed bool, stacks ...string) {
	c.t.Helper()
	c.put("crash.auto.tfvars", fmt.Sprintf("stacks = [\"%s\"]\nchanged = %t\n", strings.Join(stacks, `", "`), changed))
}

// A course is what an undisturbed command does about one stack.
type course struct {
	// looks are the calls before the first that changes something, first those of the
	// plan. steps are those from there.
	plan, looks, steps []acctest.Point
	// things that there are afterwards.
	things []string
}

// watch runs a command with nothing but the undisturbed stack.
func (c *crash) watch(command string) course {
	c.t.Helper()
	c.Proxy.Forget()
	if _, err := c.Run(c.t.Context(), command, "-auto-approve"); err != nil {
		c.t.Fatal(err)
	}
	requests := c.Proxy.Requests()
	// Each process asks first whose the credentials are: the one that plans, if there is
	// anything to look at, and the one that applies.
	var begun []int
	for n, r := range requests {
		if r.Call() == "sts:GetCallerIdentity" {
			begun = append(begun, n)
		}
	}
	if len(begun) < 1 || len(begun) > 2 {
		c.t.Fatalf("terraform %s had %d providers that called AWS", command, len(begun))
	}
	applies := begun[len(begun)-1]
	plan, apply := acctest.PointsOf(requests[:applies], c.owner, undisturbed), acctest.PointsOf(requests[applies:], c.owner, undisturbed)
	first := slices.IndexFunc(apply, acctest.Point.Changes)
	return course{plan, apply[:first], apply[first:], c.Things(crashNames)[undisturbed]}
}

// many has Terraform work on all stacks at once, however many halt.
const many = "-parallelism=100"

// killed runs a command and kills its provider once every stack is at its point.
func (c *crash) killed(at map[string]acctest.Point, command string, args ...string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	halt := acctest.HaltAfter(c.Proxy, c.owner, at)
	cmd := c.Command(c.t.Context(), append([]string{command, "-no-color", many}, args...)...)
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // It fails, for its provider dies.
	}()
	select {
	case <-halt.All():
	case <-ended:
	case <-ctx.Done():
	}
	if err := halt.Freeze(c.t.Context()); err != nil {
		c.t.Error(err)
	}
	c.killProvider(cmd)
	missed := halt.End()
	<-ended
	if len(missed) > 0 {
		c.t.Fatalf("terraform %s was not killed where it should have been: %q; it printed:\n%s", command, missed, &out)
	}
}

func (c *crash) killProvider(cmd *exec.Cmd) {
	c.t.Helper()
	provider, running := harness.Descendant(cmd.Process.Pid, "terraform-provi")
	if !running {
		c.t.Error("there is no provider to kill")
		return
	}
	if err := provider.Kill(); err != nil {
		c.t.Error(err)
	}
	if err := harness.Wait(c.t.Context(), "the killed provider to end", func() (bool, error) { return !provider.Alive(), nil }); err != nil {
		c.t.Error(err)
	}
}

// everywhere kills the provider at every point of an apply or a destroy, and then lets
// the command do what is left.
func (c *crash) everywhere(command string, undisturbed course) {
	c.t.Helper()
	plan := []string{}
	if command == "destroy" {
		plan = append(plan, "-destroy")
	}
	c.each(undisturbed.plan, func(at map[string]acctest.Point) { c.killed(at, "plan", plan...) })
	// Without looking first, so that the calls are those of the apply alone.
	apply := func(at map[string]acctest.Point) { c.killed(at, command, "-auto-approve", "-refresh=false") }
	c.each(undisturbed.looks, apply)
	steps := map[string]acctest.Point{}
	for n, stack := range c.stacks {
		steps[stack] = undisturbed.steps[n%len(undisturbed.steps)]
	}
	apply(steps)
	c.t.Logf("terraform %s was killed after each of its %d calls for a stack: %d of the plan, %d looks and %d steps",
		command, len(undisturbed.plan)+len(undisturbed.looks)+len(undisturbed.steps), len(undisturbed.plan), len(undisturbed.looks), len(undisturbed.steps))
	c.converges(command, undisturbed)
}

// each gives the points to the stacks, as many at a time as there are.
func (c *crash) each(points []acctest.Point, do func(at map[string]acctest.Point)) {
	for chunk := range slices.Chunk(points, len(c.stacks)) {
		at := map[string]acctest.Point{}
		for n, point := range chunk {
			at[c.stacks[n]] = point
		}
		do(at)
	}
}

// converges checks that the next run of a command finishes what was begun.
func (c *crash) converges(command string, undisturbed course) {
	c.t.Helper()
	if _, err := c.Run(c.t.Context(), command, "-auto-approve", many); err != nil {
		c.t.Fatal(err)
	}
	if command == "apply" {
		if changes, out := c.Plan(many); changes {
			c.t.Fatalf("the plan is not empty:\n%s", out)
		}
	}
	all := c.Things(crashNames)
	for _, stack := range c.stacks {
		if diff := cmp.Diff(undisturbed.things, all[stack]); diff != "" {
			c.t.Errorf("%s is not what nobody disturbed is (-undisturbed +%s):\n%s", stack, stack, diff)
		}
		delete(all, stack)
	}
	if len(all) > 0 {
		c.t.Errorf("there is more: %q", slices.Collect(maps.Values(all)))
	}
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// The provider is killed after every call to AWS of a create, an update and a destroy.
func TestTheNextApplyFinishesWhatAKilledProviderBegan(t *testing.T) {
	start := time.Now()
	lap := func(what string) { t.Logf("%v: %s", time.Since(start).Round(100*time.Millisecond), what) }
	c := openCrash(t)
	c.configure(false, undisturbed)
	create := c.watch("apply")
	c.configure(true, undisturbed)
	update := c.watch("apply")
	destroy := c.watch("destroy")
	lap("watched")

	steps := max(len(create.steps), len(update.steps), len(destroy.steps))
	for n := range steps {
		c.stacks = append(c.stacks, fmt.Sprintf("crash%02d", n+1))
	}
	c.configure(false, c.stacks...)
	c.everywhere("apply", create)
	lap("create")
	c.configure(true, c.stacks...)
	c.everywhere("apply", update)
	lap("update")
	c.everywhere("destroy", destroy)
	lap("destroy")
	c.NothingLeft()
}
