package trigger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// weights of the alias in the tests below.
var weights = stack.Routing{1: 70, 2: 30}

// A split is a node whose stack "shop" has one function, "f", with two versions that
// share its alias's traffic. Each answers with its number.
type split struct {
	*testing.T
	store    *store.Store
	clock    *fakeClock
	metrics  *telemetry.Metrics
	invoke   *invoke.Service
	triggers *Triggers
	url      string

	mu sync.Mutex
	// ran, told and logged count invocations by version: as the versions know it, as
	// answers' headers say, and as START and REPORT lines do.
	ran, told, logged map[int]int
}

// serve starts a node with the trigger. The function's alias "beta" has the weights.
func serve(t *testing.T, trigger stack.Trigger, live stack.Routing) *split {
	t.Helper()
	s := &split{
		T: t, store: openStore(t), clock: newFakeClock(testStart), metrics: telemetry.NewMetrics(),
		ran: map[int]int{}, told: map[int]int{}, logged: map[int]int{},
	}
	random := rand.New(rand.NewPCG(20260601, 4))
	var err error
	s.invoke, err = invoke.New(t.Context(), invoke.Options{
		Store: storeWithPackages{s.store}, Sandbox: s, Languages: numbered{}, Logs: s, Metrics: s.metrics,
		Random: func() float64 {
			s.mu.Lock()
			defer s.mu.Unlock()
			return random.Float64()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.triggers = New(Env{Store: s.store, Invoker: s.invoke, Authorize: allowAll, Clock: s.clock})
	s.invoke.SetQueues(s.triggers.Queues)
	r := recordOf("shop", trigger)
	f := r.Stack.Functions["f"]
	f.Runtime, f.Timeout, f.Memory = "provided", stack.Duration(10*time.Second), 128
	f.URL = &stack.FunctionURL{Auth: "none"}
	r.Stack.Functions["f"] = f
	r.Functions = map[string]*store.FunctionRecord{"f": {
		LastVersion: 2, Live: live, Aliases: map[string]stack.Alias{"beta": {Routing: weights, URL: f.URL}},
	}}
	for number := range weights {
		r.Functions["f"].Versions = append(r.Functions["f"].Versions,
			store.VersionRecord{Version: stack.Version{Number: number, Config: f.Config}})
	}
	r.Revision = 0
	if _, err := s.store.PutRecord(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	directory := s.store.Directory()
	directory.OnChange(s.invoke.OnChange)
	directory.OnChange(s.triggers.Reconcile)
	if err := errors.Join(directory.Start(t.Context()), s.invoke.Start(t.Context()), s.triggers.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	s.triggers.Mount(mux)
	server := httptest.NewServer(mux)
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		s.triggers.Close(ended)
		s.invoke.Close(ended)
	})
	return s
}

// storeWithPackages has every package.
type storeWithPackages struct{ *store.Store }

func (storeWithPackages) PackageDir(context.Context, ...string) (string, error) {
	return "/packages", nil
}

// numbered is a language whose programs are numbered by version.
type numbered struct{}

func (n numbered) Find(string) (language.Language, error) { return n, nil }
func (numbered) Runtime() string                          { return "provided" }

func (numbered) Command(_ context.Context, f language.Function) (language.Command, error) {
	return language.Command{Argv: []string{f.Version}}, nil
}

// Start implements sandbox.Sandbox, with goroutines for processes.
func (s *split) Start(_ context.Context, spec sandbox.Spec) (sandbox.Instance, error) {
	version, err := strconv.Atoi(spec.Argv[0])
	if err != nil {
		return nil, err
	}
	p := &numberedProcess{done: make(chan struct{})}
	p.life, p.kill = context.WithCancel(context.Background())
	go func() {
		defer close(p.done)
		for {
			w := p.call(spec, http.MethodGet, "next", "")
			if w.Code != http.StatusOK {
				return
			}
			s.count(s.ran, version)
			p.call(spec, http.MethodPost, w.Header().Get("Lambda-Runtime-Aws-Request-Id")+"/response", `{"statusCode": 200}`)
		}
	}()
	return p, nil
}

func (s *split) Prepare(...sandbox.Spec) {}

func (s *split) Isolation() sandbox.Isolation { return sandbox.Isolation{} }
func (s *split) Close() error                 { return nil }

// Append, Remove and Groups implement invoke.Logs.
func (s *split) Append(_ telemetry.Group, e telemetry.Entry) {
	version, err := strconv.Atoi(e.Version)
	switch {
	case err != nil:
		s.Errorf("a log line is of version %q: %s", e.Version, e.Line)
	case strings.HasPrefix(e.Line, "START RequestId: "+e.RequestID) && strings.HasSuffix(e.Line, " Version: "+e.Version),
		strings.HasPrefix(e.Line, "REPORT RequestId: "+e.RequestID):
		s.count(s.logged, version)
	}
}

func (s *split) Remove(context.Context, string, string, string) error       { return nil }
func (s *split) Groups(context.Context) (groups []telemetry.Group, _ error) { return nil, nil }

func (s *split) count(what map[int]int, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what[version]++
}

// counted is a copy of one of the counts.
func (s *split) counted(what map[int]int) map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(what)
}

// A numberedProcess is an instance of a version.
type numberedProcess struct {
	life context.Context
	kill context.CancelFunc
	done chan struct{}
}

func (p *numberedProcess) call(spec sandbox.Spec, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(p.life, method, "/2018-06-01/runtime/invocation/"+path, strings.NewReader(body))
	return sandboxtest.Call(spec.RuntimeAPI, r)
}

func (p *numberedProcess) Initialized()          {}
func (p *numberedProcess) Prepared() bool        { return false }
func (p *numberedProcess) Terminate()            { p.kill() }
func (p *numberedProcess) Kill()                 { p.kill() }
func (p *numberedProcess) Done() <-chan struct{} { return p.done }
func (p *numberedProcess) Exit() sandbox.Exit    { return sandbox.Exit{} }
func (p *numberedProcess) SyncOutput()           {}
func (p *numberedProcess) MemoryPeak() int64     { return 0 }
func (p *numberedProcess) PID() int              { return 1 }

// tell notes what an answer's header says.
func (s *split) tell(header string) {
	version, err := strconv.Atoi(header)
	if err != nil {
		s.Errorf("the answer's version is %q", header)
	}
	s.count(s.told, version)
}

// get sends a number of requests, one after the other.
func (s *split) get(path string, n int) {
	s.Helper()
	for range n {
		r, err := http.NewRequestWithContext(s.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			s.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			s.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			s.Fatalf("GET %s answered %s", path, response.Status)
		}
		s.tell(response.Header.Get("X-Amz-Executed-Version"))
	}
}

func (s *split) send(fifo bool, n int) {
	s.Helper()
	arn := stack.QueueARN("shop", fifo)
	for i := range n {
		m := NewMessage{Body: strconv.Itoa(i)}
		if fifo {
			m.Group, m.Deduplication = strconv.Itoa(i%10), strconv.Itoa(i)
		}
		if _, err := s.triggers.Queues.SendMessage(s.Context(), arn, m); err != nil {
			s.Fatal(err)
		}
	}
}

// Every kind of trigger, and every kind of invocation, has each version executed as
// often as the alias's weights say, and the answer, the log, the metrics and the counts for
// gates all tell which it was.
func TestWeightsHoldForEveryTrigger(t *testing.T) {
	queue := func(fifo bool) stack.Trigger {
		q := queueOf(func(q *stack.Queue) { q.FIFO, q.Consumer.BatchSize = fifo, 1 })
		q.VisibilityTimeout = stack.Duration(time.Minute)
		return stack.Trigger{Queue: &q}
	}
	schedules := stack.Schedule{Schedules: map[string]stack.ScheduleItem{}}
	for i := range 50 {
		schedules.Schedules[fmt.Sprintf("tick-%d", i)] = every("rate(1 minute)", nil)["tick"]
	}
	for name, c := range map[string]struct {
		trigger stack.Trigger
		run     func(s *split)
		// n invocations, of which all answers tell the version, or none.
		n    int
		told bool
		// beta tells that "live" is at version 1, and the alias that is invoked is "beta".
		beta bool
	}{
		"synchronous": {run: func(s *split) {
			for range 2000 {
				r, err := s.invoke.Invoke(s.Context(), invoke.Request{Function: "shop-f", Qualifier: stack.AliasLive})
				if err != nil {
					s.Fatal(err)
				}
				s.tell(r.ExecutedVersion)
			}
		}, n: 2000, told: true},
		"asynchronous": {run: func(s *split) {
			for range 1000 {
				if err := s.invoke.InvokeAsync(s.Context(), invoke.Request{Function: "shop-f", Qualifier: stack.AliasLive}); err != nil {
					s.Fatal(err)
				}
			}
		}, n: 1000},
		"http": {
			trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: routesTo("GET /")}},
			run:     func(s *split) { s.get("/apis/shop/", 1000) }, n: 1000, told: true,
		},
		"function url": {run: func(s *split) { s.get("/functions/shop/f", 1000) }, n: 1000, told: true},
		"http to another alias": {
			trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"GET /": {Function: "f", Alias: "beta", Auth: "inherit"}}}},
			run:     func(s *split) { s.get("/apis/shop/", 1000) }, n: 1000, told: true, beta: true,
		},
		"url of another alias": {run: func(s *split) { s.get("/functions/shop/f:beta", 1000) }, n: 1000, told: true, beta: true},
		"queue":                {trigger: queue(false), run: func(s *split) { s.send(false, 500) }, n: 500},
		"fifo queue":           {trigger: queue(true), run: func(s *split) { s.send(true, 300) }, n: 300},
		"schedule": {trigger: stack.Trigger{Schedule: &schedules}, run: func(s *split) {
			fired := &scheduleTest{T: s.T, store: s.store, clock: s.clock, schedules: s.triggers.Schedules}
			for range 6 {
				fired.pass(time.Minute)
			}
		}, n: 300},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			live := weights
			if c.beta {
				live = stack.RouteTo(1)
			}
			s := serve(t, c.trigger, live)
			c.run(s)
			eventually(t, "the last log line", func() bool { return sum(s.counted(s.logged)) == 2*c.n })
			ran := s.counted(s.ran)
			if x := chiSquared(ran, weights); x > 10.83 || sum(ran) != c.n { // p = 0.001 with one degree of freedom
				t.Errorf("the versions ran %v times: chi-squared is %.2f", ran, x)
			}
			told := map[int]int{}
			if c.told {
				told = ran
			}
			if got := s.counted(s.told); !maps.Equal(got, told) {
				t.Errorf("answers tell %v, want %v", got, told)
			}
			if got := s.counted(s.logged); got[1] != 2*ran[1] || got[2] != 2*ran[2] {
				t.Errorf("START and REPORT are there %v times, and the versions ran %v times", got, ran)
			}
			if got := s.measured(); !maps.Equal(got, ran) {
				t.Errorf("metrics have %v, and the versions ran %v times", got, ran)
			}
			for version, n := range ran {
				counts := s.invoke.Tally("shop", "1", "f", version).Counts()
				if counts.Invocations != uint64(n) || counts.Errors != 0 || counts.Throttles != 0 {
					t.Errorf("version %d ran %d times, and its counts are %+v", version, n, counts)
				}
			}
		})
	}
}

// measured is how often Prometheus is told that the versions ran.
func (s *split) measured() map[int]int {
	s.Helper()
	families, err := s.metrics.Registry().Gather()
	if err != nil {
		s.Fatal(err)
	}
	counts := map[int]int{}
	for _, family := range families {
		if family.GetName() != "tidegate_invocations_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if version, err := strconv.Atoi(label.GetValue()); label.GetName() == "version" && err == nil {
					counts[version] += int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return counts
}

func sum(counts map[int]int) (n int) {
	for _, count := range counts {
		n += count
	}
	return n
}

// chiSquared is how far counts are from what the routing makes likely.
func chiSquared(counts map[int]int, routing stack.Routing) (x float64) {
	n := float64(sum(counts))
	for _, version := range slices.Sorted(maps.Keys(routing)) {
		want := n * float64(routing[version]) / 100
		off := float64(counts[version]) - want
		x += off * off / want
	}
	return x
}

// A function that failed was executed, too; its own word for the version is not taken.
func TestAnswersTellTheVersionThatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		response invoke.Response
		err      error
		want     string
	}{
		"failed":      {response: invoke.Response{FunctionError: "Unhandled", ExecutedVersion: "7", Init: invoke.Initialization{Took: 5 * time.Millisecond}}, want: "7"},
		"no response": {response: invoke.Response{Payload: []byte(`{"statusCode":1}`), ExecutedVersion: "7"}, want: "7"},
		"lied": {response: invoke.Response{
			Payload: []byte(`{"statusCode":200,"headers":{"x-amz-executed-version":"8"}}`), ExecutedVersion: "7",
		}, want: "7"},
		"not executed": {err: throttledError},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) { return c.response, c.err }}
			apis := map[string]*apiTest{
				"/":     serveAPI(t, stack.HTTPAPI{Routes: routesTo("GET /")}, f),
				"/open": serveURLs(t, f, allowAll),
			}
			for path, api := range apis {
				response, _ := api.do(http.MethodGet, path, nil)
				if cold := response.Header.Get("X-Tidegate-Init-Duration"); (cold == "5.00") != (c.response.Init.Took > 0) {
					t.Errorf("GET %s tells of an initialisation of %q ms", path, cold)
				}
				if got := response.Header.Get("X-Amz-Executed-Version"); got != c.want || len(response.Header["X-Amz-Executed-Version"]) > 1 {
					t.Errorf("GET %s tells %v, want %q", path, response.Header["X-Amz-Executed-Version"], c.want)
				}
			}
		})
	}
}
