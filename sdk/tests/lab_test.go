package tests

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// secret is the value that no state file may have in plain text.
const secret = "hush-hush-4711"

// envRun is different in every `make test`, so that Go takes no earlier run's result.
const envRun = "TIDEGATE_TEST_RUN"

// A lab is a runtime and a folder in which Pulumi works for one test.
type lab struct {
	t       testing.TB
	runtime *harness.Runtime
	// dir is the folder of the project.
	dir    string
	python string
	env    map[string]string
	// bin is the folder with Pulumi's command line.
	bin    string
	pulumi auto.PulumiCommand
}

func newLab(t *testing.T) *lab {
	t.Helper()
	t.Parallel()
	_ = os.Getenv(envRun)
	ctx := t.Context()
	runtime, err := harness.StartRuntime(ctx, harness.RuntimeOptions{Dir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() {
		if err := runtime.Kill(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the runtime's log:\n%s", runtime.Log())
		}
	})
	l := &lab{t: t, runtime: runtime, dir: t.TempDir(), env: map[string]string{}}
	l.python, err = runtime.RuntimeIdentifier(ctx, "python3.")
	check(t, err)
	root, err := harness.PulumiRoot(ctx)
	check(t, err)
	l.bin = filepath.Join(root, "bin")
	l.pulumi, err = auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: root})
	check(t, err)
	env, err := harness.PulumiEnv(ctx, l.dir)
	check(t, err)
	for _, setting := range append(env, runtime.Env()...) {
		name, value, _ := strings.Cut(setting, "=")
		l.env[name] = value
	}
	return l
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stack is the stack "dev" of the project "shop" in the lab's folder. program is nil where
// the project has its own.
func (l *lab) stack(program pulumi.RunFunc) *auto.Stack {
	l.t.Helper()
	options := []auto.LocalWorkspaceOption{
		auto.WorkDir(l.dir), auto.Pulumi(l.pulumi), auto.EnvVars(l.env), auto.PulumiHome(l.env["PULUMI_HOME"]),
	}
	if program != nil {
		options = append(options, auto.Program(program), auto.Project(workspace.Project{
			Name: "shop", Runtime: workspace.NewProjectRuntimeInfo("go", nil), Main: l.dir,
		}))
	}
	w, err := auto.NewLocalWorkspace(l.t.Context(), options...)
	check(l.t, err)
	s, err := auto.UpsertStack(l.t.Context(), "dev", w)
	check(l.t, err)
	return &s
}

// configure sets values that the program reads.
func (l *lab) configure(s *auto.Stack, values map[string]string) {
	l.t.Helper()
	for name, value := range values {
		check(l.t, s.SetConfig(l.t.Context(), name, auto.ConfigValue{Value: value, Secret: name == "apiKey"}))
	}
}

// copyProject puts the project of that name in testdata into the lab's folder.
func (l *lab) copyProject(name string) {
	l.t.Helper()
	check(l.t, os.CopyFS(l.dir, os.DirFS(filepath.Join("testdata", name))))
}

// source is the absolute path of a function's code.
func (l *lab) source(name string) string {
	l.t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "functions", name))
	check(l.t, err)
	return path
}

// invoke returns what a function answers.
func (l *lab) invoke(function, payload string) map[string]any {
	l.t.Helper()
	out, err := l.runtime.CLI(l.t.Context(), "invoke", function, "--payload", payload).Output()
	if err != nil {
		l.t.Fatalf("invoke %s: %v", function, err)
	}
	var answer map[string]any
	if err := json.Unmarshal(out, &answer); err != nil {
		l.t.Fatalf("invoke %s answered %s", function, out)
	}
	return answer
}

// call sends a request to the management API, as somebody would who does not use Pulumi.
func (l *lab) call(method, path string, in, out any) {
	l.t.Helper()
	check(l.t, l.runtime.Call(l.t.Context(), method, path, in, out))
}

// noPlainSecret fails the test if the state has the secret in plain text.
func (l *lab) noPlainSecret(s *auto.Stack) {
	l.t.Helper()
	state, err := s.Export(l.t.Context())
	check(l.t, err)
	if !strings.Contains(string(state.Deployment), "secretsVersion") {
		l.t.Fatalf("the state has no function with a secret:\n%s", state.Deployment)
	}
	check(l.t, filepath.WalkDir(l.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(raw), secret) {
			err = fmt.Errorf("%s has the secret in plain text", path)
		}
		return err
	}))
}

// changes are how many resources an operation has done something to, by what it did.
type changes map[string]int

// The names of what is done to resources.
const (
	create  = "create"
	update  = "update"
	replace = "replace"
	same    = "same"
	remove  = "delete"
)

// only fails the test unless that was done to one resource, and nothing to others.
func (c changes) only(t testing.TB, what string) {
	t.Helper()
	for op, n := range c {
		switch {
		case op == same:
		case op == what && n == 1:
		case op == create && what == create && n == 2: // The Pulumi stack itself is one.
		default:
			t.Fatalf("the changes are %v; only one %s was expected", c, what)
		}
	}
	if what != same && c[what] == 0 {
		t.Fatalf("the changes are %v; a %s was expected", c, what)
	}
}

func (l *lab) context() context.Context { return l.t.Context() }
