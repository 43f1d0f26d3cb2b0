package tests

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
	// token of the runtime, which is in env as well until a test takes it out.
	token string
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
	l.pulumi, err = commandLine(root)
	check(t, err)
	env, err := harness.PulumiEnv(ctx, l.dir)
	check(t, err)
	// Pulumi's programs end before collecting garbage would pay, which is a third of what
	// starting one takes.
	for _, setting := range append(env, append(runtime.Env(), "GOGC=off", "GOMEMLIMIT=1GiB")...) {
		name, value, _ := strings.Cut(setting, "=")
		l.env[name] = value
	}
	l.token = l.env["TIDEGATE_TOKEN"]
	return l
}

// commandLine is Pulumi's, which is asked for its version once.
func commandLine(root string) (auto.PulumiCommand, error) {
	asked.Do(func() { asked.command, asked.err = auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: root}) })
	return asked.command, asked.err
}

var asked struct {
	sync.Once
	command auto.PulumiCommand
	err     error
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stack is the stack "dev" of the project in the lab's folder, which is called "shop" too if
// the test brings none. program is nil where the project has its own.
func (l *lab) stack(program pulumi.RunFunc) *auto.Stack {
	l.t.Helper()
	options := []auto.LocalWorkspaceOption{
		auto.WorkDir(l.dir), auto.Pulumi(l.pulumi), auto.EnvVars(l.env), auto.PulumiHome(l.env["PULUMI_HOME"]),
	}
	if program != nil {
		options = append(options, auto.Program(program))
	}
	if _, err := os.Stat(filepath.Join(l.dir, "Pulumi.yaml")); errors.Is(err, os.ErrNotExist) {
		options = append(options, auto.Project(workspace.Project{
			Name: "shop", Runtime: workspace.NewProjectRuntimeInfo("go", nil), Main: l.dir,
		}))
	}
	w, err := auto.NewLocalWorkspace(l.t.Context(), options...)
	check(l.t, err)
	s, err := auto.NewStack(l.t.Context(), "dev", w)
	check(l.t, err)
	return &s
}

// environ is what Pulumi's programs run with.
func (l *lab) environ() []string {
	env := os.Environ()
	for name, value := range l.env {
		env = append(env, name+"="+value)
	}
	return append(env, "PATH="+l.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// configure sets values that the program reads.
func (l *lab) configure(s *auto.Stack, values map[string]string) {
	l.t.Helper()
	config := auto.ConfigMap{}
	for name, value := range values {
		config[name] = auto.ConfigValue{Value: value, Secret: name == "signingKey"}
	}
	check(l.t, s.SetAllConfig(l.t.Context(), config))
}

// copyExample puts the project examples/pulumi-<name> into the lab's folder, without what
// somebody who has tried it has installed there.
func (l *lab) copyExample(name string) {
	l.t.Helper()
	example := filepath.Join("..", "..", "examples", "pulumi-"+name)
	list := exec.CommandContext(l.context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = example
	files, err := list.Output()
	check(l.t, err)
	for file := range strings.SplitSeq(strings.TrimSuffix(string(files), "\x00"), "\x00") {
		to := filepath.Join(l.dir, file)
		check(l.t, os.MkdirAll(filepath.Dir(to), 0o700))
		copyFile(l.t, filepath.Join(example, file), to)
	}
}

// copyFile puts a file of testdata into the lab's folder.
func (l *lab) copyFile(name string) {
	l.t.Helper()
	copyFile(l.t, filepath.Join("testdata", name), filepath.Join(l.dir, name))
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	check(t, err)
	check(t, os.WriteFile(to, raw, 0o600))
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

// get returns what a URL of a stack answers.
func (l *lab) get(url string) map[string]any {
	l.t.Helper()
	request, err := http.NewRequestWithContext(l.context(), http.MethodGet, url, nil)
	check(l.t, err)
	response, err := http.DefaultClient.Do(request)
	check(l.t, err)
	defer func() { _ = response.Body.Close() }()
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK {
		l.t.Fatalf("%s answered %s, %v: %v", url, response.Status, answer, err)
	}
	return answer
}

// call sends a request to the management API, as somebody would who does not use Pulumi.
func (l *lab) call(method, path string, in, out any) {
	l.t.Helper()
	check(l.t, l.runtime.Call(l.t.Context(), method, path, in, out))
}

// noPlainSecret fails the test if a file of Pulumi's, or of the project, has the secret in
// plain text, or the runtime's token.
func (l *lab) noPlainSecret() {
	l.t.Helper()
	if len(l.all("")) == 0 {
		l.t.Fatal("the state has no resource that could have a secret")
	}
	check(l.t, filepath.WalkDir(l.dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() || e.Name() == "Pulumi.yaml" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil && (strings.Contains(string(raw), secret) || strings.Contains(string(raw), l.token)) {
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
