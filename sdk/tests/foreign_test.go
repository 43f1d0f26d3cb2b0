package tests

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// foreign runs by the Automation API of another language, in a process of its own that
// prints what it has done.
type foreign struct {
	l *lab
	s *auto.Stack
	// function is the runtime identifier of the example's function.
	function string
	command  []string
	env      []string
}

func pythonProgram(l *lab) program {
	l.t.Helper()
	python, path, err := harness.PulumiPython(l.context())
	check(l.t, err)
	l.copyExample("python")
	l.copyFile("run.py")
	return foreign{
		l, l.stack(nil), l.python,
		[]string{python, "run.py"},
		[]string{"PYTHONPATH=" + path, "PYTHONDONTWRITEBYTECODE=1"},
	}
}

func nodeProgram(l *lab) program {
	l.t.Helper()
	l.copyExample("typescript")
	// What the types refuse is compiled with the program.
	l.copyFile("types.ts")
	compileTypeScript(l.t, l.dir)
	return javaScriptProgram(l)
}

// javaScriptProgram runs what was compiled before, or is JavaScript from the first.
func javaScriptProgram(l *lab) program {
	l.t.Helper()
	l.copyFile("run.js")
	node, err := l.runtime.RuntimeIdentifier(l.context(), "nodejs")
	check(l.t, err)
	return foreign{l, l.stack(nil), node, []string{"node", "run.js"}, nil}
}

// compileTypeScript compiles the project in a folder against the SDK.
func compileTypeScript(t testing.TB, dir string) {
	t.Helper()
	modules := linkNodeModules(t, dir)
	tsc := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin", "tsc"))
	tsc.Dir = dir
	if out, err := tsc.CombinedOutput(); err != nil {
		t.Fatalf("tsc: %v\n%s", err, out)
	}
}

// linkNodeModules gives the project in a folder the SDK, and Pulumi's.
func linkNodeModules(t testing.TB, dir string) string {
	t.Helper()
	modules, err := harness.PulumiNode(t.Context())
	check(t, err)
	check(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	return modules
}

func (f foreign) stack() *auto.Stack { return f.s }

func (f foreign) runtime() string { return f.function }

func (f foreign) preview() (changes, error) {
	r, err := f.run("preview")
	return r.changes, err
}

// previewFile previews another program than the project's, in a file of testdata.
func (f foreign) previewFile(name string) error {
	f.l.copyFile(name)
	_, err := f.run("preview", "./"+name)
	return err
}

func (f foreign) up() (result, error) { return f.run("up") }

func (f foreign) run(operation string, file ...string) (result, error) {
	cmd := exec.CommandContext(f.l.context(), f.command[0], slices.Concat(f.command[1:], []string{operation}, file)...)
	cmd.Dir = f.l.dir
	cmd.Env = append(f.l.environ(), f.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("%s: %w\n%s", operation, err, stderr.Bytes())
	}
	var answer struct {
		Changes changes        `json:"changes"`
		Outputs map[string]any `json:"outputs"`
	}
	if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
		return result{}, fmt.Errorf("%s printed %q: %w", operation, stdout.Bytes(), err)
	}
	return result{answer.Changes, answer.Outputs}, nil
}
