package release_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// patience is how long anything may take that has to happen.
const patience = 5 * time.Minute

// A bench is a folder with a configuration for the real Terraform, on a runtime that
// other benches may share.
type bench struct {
	*testing.T
	terraform *acctest.Workspace
	runtime   *acctest.Runtime
	python    string
}

// A definition is one stack of a configuration.
type definition struct {
	// release is the attribute of that name; nil leaves it out.
	release map[string]any
	// code of the functions, by name. The stack is an HTTP API whose path /NAME leads to
	// the function of that name.
	code map[string]string
	// environment of the functions, by name.
	environment map[string]map[string]string
	// update is its timeout; empty leaves it out.
	update string
}

// answering is a function's code that works; texts that differ are different code.
func answering(text string) string {
	return fmt.Sprintf("def handler(event, context):\n    return %q\n", text)
}

func newBench(t *testing.T, r *acctest.Runtime, python string) *bench {
	t.Helper()
	return &bench{T: t, terraform: acctest.Terraform(t, r, nil), runtime: r, python: python}
}

// configure writes the stacks as the whole configuration.
func (b *bench) configure(stacks map[string]definition) {
	b.Helper()
	resources := map[string]any{}
	for name, d := range stacks {
		functions, routes := map[string]any{}, map[string]any{}
		for function, code := range d.code {
			folder := filepath.Join(name, function)
			b.terraform.Write(filepath.Join(folder, "app.py"), code)
			functions[function] = map[string]any{
				"source": folder, "runtime": b.python, "handler": "app.handler", "timeout": "5m", "environment": d.environment[function],
			}
			routes["GET /"+function] = map[string]any{"function": function}
		}
		resource := map[string]any{"name": name, "functions": functions, "routes": routes}
		if d.release != nil {
			resource["release"] = d.release
		}
		if d.update != "" {
			resource["timeouts"] = map[string]any{"update": d.update}
		}
		resources[name] = resource
	}
	text, err := json.MarshalIndent(map[string]any{
		"terraform": map[string]any{"required_providers": map[string]any{"tidegate": map[string]any{"source": "tidegate-io/tidegate"}}},
		"resource":  map[string]any{"tidegate_http_api": resources},
	}, "", "  ")
	if err != nil {
		b.Fatal(err)
	}
	b.terraform.Write("main.tf.json", string(text))
}

// with returns the stacks after a change of each.
func with(stacks map[string]definition, change func(name string, d *definition)) map[string]definition {
	changed := map[string]definition{}
	for name, d := range stacks {
		d.code, d.environment, d.release = maps.Clone(d.code), maps.Clone(d.environment), maps.Clone(d.release)
		change(name, &d)
		changed[name] = d
	}
	return changed
}

// rewritten returns the stacks with that text in all functions.
func rewritten(stacks map[string]definition, text string) map[string]definition {
	return with(stacks, func(_ string, d *definition) {
		for function := range d.code {
			d.code[function] = answering(text)
		}
	})
}

// An applying is a Terraform command that runs.
type applying struct {
	cmd *exec.Cmd
	out bytes.Buffer
	err chan error
}

// apply begins to apply.
func (b *bench) apply() *applying {
	b.Helper()
	a := &applying{cmd: b.terraform.Command(b.Context(), "apply", "-auto-approve", "-no-color"), err: make(chan error, 1)}
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	if err := a.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	go func() { a.err <- a.cmd.Wait() }()
	return a
}

// ends waits for the command's end, and returns what it printed.
func (b *bench) ends(a *applying) (out string, err error) {
	b.Helper()
	select {
	case err = <-a.err:
	case <-time.After(patience):
		_ = a.cmd.Process.Kill()
		b.Fatalf("terraform apply does not end: %v\n%s", <-a.err, &a.out)
	}
	return a.out.String(), err
}

// succeeds waits for a good end.
func (b *bench) succeeds(a *applying) {
	b.Helper()
	if out, err := b.ends(a); err != nil {
		b.Fatalf("terraform apply: %v\n%s", err, out)
	}
}

// fails waits for a bad end, and wants words in what is said.
func (b *bench) fails(a *applying, words ...string) string {
	b.Helper()
	out, err := b.ends(a)
	if err == nil {
		b.Fatalf("terraform apply succeeded:\n%s", out)
	}
	b.says(out, words...)
	return out
}

// says wants words in an output, wherever its lines are broken.
func (b *bench) says(out string, words ...string) {
	b.Helper()
	plain := strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(out)), " ")
	for _, w := range words {
		if !strings.Contains(plain, w) {
			b.Errorf("it does not say %q:\n%s", w, out)
		}
	}
}

// offers wants a plan that changes these stacks and nothing else, and words in it.
func (b *bench) offers(stacks []string, words ...string) {
	b.Helper()
	_, out := b.terraform.Plan("-out=plan")
	b.says(out, words...)
	raw, err := b.terraform.Run(b.Context(), "show", "-json", "plan")
	if err != nil {
		b.Fatal(err)
	}
	var plan struct {
		Changes []struct {
			Name   string
			Change struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(raw[strings.Index(raw, "{"):]), &plan); err != nil {
		b.Fatal(err)
	}
	var offered []string
	for _, c := range plan.Changes {
		if !slices.Equal(c.Change.Actions, []string{"no-op"}) {
			offered = append(offered, c.Name)
		}
	}
	slices.Sort(offered)
	slices.Sort(stacks)
	if !slices.Equal(offered, stacks) {
		b.Errorf("the plan changes %v, want %v:\n%s", offered, stacks, out)
	}
}

// tidegate runs the command line, and wants it to succeed and to say words.
func (b *bench) tidegate(args []string, words ...string) {
	b.Helper()
	out, err := b.runtime.CLI(b.Context(), args...).CombinedOutput()
	if err != nil {
		b.Errorf("tidegate %s: %v", strings.Join(args, " "), err)
	}
	b.says(string(out), words...)
}

// read returns a stack as the runtime has it.
func (b *bench) read(name string) (d stack.Deployment) {
	b.Helper()
	if err := b.runtime.Runtime.Call(b.Context(), http.MethodGet, "/v1/stacks/"+name, nil, &d); err != nil {
		b.Fatal(err)
	}
	return d
}

// history is the stack's releases, newest first.
func (b *bench) history(name string) []release.Release {
	b.Helper()
	var answer struct{ Releases []release.Release }
	if err := b.runtime.Runtime.Call(b.Context(), http.MethodGet, "/v1/stacks/"+name+"/releases", nil, &answer); err != nil {
		b.Fatal(err)
	}
	return answer.Releases
}

// until waits until the newest of so many releases is as it should be.
func (b *bench) until(name string, count int, what string, is func(release.Release) bool) (r release.Release) {
	b.Helper()
	b.wait("release "+fmt.Sprint(count)+" of stack "+name+" to be "+what, func() bool {
		all := b.history(name)
		if len(all) != count {
			return false
		}
		r = all[0]
		return is(r)
	})
	return r
}

// weighs is a condition for until.
func weighs(percent int) func(release.Release) bool {
	return func(r release.Release) bool { return r.Weight() == percent && r.Phase == release.Shifting }
}

func (b *bench) wait(what string, is func() bool) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := harness.Wait(ctx, what, func() (bool, error) { return is(), nil }); err != nil {
		b.Fatal(err)
	}
}

// isAt wants all aliases of a stack at a version, all of so many versions there, in a
// row, and nothing about the stack unfinished.
func (b *bench) isAt(name string, live, versions int) {
	b.Helper()
	d := b.read(name)
	for function, f := range d.Functions {
		if !maps.Equal(f.Routing, stack.RouteTo(live)) {
			b.Errorf("%s/%s is at %v, want version %d", name, function, f.Routing, live)
		}
		var numbers []int
		for i, v := range f.Versions {
			numbers = append(numbers, v.Number)
			if v.Number != i+1 {
				b.Errorf("%s/%s has versions %v", name, function, numbers)
			}
		}
		if len(numbers) != versions {
			b.Errorf("%s/%s has versions %v, want %d", name, function, numbers, versions)
		}
	}
	for component, is := range d.Components {
		if is != stack.Ready {
			b.Errorf("component %s of stack %s %s", component, name, is)
		}
	}
	if d.Release.UnderWay() {
		b.Errorf("stack %s has the release %+v", name, d.Release)
	}
}

// beside is another engineer's folder: another configuration, and the same state.
func (b *bench) beside(stacks map[string]definition) *bench {
	b.Helper()
	other := newBench(b.T, b.runtime, b.python)
	other.configure(stacks)
	state, err := os.ReadFile(filepath.Join(b.terraform.Dir, "terraform.tfstate"))
	if err != nil {
		b.Fatal(err)
	}
	other.terraform.Write("terraform.tfstate", string(state))
	return other
}
