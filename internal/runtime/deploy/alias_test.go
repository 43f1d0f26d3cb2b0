package deploy

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// beta is an alias of the function that released makes.
var beta = stack.AliasRef{Stack: "orders", Function: "f", Name: "beta"}

func withBeta(t *testing.T, r *store.Record, routing stack.Routing) *store.Record {
	t.Helper()
	return must(SetAlias(r, beta, stack.Alias{Routing: routing}))(t)
}

func TestAnAliasIsNeverMovedByADeployment(t *testing.T) {
	r := withBeta(t, released("A", "B"), stack.Routing{1: 90, 2: 10})
	next := apply(r, map[string]stack.Function{"f": function1("C")})
	if got := next.Functions["f"]; !reflect.DeepEqual(got.Aliases, r.Functions["f"].Aliases) || got.Live.Main() != 3 {
		t.Errorf("the function is %+v", got)
	}
	s := stack.Stack{Name: "orders", Functions: map[string]stack.Function{"f": function1("D")}, Release: &stack.Release{Strategy: stack.Canary}}
	under, _ := deployed(next, s, noon)
	moved := withBeta(t, under, stack.RouteTo(4))
	aborted, _, err := Steer(moved, release.CommandAbort, "ada@laptop", noon)
	if err != nil {
		t.Fatal(err)
	}
	if got := aborted.Functions["f"]; !reflect.DeepEqual(got.Aliases["beta"].Routing, stack.RouteTo(4)) || got.Live.Main() != 3 {
		t.Errorf("after the release was aborted the function is %+v", got)
	}
}

func TestWhatAnAliasPointsAtStays(t *testing.T) {
	few := func(code string) map[string]stack.Function {
		f := function1(code)
		f.KeepVersions = 1
		return map[string]stack.Function{"f": f}
	}
	r := withBeta(t, apply(nil, few("A")), stack.RouteTo(1))
	for _, code := range []string{"B", "C"} {
		r = apply(r, few(code))
	}
	if got := numbers(r); !slices.Equal(got, []int{1, 3}) {
		t.Errorf("versions %v, want 1, which beta points at, and 3", got)
	}
	if _, err := DeleteVersion(r, "f", 1); err == nil || !strings.Contains(err.Error(), `the alias "beta" points at it`) {
		t.Errorf("deleting version 1: %v", err)
	}
	r = must(DeleteAlias(r, beta))(t)
	if got := numbers(apply(r, few("C"))); !slices.Equal(got, []int{3}) {
		t.Errorf("without beta versions %v are kept, want 3", got)
	}
}

func TestAnAliasGoesWithItsFunction(t *testing.T) {
	r := withBeta(t, released("A"), stack.RouteTo(1))
	for name, next := range map[string]*store.Record{
		"deleted":  must(DeleteFunction(r, "f"))(t),
		"left out": apply(r, map[string]stack.Function{"g": function1("A")}),
		"tomb":     Tombstone(r),
	} {
		if got := next.Functions["f"].Aliases; len(got) > 0 {
			t.Errorf("%s: the aliases %v are left", name, got)
		}
	}
}

func TestAnAliasIsNoChangeOfItsStack(t *testing.T) {
	r := released("A", "B")
	r.Revision = 7
	next := withBeta(t, r, stack.RouteTo(1))
	next.Revision = 8
	if Status(next, "", nil).Revision != "7" {
		t.Errorf("the stack's revision is %s", Status(next, "", nil).Revision)
	}
	if same := withBeta(t, next, stack.RouteTo(1)); !reflect.DeepEqual(same, next) {
		t.Errorf("the same alias again: %+v", same)
	}
	next = withBeta(t, next, stack.RouteTo(2))
	next.Revision = 9
	if next.StackRevision() != 7 {
		t.Errorf("after another change of the alias the stack's revision is %d", next.StackRevision())
	}
	next = must(SetLive(next, "f", stack.RouteTo(1)))(t)
	next.Revision = 10
	if next.StackRevision() != 10 {
		t.Errorf("after a change of the stack its revision is %d", next.StackRevision())
	}
}

func TestAliasesThatCannotBe(t *testing.T) {
	few := function1("A")
	few.KeepVersions = 1
	r := apply(nil, map[string]stack.Function{"f": few})
	few.CodeSHA256 = "B"
	r = apply(r, map[string]stack.Function{"f": few})
	for _, c := range []struct {
		ref     stack.AliasRef
		routing stack.Routing
		reason  Reason
		want    string
	}{
		{beta, stack.RouteTo(1), Invalid, "which is gone: 1 versions are kept"},
		{beta, stack.RouteTo(3), Invalid, "was not published yet: the newest is version 2"},
		{beta, stack.Routing{2: 50}, Invalid, "add up to 50"},
		{stack.AliasRef{Stack: "orders", Function: "f", Name: "live"}, stack.RouteTo(2), Invalid, "the stack's own"},
		{stack.AliasRef{Stack: "orders", Function: "g", Name: "beta"}, stack.RouteTo(2), NotFound, `no function "g"`},
	} {
		_, err := SetAlias(r, c.ref, stack.Alias{Routing: c.routing})
		var refused *Error
		if !errors.As(err, &refused) || refused.Reason != c.reason || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v at %v: %v, want %q", c.ref, c.routing, err, c.want)
		}
	}
	if _, err := DeleteAlias(r, beta); err == nil || !strings.Contains(err.Error(), `no alias "beta"`) {
		t.Errorf("deleting what is not there: %v", err)
	}
}
