package invoke

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// tally of a version of cart.
func (h *house) tally(version int) *telemetry.Tally {
	return (&Service{opts: h.opts, runner: h.runner}).Tally("shop", "first", "cart", version)
}

// wantCounts checks a version's counts without durations.
func wantCounts(t *testing.T, tally *telemetry.Tally, invocations, failed, throttles uint64) {
	t.Helper()
	c := tally.Counts()
	if c.Invocations != invocations || c.Errors != failed || c.Throttles != throttles {
		t.Errorf("it counted %d invocations, %d errors and %d throttles, want %d, %d and %d",
			c.Invocations, c.Errors, c.Throttles, invocations, failed, throttles)
	}
	if n := tally.Running(); n != 0 {
		t.Errorf("%d are running when all is over", n)
	}
}

func TestEveryEndOfAnInvocationIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		program program
		// prepare breaks the house.
		prepare func(*house)
		// patience of the caller; 0 means endless.
		patience            time.Duration
		invocations, errors uint64
	}{
		"success": {program: echo, invocations: 1},
		"an error": {program: func(p *process) {
			p.fail(p.next().id, `{"errorType":"Error","errorMessage":"no"}`)
			p.hang()
		}, invocations: 1, errors: 1},
		"a timeout": {program: func(p *process) {
			p.next()
			p.hang()
		}, invocations: 1, errors: 1},
		"a crash": {program: func(p *process) {
			p.next()
			p.stop(sandbox.Exit{Code: 1})
		}, invocations: 1, errors: 1},
		"one that does not initialise": {program: func(p *process) {
			p.stop(sandbox.Exit{Code: 1})
		}, invocations: 1, errors: 1},
		"one that there is no instance for": {
			program: echo, prepare: func(h *house) { h.store.missing.Store(true) },
			invocations: 1, errors: 1,
		},
		"one whose caller stops waiting for an instance": {
			program: func(p *process) { p.hang() }, patience: time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, c.program)
				if c.prepare != nil {
					c.prepare(h)
				}
				ctx := t.Context()
				if c.patience > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.patience)
					defer cancel()
				}
				_, _ = h.invoke(ctx, Request{Qualifier: "live"})
				wantCounts(t, h.tally(1), c.invocations, c.errors, 0)
			})
		})
	}
}

// The first invocation waits for an instance that takes five seconds to initialise,
// the others find it.
func TestAColdStartIsNoPartOfTheDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			p.sleep(5 * time.Second)
			busy(time.Second)(p)
		})
		for range 10 {
			h.must(Request{Qualifier: "live"})
		}
		durations := h.tally(1).Counts().Durations
		if got, want := durations.Quantile(1), time.Second; got < want*95/100 || got > want*105/100 {
			t.Errorf("the longest took %s, want about %s", got, want)
		}
	})
}

func TestCountsAreTheExecutedVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.apply("shop", shop(func(rec *store.Record) {
			addVersion(rec, rec.Stack.Functions["cart"].Config)
			rec.Functions["cart"].Live = stack.RouteTo(2)
		}))
		for qualifier, n := range map[string]int{"": 1, "live": 2, "1": 3, "2": 4} {
			for range n {
				h.must(Request{Qualifier: qualifier})
			}
		}
		wantCounts(t, h.tally(1), 3, 0, 0)
		wantCounts(t, h.tally(2), 6, 0, 0)
		// They outlive a change of the record.
		h.apply("shop", shop(func(rec *store.Record) { addVersion(rec, rec.Stack.Functions["cart"].Config) }))
		wantCounts(t, h.tally(2), 6, 0, 0)
	})
}

func TestOnlyWhatExistsHasCounts(t *testing.T) {
	h := newHouse(t, echo)
	s := &Service{opts: h.opts, runner: h.runner}
	if s.Tally("shop", "first", "cart", 1) == nil {
		t.Error("version 1 has none")
	}
	for name, tally := range map[string]*telemetry.Tally{
		"another version":     s.Tally("shop", "first", "cart", 2),
		"another function":    s.Tally("shop", "first", "basket", 1),
		"another incarnation": s.Tally("shop", "second", "cart", 1),
		"another stack":       s.Tally("shoe", "first", "cart", 1),
	} {
		if tally != nil {
			t.Errorf("%s has a tally", name)
		}
	}
}

// A candidate that is 10 times slower fills the places, though it gets a tenth of the
// traffic: most of what is turned away is its doing, and is counted as its.
func TestThrottlesArePutDownToWhoHoldsThePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, mu := rand.New(rand.NewPCG(7, 7)), sync.Mutex{}
		random := func() float64 { // Many invoke at once.
			mu.Lock()
			defer mu.Unlock()
			return source.Float64()
		}
		h := newHouse(t, func(p *process) {
			took := 100 * time.Millisecond
			if p.spec.Env[1] == "SLOW=yes" {
				took = time.Second
			}
			busy(took)(p)
		}, func(o *Options) { o.Random = random })
		h.apply("shop", shop(func(rec *store.Record) {
			changeCart(reserve(10))(rec)
			fast := &rec.Functions["cart"].Versions[0]
			fast.Config.Environment = map[string]string{"SLOW": "no"}
			slow := fast.Config
			slow.Environment = map[string]string{"SLOW": "yes"}
			slow.Timeout = stack.Duration(time.Minute)
			addVersion(rec, slow)
			rec.Functions["cart"].Live = stack.Routing{1: 90, 2: 10}
		}))
		const invocations = 5000 // one every 20 ms
		refused := 0
		answers := make(chan error, invocations)
		for range invocations {
			go func() {
				_, err := h.invoke(t.Context(), Request{Qualifier: "live"})
				answers <- err
			}()
			pass(20 * time.Millisecond)
		}
		for range invocations {
			var e *Error
			if err := <-answers; errors.As(err, &e) && e.Throttled() {
				refused++
			}
		}
		stable, candidate := h.tally(1).Counts(), h.tally(2).Counts()
		if got := stable.Throttles + candidate.Throttles; got != uint64(refused) || refused == 0 {
			t.Errorf("%d throttles were counted, and %d invocations refused", got, refused)
		}
		rate := func(c telemetry.Counts) float64 {
			return float64(c.Throttles) / float64(c.Throttles+c.Invocations)
		}
		if rate(candidate) < 3*rate(stable) {
			t.Errorf("%.0f %% of the candidate's are throttled and %.0f %% of the stable version's, want far more",
				100*rate(candidate), 100*rate(stable))
		}
	})
}

// Of many throttles each version gets the share of the places that it holds, and none of
// them costs memory.
func TestOccupantsAreMetAsOftenAsTheyHoldPlaces(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	s := &settings{pools: map[string]*pool{}}
	held := map[string]int{"1": 6, "2": 3, "3": 1, stack.Latest: 0}
	for version := 4; version < 20; version++ {
		held[strconv.Itoa(version)] = 0
	}
	for name, places := range held {
		s.pools[name] = &pool{}
		for range places {
			s.pools[name].tally.Begin()
		}
	}
	met := map[*pool]int{}
	const throttles = 20_000
	for range throttles {
		met[s.occupant(random.Float64)]++
	}
	for name, places := range held {
		if want := throttles * places / 10; met[s.pools[name]] < want*95/100 || met[s.pools[name]] > want*105/100 {
			t.Errorf("version %s with %d of 10 places was met %d times of %d", name, places, met[s.pools[name]], throttles)
		}
	}
	if n := testing.AllocsPerRun(100, func() { s.occupant(random.Float64) }); n > 0 {
		t.Errorf("each allocates %g times", n)
	}
}

// While nothing of the function runs, a throttle is the version's that would have run.
func TestAThrottleWithoutOccupantsIsTheChosenVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.apply("shop", shop(func(rec *store.Record) {
			changeCart(reserve(0))(rec)
			addVersion(rec, rec.Stack.Functions["cart"].Config)
		}))
		for _, qualifier := range []string{"live", "2", "2"} {
			if _, err := h.invoke(t.Context(), Request{Qualifier: qualifier}); err == nil {
				t.Error("a reservation of 0 let an invocation in")
			}
		}
		wantCounts(t, h.tally(1), 0, 0, 1)
		wantCounts(t, h.tally(2), 0, 0, 2)
	})
}

// Every deployment makes versions, so that what each leaves would grow without end.
func TestAPrunedVersionLeavesNothingInTheMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, busy(time.Minute), func(o *Options) { o.Metrics = telemetry.NewMetrics() })
		series := func() (all []string) {
			families, err := h.opts.Metrics.Registry().Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				for _, metric := range family.GetMetric() {
					for _, label := range metric.GetLabel() {
						if label.GetName() == "version" && label.GetValue() == "1" {
							all = append(all, family.GetName())
						}
					}
				}
			}
			return all
		}
		h.apply("shop", shop(func(*store.Record) {}))
		h.must(Request{Qualifier: "1"})
		if len(series()) < 4 {
			t.Errorf("version 1 was invoked, and has only the series %q", series())
		}
		running := make(chan error, 1)
		go func() {
			_, err := h.invoke(t.Context(), Request{Qualifier: "1"})
			running <- err
		}()
		pass(time.Second)
		h.apply("shop", shop(func(rec *store.Record) {
			number := addVersion(rec, rec.Stack.Functions["cart"].Config)
			rec.Functions["cart"].Versions = rec.Functions["cart"].Versions[1:]
			rec.Functions["cart"].Live = stack.RouteTo(number)
		}))
		if err := <-running; err != nil {
			t.Error("what was running when its version was pruned failed:", err)
		}
		pass(time.Hour)
		if left := series(); len(left) > 0 {
			t.Errorf("version 1 is pruned, and has the series %q", left)
		}
		h.must(Request{Qualifier: "live"})
	})
}

// An event that waited in vain for a place was throttled; one that the node's end kept from
// its place was not.
func TestAnEventWithoutAPlaceIsAThrottle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo, func(o *Options) { o.Metrics = telemetry.NewMetrics() })
		h.apply("shop", shop(changeCart(reserve(0))))
		q := &eventQueue{async: &async{runner: h.runner, opts: h.opts}, function: h.functions["shop-cart"]}
		try := func(ctx context.Context, qualifier string) {
			t.Helper()
			q.ctx = ctx
			if _, err := q.invoke(event{Qualifier: qualifier}, time.Now().Add(time.Minute)); err == nil {
				t.Error("a reservation of 0 let an event in")
			}
		}
		try(t.Context(), "live")
		wantCounts(t, h.tally(1), 0, 0, 1)
		try(t.Context(), "7") // which does not exist
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		try(ended, "live")
		wantCounts(t, h.tally(1), 0, 0, 1)

		families, err := h.opts.Metrics.Registry().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == "tidegate_throttles_total" {
				labels := map[string]string{}
				for _, label := range family.GetMetric()[0].GetLabel() {
					labels[label.GetName()] = label.GetValue()
				}
				want := map[string]string{"stack": "shop", "function": "cart", "version": "1"}
				if n := family.GetMetric()[0].GetCounter().GetValue(); n != 1 || !maps.Equal(labels, want) || len(family.GetMetric()) != 1 {
					t.Errorf("metrics have %g throttles of %v", n, labels)
				}
				return
			}
		}
		t.Error("metrics have no throttles")
	})
}
