package runtime_test

import (
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Two nodes count together for a release, and what a node counted is not lost with it.
func TestTwoNodesSeeWhatBothCountEvenAfterAKill(t *testing.T) {
	a, b := startPair(t)
	version := func(marker string) stack.Stack {
		f := a.javascript(`export const handler = async event => { if (event.fail) throw new Error('no'); return 'ok' }`)
		f.Environment = map[string]string{"MARKER": marker}
		return stack.Stack{Name: "shop", Functions: map[string]stack.Function{"f": f}}
	}
	through := map[*node]*releases{a: {node: a}, b: {node: b}}
	// invoke a version so many times, after it is known.
	invoke := func(n *node, number, times int, payload string) {
		t.Helper()
		function := fmt.Sprintf("shop-f:%d", number)
		for i := range times {
			var got result
			wait(t, function+" to be there", func() bool {
				got = n.invoke(t.Context(), function, payload)
				return got.status != http.StatusNotFound
			})
			if got.status != http.StatusOK || got.version != fmt.Sprint(number) {
				t.Fatalf("invocation %d of %s: %+v", i, function, got)
			}
		}
	}
	// sees waits until a node's counts of the release are so.
	sees := func(n *node, candidate, candidateErrors, stable, stableErrors int) {
		t.Helper()
		want := [4]int{candidate, candidateErrors, stable, stableErrors}
		var got [4]int
		defer func() {
			if got != want {
				t.Errorf("invocations and errors of the candidate, and of the stable version, are %v, want %v", got, want)
			}
		}()
		wait(t, "the counts of both nodes", func() bool {
			r := through[n].newest()
			if r.Seen != nil {
				f := r.Seen.Functions["f"]
				got = [4]int{f.Candidate.Invocations, f.Candidate.Errors, f.Stable.Invocations, f.Stable.Errors}
			}
			return got == want
		})
	}

	a.deploy(version("1"))
	invoke(a, 1, 3, `{"fail": true}`) // before the release, and not of it
	next := version("2")
	next.Release = &stack.Release{Strategy: stack.BlueGreen, Interval: stack.Duration(time.Hour)}
	a.must(a.Call(t.Context(), http.MethodPut, "/v1/stacks/shop", next, nil))
	invoke(b, 2, 4, `{"fail": true}`)
	invoke(a, 2, 5, `{}`)
	for _, n := range []*node{a, b} {
		sees(n, 9, 4, 3, 3) // of blue, what was before
	}

	b.must(b.Kill())
	invoke(a, 2, 1, `{}`)
	sees(a, 10, 4, 3, 3)
	b.must(b.Start(t.Context()))
	invoke(b, 2, 1, `{}`)
	sees(b, 11, 4, 3, 3) // so a has written all it counted
	a.must(a.Kill())
	sees(b, 11, 4, 3, 3)
	a.must(a.Start(t.Context()))
	sees(a, 11, 4, 3, 3)

	through[b].steer(release.CommandAbort)
	if f := through[b].read().Functions["f"].Routing; !maps.Equal(f, stack.RouteTo(1)) {
		t.Errorf("after the abort f is at %v", f)
	}
}
