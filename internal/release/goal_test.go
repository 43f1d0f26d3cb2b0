package release

import (
	"maps"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// pastRelease of f, from one version to another.
func pastRelease(id string, phase Phase, stable, candidate int) Release {
	return Release{
		ID: id, Phase: phase, Versions: map[string]int{"f": candidate, "g": 5},
		Moves: map[string]Move{"f": {Stable: stack.RouteTo(stable), Candidate: candidate}},
	}
}

func TestGoal(t *testing.T) {
	all := []Release{pastRelease("r-4", RolledBack, 3, 4), pastRelease("r-3", Finished, 2, 3), pastRelease("r-2", Finished, 1, 2)}
	one, two := []string{"f"}, []string{"f", "g"}
	for name, c := range map[string]struct {
		all       []Release
		functions []string
		to        string
		want      map[string]int
		says      string
	}{
		"what was before":              {all, two, "", map[string]int{"f": 2, "g": 5}, "went back to what was before release r-3"},
		"a release":                    {all, two, "r-2", map[string]int{"f": 2, "g": 5}, "went back to release r-2"},
		"a version":                    {all, one, "1", map[string]int{"f": 1}, "went back to version 1"},
		"a version of one of two":      {all, two, "1", nil, "has 2 functions, so the number 1 does not say which versions to go back to; name a release: r-3, r-2"},
		"one that was rolled back":     {all, one, "r-4", nil, "was rolled back, so there is nothing to go back to; name another: r-3, r-2"},
		"one that there never was":     {all, one, "r-9", nil, `knows of no release "r-9" to go back to; name another: r-3, r-2`},
		"before the first":             {nil, one, "", nil, "has had no release that could be undone"},
		"one, where there was none":    {nil, one, "r-1", nil, `stack "shop" knows of no release "r-1" to go back to, and no release of it was finished`},
		"before one that did not stay": {all[:1], one, "", nil, "has had no release that could be undone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, what, err := Goal("shop", c.all, c.functions, c.to)
			if err != nil {
				what = err.Error()
			}
			if !maps.Equal(got, c.want) || !strings.Contains(what, c.says) {
				t.Errorf("it is %v and says %q", got, what)
			}
		})
	}
}
