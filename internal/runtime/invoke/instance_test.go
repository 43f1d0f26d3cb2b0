package invoke

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// once is a program that handles one event and then waits for ever.
func once(handle func(*process, fakeEvent)) program {
	return func(p *process) {
		handle(p, p.next())
		p.next()
	}
}

func TestAnEventCarriesItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got fakeEvent
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			got = e
			p.respond(e.id, "null")
		}))
		before := time.Now()
		h.must(Request{
			ID: "b1946ac9-2492-4234-8f5f-d41d8cd98f00", Qualifier: "live", Payload: []byte(`{"a": 1}`),
			ClientContext: []byte("{ \"custom\":\n{\"name\": \"Zoë 🌊\"} }"), TraceID: "Root=1-2-3",
		})
		want := map[string]string{
			"Lambda-Runtime-Aws-Request-Id":       "b1946ac9-2492-4234-8f5f-d41d8cd98f00",
			"Lambda-Runtime-Deadline-Ms":          strconv.FormatInt(before.Add(3*time.Second).UnixMilli(), 10),
			"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:open-1:000000000000:function:shop-cart:live",
			"Lambda-Runtime-Trace-Id":             "Root=1-2-3;Lineage=" + cartLineage + ":1",
			"Lambda-Runtime-Client-Context":       `{"custom":{"name":"Zo\u00eb \ud83c\udf0a"}}`,
			"Lambda-Runtime-Cognito-Identity":     "",
			"Content-Type":                        "application/json",
		}
		for name, value := range want {
			if got.header.Get(name) != value {
				t.Errorf("%s is %q, want %q", name, got.header.Get(name), value)
			}
		}
		if got.payload != `{"a": 1}` {
			t.Errorf("the payload is %s", got.payload)
		}
	})
}

func TestAnEventWithoutAnythingGetsIDsOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got fakeEvent
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			got = e
			p.respond(e.id, "null")
		}))
		r := h.must(Request{})
		if len(r.RequestID) != 36 || r.RequestID != got.id {
			t.Errorf("the ids are %q and %q, want the same UUID", r.RequestID, got.id)
		}
		if trace := got.header.Get("Lambda-Runtime-Trace-Id"); len(trace) != len("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=12345678:1") {
			t.Errorf("the trace id is %q", trace)
		}
		if arn := got.header.Get("Lambda-Runtime-Invoked-Function-Arn"); arn != "arn:aws:lambda:open-1:000000000000:function:shop-cart" {
			t.Errorf("the ARN is %q", arn)
		}
		if got.payload != "{}" {
			t.Errorf("no payload is seen as %q, want {}", got.payload)
		}
	})
}

func TestAFunctionsAnswerIsPassedOnAsItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) { p.respond(e.id, ` { "ok" : true } `) }))
		r := h.must(Request{Qualifier: "live"})
		if string(r.Payload) != ` { "ok" : true } ` || r.FunctionError != "" || r.ExecutedVersion != "1" {
			t.Errorf("got %+v", r)
		}
	})
}

func TestAFunctionsErrorIsUnhandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const thrown = `{"errorMessage":"no","errorType":"Error","trace":[]}`
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			if code := p.fail(e.id, thrown).Code; code != http.StatusAccepted {
				t.Errorf("/error was answered with %d, want 202", code)
			}
		}))
		r := h.must(Request{})
		if string(r.Payload) != thrown || r.FunctionError != "Unhandled" {
			t.Errorf("got %+v", r)
		}
	})
}

func TestHowAnInvocationCanFail(t *testing.T) {
	const id = "b1946ac9-2492-4234-8f5f-d41d8cd98f00"
	exit := func(exit sandbox.Exit) program {
		return func(p *process) { p.next(); p.stop(exit) }
	}
	for _, c := range []struct {
		name    string
		program program
		kind    string
		message string
		report  string
	}{
		{
			"it takes too long", func(p *process) { p.next(); p.hang() },
			"Sandbox.Timedout", "RequestId: " + id + " Error: Task timed out after 3.00 seconds", "Status: timeout",
		},
		{
			"it exits with a status", exit(sandbox.Exit{Code: 3}),
			"Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited with error: exit status 3",
			"Status: error\tError Type: Runtime.ExitError",
		},
		{
			"it exits without one", exit(sandbox.Exit{}),
			"Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited without providing a reason",
			"Status: error\tError Type: Runtime.ExitError",
		},
		{
			"a signal ends it", exit(sandbox.Exit{Code: -1, Signal: "SIGSEGV"}),
			"Runtime.ExitError", "RequestId: " + id + " Error: Runtime exited with error: signal: segmentation fault",
			"Status: error\tError Type: Runtime.ExitError",
		},
		{
			"it needs too much memory", exit(sandbox.Exit{Code: -1, Signal: "SIGKILL", OutOfMemory: true}),
			"Runtime.OutOfMemory", "RequestId: " + id + " Error: Runtime exited with error: signal: killed",
			"Status: error\tError Type: Runtime.OutOfMemory",
		},
		{
			"its answer is too large", once(func(p *process, e fakeEvent) {
				w := p.respond(e.id, strings.Repeat("x", 6291556+1))
				if w.Code != http.StatusRequestEntityTooLarge {
					p.print("not refused")
				}
			}),
			"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
			"Status: error\tError Type: Function.ResponseSizeTooLarge",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, c.program)
				r := h.must(Request{ID: id, LogTail: true})
				want, _ := json.Marshal(struct {
					T string `json:"errorType"`
					M string `json:"errorMessage"`
				}{c.kind, c.message})
				if string(r.Payload) != string(want) {
					t.Errorf("the payload is\n%s, want\n%s", r.Payload, want)
				}
				if r.FunctionError != "Unhandled" {
					t.Errorf("the function error is %q, want Unhandled", r.FunctionError)
				}
				if !strings.HasSuffix(strings.TrimSpace(string(r.LogTail)), c.report) {
					t.Errorf("the log does not end in %q:\n%s", c.report, r.LogTail)
				}
				if strings.Contains(string(r.LogTail), "not refused") {
					t.Error("the runtime was not told that its answer is too large")
				}
			})
		})
	}
}

func TestAProgramThatCannotBeExecutedIsAnInvalidEntrypoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.stop(sandbox.Exit{Code: -1, StartError: "fork/exec /var/task/bootstrap: permission denied"})
		})
		r := h.must(Request{ID: "id"})
		want := `{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: id Error: fork/exec /var/task/bootstrap: permission denied"}`
		if string(r.Payload) != want {
			t.Errorf("the payload is %s, want %s", r.Payload, want)
		}
	})
}

func TestAFailedInitialisationIsTriedAgainOnTheInvocationsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		h := newHouse(t, func(p *process) {
			p.sleep(100 * time.Millisecond)
			if tries.Add(1) == 1 {
				p.failInit("Runtime.ImportModuleError", `{"errorType":"Runtime.ImportModuleError"}`)
				p.stop(sandbox.Exit{Code: 1})
			}
			echo(p)
		})
		r := h.must(Request{Payload: []byte("1")})
		if string(r.Payload) != "1" || r.FunctionError != "" {
			t.Errorf("got %+v, want an answer of the second instance", r)
		}
		if r.Duration != 100*time.Millisecond {
			t.Errorf("the invocation took %s, want 100ms: the second initialisation is on its time", r.Duration)
		}
		if want := "INIT_REPORT Init Duration: 100.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError"; !slices.Contains(h.logs.lines(), want) {
			t.Errorf("the log lacks %q:\n%s", want, h.logs.text())
		}
	})
}

func TestAnInitialisationThatFailsTwiceIsTheInvocationsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const said = `{"errorType":"Runtime.ImportModuleError","errorMessage":"no module","stackTrace":[]}`
		h := newHouse(t, func(p *process) {
			p.failInit("Runtime.ImportModuleError", said)
			p.stop(sandbox.Exit{Code: 1})
		})
		r := h.must(Request{ID: "id", LogTail: true})
		if string(r.Payload) != said || r.FunctionError != "Unhandled" {
			t.Errorf("got %s %q", r.Payload, r.FunctionError)
		}
		if n := h.sandbox.started.Load(); n != 2 {
			t.Errorf("it was tried %d times, want 2", n)
		}
		want := []string{
			"INIT_START Runtime Version: provided:fake",
			"INIT_REPORT Init Duration: 0.00 ms\tPhase: init\tStatus: error\tError Type: Runtime.ImportModuleError",
			"INIT_REPORT Init Duration: 0.00 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ImportModuleError",
			"START RequestId: id Version: $LATEST",
			"END RequestId: id",
			"REPORT RequestId: id\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tMax Memory Used: 42 MB\tStatus: error\tError Type: Runtime.ImportModuleError",
		}
		if got := h.logs.lines(); !slices.Equal(got, want) {
			t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func TestAnInitialisationThatNeverEndsTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) { p.hang() })
		start := time.Now()
		r := h.must(Request{ID: "id"})
		if took := time.Since(start); took != 13*time.Second {
			t.Errorf("it took %s, want the 10s of the first try and the 3s of the function's timeout", took)
		}
		want := `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: id Error: Task timed out after 3.00 seconds"}`
		if string(r.Payload) != want {
			t.Errorf("the payload is %s, want %s", r.Payload, want)
		}
		if !strings.Contains(h.logs.text(), "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n") {
			t.Errorf("the log is\n%s", h.logs.text())
		}
	})
}

func TestAnUnknownRuntimeIsAnInvalidRuntimeException(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.apply("shop", shop(changeCart(func(f *stack.Function) { f.Runtime = "cobol85" })))
		_, err := h.invoke(t.Context(), Request{})
		if e, ok := err.(*Error); !ok || e.Type != "InvalidRuntimeException" || e.Status != 502 {
			t.Errorf("the error is %v, want an InvalidRuntimeException", err)
		}
	})
}

func TestWhatTheRuntimeAPIRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		check := func(what string, w *httptest.ResponseRecorder, status int, kind string) {
			t.Helper()
			var body struct{ ErrorType, ErrorMessage string }
			err := json.Unmarshal(w.Body.Bytes(), &body)
			if w.Code != status || err != nil || body.ErrorType != kind || body.ErrorMessage == "" {
				t.Errorf("%s is answered with %d %s, want %d %s", what, w.Code, w.Body, status, kind)
			}
		}
		checked := make(chan struct{})
		h := newHouse(t, func(p *process) {
			defer close(checked)
			check("an answer before there was an event", p.respond("none", "1"), 400, "InvalidRequestID")
			e := p.next()
			check("an answer to another event", p.respond("other", "1"), 400, "InvalidRequestID")
			check("an error of another event", p.fail("other", "1"), 400, "InvalidRequestID")
			check("an initialisation's failure after it", p.failInit("Runtime.X", "1"), 403, "InvalidStateTransition")
			if again := p.next(); again.id != e.id {
				t.Errorf("asking again gives event %q, want %q", again.id, e.id)
			}
			p.respond(e.id, "1")
			check("a second answer", p.respond(e.id, "2"), 403, "InvalidStateTransition")
			check("an error after the answer", p.fail(e.id, "2"), 403, "InvalidStateTransition")
			if code := p.call(http.MethodDelete, "invocation/next", "").Code; code != http.StatusMethodNotAllowed {
				t.Errorf("DELETE is answered with %d, want 405", code)
			}
			if code := p.call(http.MethodGet, "secrets", "").Code; code != http.StatusNotFound {
				t.Errorf("an unknown path is answered with %d, want 404", code)
			}
		})
		if r := h.must(Request{}); string(r.Payload) != "1" {
			t.Errorf("the answer is %s, want the first", r.Payload)
		}
		<-checked
	})
}

func TestAnAnswerAfterTheTimeoutIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		code := make(chan int, 1)
		h := newHouse(t, func(p *process) {
			e := p.next()
			pass(5 * time.Second)
			p.killed = t.Context() // it does not notice that it was killed
			code <- p.respond(e.id, "1").Code
		})
		if r := h.must(Request{}); r.FunctionError == "" {
			t.Error("the invocation did not fail")
		}
		if got := <-code; got != http.StatusBadRequest && got != http.StatusForbidden {
			t.Errorf("the late answer got %d", got)
		}
	})
}

func TestOneAnswerIsReadAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, once(func(p *process, e fakeEvent) {
			r, w := io.Pipe()
			first := make(chan int, 1)
			go func() {
				request := httptest.NewRequest(http.MethodPost, apiPrefix+"invocation/"+e.id+"/response", r)
				first <- sandboxtest.Call(p.spec.RuntimeAPI, request).Code
			}()
			synctest.Wait()
			if code := p.respond(e.id, `"second"`).Code; code != http.StatusForbidden {
				t.Errorf("a second answer at the same time got %d, want 403", code)
			}
			_ = w.CloseWithError(io.ErrUnexpectedEOF)
			if code := <-first; code != http.StatusBadRequest {
				t.Errorf("an answer that breaks off got %d, want 400", code)
			}
			p.respond(e.id, `"third"`)
		}))
		if r := h.must(Request{}); string(r.Payload) != `"third"` {
			t.Errorf("the answer is %s, want the whole one", r.Payload)
		}
	})
}

func TestAnInstanceThatDoesNotComeBackIsEndedAtTheTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.respond(e.id, "1")
			p.hang()
		})
		if r := h.must(Request{}); string(r.Payload) != "1" || r.FunctionError != "" {
			t.Errorf("got %+v", r)
		}
		pass(3 * time.Second)
		synctest.Wait()
		if n := h.sandbox.running.Load(); n != 0 {
			t.Errorf("%d instances are there after the timeout, want none", n)
		}
	})
}

func TestABrokenPollIsReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			e := p.next()
			p.respond(e.id, "1")
			abandoned := make(chan int)
			go func() { abandoned <- p.call(http.MethodGet, "invocation/next", "").Code }()
			p.sleep(time.Millisecond)
			go func() {
				if code := <-abandoned; code != http.StatusForbidden {
					t.Errorf("the poll that was replaced got %d, want 403", code)
				}
			}()
			echo(p)
		})
		h.must(Request{})
		pass(2 * time.Millisecond)
		h.must(Request{})
	})
}

// FuzzRuntimeAPI lets an instance ask for whatever it likes: its invocation has
// exactly one outcome, and the next one runs.
func FuzzRuntimeAPI(f *testing.F) {
	f.Add("POST", "invocation/id/response", "{}", "")
	f.Add("POST", "invocation/id/error", `{"errorType":"x"}`, "Function.X")
	f.Add("POST", "init/error", "", "Runtime.ImportModuleError")
	f.Add("GET", "invocation/next", "", "")
	f.Add("GET", "invocation//response", "", "")
	f.Add("POST", "invocation/id/response/", "x", "")
	f.Fuzz(func(t *testing.T, method, path, body, kind string) {
		if method != http.MethodGet && method != http.MethodPost {
			method = http.MethodPost
		}
		synctest.Test(t, func(t *testing.T) {
			request := func(p *process) {
				r := httptest.NewRequestWithContext(p.killed, method, apiPrefix, strings.NewReader(body))
				r.URL.Path = apiPrefix + path
				r.Header["Lambda-Runtime-Function-Error-Type"] = []string{kind}
				sandboxtest.Call(p.spec.RuntimeAPI, r)
			}
			h := newHouse(t, func(p *process) {
				e := p.next()
				request(p)
				p.respond(e.id, `"end"`)
				echo(p)
			})
			r := h.must(Request{ID: "id"})
			if p := string(r.Payload); p != `"end"` && p != body {
				t.Errorf("the answer is %q", r.Payload)
			}
			if r := h.must(Request{Payload: []byte("2")}); string(r.Payload) != "2" {
				t.Errorf("the next answer is %q", r.Payload)
			}
		})
	})
}
