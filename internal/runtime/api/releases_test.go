package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// orders is a stack whose function is told apart by a marker, with a canary for a day.
func (f *fixture) orders(marker string) stack.Stack {
	s := f.queue("orders")
	fn := s.Functions["fulfil"]
	fn.Environment = map[string]string{"MARKER": marker}
	s.Functions["fulfil"] = fn
	s.Release = &stack.Release{Strategy: stack.Canary, Interval: 24 * 3600e9}
	return s
}

func (a answer) release() release.Release {
	a.t.Helper()
	a.want(http.StatusOK)
	var r release.Release
	a.decode(&r)
	return r
}

const ordersPath = "/v1/stacks/orders"

func TestAGradualDeploymentIsAnsweredWhenItHasBegun(t *testing.T) {
	f := newFixture(t)
	one := f.call(http.MethodPut, ordersPath, f.orders("1")).deployment()
	if one.Release != nil {
		t.Errorf("the creation is a release: %+v", one.Release)
	}
	two := f.call(http.MethodPut, ordersPath+"?by=ada@laptop", f.orders("2"), "If-Match", `"`+one.Revision+`"`).deployment()
	if r := two.Release; r == nil || r.State != "running" || r.Weight != 10 || r.By != "ada@laptop" || r.Candidates["fulfil"] != 2 {
		t.Fatalf("the release is %+v", two.Release)
	}
	if got := two.Functions["fulfil"].Routing; got[2] != 10 || two.Stack.Functions["fulfil"].Environment["MARKER"] != "2" {
		t.Errorf("the alias is %v in %+v", got, two.Stack)
	}
	var list struct{ Releases []release.Release }
	f.call(http.MethodGet, ordersPath+"/releases", nil).want(http.StatusOK).decode(&list)
	if len(list.Releases) != 1 || list.Releases[0].Seen.Functions["fulfil"].Candidate.Invocations != 7 {
		t.Errorf("the releases are %+v", list.Releases)
	}

	// Who wants the same joins, whichever revision was seen; who creates does not.
	joined := f.call(http.MethodPut, ordersPath, f.orders("2"), "If-Match", `"`+one.Revision+`"`).deployment()
	if joined.Revision != two.Revision {
		t.Errorf("joining made revision %s of %s", joined.Revision, two.Revision)
	}
	f.call(http.MethodPut, ordersPath, f.orders("2"), "If-None-Match", "*").problem(http.StatusPreconditionFailed, "exists already")
	p := f.call(http.MethodPut, ordersPath, f.orders("3"), "If-Match", `"`+one.Revision+`"`).
		problem(http.StatusConflict, "is at 10 %, begun by ada@laptop at ", "nothing was changed now", "--promote or --abort")
	if p.Release == nil || p.Release.ID != two.ReleaseID || p.Now == nil || p.Now.Before(p.Release.Began) {
		t.Errorf("the problem has %+v at %v", p.Release, p.Now)
	}

	other := map[string]any{"began": two.Release.Began.Add(-1)}
	f.call(http.MethodPost, ordersPath+"/releases/abort", other).problem(http.StatusConflict, "another release of stack \"orders\" is under way, "+two.ReleaseID, "nothing was changed")
	f.call(http.MethodPost, ordersPath+"/releases/abort", map[string]string{"began": "at noon"}).problem(http.StatusUnprocessableEntity, "began: must be a time")
	done := f.call(http.MethodPost, ordersPath+"/releases/promote", map[string]any{"by": "bob", "began": two.Release.Began}).release()
	if done.Phase != release.Finished || done.Status().What != "promoted by bob" {
		t.Errorf("promoted it is %+v", done)
	}
	if d := f.call(http.MethodGet, ordersPath, nil).deployment(); d.Release.State != "finished" || d.Functions["fulfil"].Version != 2 {
		t.Errorf("the stack is %+v", d)
	}
}

func TestWhatIsNoReleaseIsRefused(t *testing.T) {
	f := newFixture(t)
	body := map[string]string{}
	f.call(http.MethodGet, ordersPath+"/releases", nil).problem(http.StatusNotFound, `no stack named "orders"`)
	f.call(http.MethodPost, ordersPath+"/releases/abort", body).problem(http.StatusNotFound, `no stack named "orders"`)
	f.call(http.MethodPost, ordersPath+"/rollback", body).problem(http.StatusNotFound, `no stack named "orders"`)

	f.call(http.MethodPut, ordersPath, f.orders("1")).deployment()
	f.call(http.MethodPost, ordersPath+"/releases/abort", body).problem(http.StatusConflict, `no release of stack "orders" is under way`)
	f.call(http.MethodPost, ordersPath+"/releases/stop", body).problem(http.StatusUnprocessableEntity, "path.command")
	f.call(http.MethodPost, ordersPath+"/releases/abort", `{"who": "ada"}`).problem(http.StatusUnprocessableEntity, "who: there is no such field")
	f.call(http.MethodPost, ordersPath+"/rollback", body).problem(http.StatusConflict, "has had no release that could be undone")
	f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"to": "9"}).problem(http.StatusConflict, "has no version 9")
	f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"by": "a\nb"}).problem(http.StatusUnprocessableEntity, "no control characters")
	for _, by := range []string{"ada\u202elatpop", "ada\u2028laptop", "ada\x1b[2J"} { // What rewrites a line on a terminal.
		f.call(http.MethodPost, ordersPath+"/releases/abort", map[string]string{"by": by}).problem(http.StatusUnprocessableEntity, "no control characters")
	}
	f.call(http.MethodPut, ordersPath+"?by=%ff", f.orders("2")).problem(http.StatusUnprocessableEntity, "by is not a name")
	f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"to": strings.Repeat("r", 101)}).problem(http.StatusUnprocessableEntity, "more than 100 bytes")
	f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"to": strings.Repeat("r", 3<<20)}).problem(http.StatusRequestEntityTooLarge, "larger than 2 MB")
	f.call(http.MethodPut, ordersPath+"?by="+strings.Repeat("a", 201), f.orders("2")).problem(http.StatusUnprocessableEntity, "by is not a name")

	s := f.orders("2")
	s.Release.Gate = &stack.Gate{Alarms: []string{"too-many-errors"}}
	f.call(http.MethodPut, ordersPath, s).problem(http.StatusUnprocessableEntity, "release.gate.alarms: names alarms of CloudWatch")
	if d := f.call(http.MethodGet, ordersPath, nil).deployment(); d.Release != nil || d.Functions["fulfil"].Version != 1 {
		t.Errorf("something was changed: %+v", d)
	}
}

// A rollback is one write of the record, and in effect when it is answered.
func TestARollbackIsOneWrite(t *testing.T) {
	f := newFixture(t)
	s := f.orders("1")
	s.Release = nil
	f.call(http.MethodPut, ordersPath, s).deployment()
	two := f.orders("2")
	two.Release = nil
	before := f.call(http.MethodPut, ordersPath, two).deployment()
	answer := f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"by": "ada@laptop"})
	if r := answer.release(); !r.Back || r.Moves["fulfil"].Candidate != 1 {
		t.Errorf("the rollback is %+v", r)
	}
	record, err := f.server.Store.Record(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if etag(record) != answer.header.Get("ETag") || fmt.Sprint(record.Revision-1) != before.Revision {
		t.Errorf("revision %d after %s", record.Revision, before.Revision)
	}
	if d := f.call(http.MethodGet, ordersPath, nil).deployment(); d.Functions["fulfil"].Version != 1 || !d.Release.Back ||
		!strings.HasPrefix(d.Components["functions/fulfil/alias"], "points at version 1, to which ada@laptop rolled back at ") {
		t.Errorf("the stack is %+v", d)
	}
}

// What a rollback takes, from the request to the answer, when all is in effect.
func BenchmarkRollback(b *testing.B) {
	f := newFixture(b)
	for _, marker := range []string{"1", "2"} {
		s := f.orders(marker)
		s.Release = nil
		f.call(http.MethodPut, ordersPath, s).deployment()
	}
	for b.Loop() {
		f.call(http.MethodPost, ordersPath+"/rollback", map[string]string{"by": "ada"}).want(http.StatusOK)
	}
}
