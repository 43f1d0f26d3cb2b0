package language

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
)

// shared are the languages and the sandbox of all tests.
var shared struct {
	registry *Registry
	sandbox  sandbox.Sandbox
}

func TestMain(m *testing.M) {
	os.Getenv("TIDEGATE_TEST_RUN") // a new run, see GNUmakefile
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "language")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		quiet := slog.New(slog.DiscardHandler)
		// A host without a JDK gets one for the tests.
		jdk := exec.Command("../../../tools/jdk")
		jdk.Stderr = os.Stderr
		home, err := jdk.Output()
		if err != nil {
			panic(fmt.Errorf("tools/jdk: %w", err))
		}
		if shared.registry, err = New(context.Background(), Options{
			Dir: filepath.Join(dir, "language"), Interpreters: []string{strings.TrimSpace(string(home))}, Log: quiet,
		}); err != nil {
			panic(err)
		}
		if shared.sandbox, err = sandbox.New(context.Background(), sandbox.Options{Dir: filepath.Join(dir, "sandbox"), Log: quiet}); err != nil {
			panic(err)
		}
		defer shared.sandbox.Close() //nolint:errcheck // package sandbox tests that
		return m.Run()
	}())
}

// each runs a test with every version of a language this host has. If it has
// none, deploying must be refused with a sentence that says so.
func each(t *testing.T, language string, test func(t *testing.T, runtime string)) {
	t.Helper()
	name := regexp.MustCompile("^" + language + "[0-9]")
	runtimes := slices.DeleteFunc(shared.registry.Available(), func(r string) bool { return !name.MatchString(r) })
	if len(runtimes) == 0 {
		absent := map[string]string{"nodejs": "nodejs22.x", "python": "python3.13", "java": "java21"}[language]
		if _, err := shared.registry.Find(absent); err == nil || !strings.Contains(err.Error(), "is not available on this host") {
			t.Errorf("this host has no %s, and yet %s gives: %v", language, absent, err)
		}
		return
	}
	for _, runtime := range runtimes {
		t.Run(runtime, func(t *testing.T) { test(t, runtime) })
	}
}

// A function under test, with the Runtime API as it sees it.
type function struct {
	t        *testing.T
	instance sandbox.Instance
	output   *safeBuffer
	events   chan event
	answers  chan answer
	// chunked has the Runtime API send events in chunks of this size.
	chunked int
}

type event struct {
	payload string
	headers map[string]string
}

// An answer is what the function sent back, and where to.
type answer struct {
	// to is "response", "error", "init/error" or "exit".
	to        string
	body      string
	errorType string
	// header and trailer of the request that it came in.
	header, trailer http.Header
}

// failure is Lambda's object, in the spelling of every language.
type failure struct {
	ErrorType    string   `json:"errorType"`
	ErrorMessage string   `json:"errorMessage"`
	Trace        []string `json:"trace"`
	StackTrace   []string `json:"stackTrace"`
	RequestID    string   `json:"requestId"`
	Cause        *failure `json:"cause"`
}

func (a answer) failure(t *testing.T) failure {
	t.Helper()
	var f failure
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		t.Fatalf("%s got %s: %v", a.to, a.body, err)
	}
	if a.errorType != f.ErrorType {
		t.Errorf("the header says %q, the body %q", a.errorType, f.ErrorType)
	}
	return f
}

type option func(*Function, *sandbox.Spec)

func with(name, value string) option {
	return func(f *Function, _ *sandbox.Spec) { f.Variables[name] = value }
}

// start starts a function of the files given.
func start(t *testing.T, runtime, handler string, files map[string]string, options ...option) *function {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(content, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return startIn(t, dir, runtime, handler, options...)
}

func startIn(t *testing.T, dir, runtime, handler string, options ...option) *function {
	t.Helper()
	l, err := shared.registry.Find(runtime)
	if err != nil {
		t.Fatal(err)
	}
	f := &function{t: t, output: &safeBuffer{}, events: make(chan event), answers: make(chan answer, 10)}
	config := Function{
		Runtime: runtime, Handler: handler, Name: "shop-orders", Version: "7", Memory: 512,
		LogGroup: "/aws/lambda/shop-orders", LogStream: "2025/01/31/[7]abc", Variables: map[string]string{},
	}
	spec := sandbox.Spec{
		ID:      strings.ToLower(regexp.MustCompile("[^A-Za-z0-9]+").ReplaceAllString(t.Name(), "-")),
		TaskDir: dir, Memory: 512, EphemeralStorage: 512, RuntimeAPI: sandboxtest.API{Handler: f}, Output: f.output,
	}
	for _, o := range options {
		o(&config, &spec)
	}
	command, err := l.Command(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	spec.Argv, spec.Env, spec.Readable, spec.RuntimeDir = command.Argv, command.Env, command.Readable, command.RuntimeDir
	if spec.Warm == never {
		spec.Warm = nil
	} else {
		spec.Warm = command.Warm
	}
	if f.instance, err = shared.sandbox.Start(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.instance.Kill()
		<-f.instance.Done()
		if t.Failed() {
			t.Logf("%+v; output: %s", f.instance.Exit(), strings.ReplaceAll(f.output.String(), "\r", "\n"))
		}
	})
	return f
}

// ServeHTTP is the Runtime API.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const prefix = "/2018-06-01/runtime/"
	path, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if path == "invocation/next" {
		select {
		case e := <-f.events:
			f.send(w, e)
		case <-r.Context().Done():
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	to := path
	if rest, ok := strings.CutPrefix(path, "invocation/"+requestID+"/"); ok {
		to = rest
	}
	f.answers <- answer{to, string(body), r.Header.Get("Lambda-Runtime-Function-Error-Type"), r.Header, r.Trailer}
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`) //nolint:errcheck // the function may be gone
}

const (
	requestID   = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
	functionARN = "arn:aws:lambda:open-1:000000000000:function:shop-orders:live"
)

func (f *function) send(w http.ResponseWriter, e event) {
	for name, value := range map[string]string{
		"Content-Type":                        "application/json",
		"Lambda-Runtime-Aws-Request-Id":       requestID,
		"Lambda-Runtime-Deadline-Ms":          fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()),
		"Lambda-Runtime-Invoked-Function-Arn": functionARN,
		"Lambda-Runtime-Trace-Id":             "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700",
	} {
		w.Header().Set(name, value)
	}
	for name, value := range e.headers {
		w.Header().Set(name, value)
	}
	if f.chunked == 0 {
		w.Header().Set("Content-Length", fmt.Sprint(len(e.payload)))
		io.WriteString(w, e.payload) //nolint:errcheck // the function may be gone
		return
	}
	for chunk := range slices.Chunk([]byte(e.payload), f.chunked) {
		w.Write(chunk)           //nolint:errcheck // the function may be gone
		w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http's is one
	}
}

// patience is far more than anything here takes.
const patience = time.Minute

// invoke hands an event over and returns the answer.
func (f *function) invoke(payload string) answer {
	f.t.Helper()
	return f.invokeWith(payload, nil)
}

func (f *function) invokeWith(payload string, headers map[string]string) answer {
	f.t.Helper()
	select {
	case f.events <- event{payload, headers}:
	case a := <-f.answers:
		return a
	case <-f.instance.Done():
		return f.exited()
	case <-time.After(patience):
		f.t.Fatal("the function does not ask for an event")
	}
	return f.answer()
}

// answer waits for what the function says next.
func (f *function) answer() answer {
	f.t.Helper()
	select {
	case a := <-f.answers:
		return a
	case <-f.instance.Done():
		return f.exited()
	case <-time.After(patience):
		f.t.Fatal("the function does not answer")
	}
	panic("not reached")
}

func (f *function) exited() answer {
	select {
	case a := <-f.answers:
		return a
	default:
		e := f.instance.Exit()
		return answer{to: "exit", body: fmt.Sprintf("%d%s%s", e.Code, e.Signal, e.StartError)}
	}
}

// ended waits for the end of the process, and returns its status.
func (f *function) ended() int {
	f.t.Helper()
	select {
	case <-f.instance.Done():
		return f.instance.Exit().Code
	case <-time.After(patience):
		f.t.Fatal("the process does not end")
	}
	return 0
}

// responds checks that an event is answered so.
func (f *function) responds(payload, want string) {
	f.t.Helper()
	if a := f.invoke(payload); a.to != "response" || a.body != want {
		f.t.Errorf("%s is answered with %s %s, not with %s", payload, a.to, a.body, want)
	}
}

// fails checks that an event is answered with an error of that type and message.
func (f *function) fails(payload, errorType, message string) failure {
	f.t.Helper()
	a := f.invoke(payload)
	if a.to != "error" {
		f.t.Fatalf("%s is answered with %s %s, not with an error", payload, a.to, a.body)
	}
	got := a.failure(f.t)
	if got.ErrorType != errorType || got.ErrorMessage != message {
		f.t.Errorf("%s fails with %s: %s, not with %s: %s", payload, got.ErrorType, got.ErrorMessage, errorType, message)
	}
	return got
}

// failsToStart checks that the function reports that and ends.
func (f *function) failsToStart(errorType string, message *regexp.Regexp) failure {
	f.t.Helper()
	a := f.answer()
	if a.to != "init/error" {
		f.t.Fatalf("the function says %s %s, not that it cannot start", a.to, a.body)
	}
	got := a.failure(f.t)
	if got.ErrorType != errorType || !message.MatchString(got.ErrorMessage) {
		f.t.Errorf("it cannot start because of %s: %s, not of %s: %s", got.ErrorType, got.ErrorMessage, errorType, message)
	}
	if status := f.ended(); status == 0 {
		f.t.Error("a function that cannot start ends with status 0")
	}
	return got
}

// prints waits for a whole line of the output that looks so. Output may come
// later than the answer it was printed before.
func (f *function) prints(line string) {
	f.t.Helper()
	whole := regexp.MustCompile(`(?m)^` + line + `$`)
	late := time.After(patience)
	for {
		changed := f.output.changes()
		if whole.MatchString(f.output.String()) {
			return
		}
		select {
		case <-changed:
		case <-late:
			f.t.Fatalf("no line of the output is like %s: %q", line, f.output.String())
		}
	}
}

// A safeBuffer collects output and tells when there is more.
type safeBuffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
	return s.b.Write(p)
}

// changes returns a channel that is closed at the next Write.
func (s *safeBuffer) changes() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// layer gives the function a layer of these files.
func layer(t *testing.T, files map[string]string) option {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return func(_ *Function, s *sandbox.Spec) { s.LayersDir = dir }
}
