package tests

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Pulumi's command line runs programs in YAML, and what depends on no language is tested with
// them: it starts one process where an Automation API starts four.

// program makes the lab's project one in YAML, with the functions' code beside it, or
// replaces its text.
func (l *lab) program(format string, args ...any) {
	l.t.Helper()
	text := fmt.Sprintf("name: shop\nruntime: yaml\n"+format, args...)
	check(l.t, os.WriteFile(filepath.Join(l.dir, "Pulumi.yaml"), []byte(text), 0o600))
	if _, err := os.Stat(filepath.Join(l.dir, "greet")); err != nil {
		check(l.t, os.CopyFS(l.dir, os.DirFS(filepath.Join("testdata", "functions"))))
		l.cli("stack", "init", "dev")
	}
}

// command is Pulumi's command line in the lab's folder.
func (l *lab) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(l.context(), filepath.Join(l.bin, "pulumi"), append(args, "--color=never")...)
	cmd.Dir, cmd.Env = l.dir, l.environ()
	return cmd
}

// cli runs Pulumi's command line, which must succeed, and returns what it prints.
func (l *lab) cli(args ...string) string {
	l.t.Helper()
	out, err := l.try(args...)
	check(l.t, err)
	return out
}

// try runs Pulumi's command line and returns what it prints, in the error too.
func (l *lab) try(args ...string) (string, error) {
	out, err := l.command(args...).CombinedOutput()
	if strings.Contains(string(out), secret) {
		l.t.Errorf("pulumi %s prints the secret:\n%s", strings.Join(args, " "), out)
	}
	if err != nil {
		return string(out), fmt.Errorf("pulumi %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// up is `pulumi up` without the preview.
func (l *lab) up() { l.t.Helper(); l.cli("up", "--yes", "--skip-preview") }

// upFails is an up that must fail, and its error.
func (l *lab) upFails() error {
	l.t.Helper()
	out, err := l.try("up", "--yes", "--skip-preview")
	if err == nil {
		l.t.Fatalf("pulumi up has succeeded:\n%s", out)
	}
	return err
}

// imports takes a resource over. For that Pulumi wants the host of the program's language,
// which of all is here only for YAML: it does so from a folder with a program in that, of
// the same project and stack.
func (l *lab) imports(token, label, id string) {
	l.t.Helper()
	dir := l.t.TempDir()
	copyFile(l.t, filepath.Join(l.dir, "Pulumi.dev.yaml"), filepath.Join(dir, "Pulumi.dev.yaml"))
	check(l.t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: shop\nruntime: yaml\n"), 0o600))
	l.cli("import", token, label, id, "--cwd", dir, "--stack", "dev", "--yes", "--skip-preview", "--generate-code=false", "--protect=false")
}

// unchanged fails the test if a preview wants to change something.
func (l *lab) unchanged() { l.t.Helper(); l.cli("preview", "--diff", "--expect-no-changes") }

// A deployment is Pulumi's state.
type deployment struct {
	Resources []kept
	// Pending are operations that were begun, and not ended as far as Pulumi knows.
	Pending []any `json:"pending_operations"`
}

// kept is a resource in Pulumi's state, whose secrets are encrypted.
type kept struct {
	URN, ID, Type   string
	Inputs, Outputs map[string]any
	// Failures are what is still to be set right.
	Failures []string `json:"initErrors"`
}

// state is Pulumi's state as its file has it.
func (l *lab) state() deployment {
	l.t.Helper()
	files, err := filepath.Glob(filepath.Join(l.dir, ".state", ".pulumi", "stacks", "*", "dev.json"))
	if err != nil || len(files) != 1 {
		l.t.Fatalf("the states are %v: %v", files, err)
	}
	raw, err := os.ReadFile(files[0])
	check(l.t, err)
	var file struct{ Checkpoint struct{ Latest deployment } }
	check(l.t, json.Unmarshal(raw, &file))
	return file.Checkpoint.Latest
}

// only is the one resource of a type in Pulumi's state, tidegate.HttpApi as "HttpApi".
func (l *lab) only(kind string) kept {
	l.t.Helper()
	if found := l.all(kind); len(found) == 1 {
		return found[0]
	}
	l.t.Fatalf("the state has not one %s: %+v", kind, l.state())
	return kept{}
}

// all are the resources of a type in Pulumi's state; of every type of the package if it is "".
func (l *lab) all(kind string) []kept {
	l.t.Helper()
	var found []kept
	for _, r := range l.state().Resources {
		if strings.HasPrefix(r.Type, "tidegate:") && strings.HasSuffix(r.Type, ":"+kind) || kind == "" && strings.HasPrefix(r.Type, "tidegate:") {
			found = append(found, r)
		}
	}
	return found
}

// function is what the state knows of a function that a resource has.
func (k kept) function(t testing.TB, name string) map[string]any {
	t.Helper()
	functions, _ := k.Outputs["functions"].(map[string]any)
	f, ok := functions[name].(map[string]any)
	if !ok {
		t.Fatalf("%s has no function %s: %v", k.URN, name, k.Outputs)
	}
	return f
}
