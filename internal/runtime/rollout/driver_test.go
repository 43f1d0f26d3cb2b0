package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/deploy"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A world is one stack's record, a lease, and what functions and observers answer. The
// nodes that drive in it come and go.
type world struct {
	t *testing.T

	mu     sync.Mutex
	record *store.Record
	nodes  []*Driver
	// history of what "live" of f was, each routing once.
	history []stack.Routing
	lease   chan struct{}

	// hook answers invocations, nil with success; invoked are their events.
	hook    func(ctx context.Context, n int) (invoke.Response, error)
	invoked []invoke.Request
	// seen by step.
	seen    func(r release.Release) (release.Seen, error)
	watched []release.Release
	forgot  int
	// meanwhile, if not nil, is what happens just before the next write.
	meanwhile func()
	// refusals of the store that are to come.
	refusals []error
	// lag is how much later than a write the nodes are told.
	lag time.Duration
}

func newWorld(t *testing.T) *world { return &world{t: t, lease: make(chan struct{}, 1)} }

// node starts a node, which knows what there is.
func (w *world) node() *Driver {
	d := New(Options{
		Put: w.put, Invoker: w, Observer: w,
		Lease: w.take,
		Log:   slog.New(slog.NewTextHandler(w.t.Output(), nil)),
	})
	w.mu.Lock()
	w.nodes = append(w.nodes, d)
	rec := w.record
	w.mu.Unlock()
	if rec != nil {
		_ = d.OnChange(w.t.Context(), nil, rec)
	}
	d.Start()
	return d
}

// kill ends a node. What it wrote stays.
func (w *world) kill(d *Driver) {
	d.Close()
	w.mu.Lock()
	w.nodes = slices.DeleteFunc(w.nodes, func(n *Driver) bool { return n == d })
	w.mu.Unlock()
}

func (w *world) put(_ context.Context, r *store.Record) (uint64, error) {
	w.mu.Lock()
	meanwhile := w.meanwhile
	w.meanwhile = nil
	w.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	w.mu.Lock()
	old := w.record
	if len(w.refusals) > 0 {
		err := w.refusals[0]
		w.refusals = w.refusals[1:]
		w.mu.Unlock()
		return 0, err
	}
	if old != nil && r.Revision != old.Revision {
		w.mu.Unlock()
		return 0, store.ErrConflict
	}
	next := r.Clone()
	next.Revision++
	w.record = next
	if f := next.Functions["f"]; f != nil && (len(w.history) == 0 || !maps.Equal(w.history[len(w.history)-1], f.Live)) {
		w.history = append(w.history, f.Live)
	}
	nodes, lag := slices.Clone(w.nodes), w.lag
	w.mu.Unlock()
	tell := func() {
		for _, d := range nodes {
			told := next
			if next.Deleted {
				told = nil
			}
			_ = d.OnChange(context.Background(), old, told)
		}
	}
	if lag > 0 {
		time.AfterFunc(lag, tell)
	} else {
		tell()
	}
	return next.Revision, nil
}

type fakeLease struct {
	slot chan struct{}
	lost chan struct{}
}

func (l *fakeLease) Lost() <-chan struct{} { return l.lost }
func (l *fakeLease) Release()              { <-l.slot }

func (w *world) take(ctx context.Context, name string) (Lease, error) {
	if name != "releases/shop" {
		return nil, fmt.Errorf("a lease called %q", name)
	}
	select {
	case w.lease <- struct{}{}:
		return &fakeLease{w.lease, make(chan struct{})}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *world) Invoke(ctx context.Context, r invoke.Request) (invoke.Response, error) {
	w.mu.Lock()
	w.invoked = append(w.invoked, r)
	n, hook := len(w.invoked), w.hook
	w.mu.Unlock()
	if hook == nil {
		return invoke.Response{Payload: []byte("null")}, nil
	}
	return hook(ctx, n)
}

func (w *world) InvokeAsync(context.Context, invoke.Request) error { return errors.New("not here") }

func (w *world) Watch(_, _ string, r release.Release) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.watched = append(w.watched, r)
}

func (w *world) Forget(string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forgot++
}

func (w *world) Seen(_ context.Context, _ string, r release.Release) (release.Seen, error) {
	if w.seen == nil {
		return release.Seen{}, nil
	}
	return w.seen(r)
}

// shop is a stack with the functions f and g, and the hooks smoke and verify.
func shop(policy stack.Release, f, g string) stack.Stack {
	s := stack.Stack{Name: "shop", Release: &policy, Functions: map[string]stack.Function{}}
	for name, code := range map[string]string{"f": f, "g": g, "smoke": "A", "verify": "A"} {
		fn := stack.NewFunction()
		fn.CodeSHA256, fn.Runtime, fn.Handler = code, "python3.13", "app.handler"
		s.Functions[name] = fn
	}
	return s
}

// deploy deploys a stack.
func (w *world) deploy(s stack.Stack) {
	w.t.Helper()
	next, _, err := deploy.Deploy(w.now(), s, "ada@laptop", time.Now().UTC(), func(string) int64 { return 1 })
	w.must(err)
	_, err = w.put(w.t.Context(), next)
	w.must(err)
}

func (w *world) steer(c release.Command) {
	w.t.Helper()
	next, _, err := deploy.Steer(w.now(), c, "bob", time.Now().UTC())
	w.must(err)
	_, err = w.put(w.t.Context(), next)
	w.must(err)
}

func (w *world) now() *store.Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.record
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// at checks where the release is.
func (w *world) at(phase release.Phase, weight int) {
	w.t.Helper()
	synctest.Wait()
	r := w.now().Release
	if r == nil {
		w.t.Fatalf("no release is under way; want %s at %d %%; it ended: %s", phase, weight, w.last())
	}
	if r.Phase != phase || r.Weight() != weight {
		w.t.Fatalf("the release is in phase %s at %d %%, want %s at %d %%", r.Phase, r.Weight(), phase, weight)
	}
}

// ended checks how the release ended, and that f and g are at these versions.
func (w *world) ended(phase release.Phase, f, g int) {
	w.t.Helper()
	synctest.Wait()
	rec := w.now()
	if rec.Release != nil || len(rec.Releases) == 0 || rec.Releases[0].Phase != phase {
		w.t.Fatalf("the release has not ended %s: %+v %+v", phase, rec.Release, rec.Releases)
	}
	for name, version := range map[string]int{"f": f, "g": g} {
		if got := rec.Functions[name].Live; !maps.Equal(got, stack.RouteTo(version)) {
			w.t.Errorf("%s is at %v, want version %d", name, got, version)
		}
	}
}

func (w *world) last() string {
	if rec := w.now(); len(rec.Releases) > 0 {
		return rec.Releases[0].Status().What
	}
	return ""
}

// run is a test of a world with one node, in which version 1 of all is live, and the
// release of another version of f and g has begun.
func run(t *testing.T, policy stack.Release, test func(w *world), before ...func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, f := range before {
			f(w)
		}
		w.node()
		w.deploy(shop(policy, "A", "A"))
		w.history = nil
		w.deploy(shop(policy, "B", "B"))
		test(w)
		for _, d := range slices.Clone(w.nodes) {
			w.kill(d)
		}
	})
}

func policy(strategy string, weight int) stack.Release {
	p := stack.Release{Strategy: strategy, Weight: weight}
	if strategy != stack.AllAtOnce {
		p.Interval = stack.Duration(time.Minute)
	}
	return p
}

func TestEachStrategyGoesItsWayToTheEnd(t *testing.T) {
	for strategy, want := range map[string][]stack.Routing{
		stack.AllAtOnce: {{2: 100}},
		stack.Canary:    {{1: 75, 2: 25}, {2: 100}},
		stack.Linear:    {{1: 75, 2: 25}, {1: 50, 2: 50}, {1: 25, 2: 75}, {2: 100}},
		stack.BlueGreen: {{2: 100}},
	} {
		t.Run(strategy, func(t *testing.T) {
			weight := 25
			if strategy == stack.AllAtOnce || strategy == stack.BlueGreen {
				weight = 0
			}
			run(t, policy(strategy, weight), func(w *world) {
				for range policy(strategy, weight).Steps() {
					w.at(release.Shifting, w.now().Functions["f"].Live[2])
					pass(time.Minute)
					synctest.Wait()
				}
				w.ended(release.Finished, 2, 2)
				if !slices.EqualFunc(w.history, want, maps.Equal) {
					t.Errorf("the alias was %v, want %v", w.history, want)
				}
				if w.now().Stack.Functions["f"].CodeSHA256 != "B" {
					t.Error("the stack is what it was")
				}
				if strategy != stack.AllAtOnce && w.forgot != 1 {
					t.Errorf("forgotten %d times", w.forgot)
				}
			})
		})
	}
}

// pass lets time go by.
func pass(d time.Duration) { time.Sleep(d) }

func TestAGateThatFailsRollsBackAllFunctions(t *testing.T) {
	p := policy(stack.Canary, 10)
	limit := 0.01
	p.Gate = &stack.Gate{MaxErrorRate: &limit}
	run(t, p, func(w *world) {
		w.at(release.Shifting, 10)
		pass(2 * time.Second)
		w.ended(release.RolledBack, 1, 1)
		if want := "rolled back: at 10 % the candidate version 2 of function \"g\" failed in 30 of 100 (30 %)"; !strings.HasPrefix(w.last(), want) {
			t.Errorf("it ended because %q, want %q", w.last(), want)
		}
		if w.now().Stack.Functions["f"].CodeSHA256 != "A" {
			t.Error("the stack is not what it was")
		}
	}, func(w *world) {
		w.seen = func(release.Release) (release.Seen, error) {
			return release.Seen{Functions: map[string]release.Sides{
				"f": {Candidate: release.Counts{Invocations: 100}, Stable: release.Counts{Invocations: 1000}},
				"g": {Candidate: release.Counts{Invocations: 100, Errors: 30}, Stable: release.Counts{Invocations: 1000}},
			}}, nil
		}
	})
}

func TestAGateOfWhichNothingIsKnownWaits(t *testing.T) {
	p := policy(stack.Canary, 10)
	limit := 0.01
	p.Gate = &stack.Gate{MaxErrorRate: &limit}
	var known atomic.Bool
	run(t, p, func(w *world) {
		pass(time.Hour)
		w.at(release.Shifting, 10)
		known.Store(true)
		pass(2 * time.Second)
		w.ended(release.Finished, 2, 2)
	}, func(w *world) {
		w.seen = func(release.Release) (release.Seen, error) {
			if !known.Load() {
				return release.Seen{}, errors.New("no answer")
			}
			return release.Seen{}, nil
		}
	})
}

// A step that waits for invocations says so once, whoever drives it, and its counts go on.
func TestAStepThatWaitsForInvocationsSaysSoOnce(t *testing.T) {
	p := policy(stack.Canary, 10)
	p.Gate = &stack.Gate{MinInvocations: 50}
	var invocations atomic.Int64
	invocations.Store(12)
	run(t, p, func(w *world) {
		began := w.now().Release.Since
		pass(time.Minute + 10*time.Second)
		w.at(release.Shifting, 10)
		revision := w.now().Revision
		w.kill(w.nodes[0])
		w.node()
		pass(10 * time.Minute)
		w.at(release.Shifting, 10)
		r := w.now().Release
		if want := "waits for 50 invocations of the candidates, 12 so far, until "; len(r.Trail) != 2 || !strings.HasPrefix(r.Trail[1].What, want) || r.Since != began {
			t.Errorf("it is %+v, want %q", r, want)
		}
		if got := w.now().Revision; got != revision {
			t.Errorf("while it waited, the record was written %d times", got-revision)
		}
		invocations.Store(50)
		pass(2 * time.Second)
		w.ended(release.Finished, 2, 2)
	}, func(w *world) {
		w.seen = func(release.Release) (release.Seen, error) {
			return release.Seen{Functions: map[string]release.Sides{"f": {Candidate: release.Counts{Invocations: int(invocations.Load())}}}}, nil
		}
	})
}

func TestHooksRunAgainstTheCandidates(t *testing.T) {
	p := policy(stack.Canary, 10)
	p.Before, p.After = "smoke", "verify"
	run(t, p, func(w *world) {
		w.at(release.Shifting, 10)
		pass(time.Minute)
		w.ended(release.Finished, 2, 2)
		if len(w.invoked) != 2 {
			t.Fatalf("%d hooks ran: %+v", len(w.invoked), w.invoked)
		}
		for i, name := range []string{"smoke", "verify"} {
			if got := w.invoked[i]; got.Function != "shop-"+name || got.Qualifier != "1" || got.Source != "release" {
				t.Errorf("the hook is %+v", got)
			}
		}
		var event, want any
		text := fmt.Sprintf(`{"release": %q, "stack": "shop", "phase": "before", "functions": {
			"f": {"function": "shop-f", "candidate": "2", "stable": "1", "arn": "arn:aws:lambda:open-1:000000000000:function:shop-f:2"},
			"g": {"function": "shop-g", "candidate": "2", "stable": "1", "arn": "arn:aws:lambda:open-1:000000000000:function:shop-g:2"}}}`,
			w.now().Releases[0].ID)
		w.must(json.Unmarshal(w.invoked[0].Payload, &event))
		w.must(json.Unmarshal([]byte(text), &want))
		if fmt.Sprint(event) != fmt.Sprint(want) {
			t.Errorf("the event is %v,\nwant %v", event, want)
		}
	})
}

func TestAHookOfANewFunctionAndOfAMovedOne(t *testing.T) {
	p := policy(stack.AllAtOnce, 0)
	p.Before, p.After = "new", "f"
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.node()
		old := shop(stack.Release{}, "A", "A")
		w.deploy(old)
		s := shop(p, "B", "A")
		s.Functions["new"] = s.Functions["smoke"]
		w.deploy(s)
		w.ended(release.Finished, 2, 1)
		if len(w.invoked) != 2 || w.invoked[0].Function != "shop-new" || w.invoked[0].Qualifier != "1" ||
			w.invoked[1].Function != "shop-f" || w.invoked[1].Qualifier != "2" {
			t.Fatalf("hooks %+v", w.invoked)
		}
		if !strings.Contains(string(w.invoked[0].Payload), `"new":{"function":"shop-new","candidate":"1","stable":null,`) {
			t.Errorf("the event is %s", w.invoked[0].Payload)
		}
		w.kill(w.nodes[0])
	})
}

func TestAHookThatFailsRollsBack(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for name, c := range map[string]struct {
		answer func(ctx context.Context, n int) (invoke.Response, error)
		want   string
		runs   int
	}{
		"an error": {
			func(context.Context, int) (invoke.Response, error) {
				return invoke.Response{FunctionError: "Unhandled", Payload: []byte("{\"errorMessage\":\n\"no shop\"}")}, nil
			},
			`rolled back: the function smoke that runs before the traffic moves: version 1 failed and returned {"errorMessage": "no shop"}`, 1,
		},
		"a long answer": {
			func(context.Context, int) (invoke.Response, error) {
				return invoke.Response{FunctionError: "Unhandled", Payload: []byte(long)}, nil
			},
			"version 1 failed and returned " + strings.Repeat("é", 512) + "…", 1,
		},
		"it is not there": {
			func(context.Context, int) (invoke.Response, error) {
				return invoke.Response{}, &invoke.Error{Status: 404, Type: "ResourceNotFoundException", Message: "Function not found: x"}
			},
			"version 1 cannot be invoked: ResourceNotFoundException: Function not found: x", 1,
		},
		"there is no room": {
			func(context.Context, int) (invoke.Response, error) {
				return invoke.Response{}, &invoke.Error{Status: 429, Type: "TooManyRequestsException", Message: "Rate Exceeded."}
			},
			"version 1 cannot be invoked: TooManyRequestsException: Rate Exceeded.", 61,
		},
		"no answer": {
			func(ctx context.Context, _ int) (invoke.Response, error) {
				<-ctx.Done()
				return invoke.Response{}, &invoke.Error{Status: 503, Type: "ServiceException", Message: "The caller stopped waiting."}
			},
			"version 1 did not answer within 3m3s", 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(stack.Canary, 10)
			p.Before = "smoke"
			run(t, p, func(w *world) {
				pass(10 * time.Minute)
				w.ended(release.RolledBack, 1, 1)
				if !strings.HasSuffix(w.last(), c.want) || len(w.invoked) != c.runs {
					t.Errorf("it ended because %q after %d runs, want %q after %d", w.last(), len(w.invoked), c.want, c.runs)
				}
				if len(w.history) > 0 && !maps.Equal(w.history[0], stack.RouteTo(1)) {
					t.Errorf("the alias was %v", w.history)
				}
			}, func(w *world) { w.hook = c.answer })
		})
	}
}

func TestAFailureHoldsWhereThatIsThePolicy(t *testing.T) {
	p := policy(stack.Linear, 50)
	p.After, p.OnFailure = "verify", stack.Hold
	run(t, p, func(w *world) {
		pass(time.Minute)
		w.at(release.After, 100)
		if r := w.now().Release; r.Stopped != release.Held {
			t.Fatalf("it is %q", r.Stopped)
		}
		pass(time.Hour)
		w.at(release.After, 100)
		w.steer(release.CommandResume)
		w.ended(release.Finished, 2, 2)
		if len(w.invoked) != 2 {
			t.Errorf("the hook ran %d times", len(w.invoked))
		}
	}, func(w *world) {
		w.hook = func(_ context.Context, n int) (invoke.Response, error) {
			if n == 1 {
				return invoke.Response{FunctionError: "Unhandled"}, nil
			}
			return invoke.Response{}, nil
		}
	})
}

func TestCommandsAreObeyedAtOnce(t *testing.T) {
	run(t, policy(stack.Linear, 50), func(w *world) {
		w.at(release.Shifting, 50)
		w.steer(release.CommandPause)
		pass(time.Hour)
		w.at(release.Shifting, 50)
		w.steer(release.CommandResume)
		pass(30 * time.Second)
		w.at(release.Shifting, 50)
		pass(30 * time.Second)
		w.ended(release.Finished, 2, 2)
	})
	run(t, policy(stack.Linear, 10), func(w *world) {
		w.at(release.Shifting, 10)
		w.steer(release.CommandPromote)
		w.ended(release.Finished, 2, 2)
	})
	run(t, policy(stack.BlueGreen, 0), func(w *world) {
		w.at(release.Shifting, 100)
		w.steer(release.CommandAbort)
		w.ended(release.RolledBack, 1, 1)
	})
}

// A person is heard before a step that was decided and not yet taken.
func TestACommandComesBeforeADecision(t *testing.T) {
	for command, at := range map[release.Command]stack.Routing{
		release.CommandPause: {1: 50, 2: 50}, release.CommandAbort: stack.RouteTo(1),
	} {
		run(t, policy(stack.Linear, 50), func(w *world) {
			w.at(release.Shifting, 50)
			w.mu.Lock()
			w.meanwhile = func() { w.steer(command) }
			w.mu.Unlock()
			pass(time.Hour)
			synctest.Wait()
			if got := w.now().Functions["f"].Live; !maps.Equal(got, at) {
				t.Errorf("after the command to %s f is at %v, want %v", command, got, at)
			}
		})
	}
}

// What a hook answers that somebody has aborted meanwhile is nothing.
func TestAnAbortEndsAHook(t *testing.T) {
	p := policy(stack.Canary, 10)
	p.Before = "smoke"
	var cancelled error
	run(t, p, func(w *world) {
		w.at(release.Before, 0)
		w.steer(release.CommandAbort)
		w.ended(release.RolledBack, 1, 1)
		if cancelled == nil || w.last() != "aborted by bob" {
			t.Errorf("the hook ended with %v, the release because %q", cancelled, w.last())
		}
	}, func(w *world) {
		w.hook = func(ctx context.Context, _ int) (invoke.Response, error) {
			<-ctx.Done()
			cancelled = ctx.Err()
			return invoke.Response{}, ctx.Err()
		}
	})
}

// A change that has nothing to do with the release leaves a hook running.
func TestAHookGoesOnWhileTheRecordChanges(t *testing.T) {
	p := policy(stack.AllAtOnce, 0)
	p.Before = "smoke"
	run(t, p, func(w *world) {
		w.at(release.Before, 0)
		joined := shop(policy(stack.Canary, 10), "B", "B")
		w.deploy(joined)
		pass(time.Minute)
		w.ended(release.Finished, 2, 2)
		if len(w.invoked) != 1 || w.now().Stack.Release.Strategy != stack.Canary {
			t.Errorf("the hook ran %d times, and the policy is %v", len(w.invoked), w.now().Stack.Release)
		}
	}, func(w *world) {
		w.hook = func(ctx context.Context, _ int) (invoke.Response, error) {
			if !pauseTest(ctx, 30*time.Second) {
				return invoke.Response{}, ctx.Err()
			}
			return invoke.Response{}, nil
		}
	})
}

func pauseTest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// Whenever a node ends, the next goes on from where the release is.
func TestAReleaseGoesOnAfterEachKill(t *testing.T) {
	p := policy(stack.Linear, 50)
	p.Before, p.After = "smoke", "verify"
	for _, kill := range []time.Duration{0, 5 * time.Second, 10 * time.Second, 40 * time.Second, 75 * time.Second, 85 * time.Second} {
		t.Run(kill.String(), func(t *testing.T) {
			run(t, p, func(w *world) {
				pass(kill)
				synctest.Wait()
				var before release.Release
				if r := w.now().Release; r != nil {
					before = *r
				}
				w.kill(w.nodes[0])
				pass(5 * time.Second)
				if r := w.now().Release; r != nil && r.Since != before.Since {
					t.Errorf("it went on with nobody to drive it: %+v", r)
				}
				w.node()
				if r := w.now().Release; r != nil && (r.Since != before.Since || r.Step != before.Step || r.Phase != before.Phase) {
					t.Errorf("it did not go on from where it was: %+v, was %+v", r, before)
				}
				pass(2 * time.Minute)
				w.ended(release.Finished, 2, 2)
				if want := []stack.Routing{{1: 100}, {1: 50, 2: 50}, {2: 100}}; !slices.EqualFunc(w.history, want, maps.Equal) {
					t.Errorf("the alias was %v, want %v", w.history, want)
				}
			}, func(w *world) {
				w.hook = func(ctx context.Context, _ int) (invoke.Response, error) {
					if !pauseTest(ctx, 10*time.Second) {
						return invoke.Response{}, &invoke.Error{Status: 503, Type: "ServiceException", Message: "closing"}
					}
					return invoke.Response{}, nil
				}
			})
		})
	}
}

// A store that refuses for a while, and is slow to tell, makes no hook run twice.
func TestARefusalOfTheStoreIsNoEnd(t *testing.T) {
	p := policy(stack.AllAtOnce, 0)
	p.Before = "smoke"
	run(t, p, func(w *world) {
		pass(time.Minute)
		w.ended(release.Finished, 2, 2)
		if len(w.invoked) != 1 {
			t.Errorf("the hook ran %d times", len(w.invoked))
		}
	}, func(w *world) {
		w.hook = func(context.Context, int) (invoke.Response, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lag = time.Second
			w.refusals = []error{errors.New("the disk is full"), store.ErrConflict, errors.New("the disk is full")}
			return invoke.Response{}, nil
		}
	})
}

func TestOneOfTwoNodesDrives(t *testing.T) {
	p := policy(stack.Canary, 10)
	p.Before = "smoke"
	run(t, p, func(w *world) {
		w.node()
		w.at(release.Shifting, 10)
		w.kill(w.nodes[0])
		pass(2 * time.Minute)
		w.ended(release.Finished, 2, 2)
		if len(w.invoked) != 1 || w.now().Revision != 4 {
			t.Errorf("the hook ran %d times, and there are %d revisions", len(w.invoked), w.now().Revision)
		}
	})
}

func TestADeletedStackIsDrivenNoMore(t *testing.T) {
	p := policy(stack.Canary, 10)
	run(t, p, func(w *world) {
		_, err := w.put(t.Context(), deploy.Tombstone(w.now()))
		w.must(err)
		pass(time.Hour)
		synctest.Wait()
		if w.now().Revision != 3 || w.forgot != 1 || len(w.lease) != 0 {
			t.Errorf("revision %d, forgotten %d times, %d leases held", w.now().Revision, w.forgot, len(w.lease))
		}
	})
}
