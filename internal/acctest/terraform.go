package acctest

import (
	"os"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A Workspace is a folder with a configuration and the real Terraform program,
// for tests that terraform-plugin-testing cannot express, such as killing it.
type Workspace struct {
	*harness.Workspace
	t testing.TB
}

// Terraform returns a workspace whose provider talks to the runtime. files are
// the configuration: name -> text.
func Terraform(t testing.TB, r *Runtime, files map[string]string) *Workspace {
	t.Helper()
	_ = os.Getenv(harness.EnvRun)
	program, err := harness.TerraformProgram(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w, err := harness.NewWorkspace(t.Context(), tempDir(t), program, r.Env()...)
	if err != nil {
		t.Fatal(err)
	}
	workspace := &Workspace{w, t}
	for name, text := range files {
		workspace.Write(name, text)
	}
	return workspace
}

// Write puts a file into the workspace's folder.
func (w *Workspace) Write(name, text string) {
	w.t.Helper()
	if err := w.Workspace.Write(name, text); err != nil {
		w.t.Fatal(err)
	}
}

// Apply applies the configuration and returns what Terraform printed.
func (w *Workspace) Apply(args ...string) string {
	w.t.Helper()
	out, err := w.Workspace.Apply(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// Destroy destroys everything in the state.
func (w *Workspace) Destroy(args ...string) string {
	w.t.Helper()
	out, err := w.Workspace.Destroy(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// Plan makes a plan and tells whether it would change anything.
func (w *Workspace) Plan(args ...string) (changes bool, out string) {
	w.t.Helper()
	changes, out, err := w.Workspace.Plan(w.t.Context(), args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return changes, out
}

// EmptyPlan fails the test if a plan would change anything.
func (w *Workspace) EmptyPlan() {
	w.t.Helper()
	if changes, out := w.Plan(); changes {
		w.t.Fatalf("the plan is not empty:\n%s", out)
	}
}
