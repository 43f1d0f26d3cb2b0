package deploy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// However long the trails are, which say something of each function in each step, they
// leave room in a record for what is deployed.
func TestLongTrailsFitIntoARecord(t *testing.T) {
	r := released("A")
	policy := canary()
	policy.Strategy, policy.Weight = stack.Linear, 1
	for version := range maxReleases + 1 {
		r = release1(t, r, shop(policy, map[string]string{"f": fmt.Sprint("code ", version%2)}))
		under := *r.Release
		for under.Step < 98 {
			under = pass(under)
			under.Trail[under.Step].What = strings.Repeat("a function took its time; ", 2000)
		}
		if r = Advance(r, pass(under)); UnderWay(r) {
			t.Fatalf("it goes on: %+v", r.Release)
		}
	}
	text, err := json.Marshal(r)
	if err != nil || len(text) > 1<<20 || len(r.Releases[0].Trail) != 100 {
		t.Errorf("the record has %d bytes (%v) and %d marks of the last release", len(text), err, len(r.Releases[0].Trail))
	}
}

// Who pauses and resumes a release for ever does not fill its record.
func TestATrailOfARunningReleaseHasAnEnd(t *testing.T) {
	r := release1(t, released("A"), shop(canary(), map[string]string{"f": "B"}))
	for range maxMarks {
		r.Release.Trail = append(r.Release.Trail, release.Mark{What: "resumed by ada"})
	}
	by := strings.Repeat("é", 100)
	r, _, err := Steer(r, release.CommandPause, by, noon)
	if err != nil {
		t.Fatal(err)
	}
	trail := r.Release.Trail
	if len(trail) != maxMarks || trail[0].What != "began" || trail[maxMarks-1].What != "paused by "+by {
		t.Errorf("%d marks, from %+v to %+v", len(trail), trail[0], trail[len(trail)-1])
	}
}

func TestALongMarkIsCutBetweenCharacters(t *testing.T) {
	for bytes := 20; bytes < 26; bytes++ {
		what := abridged([]release.Mark{{What: strings.Repeat("aé", 20)}}, 1, bytes)[0].What
		if len(what) > bytes || !strings.HasPrefix(strings.Repeat("aé", 20), strings.TrimSuffix(what, "…")) || !strings.HasSuffix(what, "…") {
			t.Errorf("cut at %d bytes it is %q", bytes, what)
		}
	}
}
