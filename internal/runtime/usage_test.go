package runtime_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// usage is what the version has used.
type usage struct {
	Version                        string
	Invocations, Errors, Throttles uint64
	BilledMS                       uint64 `json:"billed_ms"`
	BilledMBMS                     uint64 `json:"billed_mb_ms"`
}

func (n *node) usage() map[string]usage {
	n.t.Helper()
	var answer struct{ Usage []usage }
	n.must(n.Call(n.t.Context(), http.MethodGet, "/v1/usage?stack=demo&function=echo", nil, &answer))
	versions := map[string]usage{}
	for _, u := range answer.Usage {
		versions[u.Version] = u
	}
	return versions
}

// metric is the value of a series; -1 if there is none.
func (n *node) metric(series string) float64 {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, n.Endpoint+"/metrics", nil)
	n.must(err)
	request.Header.Set("Authorization", "Bearer "+n.Token)
	response, err := http.DefaultClient.Do(request)
	n.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	n.must(err)
	_, rest, found := strings.Cut(string(text), "\n"+series+" ")
	value := -1.0
	if found {
		_, err := fmt.Sscan(rest, &value)
		n.must(err)
	}
	return value
}

const unwritten = "tidegate_usage_unwritten_invocations"

// written waits until a kill would lose no usage.
func (n *node) written() {
	n.t.Helper()
	wait(n.t, "the usage to be stored", func() bool {
		return n.metric(unwritten) == 0
	})
}

// What was counted up to the second before a kill is there afterwards, and nothing is
// counted twice.
func TestUsageSurvivesKills(t *testing.T) {
	n := startNode(t)
	s := echoStack(n, "one")
	f := s.Functions["echo"]
	f.Memory = 256
	s.Functions["echo"] = f
	n.deploy(s)
	var billed uint64
	for i := range 20 {
		got := n.invoke(t.Context(), "demo-echo:live", fmt.Sprintf(`{"fail":%t}`, i%4 == 0), "X-Amz-Log-Type", "Tail")
		_, report, found := strings.Cut(got.log, "Billed Duration: ")
		var ms uint64
		if _, err := fmt.Sscan(report, &ms); err != nil || !found {
			t.Fatalf("the log is %q: %v", got.log, err)
		}
		billed += ms
	}
	first := usage{"1", 20, 5, 0, billed, 256 * billed}
	if got := n.usage()["1"]; got != first {
		t.Errorf("the usage is %+v, want %+v", got, first)
	}
	seconds := n.metric(`tidegate_billed_gb_seconds_total{function="echo",stack="demo",version="1"}`)
	if want := float64(256*billed) / 1024 / 1000; math.Abs(seconds-want) > want/1e6 {
		t.Errorf("the metric of what is billed is %g, want %g", seconds, want)
	}
	n.written()
	n.must(n.Kill())
	n.must(n.Start(t.Context()))
	if got := n.usage()["1"]; got != first {
		t.Errorf("after a kill the usage is %+v, want %+v", got, first)
	}

	// Under load: at least what was stored just before, and at most what was sent.
	var sent, answered atomic.Uint64
	sent.Store(20)
	answered.Store(20)
	for range 3 {
		before := answered.Load()
		var load sync.WaitGroup
		var killed atomic.Bool
		enough := make(chan struct{})
		var once sync.Once
		for range 4 {
			load.Go(func() {
				for !killed.Load() {
					sent.Add(1)
					if n.invoke(t.Context(), "demo-echo:live", `{}`).status == http.StatusOK && answered.Add(1) > before+200 {
						once.Do(func() { close(enough) })
					}
				}
			})
		}
		<-enough
		stored := float64(answered.Load()) - n.metric(unwritten)
		n.must(n.Kill())
		killed.Store(true)
		load.Wait()
		n.must(n.Start(t.Context()))
		got := n.usage()["1"].Invocations
		if float64(got) < stored || got > sent.Load() {
			t.Errorf("after a kill under load %d invocations are counted: want from %g, which were stored, to the %d sent", got, stored, sent.Load())
		}
		n.invoke(t.Context(), "demo-echo:live", `{}`)
		n.written()
		if next := n.usage()["1"].Invocations; next != got+1 {
			t.Errorf("after one more %d are counted, want %d", next, got+1)
		}
		// What was lost is lost.
		sent.Store(got + 1)
		answered.Store(got + 1)
	}
}

func TestUsageIsReadByTheCommandLine(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "one"))
	n.invoke(t.Context(), "demo-echo:live", `{}`)
	text, err := n.CLI(t.Context(), "usage", "demo/echo").Output()
	n.must(err)
	if lines := strings.Split(string(text), "\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "demo/echo  1        1            0 ") {
		t.Errorf("it prints\n%s", text)
	}
	// A function that was removed has its usage still.
	n.deploy(stack.Stack{Name: "demo", Functions: map[string]stack.Function{"other": n.javascript(echo)}})
	text, err = n.CLI(t.Context(), "usage", "-o", "json").Output()
	n.must(err)
	var answer struct{ Usage []usage }
	n.must(json.Unmarshal(text, &answer))
	if len(answer.Usage) != 1 || answer.Usage[0].Version != "1" || answer.Usage[0].Invocations != 1 {
		t.Errorf("it prints\n%s", text)
	}
	for _, wrong := range []string{"demo/echo:1", "demo/", "a/b/c"} {
		if _, err := n.CLI(t.Context(), "usage", wrong).Output(); err == nil {
			t.Errorf("%q is taken for a function", wrong)
		}
	}
}
