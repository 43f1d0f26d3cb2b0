package acctest

import (
	"bytes"
	"context"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A crash is a runtime and a workspace in which things are killed.
type crash struct {
	t         *testing.T
	runtime   *Runtime
	workspace *Workspace
	random    *rand.Rand
	// usual is how long an apply takes when nothing is killed.
	usual time.Duration
}

// A terraformRun is a Terraform command that runs.
type terraformRun struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
}

// disturb runs a Terraform command and kills the victim at a random moment of it.
// The command may fail or, killed late or through retries, succeed.
func (c *crash) disturb(kill func(*crash, *terraformRun), command string) {
	c.t.Helper()
	run := &terraformRun{cmd: c.workspace.Command(c.t.Context(), command, "-auto-approve", "-no-color"), done: make(chan struct{})}
	run.cmd.Stdout, run.cmd.Stderr = &run.out, &run.out
	if err := run.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	go func() {
		_ = run.cmd.Wait()
		close(run.done)
	}()
	moment := time.Duration(c.random.Int64N(int64(c.usual)))
	select {
	case <-run.done:
	case <-time.After(moment):
	}
	c.t.Logf("%s: killing after %v", command, moment.Round(time.Millisecond))
	kill(c, run)
	<-run.done
	c.t.Cleanup(func() {
		if c.t.Failed() {
			c.t.Logf("killed after %v, terraform %s had printed:\n%s", moment, command, &run.out)
		}
	})
}

// killTerraform leaves the provider without a parent, which has to end by itself.
func (c *crash) killTerraform(run *terraformRun) {
	provider, started := harness.Descendant(run.cmd.Process.Pid, "terraform-provi")
	_ = run.cmd.Process.Kill()
	if !started {
		return
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	if err := harness.Wait(ctx, "the provider to end after Terraform was killed", func() (bool, error) {
		return !provider.Alive(), nil
	}); err != nil {
		c.t.Error(err)
		_ = provider.Kill()
	}
}

func (c *crash) killProvider(run *terraformRun) {
	if provider, started := harness.Descendant(run.cmd.Process.Pid, "terraform-provi"); started {
		_ = provider.Kill()
	}
}

// killRuntime kills the runtime and starts it again, as a supervisor would.
func (c *crash) killRuntime(*terraformRun) {
	c.runtime.Kill()
	c.runtime.Start()
}

// converged fails the test unless the runtime has exactly the stacks of the
// configuration, all of them whole, with as many versions as function "two" had
// texts, and a plan has nothing to do.
func (c *crash) converged(texts int) {
	c.t.Helper()
	deployed := map[string]stack.Deployment{}
	for _, d := range c.stacks() {
		deployed[d.Stack.Name] = d
	}
	if len(deployed) != len(crashStacks) {
		c.t.Errorf("the runtime has %d stacks, want %d", len(deployed), len(crashStacks))
	}
	for name, functions := range crashStacks {
		d, ok := deployed[name]
		if !ok {
			c.t.Errorf("stack %s is not on the runtime", name)
			continue
		}
		if d.Creation != stack.CreationFinished {
			c.t.Errorf("the creation of stack %s is %s", name, d.Creation)
		}
		for component, state := range d.Components {
			if state != stack.Ready {
				c.t.Errorf("component %s of stack %s is %s", component, name, state)
			}
		}
		for _, function := range functions {
			want := 1
			if function == "two" {
				want = texts
			}
			versions := d.Functions[function].Versions
			if len(versions) != want || versions[len(versions)-1].Number-versions[0].Number != want-1 {
				c.t.Errorf("%s/%s has versions %v, want %d in a row", name, function, numbers(versions), want)
			}
		}
	}
	c.workspace.EmptyPlan()
	if c.t.Failed() {
		c.t.FailNow()
	}
}

// nothingLeft fails the test unless the runtime is as it was when it was fresh.
func (c *crash) nothingLeft(fresh []string) {
	c.t.Helper()
	if left := c.stacks(); len(left) != 0 {
		c.t.Fatalf("%d stacks are left after destroy", len(left))
	}
	ctx, cancel := context.WithTimeout(c.t.Context(), 3*time.Minute)
	defer cancel()
	var now []string
	err := harness.Wait(ctx, "streams and consumers of destroyed stacks to go", func() (bool, error) {
		now = c.stored()
		return slices.Equal(now, fresh), nil
	})
	if err != nil {
		c.t.Fatalf("%v; there are %q, when the runtime was fresh there were %q", err, now, fresh)
	}
}

func (c *crash) stacks() []stack.Deployment {
	c.t.Helper()
	var answer struct {
		Stacks []stack.Deployment `json:"stacks"`
	}
	c.runtime.Call(http.MethodGet, "/v1/stacks", nil, &answer)
	return answer.Stacks
}

// stored lists the streams and their consumers in the runtime's data folder, where
// JetStream has a folder for each: .../streams/STREAM/obs/CONSUMER.
func (c *crash) stored() []string {
	var found []string
	_ = filepath.WalkDir(c.runtime.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil // it may go while this looks
		}
		if parent := filepath.Base(filepath.Dir(path)); parent == "streams" || parent == "obs" {
			found = append(found, path)
		}
		return nil
	})
	return found
}

func numbers(versions []stack.Version) []int {
	var ns []int
	for _, v := range versions {
		ns = append(ns, v.Number)
	}
	return ns
}
