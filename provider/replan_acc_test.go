package provider

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

const replanned = `
resource "tidegate_stack" "shop" {
  name = "shop"
  functions = {
    till = { source = "till", runtime = "PYTHON", handler = "app.handler" }
    rest = { source = "rest", runtime = "PYTHON", handler = "app.handler" }
  }
}
`

func newReplanLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t, map[string]string{
		"main.tf":       replanned,
		"till/app.py":   handler("till"),
		"till/conf":     "a",
		"till/gone.txt": "b",
		"rest/app.py":   handler("rest"),
	})
	l.ownCache()
	return l
}

// ownCache gives the lab's Terraform a cache folder of its own, in which nothing
// may be left of its applies.
func (l *lab) ownCache() {
	l.t.Helper()
	cache := l.t.TempDir()
	l.Env = append(l.Env, "XDG_CACHE_HOME="+cache)
	l.t.Cleanup(func() {
		if left, err := filepath.Glob(cache + "/tidegate/applies/*"); err != nil || len(left) > 0 {
			l.t.Errorf("notes are left: %q, %v", left, err)
		}
	})
}

// editFiles changes, adds and removes a file each.
func editFiles(l *lab) {
	l.t.Helper()
	l.write("till/conf", "changed")
	l.write("till/new.txt", "c")
	if err := os.Remove(filepath.Join(l.Dir, "till", "gone.txt")); err != nil {
		l.t.Fatal(err)
	}
}

// refused checks that an apply said which files changed, and did nothing.
func refused(l *lab, out string) {
	l.t.Helper()
	for _, words := range []string{
		`Changed since it was planned: stack "shop"`,
		`The code of function "till" is not what was planned: conf (changed), gone.txt (removed), new.txt (added).`,
		"plan again",
	} {
		if !strings.Contains(out, words) {
			l.t.Errorf("the output lacks %q:\n%s", words, out)
		}
	}
	for _, words := range []string{"inconsistent final plan", `function "rest"`} {
		if strings.Contains(out, words) {
			l.t.Errorf("the output has %q:\n%s", words, out)
		}
	}
	if n := len(l.runtimeStacks()); n > 0 {
		l.t.Errorf("there are %d stacks", n)
	}
}

func TestASavedPlanOfOtherFilesIsRefusedByName(t *testing.T) {
	l := newReplanLab(t)
	l.Plan("-out=plan")
	editFiles(l)
	refused(l, l.fails("apply", "plan"))
}

func TestASavedPlanOfOtherFilesIsRefusedByNameOnAnotherMachine(t *testing.T) {
	planned := newReplanLab(t)
	planned.Plan("-out=plan")
	other := &lab{Workspace: acctest.Terraform(t, planned.runtime, nil), t: t, runtime: planned.runtime, python: planned.python}
	for name, content := range map[string]string{"main.tf": replanned, "till/app.py": handler("till"), "till/conf": "changed", "till/new.txt": "c", "rest/app.py": handler("rest")} {
		other.write(name, content)
	}
	other.ownCache()
	refused(other, other.fails("apply", filepath.Join(planned.Dir, "plan")))
}

func TestASavedPlanAppliesInAnotherFolderWithTheSameFiles(t *testing.T) {
	planned := newReplanLab(t)
	planned.Plan("-out=plan")
	other := &lab{Workspace: acctest.Terraform(t, planned.runtime, nil), t: t, runtime: planned.runtime, python: planned.python}
	for name, content := range map[string]string{"main.tf": replanned, "till/app.py": handler("till"), "till/conf": "a", "till/gone.txt": "b", "rest/app.py": handler("rest")} {
		other.write(name, content)
	}
	if out, err := other.Run(t.Context(), "apply", filepath.Join(planned.Dir, "plan")); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	other.EmptyPlan()
}

func TestFilesThatChangeWhileTheUserThinksAreNamed(t *testing.T) {
	l := newReplanLab(t)
	cmd := l.Command(t.Context(), "apply", "-no-color")
	cmd.Env = append(cmd.Env, "TF_INPUT=1")
	answer, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	cmd.Stderr = &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(out)
	scanner.Split(bufio.ScanWords)
	for scanner.Scan() {
		if scanner.Text() == "approve." {
			editFiles(l)
			if _, err := answer.Write([]byte("yes\n")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the apply succeeded")
	}
	refused(l, oneLine(printed.String()))
	// What was left by the apply that was refused goes with the next.
	l.Apply()
}

func TestAnApplyThatNothingDisturbsSucceeds(t *testing.T) {
	l := newReplanLab(t)
	l.Apply()
	l.write("till/conf", "changed")
	l.Apply()
	l.EmptyPlan()
}
