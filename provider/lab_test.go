package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A lab is a real runtime and a folder with a configuration for the real Terraform.
type lab struct {
	*acctest.Workspace
	t       *testing.T
	runtime *acctest.Runtime
	// python is a runtime identifier that the machine has an interpreter for.
	python string
}

// handler is a function's code; functions that differ in text differ in code.
func handler(text string) string {
	return fmt.Sprintf("def handler(event, context):\n    return %q\n", text)
}

// required names the provider, as every configuration does.
const required = `
terraform {
  required_providers {
    tidegate = { source = "tidegate-io/tidegate" }
  }
}
`

// newLab starts a runtime and writes files; PYTHON in them is replaced by the
// runtime identifier. main.tf need not name the provider.
func newLab(t *testing.T, files map[string]string) *lab {
	t.Helper()
	r := acctest.StartRuntime(t)
	l := &lab{t: t, runtime: r, python: r.Interpreter("python3.")}
	l.Workspace = acctest.Terraform(t, r, nil)
	for name, content := range files {
		l.write(name, content)
	}
	return l
}

func (l *lab) write(name, content string) {
	l.t.Helper()
	if name == "main.tf" {
		content = required + content
	}
	l.Write(name, strings.ReplaceAll(content, "PYTHON", l.python))
}

// fails runs Terraform and returns what it printed on its way to an error, on one
// line: Terraform breaks lines where the terminal ends.
func (l *lab) fails(command string, args ...string) string {
	l.t.Helper()
	out, err := l.Run(l.t.Context(), command, args...)
	if err == nil {
		l.t.Fatalf("terraform %s succeeded:\n%s", command, out)
	}
	return oneLine(out)
}

func oneLine(out string) string { return strings.Join(strings.Fields(out), " ") }

// read returns a stack as the runtime has it.
func (l *lab) read(name string) stack.Deployment {
	l.t.Helper()
	var d stack.Deployment
	l.runtime.Call(http.MethodGet, "/v1/stacks/"+name, nil, &d)
	return d
}

// edit changes a stack behind Terraform's back.
func (l *lab) edit(name string, change func(s *stack.Stack)) {
	l.t.Helper()
	s := l.read(name).Stack
	change(&s)
	l.runtime.Call(http.MethodPut, "/v1/stacks/"+name, s, nil)
}

// A plannedChange is what a plan does to one resource.
type plannedChange struct {
	Actions []string
	// Paths of the attributes that change, sorted.
	Paths []string
}

// plannedChanges makes a plan and returns what it does to each stack, and what it
// printed.
func (l *lab) plannedChanges() (map[string]plannedChange, string) {
	l.t.Helper()
	_, printed := l.Plan("-out=plan")
	raw, err := l.Run(l.t.Context(), "show", "-json", "plan")
	if err != nil {
		l.t.Fatal(err)
	}
	var plan struct {
		Changes []struct {
			Change struct {
				Actions []string `json:"actions"`
				Before  any      `json:"before"`
				After   any      `json:"after"`
				Unknown any      `json:"after_unknown"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(raw[strings.Index(raw, "{"):]), &plan); err != nil {
		l.t.Fatal(err)
	}
	changes := map[string]plannedChange{}
	for _, c := range plan.Changes {
		var paths []string
		differences("", c.Change.Before, c.Change.After, c.Change.Unknown, &paths)
		slices.Sort(paths)
		named, _ := c.Change.After.(map[string]any)
		if named == nil {
			named, _ = c.Change.Before.(map[string]any)
		}
		changes[named["name"].(string)] = plannedChange{c.Change.Actions, paths}
	}
	return changes, printed
}

// atoms are attributes that differ as a whole.
var atoms = map[string]bool{"routing": true, "code_manifest": true}

// differences lists what a plan changes, leaf by leaf.
func differences(at string, before, after, unknown any, paths *[]string) {
	if unknown == true {
		*paths = append(*paths, at)
		return
	}
	b, isObject := before.(map[string]any)
	a, stillObject := after.(map[string]any)
	u, someUnknown := unknown.(map[string]any)
	if (isObject && (stillObject || someUnknown)) && !atoms[at[strings.LastIndexByte(at, '.')+1:]] {
		names := maps.Clone(b)
		maps.Copy(names, a)
		maps.Copy(names, u)
		for name := range names {
			differences(join(at, name), b[name], a[name], u[name], paths)
		}
		return
	}
	if !equalJSON(before, after) || someUnknown && len(u) > 0 {
		*paths = append(*paths, at)
	}
}

// runtimeStacks are the names of all stacks there are.
func (l *lab) runtimeStacks() []string {
	l.t.Helper()
	var answer struct {
		Stacks []stack.Deployment `json:"stacks"`
	}
	l.runtime.Call(http.MethodGet, "/v1/stacks", nil, &answer)
	var names []string
	for _, d := range answer.Stacks {
		names = append(names, d.Stack.Name)
	}
	return names
}
