package deploy

import (
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// threeReleases is a stack of f and g: A, then f B, then f C and g B.
func threeReleases(t *testing.T) *store.Record {
	t.Helper()
	var r *store.Record
	for _, codes := range []map[string]string{{"f": "A", "g": "A"}, {"f": "B", "g": "A"}, {"f": "C", "g": "B"}} {
		r = release1(t, r, shop(nil, codes))
	}
	return r
}

func rollback(t *testing.T, r *store.Record, to string) (*store.Record, release.Release) {
	t.Helper()
	next, did, err := Rollback(r, to, "ada@laptop", noon)
	if err != nil {
		t.Fatal(err)
	}
	return next, did
}

func wantLive(t *testing.T, r *store.Record, want map[string]int) {
	t.Helper()
	for name, number := range want {
		if got := r.Functions[name].Live; !maps.Equal(got, stack.RouteTo(number)) {
			t.Errorf("%s is at %v, want version %d", name, got, number)
		}
	}
}

func TestARollbackGoesToWhatWasBeforeTheLastRelease(t *testing.T) {
	r := threeReleases(t)
	back, did := rollback(t, r, "")
	wantLive(t, back, map[string]int{"f": 2, "g": 1})
	if !did.Back || did.Phase != release.Finished || did.By != "ada@laptop" || did.ID != shop(nil, map[string]string{"f": "B", "g": "A"}).ReleaseID() {
		t.Errorf("the rollback is %+v", did)
	}
	if !reflect.DeepEqual(back.Stack, r.Stack) || !reflect.DeepEqual(back.Releases[0], did) || len(back.Releases) != 3 {
		t.Errorf("the record is %+v", back)
	}
	want := "points at version 2, to which ada@laptop rolled back at 2026-03-01 12:00 UTC, and version 3 was released: " +
		"to keep it, make the configuration that of version 2 again; applying releases version 3 anew"
	if got := Status(back, "", nil).Components["functions/f/alias"]; got != want {
		t.Errorf("the alias %q,\nwant      %q", got, want)
	}

	// A release that was rolled back since has not changed that.
	aborted, _, err := Steer(release1(t, back, shop(canary(), map[string]string{"f": "C", "g": "B"})), release.CommandAbort, "bob", noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := Status(aborted, "", nil).Components["functions/f/alias"]; got != want || aborted.Releases[0].Phase != release.RolledBack {
		t.Errorf("after an aborted release the alias %q,\nwant      %q", got, want)
	}
	// One that was finished has.
	finished, _, err := Steer(release1(t, back, shop(canary(), map[string]string{"f": "D", "g": "B"})), release.CommandPromote, "bob", noon)
	if err != nil {
		t.Fatal(err)
	}
	finished.Functions["f"].Live = stack.RouteTo(2)
	if got := Status(finished, "", nil).Components["functions/f/alias"]; got != "points at version 2, but version 4 was released" {
		t.Errorf("moved since, the alias %q", got)
	}

	kept, _, err := Deploy(back, shop(nil, map[string]string{"f": "B", "g": "A"}), "ada", noon, size)
	if err != nil || Status(kept, "", nil).Components["functions/f/alias"] != stack.Ready {
		t.Errorf("kept: %v, %v", err, Status(kept, "", nil).Components)
	}
	anew, published, err := Deploy(back, r.Stack, "ada", noon, size)
	if err != nil || len(published) > 0 {
		t.Errorf("anew: %v, published %v", err, published)
	}
	wantLive(t, anew, map[string]int{"f": 3, "g": 2})
	undone, _ := rollback(t, back, "")
	wantLive(t, undone, map[string]int{"f": 3, "g": 2})
}

func TestARollbackGoesToAReleaseOrAVersion(t *testing.T) {
	r := threeReleases(t)
	r = release1(t, r, shop(nil, map[string]string{"f": "C", "g": "B", "new": "A"}))
	back, did := rollback(t, r, shop(nil, map[string]string{"f": "B", "g": "A"}).ReleaseID())
	wantLive(t, back, map[string]int{"f": 2, "g": 1, "new": 1})
	if what := did.Status().What; !strings.HasPrefix(what, "went back to release r-") {
		t.Errorf("the rollback says %q", what)
	}
	again, did := rollback(t, back, shop(nil, map[string]string{"f": "B", "g": "A"}).ReleaseID())
	if !reflect.DeepEqual(again, back) || !reflect.DeepEqual(did, back.Releases[0]) {
		t.Errorf("the same again is %+v", did)
	}

	one, _ := rollback(t, released("A", "B", "C"), "1")
	wantLive(t, one, map[string]int{"f": 1})
}

func TestARollbackEndsTheReleaseUnderWay(t *testing.T) {
	r := threeReleases(t)
	under := release1(t, r, shop(canary(), map[string]string{"f": "D", "g": "B"}))
	back, did := rollback(t, under, "")
	wantLive(t, back, map[string]int{"f": 3, "g": 2})
	if did.Phase != release.RolledBack || did.Back || UnderWay(back) {
		t.Errorf("with no goal it is %+v", did)
	}
	back, did = rollback(t, under, r.Releases[1].ID)
	wantLive(t, back, map[string]int{"f": 2, "g": 1})
	if !did.Back || UnderWay(back) || back.Releases[1].Phase != release.RolledBack || !reflect.DeepEqual(back.Stack, r.Stack) {
		t.Errorf("with a goal it is %+v, after %+v", did, back.Releases[1])
	}
}

func TestARollbackThatCannotBe(t *testing.T) {
	failed := release1(t, threeReleases(t), shop(canary(), map[string]string{"f": "D", "g": "B"}))
	failed, _, err := Steer(failed, release.CommandAbort, "bob", noon)
	if err != nil {
		t.Fatal(err)
	}
	keepOne := shop(nil, map[string]string{"f": "D", "g": "B"})
	keepOne.Functions["f"] = with(keepOne.Functions["f"], func(f *stack.Function) { f.KeepVersions = 1 })
	for name, c := range map[string]struct {
		record *store.Record
		to     string
		reason Reason
		want   string
	}{
		"a release nobody knows": {threeReleases(t), "r-none", Invalid, `knows of no release "r-none" to go back to; name another: r-`},
		"one that failed":        {failed, failed.Releases[0].ID, Invalid, "was rolled back, so there is nothing to go back to; name another: r-"},
		"a number of many":       {threeReleases(t), "1", Invalid, "has 2 functions, so the number 1 does not say which versions to go back to"},
		"a number there is not":  {released("A", "B"), "7", InUse, `function "f" of stack "orders" has no version 7, or no longer (keep_versions is 10)`},
		"what was pruned":        {release1(t, threeReleases(t), keepOne), "", InUse, `has no version 3, or no longer (keep_versions is 1); nothing was changed`},
		"no release at all":      {release1(t, nil, shop(nil, map[string]string{"f": "A"})), "", InUse, "has had no release that could be undone"},
	} {
		next, _, err := Rollback(c.record, c.to, "ada", noon)
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason != c.reason || next != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
