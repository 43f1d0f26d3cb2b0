package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A program is what a function does, in this process: it is called for each
// instance, and its return is the process's end, with status 0.
type program func(*process)

// A process is an instance as its program sees it.
type process struct {
	spec sandbox.Spec
	// prepared is true if its sandbox was there before.
	prepared bool
	killed   context.Context
	kill     context.CancelFunc

	// onTerminate is what the program does about SIGTERM; nil means that it ends.
	onTerminate func()
	// unread is output that is still in the pipe.
	unread  string
	running *atomic.Int64
	end     sync.Once
	exit    sandbox.Exit
	done    chan struct{}
}

// An event as the program gets it.
type fakeEvent struct {
	id      string
	payload string
	header  http.Header
}

// next asks for an event, or ends the process if there is none for it any more.
func (p *process) next() fakeEvent {
	answer := p.call(http.MethodGet, "invocation/next", "")
	if answer.Code != http.StatusOK {
		p.stop(sandbox.Exit{Code: 1})
	}
	return fakeEvent{answer.Header().Get("Lambda-Runtime-Aws-Request-Id"), answer.Body.String(), answer.Header()}
}

func (p *process) respond(id, payload string) *httptest.ResponseRecorder {
	return p.call(http.MethodPost, "invocation/"+id+"/response", payload)
}

func (p *process) fail(id, payload string) *httptest.ResponseRecorder {
	return p.call(http.MethodPost, "invocation/"+id+"/error", payload)
}

func (p *process) failInit(kind, payload string) *httptest.ResponseRecorder {
	return p.call(http.MethodPost, "init/error", payload, "Lambda-Runtime-Function-Error-Type", kind)
}

func (p *process) print(text string) { _, _ = io.WriteString(p.spec.Output, text) }

// sleep until the time has passed, or the process is killed.
func (p *process) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-p.killed.Done():
		p.stop(sandbox.Exit{Code: -1, Signal: "SIGKILL"})
	}
}

// hang until the process is killed.
func (p *process) hang() {
	<-p.killed.Done()
	p.stop(sandbox.Exit{Code: -1, Signal: "SIGKILL"})
}

// stop ends the process.
func (p *process) stop(exit sandbox.Exit) {
	p.ended(exit)
	runtime.Goexit()
}

func (p *process) ended(exit sandbox.Exit) {
	p.end.Do(func() {
		p.exit = exit
		p.running.Add(-1)
		close(p.done)
	})
}

func (p *process) call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(p.killed, method, apiPrefix+path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return sandboxtest.Call(p.spec.RuntimeAPI, r)
}

// process implements sandbox.Instance.
func (p *process) Initialized()          {}
func (p *process) Prepared() bool        { return p.prepared }
func (p *process) Kill()                 { p.kill() }
func (p *process) Done() <-chan struct{} { return p.done }
func (p *process) Exit() sandbox.Exit    { return p.exit }
func (p *process) MemoryPeak() int64     { return 42 << 20 }
func (p *process) PID() int              { return 1 }

func (p *process) Terminate() {
	if p.onTerminate != nil {
		p.onTerminate()
		return
	}
	p.kill()
}

func (p *process) SyncOutput() {
	if p.unread != "" {
		p.print(p.unread)
		p.unread = ""
	}
}

// A fakeSandbox runs programs as goroutines.
type fakeSandbox struct {
	program func() program
	started atomic.Int64
	running atomic.Int64
	specs   chan sandbox.Spec
	// prepared is what Prepared of its instances tells.
	prepared atomic.Bool
	// expected are the specs of Prepare.
	expected atomic.Pointer[[]sandbox.Spec]
}

func (s *fakeSandbox) Start(_ context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	s.started.Add(1)
	s.running.Add(1)
	select {
	case s.specs <- spec:
	default:
	}
	p := &process{spec: spec, prepared: s.prepared.Load(), running: &s.running, done: make(chan struct{})}
	p.killed, p.kill = context.WithCancel(context.Background())
	go func() {
		defer p.ended(sandbox.Exit{})
		s.program()(p)
	}()
	return p, nil
}

func (s *fakeSandbox) Prepare(specs ...sandbox.Spec) { s.expected.Store(&specs) }

func (s *fakeSandbox) Isolation() sandbox.Isolation { return sandbox.Isolation{} }
func (s *fakeSandbox) Close() error                 { return nil }

// fakeLanguages know "provided" only.
type fakeLanguages struct{}

func (fakeLanguages) Find(runtime string) (language.Language, error) {
	if runtime != "provided" {
		return nil, fmt.Errorf("runtime %s is not available on this host", runtime)
	}
	return fakeLanguage{}, nil
}

type fakeLanguage struct{}

func (fakeLanguage) Runtime() string { return "provided" }

func (fakeLanguage) Command(_ context.Context, f language.Function) (language.Command, error) {
	c := language.Command{Version: "provided:fake", RuntimeDir: fmt.Sprintf("/runtime/%d", f.Memory), Argv: []string{"bootstrap"}, Env: []string{"INITIALIZATION=" + f.Initialization}}
	for name, value := range f.Variables {
		c.Env = append(c.Env, name+"="+value)
	}
	return c, nil
}

// fakeStore has packages, and nothing else.
type fakeStore struct {
	missing atomic.Bool
	nodes   atomic.Int64
}

func (s *fakeStore) JetStream() jetstream.JetStream { panic("no JetStream here") }
func (s *fakeStore) Replicas() int                  { return 1 }

func (s *fakeStore) Record(context.Context, string) (*store.Record, error) {
	return nil, store.ErrNotFound
}

func (s *fakeStore) PackageDir(context.Context, ...string) (string, error) {
	if s.missing.Load() {
		return "", errors.New("the package is not in the store")
	}
	return "/packages", nil
}

func (s *fakeStore) Share(limit int) int { return limit / max(1, int(s.nodes.Load())) }

// fakeLogs keep lines in memory.
type fakeLogs struct {
	mu      sync.Mutex
	entries []telemetry.Entry
	// groups that have lines.
	groups []telemetry.Group
}

func (l *fakeLogs) Append(_ telemetry.Group, e telemetry.Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, e)
}

func (l *fakeLogs) Remove(_ context.Context, stack, incarnation, function string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.groups = slices.DeleteFunc(l.groups, func(g telemetry.Group) bool {
		return g == telemetry.Group{Stack: stack, Incarnation: incarnation, Function: function}
	})
	return nil
}

func (l *fakeLogs) Groups(context.Context) ([]telemetry.Group, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.groups), nil
}

func (l *fakeLogs) all() []telemetry.Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

func (l *fakeLogs) lines() []string {
	var lines []string
	for _, e := range l.all() {
		lines = append(lines, e.Line)
	}
	return lines
}

func (l *fakeLogs) text() string { return strings.Join(l.lines(), "\n") }

// A house is a runner with everything it needs.
type house struct {
	*runner
	t       *testing.T
	sandbox *fakeSandbox
	store   *fakeStore
	logs    *fakeLogs
}

// newHouse has one stack "shop" with one function "cart" that runs the program.
func newHouse(t *testing.T, p program, change ...func(*Options)) *house {
	h := &house{
		t:       t,
		sandbox: &fakeSandbox{program: func() program { return p }, specs: make(chan sandbox.Spec, 100)},
		store:   &fakeStore{},
		logs:    &fakeLogs{},
	}
	opts := Options{Store: h.store, Sandbox: h.sandbox, Languages: fakeLanguages{}, Logs: h.logs}
	for _, c := range change {
		c(&opts)
	}
	h.runner = newRunner(opts.withDefaults())
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		h.drain(ctx)
		h.close()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances outlive the runner", n)
		}
	})
	h.apply("shop", shop(nil))
	return h
}

// invoke is Service.Invoke without a Service.
func (h *house) invoke(ctx context.Context, req Request) (Response, error) {
	if req.Function == "" {
		req.Function = "shop-cart"
	}
	return (&Service{opts: h.opts, runner: h.runner}).Invoke(ctx, req)
}

// must invoke, or the test fails; any goroutine may call it.
func (h *house) must(req Request) Response {
	h.t.Helper()
	response, err := h.invoke(h.t.Context(), req)
	if err != nil {
		h.t.Errorf("invoking failed: %v", err)
	}
	return response
}

// shop is the record of a stack with a function, version 1 of which is live.
func shop(change func(*store.Record)) *store.Record {
	config := stack.Config{
		CodeSHA256: "one", Runtime: "provided", Handler: "bootstrap", Memory: 128,
		Timeout: stack.Duration(3 * time.Second), EphemeralStorage: 512,
	}
	f := stack.NewFunction()
	f.Config = config
	rec := &store.Record{
		Incarnation: "first",
		Stack:       stack.Stack{Name: "shop", Functions: map[string]stack.Function{"cart": f}},
		Functions: map[string]*store.FunctionRecord{"cart": {
			LastVersion: 1,
			Versions:    []store.VersionRecord{{Version: stack.Version{Number: 1, Config: config}}},
			Live:        stack.RouteTo(1),
		}},
	}
	if change != nil {
		change(rec)
	}
	return rec
}

// changeCart changes the function of a record of shop.
func changeCart(change func(*stack.Function)) func(*store.Record) {
	return func(rec *store.Record) {
		f := rec.Stack.Functions["cart"]
		change(&f)
		rec.Stack.Functions["cart"] = f
	}
}

// addVersion publishes one more version and returns its number.
func addVersion(rec *store.Record, config stack.Config) int {
	f := rec.Functions["cart"]
	f.LastVersion++
	f.Versions = append(f.Versions, store.VersionRecord{Version: stack.Version{Number: f.LastVersion, Config: config}})
	return f.LastVersion
}

// echo answers every event with the event.
func echo(p *process) {
	for {
		e := p.next()
		p.respond(e.id, e.payload)
	}
}

// busy echoes, and takes a while for it.
func busy(d time.Duration) program {
	return func(p *process) {
		for {
			e := p.next()
			p.sleep(d)
			p.respond(e.id, e.payload)
		}
	}
}

// pass moves the bubble's clock.
func pass(d time.Duration) { <-time.After(d) }

// all invokes n times at once and returns the answers and errors.
func (h *house) all(n int, req Request) (responses []Response, errs []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			req := req
			req.Payload = []byte(strconv.Itoa(i))
			response, err := h.invoke(h.t.Context(), req)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			if !bytes.Equal(response.Payload, req.Payload) {
				h.t.Errorf("event %s was answered with %s", req.Payload, response.Payload)
			}
			responses = append(responses, response)
		})
	}
	wg.Wait()
	return responses, errs
}

// discardLogs keep nothing.
type discardLogs struct{}

func (discardLogs) Append(telemetry.Group, telemetry.Entry)              {}
func (discardLogs) Remove(context.Context, string, string, string) error { return nil }

func (discardLogs) Groups(context.Context) ([]telemetry.Group, error) { return nil, nil }

// stream answers in streaming mode: with what write writes, and then the trailers.
func (p *process) stream(id, contentType string, trailers map[string]string, write func(io.Writer)) *httptest.ResponseRecorder {
	body, in := io.Pipe()
	r := httptest.NewRequestWithContext(p.killed, http.MethodPost, apiPrefix+"invocation/"+id+"/response", body)
	r.Header.Set("Content-Type", contentType)
	r.Header.Set(headerResponseMode, modeStreaming)
	r.Trailer = http.Header{}
	for name := range trailers {
		r.Trailer[name] = nil
	}
	go func() {
		defer in.CloseWithError(io.ErrUnexpectedEOF) // should the program end here
		write(in)
		for name, value := range trailers {
			r.Trailer.Set(name, value)
		}
		in.Close()
	}()
	return sandboxtest.Call(p.spec.RuntimeAPI, r)
}
