package release_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// asking is the code of a hook that asks the test, and passes when it is answered.
const asking = `
import json, os, urllib.request

def handler(event, context):
    request = urllib.request.Request(os.environ["ASKS"], data=json.dumps(event).encode())
    with urllib.request.urlopen(request) as response:
        return response.read().decode()
`

// A hook runs hooks for the test, which wait until it lets them go on.
type hook struct {
	url string
	// asked gets a hook's candidate, passes lets one go on.
	asked  chan string
	passes chan struct{}
}

func newHook(t *testing.T) *hook {
	h := &hook{asked: make(chan string, 10), passes: make(chan struct{})}
	over := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var event struct {
			Functions map[string]struct{ Candidate string }
		}
		text, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(text, &event)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.asked <- event.Functions["f"].Candidate
		select {
		case <-h.passes:
		case <-r.Context().Done():
		case <-over:
		}
	}))
	listener, err := harness.ListenOutside()
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(func() {
		close(over)
		server.Close()
	})
	h.url = server.URL
	return h
}

// runs waits until a hook runs for the candidate.
func (h *hook) runs(b *bench, candidate int) {
	b.Helper()
	select {
	case got := <-h.asked:
		if got != fmt.Sprint(candidate) {
			b.Fatalf("a hook runs for candidate %s, want %d", got, candidate)
		}
	case <-time.After(patience):
		b.Fatalf("no hook ran for candidate %d", candidate)
	}
}

// pass lets the hook go on that runs.
func (h *hook) pass(b *bench) {
	b.Helper()
	select {
	case h.passes <- struct{}{}:
	case <-time.After(patience):
		b.Fatal("no hook waits to go on")
	}
}

// The phases in which something is killed, each the name of a stack that is in it.
const (
	before = "before"
	first  = "first"
	second = "second"
	after  = "after"
)

// Whichever is killed, in whichever phase of a release: it is gone on with from there,
// also by the next apply, and all that it does is done once.
func TestReleasesSurviveKillsInEveryPhase(t *testing.T) {
	t.Parallel()
	r := acctest.StartRuntime(t)
	b := newBench(t, r, r.Interpreter("python3."))
	hooks := map[string]*hook{before: newHook(t), after: newHook(t)}
	// A step waits for invocations of the candidate, so that the test says when it ends.
	steps := map[string]any{"strategy": "linear", "weight": 40, "interval": "1s", "gate": map[string]any{"min_invocations": 5}}
	stacks := map[string]definition{}
	for name, policy := range map[string]map[string]any{
		before: {"before": "check"}, first: steps, second: steps, after: {"after": "check"},
	} {
		d := definition{release: policy, code: map[string]string{"f": ""}}
		if h := hooks[name]; h != nil {
			d.code["check"] = asking
			d.environment = map[string]map[string]string{"check": {"ASKS": h.url}}
		}
		stacks[name] = d
	}
	version := 1
	write := func() {
		b.configure(with(stacks, func(_ string, d *definition) { d.code["f"] = answering(fmt.Sprint(version)) }))
	}
	write()
	b.succeeds(b.apply())

	for _, victims := range []struct{ provider, runtime bool }{{provider: true}, {runtime: true}, {true, true}} {
		version++
		n := version - 1
		write()
		run := b.apply()
		hooks[before].runs(b, version)
		hooks[after].runs(b, version)
		b.until(first, n, "at 40 %", weighs(40))
		b.until(second, n, "at 40 %", weighs(40))
		b.feed(second, version, weighs(80))

		if victims.provider {
			provider, ok := harness.Descendant(run.cmd.Process.Pid, "terraform-provi")
			if !ok {
				b.Fatal("Terraform has no provider")
			}
			if err := provider.Kill(); err != nil {
				b.Fatal(err)
			}
		}
		if victims.runtime {
			r.Kill()
			r.Start()
			// Nobody knows what became of the hooks.
			hooks[before].runs(b, version)
			hooks[after].runs(b, version)
		}
		for name, weight := range map[string]int{before: 0, first: 40, second: 80, after: 100} {
			if now := b.history(name)[0]; now.Ended() || now.Weight() != weight {
				b.Errorf("%+v was killed: release %d of stack %s is %s at %d %%, want it to be at %d %%", victims, n, name, now.Phase, now.Weight(), weight)
			}
		}
		if victims.provider {
			b.fails(run)
			run = b.apply()
		}
		hooks[before].pass(b)
		hooks[after].pass(b)
		b.feed(first, version, weighs(80))
		b.feed(first, version, release.Release.Ended)
		b.feed(second, version, release.Release.Ended)
		b.succeeds(run)
		b.terraform.EmptyPlan()

		for name, marks := range map[string]int{before: 2, first: 3, second: 3, after: 2} {
			all := b.history(name)
			if len(all) != n || all[0].Phase != release.Finished || changes(all[0]) != marks {
				b.Errorf("%+v was killed: stack %s has %d releases, the last %+v", victims, name, len(all), all[0])
			}
			f := b.read(name).Functions["f"]
			if len(f.Versions) != version || f.Version != version || f.Routing[version] != 100 {
				b.Errorf("%+v was killed: function f of stack %s is %+v", victims, name, f)
			}
		}
	}
	b.terraform.Destroy()
}

// changes are how often a release has moved on. That it waits for invocations is none, and
// is said once of a step at most.
func changes(r release.Release) int {
	n, awaits := 0, false
	for _, mark := range r.Trail {
		if wait := strings.HasPrefix(mark.What, "waits for "); !wait || awaits {
			n, awaits = n+1, false
		} else {
			awaits = true
		}
	}
	return n
}

// feed invokes a candidate until its release is as it should be.
func (b *bench) feed(name string, candidate int, is func(release.Release) bool) {
	b.Helper()
	b.wait(fmt.Sprintf("stack %s to go on", name), func() bool {
		path := fmt.Sprintf("/2015-03-31/functions/%s-f:%d/invocations", name, candidate)
		if err := b.runtime.Runtime.Call(b.Context(), http.MethodPost, path, map[string]any{}, nil); err != nil {
			b.Fatal(err)
		}
		return is(b.history(name)[0])
	})
}

// A kill may also come between two phases, and before or after all of them.
func TestReleasesSurviveKillsAtAnyMoment(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("the moments are random from seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := acctest.StartRuntime(t)
	b := newBench(t, r, r.Interpreter("python3."))
	const name = "shop"
	version := 1
	write := func() {
		text := answering(fmt.Sprint(version))
		b.configure(map[string]definition{name: {
			release: map[string]any{"strategy": "linear", "weight": 50, "interval": "1s", "before": "check", "after": "check"},
			code:    map[string]string{"f": text, "g": text, "check": text},
		}})
	}
	write()
	b.succeeds(b.apply())
	const usual = 4 * time.Second // about what an apply takes here when nothing is killed

	for range 2 {
		for _, victims := range []struct{ provider, runtime bool }{{provider: true}, {runtime: true}, {true, true}} {
			version++
			write()
			run := b.apply()
			moment := time.Duration(random.Int64N(int64(usual)))
			select {
			case err := <-run.err:
				run.err <- err
			case <-time.After(moment):
			}
			if victims.provider {
				if provider, ok := harness.Descendant(run.cmd.Process.Pid, "terraform-provi"); ok {
					if err := provider.Kill(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if victims.runtime {
				r.Kill()
				r.Start()
			}
			out, _ := b.ends(run) // It may have come to its end all the same.
			b.succeeds(b.apply())
			b.terraform.EmptyPlan()
			b.isAt(name, version, version)
			if all := b.history(name); len(all) != version-1 || all[0].Phase != release.Finished || len(all[0].Trail) != 4 {
				t.Errorf("there are %d releases, the last %+v", len(all), all[0])
			}
			if t.Failed() {
				t.Fatalf("%+v was killed after %v; terraform had printed:\n%s", victims, moment, out)
			}
		}
	}
}
