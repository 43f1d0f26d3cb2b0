package invoke

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// cartLineage is the key of function shop-cart in lineages.
var cartLineage = lineageKey(stack.FunctionARN("shop", "cart"))

func TestALineageIsReadAsItIsWritten(t *testing.T) {
	for header, want := range map[string]string{
		"":                                      "",
		"Root=1-2-3":                            "Root=1-2-3",
		"Root=1;Lineage=00000001:3":             "Root=1;Lineage=00000001:3",
		"Lineage=00000001:3;Root=1":             "Root=1;Lineage=00000001:3",
		"Root=1;Lineage=00000001:3|0000000a:16": "Root=1;Lineage=00000001:3|0000000a:16",
		"Root=1;Lineage=00000001:3|00000001:5":  "Root=1;Lineage=00000001:5",
		"Root=1;Lineage=xyz:3|00000001:0|00000002:x|00000003:-1|00000004:99999": "Root=1",
		"Root=1;Lineage=": "Root=1",
	} {
		if got := MergeTraces(header); got != want {
			t.Errorf("%q is read as %q, want %q", header, got, want)
		}
	}
	if got := MergeTraces("", "Root=1;Lineage=00000001:3", "Root=2;Lineage=00000001:2|00000002:7"); got != "Lineage=00000001:3|00000002:7" {
		t.Errorf("merged they are %q", got)
	}
}

func TestALineageForgetsTheLeastFrequent(t *testing.T) {
	header := "Root=1"
	for i := range 3 * maxLineage {
		f := &function{lineage: lineageKey(string(rune('a' + i)))}
		header = f.descend(header)
	}
	looping := &function{lineage: cartLineage}
	for i := range maxRecursion {
		if looping.loops(header) {
			t.Fatalf("it is a loop after %d invocations", i)
		}
		header = looping.descend(header)
	}
	if !looping.loops(header) || len(header) > 300 {
		t.Errorf("it is no loop: %s", header)
	}
}

func FuzzMergeTraces(f *testing.F) {
	f.Add("Root=1-2-3;Parent=a;Sampled=0;Lineage=00000001:3|00000002:4", "Lineage=;;=")
	f.Fuzz(func(t *testing.T, a, b string) {
		merged := MergeTraces(a, b)
		if again := MergeTraces(merged); again != merged {
			t.Errorf("%q becomes %q", merged, again)
		}
		if _, lineage := cutLineage(merged); len(lineage) > maxLineage {
			t.Errorf("the lineage has %d functions", len(lineage))
		}
	})
}

// A function that calls itself, whether it passes the trace on or not, is stopped
// when it has run sixteen times.
func TestAFunctionThatCallsItselfIsStopped(t *testing.T) {
	for name, cooperating := range map[string]bool{"with the trace": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var h *house
				refused := make(chan error, 1)
				ran := 0
				h = newHouse(t, func(p *process) {
					e := p.next()
					ran++
					r := httptest.NewRequest(http.MethodPost, "/", nil)
					if cooperating {
						r.Header.Set("X-Amzn-Trace-Id", e.header.Get("Lambda-Runtime-Trace-Id"))
						h.ingress().ServeHTTP(httptest.NewRecorder(), r)
					} else {
						p.spec.Ingress.Handler.ServeHTTP(httptest.NewRecorder(), r)
					}
					p.respond(e.id, "null")
					p.next()
				}, func(o *Options) {
					o.Ingress = &sandbox.Ingress{Port: 7421, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						if _, err := h.invoke(t.Context(), Request{TraceID: r.Header.Get("X-Amzn-Trace-Id")}); err != nil {
							refused <- err
						}
					})}
				})
				h.must(Request{})
				var e *Error
				if err := <-refused; !errors.As(err, &e) || e.Status != 400 || e.Type != "RecursiveInvocationException" {
					t.Errorf("got %v", err)
				}
				if ran != maxRecursion {
					t.Errorf("it ran %d times", ran)
				}
			})
		})
	}
}

// ingress is the node's listener, where nobody knows who calls.
func (h *house) ingress() http.Handler { return h.opts.Ingress.Handler }

func TestAnInstanceSaysOfItsRequestsWhatLedToThem(t *testing.T) {
	var got []string
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.Header.Get("X-Amzn-Trace-Id")) })
	i := newInstance("a", 128, nil, nil)
	ask := func(header string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if header != "" {
			r.Header.Set("X-Amzn-Trace-Id", header)
		}
		i.tracing(next).ServeHTTP(httptest.NewRecorder(), r)
	}
	ask("") // before its first event
	i.trace = "Root=1-a-b;Lineage=00000001:3"
	ask("")
	ask("Root=1-c-d;Parent=e")
	ask("Root=1-c-d;Lineage=00000001:1|00000002:2")
	want := []string{
		"", "Root=1-a-b;Lineage=00000001:3", "Root=1-c-d;Parent=e;Lineage=00000001:3", "Root=1-c-d;Lineage=00000001:3|00000002:2",
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("the traces are\n%q, want\n%q", got, want)
	}
}

func TestAnEventOfALoopGoesToItsDestination(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo).start(shop(changeCart(withDestinations)))
	loop := "Root=1;Lineage=" + cartLineage + ":16"
	n.async(Request{ID: "id", Qualifier: "live", Payload: []byte(`{"n":1}`), TraceID: loop, DeadLetter: "arn:aws:sqs:open-1:000000000000:letters"})
	n.drained()
	records := n.queues.all()
	if len(records) != 2 || records[0].arn != onFailure || !strings.Contains(records[0].body, `"condition":"RecursiveInvocation"`) ||
		!strings.Contains(records[0].body, `"approximateInvokeCount":0`) || !strings.Contains(records[0].trace, cartLineage+":17") {
		t.Errorf("the records are %+v", records)
	}
	if n.sandbox.started.Load() != 0 {
		t.Error("the function ran")
	}
	n.async(Request{Payload: []byte(`{"n":1}`), TraceID: "Root=1;Lineage=" + cartLineage + ":15"})
	n.drained()
	if n.sandbox.started.Load() != 1 {
		t.Error("the function did not run for the sixteenth time")
	}
}
