package aws

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An alias that says this of a release which moves it.
func aliasOf(r release.Release, function string) map[string]types.AliasConfiguration {
	n := noteOn(r, function, noDigest, "9f3c", 0)
	return map[string]types.AliasConfiguration{stack.AliasLive: {FunctionVersion: aws.String("1"), Description: aws.String(n.String())}}
}

// The clock of whoever made the release before was ahead.
func TestAReleaseUnderWayIsTheLastOneWhateverTheClocksSay(t *testing.T) {
	s, _ := newPlace(nil)
	i := newInventory(s, shapeOf(stack.Stack{Name: "shop", Functions: map[string]stack.Function{"a": {}, "b": {}, "c": {}}}))
	moving := func(id string, at time.Time, functions ...string) release.Release {
		w := release.Wish{ID: id, Policy: stack.Release{Strategy: stack.Canary}, Moves: map[string]release.Move{}}
		for _, f := range functions {
			w.Moves[f] = release.Move{Stable: stack.RouteTo(1), Candidate: 2}
		}
		return release.Begin(w, at)
	}
	before, err := moving("r-1", noon.Add(10*time.Minute), "a", "b").Promote("ada@laptop", noon.Add(11*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	now := moving("r-2", noon, "b", "c")
	i.functions["a"].alias.all = aliasOf(before, "a")
	i.functions["b"].alias.all = aliasOf(now, "b")
	i.functions["c"].alias.all = aliasOf(now, "c")
	if lead, names := i.leading(); lead.id != "r-2" || strings.Join(names, " ") != "b c" || i.underWay() == nil {
		t.Errorf("the last is %+v of %v", lead, names)
	}
	// Of one release, the leading alias tells: here that it has ended.
	ended, err := now.Abort("ada@laptop", noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	i.functions["a"].alias.all = nil
	i.functions["b"].alias.all = aliasOf(ended, "b")
	if lead, names := i.leading(); !lead.ended() || strings.Join(names, " ") != "b c" || i.underWay() != nil {
		t.Errorf("the last is %+v of %v", lead, names)
	}
}

// Somebody else's weights may be of any size.
func TestWeightsOfAnySizeAreARouting(t *testing.T) {
	for weight, want := range map[float64]stack.Routing{
		0: stack.RouteTo(7), 0.001: {7: 99, 8: 1}, 0.1: {7: 90, 8: 10}, 0.57: {7: 43, 8: 57}, 0.999: {7: 1, 8: 99}, 1: {7: 1, 8: 99},
	} {
		c := types.AliasConfiguration{
			FunctionVersion: aws.String("7"), RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"8": weight}},
		}
		if is := routingOf(c); !maps.Equal(is, want) || is.Validate() != nil {
			t.Errorf("a weight of %g is %v, want %v", weight, is, want)
		}
		a := &alias{all: map[string]types.AliasConfiguration{stack.AliasLive: c}}
		if !a.uses(7) || !a.uses(8) || a.uses(9) {
			t.Errorf("with a weight of %g, not both versions are used", weight)
		}
	}
}
