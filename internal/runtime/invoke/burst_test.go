package invoke

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// burst is how many requests come at once. Lambda starts as many instances in ten
// seconds at most.
const burst = 500

// burstOf sends them to a cold function, checks each answer, and returns how many
// instances were started.
func burstOf(n *realNode, check func(payload []byte, r Response) bool) (instances int) {
	n.t.Helper()
	var all sync.WaitGroup
	for i := range burst {
		all.Go(func() {
			payload, _ := json.Marshal(i)
			r, err := n.Invoke(n.t.Context(), Request{Function: "shop-cart", Qualifier: "live", Payload: payload})
			if err != nil || !check(payload, r) {
				n.t.Errorf("request %d: %s %q %v", i, r.Payload, r.FunctionError, err)
			}
		})
	}
	all.Wait()
	for e, err := range n.logs.Read(n.t.Context(), telemetry.Query{Stack: "shop"}) {
		if err != nil {
			n.t.Fatal(err)
		}
		if strings.HasPrefix(e.Line, "INIT_START ") {
			instances++
		}
	}
	return instances
}

func TestABurstOnAColdFunctionIsAnsweredWhole(t *testing.T) {
	for prefix, files := range map[string]map[string]string{
		"python3": {"app.py": "def handler(event, context): return event"},
		"nodejs":  {"app.js": "exports.handler = async (event) => event"},
	} {
		t.Run(prefix, func(t *testing.T) {
			n := newRealNode(t)
			n.deploy(n.runtime(prefix), "app.handler", files)
			begin := time.Now()
			instances := burstOf(n, func(payload []byte, r Response) bool { return bytes.Equal(r.Payload, payload) })
			t.Logf("%d requests at once took %v and %d instances", burst, time.Since(begin), instances)
			if instances < 1 || instances > burst {
				t.Errorf("%d instances were started for %d requests", instances, burst)
			}
		})
	}
}

func TestABurstOnAFunctionThatCannotStartFailsWhole(t *testing.T) {
	n := newRealNode(t)
	n.deploy(n.runtime("python3"), "app.handler", map[string]string{"app.py": "import nothing_of_the_sort"})
	begin := time.Now()
	burstOf(n, func(_ []byte, r Response) bool {
		return r.FunctionError == "Unhandled" && bytes.Contains(r.Payload, []byte("Runtime.ImportModuleError"))
	})
	t.Logf("%d failures took %v", burst, time.Since(begin))
}

func TestABurstOnAFunctionThatCannotStartTriesFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.sleep(100 * time.Millisecond)
			p.failInit("Runtime.ImportModuleError", `{"errorMessage":"no module"}`)
		})
		begin := time.Now()
		var all sync.WaitGroup
		for range burst {
			all.Go(func() {
				if r := h.must(Request{}); r.FunctionError == "" || string(r.Payload) != `{"errorMessage":"no module"}` {
					t.Errorf("got %q %s", r.FunctionError, r.Payload)
				}
			})
		}
		all.Wait()
		turns := cap(h.turns)
		if n := int(h.sandbox.started.Load()); n > 3*turns { // a turn may go on before who saw it fail has asked again
			t.Errorf("it was tried %d times, with %d turns at once", n, turns)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v to say so", took)
		}
		if ends := strings.Count(h.logs.text(), "\nREPORT RequestId: "); ends != burst {
			t.Errorf("the log has the ends of %d requests, want %d", ends, burst)
		}
	})
}

func TestABurstOnAFunctionThatOftenCannotStartIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		var mu sync.Mutex
		starts := 0
		h.sandbox.program = func() program {
			mu.Lock()
			defer mu.Unlock()
			if starts++; starts%3 == 0 {
				return busy(time.Millisecond)
			}
			return func(p *process) { p.sleep(100 * time.Millisecond); p.failInit("Error", `{}`) }
		}
		failed := 0
		var all sync.WaitGroup
		for range burst {
			all.Go(func() {
				if r := h.must(Request{}); r.FunctionError != "" {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			})
		}
		all.Wait()
		// Only those who saw two starts fail themselves: the living serve the rest.
		if failed > cap(h.turns) {
			t.Errorf("%d of %d requests failed", failed, burst)
		}
	})
}

func TestABurstIsServedInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, nil)
		started := 0
		h.sandbox.program = func() program {
			if started++; started > 1 {
				return func(p *process) { p.sleep(time.Second); p.next() } // never in time
			}
			return busy(time.Millisecond)
		}
		var mu sync.Mutex
		var order []int
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				h.must(Request{})
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
			})
			synctest.Wait()
		}
		all.Wait()
		for at, i := range order {
			if at != i {
				t.Fatalf("requests were served in the order %v", order)
			}
		}
	})
}

func TestAProvisionedInstanceIsThereBeforeItsRequestAndAfterTheDeathOfAnother(t *testing.T) {
	n := newRealNode(t)
	sha := n.upload(map[string]string{"app.py": `
import os
def handler(event, context):
    if event.get("exit"): os._exit(1)
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
`})
	rec := shop(changeCart(func(f *stack.Function) {
		f.Runtime, f.Handler, f.CodeSHA256, f.Concurrency.Provisioned = n.runtime("python3"), "app.handler", sha, 1
	}))
	rec.Functions["cart"].Versions[0].Config = rec.Stack.Functions["cart"].Config
	if err := n.OnChange(t.Context(), nil, rec); err != nil {
		t.Fatal(err)
	}
	_, p, _, notFound := n.runner.lookUp("shop-cart", "live")
	if notFound != nil {
		t.Fatal(notFound)
	}
	idle := func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.idle) == 1
	}
	for range 3 {
		eventually(t, "an instance is ready", idle)
		r := n.invoke(`{}`)
		if string(r.Payload) != `"provisioned-concurrency"` || !r.Init.Provisioned {
			t.Errorf("%s was answered by an instance that came so: %+v", r.Payload, r.Init)
		}
		eventually(t, "the instance is ready again", idle)
		if r := n.invoke(`{"exit": true}`); r.FunctionError == "" {
			t.Error("the function did not exit")
		}
	}
}
