package acctest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Somebody whose state is lost, or who takes over stacks that others deployed,
// imports them; nothing on the runtime changes by it.
func TestTheFirstApplyAfterAnImportChangesNothingOnTheRuntime(t *testing.T) {
	r := StartRuntime(t)
	files := map[string]string{
		"main.tf":    crashConfig(r.Interpreter("python3.")),
		"one/app.py": handlerThatReturns("one"),
		"two/app.py": handlerThatReturns("two"),
	}
	Terraform(t, r, files).Apply()
	before := revisions(r)

	other := Terraform(t, r, files)
	for _, address := range [][2]string{
		{"tidegate_stack.plain", "plain"},
		{"tidegate_queue.queue", "queue"},
		{"tidegate_http_api.api", "api"},
		{"tidegate_schedule.schedule", "schedule"},
	} {
		if _, err := other.Run(t.Context(), "import", address[0], address[1]); err != nil {
			t.Fatal(err)
		}
	}
	other.Apply()
	for name, revision := range revisions(r) {
		if revision != before[name] {
			t.Errorf("stack %s has revision %s after the import and the apply, %s before", name, revision, before[name])
		}
	}
	other.EmptyPlan()
}

// A stack that another configuration made is not taken over, nor changed.
func TestAStackOfAnotherConfigurationIsNotTakenOver(t *testing.T) {
	r := StartRuntime(t)
	files := map[string]string{
		"main.tf":    crashConfig(r.Interpreter("python3.")),
		"one/app.py": handlerThatReturns("one"),
		"two/app.py": handlerThatReturns("two"),
	}
	Terraform(t, r, files).Apply()
	before := revisions(r)

	files["one/app.py"] = handlerThatReturns("something else")
	files["two/app.py"] = handlerThatReturns("something else")
	other := Terraform(t, r, files)
	out, err := other.Workspace.Apply(t.Context())
	if err == nil || !strings.Contains(out, "terraform import") {
		t.Errorf("the apply of another configuration: %v, which does not say how to import\n%s", err, out)
	}
	for name, revision := range revisions(r) {
		if revision != before[name] {
			t.Errorf("stack %s was changed", name)
		}
	}
}

// revisions of the stacks on a runtime, by name.
func revisions(r *Runtime) map[string]string {
	r.t.Helper()
	var answer struct {
		Stacks []stack.Deployment `json:"stacks"`
	}
	r.Call(http.MethodGet, "/v1/stacks", nil, &answer)
	found := map[string]string{}
	for _, d := range answer.Stacks {
		found[d.Stack.Name] = d.Revision
	}
	return found
}
