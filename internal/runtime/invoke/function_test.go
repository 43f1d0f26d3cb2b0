package invoke

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAQualifierLeadsToAVersion(t *testing.T) {
	h := newHouse(t, echo)
	h.apply("shop", shop(func(rec *store.Record) {
		addVersion(rec, rec.Stack.Functions["cart"].Config)
		rec.Functions["cart"].Live = stack.RouteTo(2)
	}))
	s := &Service{opts: h.opts, runner: h.runner}
	for qualifier, want := range map[string]string{
		"": "$LATEST", "$LATEST": "$LATEST", "live": "2", "1": "1", "2": "2",
	} {
		if got, err := s.Resolve("shop-cart", qualifier); got != want || err != nil {
			t.Errorf("%q leads to %q (%v), want %q", qualifier, got, err, want)
		}
	}
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	h := newHouse(t, echo)
	const arn = "Function not found: arn:aws:lambda:open-1:000000000000:function:"
	check := func(function, qualifier, message string) {
		t.Helper()
		_, err := h.invoke(t.Context(), Request{Function: function, Qualifier: qualifier})
		var e *Error
		if !errors.As(err, &e) || e.Status != 404 || e.Type != "ResourceNotFoundException" || e.Message != message {
			t.Errorf("%s:%s gives %v, want %q", function, qualifier, err, message)
		}
	}
	check("shop-none", "", arn+"shop-none")
	check("shop-none", "live", arn+"shop-none:live")
	check("shop-cart", "9", arn+"shop-cart:9")
	check("shop-cart", "LIVE", arn+"shop-cart:LIVE")
	h.apply("shop", shop(func(rec *store.Record) { rec.Functions["cart"].Live = nil }))
	check("shop-cart", "live", arn+"shop-cart:live")
	h.apply("shop", nil)
	check("shop-cart", "", arn+"shop-cart")
}

func TestAnAliasSplitsItsTraffic(t *testing.T) {
	random := 0.0
	h := newHouse(t, echo, func(o *Options) { o.Random = func() float64 { return random } })
	h.apply("shop", shop(func(rec *store.Record) {
		addVersion(rec, rec.Stack.Functions["cart"].Config)
		rec.Functions["cart"].Live = stack.Routing{1: 90, 2: 10}
	}))
	counts := map[string]int{}
	for i := range 100 {
		random = float64(i) / 100
		_, p, _, err := h.lookUp("shop-cart", "live")
		if err != nil {
			t.Fatal(err)
		}
		counts[p.version.name]++
	}
	if counts["1"] != 90 || counts["2"] != 10 {
		t.Errorf("of 100 invocations %v went to the versions, want 90 and 10", counts)
	}
}

func TestAnAliasOfAnyNameSplitsItsTraffic(t *testing.T) {
	random := 0.0
	h := newHouse(t, echo, func(o *Options) { o.Random = func() float64 { return random } })
	h.apply("shop", shop(func(rec *store.Record) {
		addVersion(rec, rec.Stack.Functions["cart"].Config)
		rec.Functions["cart"].Aliases = map[string]stack.Alias{"beta": {Routing: stack.Routing{1: 25, 2: 75}}}
	}))
	counts := map[string]int{}
	for i := range 100 {
		random = float64(i) / 100
		_, p, arn, err := h.lookUp("shop-cart", "beta")
		if err != nil || arn != stack.QualifiedARN("shop", "cart", "beta") {
			t.Fatal(arn, err)
		}
		counts[p.version.name]++
	}
	if counts["1"] != 25 || counts["2"] != 75 {
		t.Errorf("of 100 invocations %v went to the versions, want 25 and 75", counts)
	}
}

func TestAVersionKeepsWhatItFroze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, func(p *process) {
			for {
				e := p.next()
				p.respond(e.id, `"`+p.spec.Env[1]+`"`)
			}
		})
		h.apply("shop", shop(func(rec *store.Record) {
			frozen := &rec.Functions["cart"].Versions[0]
			frozen.Config.Environment = map[string]string{"COLOUR": "frozen"}
			changeCart(func(f *stack.Function) { f.Environment = map[string]string{"COLOUR": "latest"} })(rec)
		}))
		if got := h.must(Request{Qualifier: "1"}); string(got.Payload) != `"COLOUR=frozen"` || got.ExecutedVersion != "1" {
			t.Errorf("version 1 answers %s as version %s", got.Payload, got.ExecutedVersion)
		}
		if got := h.must(Request{}); string(got.Payload) != `"COLOUR=latest"` || got.ExecutedVersion != "$LATEST" {
			t.Errorf("$LATEST answers %s as version %s", got.Payload, got.ExecutedVersion)
		}
	})
}

func TestAnotherIncarnationSharesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo)
		h.must(Request{})
		h.apply("shop", shop(func(rec *store.Record) { rec.Incarnation = "second" }))
		h.must(Request{})
		synctest.Wait()
		if n := h.sandbox.started.Load(); n != 2 {
			t.Errorf("%d instances were started, want one for each incarnation", n)
		}
		if n := h.sandbox.running.Load(); n != 1 {
			t.Errorf("%d instances are left, want the second incarnation's", n)
		}
	})
}

func TestAnInstanceGetsItsVersionsSpec(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, echo, func(o *Options) {
			o.Environment = func(stack, incarnation, function string) map[string]string {
				return map[string]string{"TIDEGATE_TOKEN": stack + "/" + incarnation + "/" + function}
			}
		})
		h.apply("shop", shop(changeCart(func(f *stack.Function) {
			f.Memory, f.EphemeralStorage = 1769, 1024
			f.Environment = map[string]string{"A": "environment", "B": "environment", "TIDEGATE_TOKEN": "mine"}
			f.Secrets = map[string]string{"B": "secret"}
			f.Layers = []string{"layer"}
		})))
		h.must(Request{})
		spec := <-h.sandbox.specs
		if spec.Memory != 1769 || spec.CPUs != 1 || spec.EphemeralStorage != 1024 {
			t.Errorf("the instance has %d MB, %g CPUs and %d MB of storage", spec.Memory, spec.CPUs, spec.EphemeralStorage)
		}
		if spec.TaskDir == "" || spec.LayersDir == "" {
			t.Error("the instance lacks its package or its layers")
		}
		slices.Sort(spec.Env)
		want := []string{"A=environment", "B=secret", "INITIALIZATION=on-demand", "TIDEGATE_TOKEN=shop/first/cart"}
		if !slices.Equal(spec.Env, want) {
			t.Errorf("the environment is %v, want %v", spec.Env, want)
		}
	})
}

func TestAnEventMustBeJSONAndNotTooLarge(t *testing.T) {
	h := newHouse(t, func(p *process) { p.stop(sandbox.Exit{}) })
	for _, c := range []struct {
		name    string
		request Request
		status  int
		kind    string
	}{
		{"not JSON", Request{Payload: []byte("{")}, 400, "InvalidRequestContentException"},
		{"two values", Request{Payload: []byte("{}{}")}, 400, "InvalidRequestContentException"},
		{"a bad client context", Request{ClientContext: []byte("x")}, 400, "InvalidRequestContentException"},
		{"too large", Request{Payload: make([]byte, MaxSyncPayload+1)}, 413, "RequestTooLargeException"},
	} {
		_, err := h.invoke(t.Context(), c.request)
		var e *Error
		if !errors.As(err, &e) || e.Status != c.status || e.Type != c.kind {
			t.Errorf("%s: the error is %v, want %s with status %d", c.name, err, c.kind, c.status)
		}
	}
}
