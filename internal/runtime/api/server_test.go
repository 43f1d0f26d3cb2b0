package api

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A fixture is the API over a store of its own, with functions that answer at
// once.
type fixture struct {
	t       testing.TB
	server  *Server
	invoker *fakeInvoker
	// management and ingress are the URLs of its listeners.
	management, ingress string
	// code is the SHA-256 of a package that was uploaded.
	code string
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	opened, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	logs, err := telemetry.NewLogs(t.Context(), telemetry.LogsOptions{JetStream: opened.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = logs.Close(context.Background()) })

	f := &fixture{t: t, invoker: &fakeInvoker{}}
	access := NewAccess(opened.ManagementToken(), opened.SigningKey(), opened.Directory().Stack)
	triggers := trigger.New(trigger.Env{
		Store: opened, Invoker: f.invoker, Authorize: access.Authorize, IngressURL: func() string { return f.ingress },
	})
	t.Cleanup(func() { triggers.Close(context.Background()) })
	opened.Directory().OnChange(triggers.Reconcile)
	if err := opened.Directory().Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := triggers.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.server = New(Options{
		Store: opened, Invoker: f.invoker, Access: access, Triggers: triggers, Logs: logs,
		Seen: func(context.Context, string, release.Release) (release.Seen, error) {
			return release.Seen{Functions: map[string]release.Sides{"fulfil": {Candidate: release.Counts{Invocations: 7}}}}, nil
		},
		Metrics:    telemetry.NewMetrics().Handler(),
		Runtimes:   fakeRuntimes{"provided.al2023"},
		Host:       Host{Version: "test", Architecture: "x86_64", MaxConcurrency: 1000},
		IngressURL: func() string { return f.ingress },
		Log:        slog.New(slog.NewTextHandler(t.Output(), nil)),
		Draining:   t.Context(),
		Now:        time.Now,
	})
	f.management, f.ingress = f.listenBehindFront(), f.listen(f.server.Ingress())
	f.code = f.upload(map[string]string{"bootstrap": "#!/bin/sh\n"})
	return f
}

func (f *fixture) listen(h http.Handler) string {
	l := httptest.NewServer(h)
	f.t.Cleanup(l.Close)
	return l.URL
}

// listenBehindFront is the operators' listener, as the runtime has it.
func (f *fixture) listenBehindFront() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	front := &rawhttp.Front{
		Taker: f.server.InvokeFront(f.invoker), Rest: &http.Server{Handler: f.server.Management()},
		Panicked: func(reason any) { f.t.Errorf("the front panicked: %v", reason) },
	}
	go front.Serve(l) //nolint:errcheck // ends with ErrServerClosed
	f.t.Cleanup(func() { _ = front.Close() })
	return "http://" + l.Addr().String()
}

// call sends a request with the management token.
func (f *fixture) call(method, path string, body any, headers ...string) answer {
	f.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(body)
	case []byte:
		reader = bytes.NewReader(body)
	default:
		text, err := json.Marshal(body)
		if err != nil {
			f.t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	return f.send(f.management, method, path, reader, append([]string{"Authorization", "Bearer " + f.server.Store.ManagementToken()}, headers...)...)
}

func (f *fixture) send(base, method, path string, body io.Reader, headers ...string) answer {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, base+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		if pair[1] != "" {
			r.Header.Set(pair[0], pair[1])
		} else {
			r.Header.Del(pair[0])
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{f.t, response.StatusCode, response.Header, string(text)}
}

// upload puts a package of these files and returns its hash.
func (f *fixture) upload(files map[string]string) string {
	f.t.Helper()
	archive := zipped(f.t, files)
	sum := sha256.Sum256(archive)
	f.call(http.MethodPut, "/v1/packages/"+base64.RawURLEncoding.EncodeToString(sum[:]), archive).want(http.StatusNoContent)
	return base64.StdEncoding.EncodeToString(sum[:])
}

func zipped(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for name, content := range files {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		entry, err := w.CreateHeader(header)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := entry.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// function is a valid function of the uploaded package.
func (f *fixture) function() stack.Function {
	fn := stack.NewFunction()
	fn.CodeSHA256, fn.Runtime, fn.Handler = f.code, "provided.al2023", "bootstrap"
	return fn
}

// queue is a valid stack: a queue with one function.
func (f *fixture) queue(name string) stack.Stack {
	q, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "fulfil"
	q.Consumer = &consumer
	return stack.Stack{
		Name:      name,
		Trigger:   stack.Trigger{Queue: &q},
		Functions: map[string]stack.Function{"fulfil": f.function()},
	}
}

// An answer of the API.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	text   string
}

// want fails the test unless the answer has that status.
func (a answer) want(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("got %d %s, want %d", a.status, a.text, status)
	}
	return a
}

// problem fails the test unless the answer is problem JSON of that status whose
// detail has all the words.
func (a answer) problem(status int, words ...string) Problem {
	a.t.Helper()
	a.want(status)
	var p Problem
	a.decode(&p)
	if got := a.header.Get("Content-Type"); got != problemType {
		a.t.Errorf("Content-Type is %q, want %q", got, problemType)
	}
	if p.Status != status || p.Title != http.StatusText(status) {
		a.t.Errorf("the problem says %d %q, want %d", p.Status, p.Title, status)
	}
	for _, word := range words {
		if !strings.Contains(p.Detail, word) {
			a.t.Errorf("%q does not say %q", p.Detail, word)
		}
	}
	return p
}

func (a answer) decode(into any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.text), into); err != nil {
		a.t.Fatalf("%s: %v", a.text, err)
	}
}

func (a answer) deployment() stack.Deployment {
	a.t.Helper()
	a.want(http.StatusOK)
	var d stack.Deployment
	a.decode(&d)
	return d
}

// fakeRuntimes are the runtime identifiers of the host.
type fakeRuntimes []string

func (r fakeRuntimes) Available() []string { return r }

func (r fakeRuntimes) Check(runtime string) error {
	if slices.Contains(r, runtime) {
		return nil
	}
	return fmt.Errorf("runtime %s is not available on this host", runtime)
}

// fakeInvoker notes what it is asked, and answers with response or err.
type fakeInvoker struct {
	mu       sync.Mutex
	requests []invoke.Request
	// started are those of them that came by way of the front.
	started  int
	async    []invoke.Request
	response invoke.Response
	err      error
	// stream, unless nil, answers who wants a stream.
	stream func(context.Context, invoke.Sink)
}

func (i *fakeInvoker) Invoke(ctx context.Context, r invoke.Request) (invoke.Response, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.requests = append(i.requests, r)
	if r.Sink != nil && i.stream != nil {
		i.stream(ctx, r.Sink)
	}
	return i.response, i.err
}

func (i *fakeInvoker) Go(r invoke.Request, done func(invoke.Response, error)) context.CancelFunc {
	i.mu.Lock()
	i.started++
	i.mu.Unlock()
	done(i.Invoke(context.Background(), r))
	return nil
}

func (i *fakeInvoker) InvokeAsync(_ context.Context, r invoke.Request) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.async = append(i.async, r)
	return i.err
}

// Resolve knows the functions of the fixture's stack.
func (i *fakeInvoker) Resolve(function, qualifier string) (string, error) {
	known := map[string]string{"": "$LATEST", "$LATEST": "$LATEST", "live": "1", "1": "1"}
	version, ok := known[qualifier]
	if function != "orders-fulfil" || !ok {
		return "", &invoke.Error{Status: http.StatusNotFound, Type: "ResourceNotFoundException", Message: "Function not found"}
	}
	return version, nil
}
