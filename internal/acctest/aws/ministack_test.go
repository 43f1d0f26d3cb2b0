package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// Runtimes of the functions that ministack runs: it takes any version for the one that
// the machine has.
const (
	ministackPython = "python3.13"
	ministackNode   = "nodejs22.x"
)

// patience is how long something may take that happens by itself, on a machine that
// is busy.
const patience = 3 * time.Minute

// folder returns the files of a folder: path within it -> text.
func folder(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		files[filepath.ToSlash(name)] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// onMinistack returns a workspace with the files of a folder of testdata on a new
// account of an emulator that runs functions.
func onMinistack(t testing.TB, name string) *workspace {
	t.Helper()
	files := folder(t, filepath.Join("testdata", name))
	return &workspace{AWSWorkspace: acctest.AWS(t, acctest.Ministack, files), t: t, files: files}
}

// byEnvironment returns a workspace with files whose provider's block says nothing: the
// environment says that it deploys to a new account of an emulator that runs functions.
func byEnvironment(t testing.TB, files map[string]string) *workspace {
	t.Helper()
	w := &workspace{AWSWorkspace: acctest.AWS(t, acctest.Ministack, files), t: t, files: files}
	w.Write("provider.tf", "")
	w.Workspace.Env = append(append(w.Workspace.Env, "TIDEGATE_TARGET=aws"), w.AWSAccount.Env()...)
	return w
}

// output returns one of Terraform's outputs.
func output[T any](t testing.TB, w *acctest.Workspace, name string) (value T) {
	t.Helper()
	out, err := w.Command(t.Context(), "output", "-json", name).Output()
	if err != nil {
		t.Fatalf("terraform output %s: %v", name, err)
	}
	if err := json.Unmarshal(out, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// printed returns what a function has printed, without Lambda's own lines, the oldest
// first within one invocation.
func (w *workspace) printed(function string) []string {
	w.t.Helper()
	var lines []string
	err := json.Unmarshal(w.Python(`
result = [e["message"] for page in logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/lambda/" + function)
    for e in page["events"] if not e["message"].startswith(("START ", "END ", "REPORT "))]
`, map[string]any{"function": function}), &lines)
	if err != nil {
		w.t.Fatal(err)
	}
	return lines
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := harness.Wait(ctx, what, func() (bool, error) { return condition(), nil }); err != nil {
		t.Fatal(err)
	}
}

// An answer is what an HTTP request was answered with.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.Status, a.Body) }

// request sends a request with a body and headers, "Name: value".
func request(t testing.TB, method, url, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// planSays fails the test unless a plan would change something and prints all of it.
func (w *workspace) planSays(words ...string) {
	w.t.Helper()
	changes, out := w.Plan()
	if !changes {
		w.t.Fatalf("the plan is empty, want it to say %q", words)
	}
	for _, word := range words {
		if !strings.Contains(out, word) {
			w.t.Errorf("the plan does not say %q:\n%s", word, out)
		}
	}
}
