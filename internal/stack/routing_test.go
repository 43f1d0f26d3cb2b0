package stack

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestARoutingHasOneOrTwoVersionsThatSumUpTo100(t *testing.T) {
	for _, r := range []Routing{{1: 100}, {3: 90, 4: 10}, {7: 1, 2: 99}, RouteTo(9)} {
		if err := r.Validate(); err != nil {
			t.Errorf("%v: %v", r, err)
		}
	}
	for _, tt := range []struct {
		routing Routing
		want    string
	}{
		{nil, "one or two versions, not 0"},
		{Routing{1: 50, 2: 25, 3: 25}, "one or two versions, not 3"},
		{Routing{1: 99}, "add up to 99; make it 100"},
		{Routing{1: 90, 2: 20}, "add up to 110"},
		{Routing{1: 100, 2: 0}, "version 2 has 0 percent"},
		{Routing{1: -10, 2: 110}, "version 1 has -10 percent"},
		{Routing{0: 100}, "numbered from 1, and 0 is none"},
	} {
		if err := tt.routing.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v, want %q", tt.routing, err, tt.want)
		}
	}
}

func TestTheMainVersionHasMoreTrafficOrTheLowerNumber(t *testing.T) {
	for _, tt := range []struct {
		routing Routing
		want    int
	}{{Routing{5: 100}, 5}, {Routing{5: 10, 6: 90}, 6}, {Routing{5: 90, 6: 10}, 5}, {Routing{5: 50, 6: 50}, 5}, {nil, 0}} {
		if got := tt.routing.Main(); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.routing, got, tt.want)
		}
	}
}

func TestPickFollowsTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		percent := rapid.IntRange(1, 99).Draw(t, "percent")
		r := Routing{3: percent, 8: 100 - percent}
		picked := map[int]int{}
		for i := range 1000 {
			picked[r.Pick(float64(i)/1000)]++
		}
		// A percentage that floating point cannot write out may shift by one.
		if away := picked[3] - percent*10; away < -1 || away > 1 || picked[3]+picked[8] != 1000 {
			t.Fatalf("%v picks %v", r, picked)
		}
	})
}

func TestPickKeepsToWhatThereIs(t *testing.T) {
	if got := (Routing{4: 100}).Pick(0.9999999999999999); got != 4 {
		t.Error(got)
	}
	if got := (Routing{}).Pick(0.5); got != 0 {
		t.Error(got)
	}
}
