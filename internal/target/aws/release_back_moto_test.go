package aws

import (
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// After a rollback, a release that is rolled back as well leaves the stack what is live:
// nothing of it differs from the version to which somebody went back, so that no alias has
// anything to explain.
func TestAReleaseThatIsAbortedAfterARollbackLeavesWhatIsLive(t *testing.T) {
	w := openWorld(t)
	want := w.begun("shop", &stack.Release{Strategy: stack.Canary})
	w.release(want)
	if _, err := w.target.Rollback(t.Context(), "shop", "", "bob@desk"); err != nil {
		t.Fatal(err)
	}
	w.clock.wait(t.Context(), time.Minute)
	deploy := w.deploy(want)
	deploy.NoWait = true
	if _, err := w.target.Update(t.Context(), deploy); err != nil {
		t.Fatal(err)
	}
	if _, err := w.target.Steer(t.Context(), "shop", release.CommandAbort, "cid@desk"); err != nil {
		t.Fatal(err)
	}
	w.at("shop", stack.RouteTo(1))
	old := w.stack("shop", w.one, nil)
	d := w.read(want)
	if !ready(d) || d.ReleaseID != old.ReleaseID() || d.Stack.Functions["create"].CodeSHA256 != w.one {
		t.Errorf("the stack is %+v with %v", d.Stack, d.Components)
	}
	if s := d.Release; s.State != "rolled_back" || s.What != "aborted by cid@desk" || s.ID != want.ReleaseID() {
		t.Errorf("the release is told as %+v", s)
	}
	all, err := w.target.ListReleases(t.Context(), "shop")
	if err != nil || len(all) != 3 || !all[1].Back || all[1].By != "bob@desk" {
		t.Errorf("the history is %+v, %v", all, err)
	}
}
