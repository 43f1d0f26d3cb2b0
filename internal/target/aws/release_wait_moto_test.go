package aws

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// waiting is a release that waits for invocations beyond its interval.
func waiting() *stack.Release {
	return &stack.Release{Strategy: "Canary10Percent1Minutes", Gate: &stack.Gate{MinInvocations: 20, Timeout: stack.Duration(30 * time.Minute)}}
}

func TestAReleaseThatWaitsForInvocationsSaysSoOnce(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", waiting())
	began := w.clock.now()
	w.clock.waited = func(now time.Time) {
		w.watch.mu.Lock()
		defer w.watch.mu.Unlock()
		if now.Sub(began) > 10*time.Minute {
			w.watch.minutes["shop-create 2"] = release.Counts{Invocations: 5}
		}
	}
	var told []string
	deploy := w.deploy(want)
	deploy.Progress = func(r release.Release) { told = append(told, r.Status().What) }
	d, err := w.target.Update(t.Context(), deploy)
	if err != nil {
		t.Fatal(err)
	}
	w.settled(d, want)
	if len(told) != 3 || told[1] != "waits for 20 invocations of the candidates, 0 so far, until 2026-06-01 12:30 UTC" || !strings.HasPrefix(told[2], "10 % passed: ") {
		t.Errorf("the progress is %q", told)
	}
	if moves := slices.DeleteFunc(w.aliases.moves, func(move string) bool { return !strings.HasPrefix(move, "shop-create ") }); len(moves) != 3 {
		t.Errorf("the alias was changed %q", moves)
	}
	if r, _ := w.last("shop"); len(r.Trail) != 3 || r.Trail[1].Weight != 10 {
		t.Errorf("its trail is %+v", r.Trail)
	}
}

func TestWhoeverGoesOnWithAReleaseThatWaitsDoesNotSaySoAgain(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", waiting())
	deploy := w.deploy(want)
	deploy.NoWait = true
	for range 5 {
		if _, err := w.target.Update(t.Context(), deploy); err != nil {
			t.Fatal(err)
		}
		w.clock.wait(t.Context(), 2*time.Minute)
	}
	r, _ := w.last("shop")
	if len(r.Trail) != 2 || !r.Awaits || !strings.HasPrefix(r.Status().What, "waits for 20 invocations") || !r.Since.Equal(r.Began) {
		t.Errorf("it is %+v", r)
	}
	w.at("shop", stack.Routing{1: 90, 2: 10})
	w.clock.wait(t.Context(), 30*time.Minute)
	w.fails(want, "at 10 % the candidates were invoked 0 times within 30m, and the gate wants 20")
	w.at("shop", stack.RouteTo(1))
}
