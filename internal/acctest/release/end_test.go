package release_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// eachStrategyToItsEnd releases new code, then new settings, then what there was
// before, with each strategy.
func eachStrategyToItsEnd(b *bench) {
	policies := map[string]map[string]any{
		"all-at-once": {"strategy": "all_at_once"},
		"sam":         {"strategy": "AllAtOnce"},
		"canary":      {"strategy": "canary", "weight": 25, "interval": "1s"},
		"linear":      {"strategy": "linear", "weight": 40, "interval": "1s"},
		"blue-green":  {"strategy": "blue_green", "interval": "1s"},
	}
	weights := map[string][]int{"all-at-once": {100}, "sam": {100}, "canary": {25, 100}, "linear": {40, 80, 100}, "blue-green": {100, 100}}
	first := map[string]definition{}
	for name, policy := range policies {
		first[name] = definition{release: policy, code: map[string]string{"f": answering("one"), "g": answering("one")}}
	}
	b.configure(first)
	b.succeeds(b.apply())
	for name := range policies {
		if all := b.history(name); len(all) > 0 {
			b.Errorf("the creation of stack %s was a release: %+v", name, all)
		}
	}
	// ended wants release number n to have moved functions to versions, step by step.
	ended := func(n int, moves map[string]int) {
		b.Helper()
		for name := range policies {
			r := b.until(name, n, "over", release.Release.Ended)
			to := map[string]int{}
			for function, move := range r.Moves {
				to[function] = move.Candidate
			}
			if r.Phase != release.Finished || fmt.Sprint(to) != fmt.Sprint(moves) {
				b.Errorf("release %d of stack %s is %s and moved %v, want %v", n, name, r.Phase, to, moves)
			}
			var had []int
			for i, mark := range r.Trail {
				had = append(had, mark.Weight)
				if i > 0 && mark.At.Sub(r.Trail[i-1].At) < time.Second {
					b.Errorf("stack %s was at %d %% from %s to %s only", name, r.Trail[i-1].Weight, r.Trail[i-1].At, mark.At)
				}
			}
			if !slices.Equal(had, weights[name]) {
				b.Errorf("release %d of stack %s had the weights %v, want %v", n, name, had, weights[name])
			}
		}
		b.terraform.EmptyPlan()
	}

	second := rewritten(first, "two")
	b.configure(second)
	b.succeeds(b.apply())
	ended(1, map[string]int{"f": 2, "g": 2})
	for name := range policies {
		b.isAt(name, 2, 2)
	}

	// Settings of a version are released as its code is.
	b.configure(with(second, func(_ string, d *definition) {
		d.environment = map[string]map[string]string{"f": {"MODE": "bold"}}
	}))
	b.succeeds(b.apply())
	ended(2, map[string]int{"f": 3})

	// What there was is found, and none is published.
	b.configure(first)
	b.succeeds(b.apply())
	ended(3, map[string]int{"f": 1, "g": 1})
	for name := range policies {
		for function, versions := range map[string]int{"f": 3, "g": 2} {
			f := b.read(name).Functions[function]
			if len(f.Versions) != versions || f.Version != 1 {
				b.Errorf("%s/%s is at version %d of %+v, want version 1 of %d", name, function, f.Version, f.Versions, versions)
			}
		}
	}

	// Somebody undoes that, to a release that all functions had a part in.
	id := b.history("linear")[2].ID
	b.tidegate([]string{"rollback", "linear", "--to", id}, "f 1 → 2", "g 1 → 2")
	b.offers([]string{"linear"}, `Rolled back outside Terraform: stack "linear"`, "went back to release "+id,
		"functions/f/alias points at version 2, to which", "functions/g/alias points at version 2, to which",
		"to keep it, make the configuration that of version 2 again; applying releases version 1 anew")
	b.configure(with(first, func(name string, d *definition) {
		if name == "linear" { // to keep it
			*d = second[name]
		}
	}))
	b.succeeds(b.apply())
	b.terraform.EmptyPlan()
	if f := b.read("linear").Functions["f"]; f.Version != 2 || len(f.Versions) != 3 || f.Routing[2] != 100 {
		b.Errorf("the rollback was not kept: %+v", f)
	}
	b.tidegate([]string{"rollback", "canary"}, "f 1 → 3", "g 1 → 2")
	b.succeeds(b.apply()) // not to keep it
	b.terraform.EmptyPlan()
	if r := b.history("canary")[0]; r.Back || r.Moves["f"].Candidate != 1 || fmt.Sprint(r.Moves["g"].Stable) != fmt.Sprint(stack.RouteTo(2)) {
		b.Errorf("the release after a rollback is %+v", r)
	}
}
