package sandbox

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
)

// newSandbox returns a sandbox that is closed at the end of the test, after
// which nothing of it may be left.
func newSandbox(t testing.TB, mode Mode) *host {
	t.Helper()
	dir := t.TempDir()
	s, err := New(context.Background(), Options{Dir: dir, Mode: mode, Log: slog.New(slog.NewTextHandler(testLog{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h := s.(*host)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("folders are left: %v %v", left, err)
		}
		for _, pattern := range h.groups.folders() {
			if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
				t.Errorf("cgroups are left: %v %v", left, err)
			}
		}
		if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || bytes.Contains(mounts, []byte(dir)) {
			t.Errorf("mounts are left: %s %v", mounts, err)
		}
	})
	return h
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// taskDir is a package with this binary as its bootstrap.
func taskDir(t testing.TB) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(self, filepath.Join(dir, "bootstrap")); err == nil {
		return dir
	}
	code, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), code, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// functionSpec runs one of the test's programs, with modest limits.
func functionSpec(task, id string, output io.Writer, program string, args ...string) Spec {
	return Spec{
		ID: id, TaskDir: task, Argv: append([]string{Task + "/bootstrap"}, args...),
		Env:    []string{programVariable + "=" + program, "PATH=/usr/bin:/bin", "GOMAXPROCS=1", "PLACE=" + Task + "/x"},
		Memory: 128, EphemeralStorage: 512, Output: output,
		RuntimeAPI: sandboxtest.API{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, id) //nolint:errcheck // the client may be gone
		})},
	}
}

// A running function and what it prints.
type running struct {
	Instance
	t      testing.TB
	output *lines
}

// start starts one of the test's programs; it is killed at the end of the test.
func start(t testing.TB, h Sandbox, program string, args ...string) *running {
	t.Helper()
	return startWith(t, h, func(*Spec) {}, program, args...)
}

func startWith(t testing.TB, h Sandbox, change func(*Spec), program string, args ...string) *running {
	t.Helper()
	output := &lines{changed: make(chan struct{})}
	spec := functionSpec(taskDir(t), strings.ToLower(program)+"-"+nextID(), output, program, args...)
	change(&spec)
	i, err := h.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{i, t, output}
	t.Cleanup(func() {
		i.Kill()
		r.ended()
	})
	return r
}

// patience is far more than anything here takes, on a machine with other things to do.
const patience = 2 * time.Minute

// ended waits for the end and returns how it was.
func (r *running) ended() Exit {
	r.t.Helper()
	select {
	case <-r.Done():
	case <-time.After(patience):
		r.t.Fatalf("the instance does not end; output so far: %s", r.output)
	}
	return r.Exit()
}

// says waits until the function has printed a line that begins with the words,
// and returns the rest of it.
func (r *running) says(words string) string {
	r.t.Helper()
	deadline := time.After(patience)
	for {
		changed, rest, found := r.output.find(words)
		if found {
			return rest
		}
		select {
		case <-changed:
		case <-r.Done():
			if _, rest, found := r.output.find(words); found {
				return rest
			}
			r.t.Fatalf("the instance ended (%+v) and never said %q; output: %s", r.Exit(), words, r.output)
		case <-deadline:
			r.t.Fatalf("the instance does not say %q; output: %s", words, r.output)
		}
	}
}

// lines collects output.
type lines struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{}
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	close(l.changed)
	l.changed = make(chan struct{})
	return len(p), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) find(words string) (changed <-chan struct{}, rest string, found bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if rest, ok := strings.CutPrefix(line, words); ok && strings.HasSuffix(line, "\n") {
			return nil, strings.TrimSpace(rest), true
		}
	}
	return l.changed, "", false
}

var ids struct {
	sync.Mutex
	last int
}

func nextID() string {
	ids.Lock()
	defer ids.Unlock()
	ids.last++
	return strconv.Itoa(ids.last)
}

// eventually waits for a condition of the host that nothing announces.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}
