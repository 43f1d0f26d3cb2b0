package release

import (
	"maps"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestGoingBackIsFinishedAtOnce(t *testing.T) {
	r := Back(Wish{
		ID: "r-1", By: "ada", Policy: stack.Release{Strategy: stack.Canary, Before: "smoke"},
		Moves: map[string]Move{"f": {Stable: stack.Routing{7: 90, 8: 10}, Candidate: 7}},
	}, "went back to release r-1", noon)
	if r.Phase != Finished || !r.Back || last(r) != "went back to release r-1" {
		t.Errorf("going back is %s and says %q", r.Phase, last(r))
	}
	if got := r.Routing("f"); !maps.Equal(got, stack.RouteTo(7)) {
		t.Errorf("the alias is %v", got)
	}
}
