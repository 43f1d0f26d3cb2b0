package deploy

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// canary moves a tenth first.
func canary() *stack.Release {
	return &stack.Release{Strategy: stack.Canary, Weight: 10, Interval: stack.Duration(time.Minute), OnFailure: stack.Rollback}
}

// shop is a stack of functions by their code.
func shop(policy *stack.Release, codes map[string]string) stack.Stack {
	s := stack.Stack{Name: "orders", Release: policy, Functions: map[string]stack.Function{}}
	for name, code := range codes {
		s.Functions[name] = function1(code)
	}
	return s
}

func release1(t *testing.T, old *store.Record, s stack.Stack) *store.Record {
	t.Helper()
	next, _, err := Deploy(old, s, "ada@laptop", noon, size)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// advance makes the release under way what change makes of it.
func advance(t *testing.T, r *store.Record, change func(release.Release) release.Release) *store.Record {
	t.Helper()
	if !UnderWay(r) {
		t.Fatal("no release is under way")
	}
	return Advance(r, change(*r.Release))
}

func pass(r release.Release) release.Release { return r.Judge(r.Due(), release.Seen{}) }

func TestAReleaseMovesTheAliasesOfAllFunctionsThatChanged(t *testing.T) {
	one := release1(t, nil, shop(canary(), map[string]string{"f": "A", "g": "A", "same": "A", "old": "A"}))
	if UnderWay(one) || len(one.Releases) > 0 {
		t.Fatalf("the creation is a release: %+v", one)
	}
	wanted := shop(canary(), map[string]string{"f": "B", "g": "B", "same": "A", "new": "A"})
	wanted.Functions["same"] = with(wanted.Functions["same"], func(f *stack.Function) {
		f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}}}
	})
	before := one.Clone()
	two := release1(t, one, wanted)
	if !reflect.DeepEqual(one, before) {
		t.Error("the record that was given has changed")
	}
	if !UnderWay(two) || !reflect.DeepEqual(two.Stack, one.Stack) {
		t.Fatalf("not under way, or the stack has changed: %+v", two)
	}
	for name, want := range map[string]stack.Routing{
		"f": {1: 90, 2: 10}, "g": {1: 90, 2: 10}, "same": {1: 100}, "old": {1: 100}, "new": {1: 100},
	} {
		if got := two.Functions[name].Live; !maps.Equal(got, want) {
			t.Errorf("%s is at %v, want %v", name, got, want)
		}
		if _, _, ok := two.Function(name); !ok {
			t.Errorf("%s is no function", name)
		}
	}
	if got := two.Permissions("same"); len(got) != 1 {
		t.Errorf("permissions that the release adds: %v", got)
	}
	d := Status(two, "", nil)
	want := "release " + wanted.ReleaseID() + " has moved 10 % to version 2, begun by ada@laptop at 2026-03-01 12:00 UTC"
	if got := d.Components["functions/f/alias"]; got != want {
		t.Errorf("the alias %q, want %q", got, want)
	}
	if d.Release.State != "running" || d.Release.Weight != 10 || d.ReleaseID != wanted.ReleaseID() {
		t.Errorf("told %+v of %s", d.Release, d.ReleaseID)
	}
	if _, told := d.Functions["old"]; told || d.Functions["new"].Version != 1 {
		t.Errorf("told of functions %v", d.Functions)
	}

	done := advance(t, two, pass)
	atOnce := wanted
	atOnce.Release = nil
	all, _ := deployed(one, atOnce, noon)
	all.Stack.Release, all.Releases = wanted.Release, done.Releases
	if !reflect.DeepEqual(done, all) {
		t.Errorf("finished it is\n%+v\nand all at once\n%+v", done, all)
	}
	if len(done.Releases) != 1 || done.Releases[0].Phase != release.Finished {
		t.Errorf("releases %+v", done.Releases)
	}
	for name, state := range Status(done, "", nil).Components {
		if state != stack.Ready {
			t.Errorf("%s is %s", name, state)
		}
	}
}

func TestAReleaseThatIsRolledBackLeavesTheStackAsItWas(t *testing.T) {
	one := release1(t, nil, shop(nil, map[string]string{"f": "A", "g": "A", "lost": "A", "split": "A"}))
	one = release1(t, one, shop(nil, map[string]string{"f": "A", "g": "A", "lost": "A", "split": "B"}))
	one = must(SetLive(one, "lost", nil))(t)
	one = must(SetLive(one, "split", stack.Routing{1: 30, 2: 70}))(t)
	two := release1(t, one, shop(canary(), map[string]string{"f": "B", "lost": "A", "split": "A", "new": "A"}))
	if got := two.Functions["lost"].Live; !maps.Equal(got, stack.RouteTo(1)) {
		t.Errorf("the alias that was missing is %v", got)
	}
	if got := two.Functions["split"].Live; !maps.Equal(got, stack.Routing{1: 10, 2: 90}) {
		t.Errorf("the alias that was split is %v", got)
	}
	back, r, err := Steer(two, release.CommandAbort, "bob", noon)
	if err != nil || r.Phase != release.RolledBack {
		t.Fatalf("%v: %+v", err, r)
	}
	if !reflect.DeepEqual(back.Stack, one.Stack) || UnderWay(back) || back.Pending != nil || back.Repaired != nil {
		t.Errorf("the stack is %+v", back)
	}
	for name := range back.Functions {
		if name != "new" && !maps.Equal(back.Functions[name].Live, one.Functions[name].Live) {
			t.Errorf("%s is at %v and was at %v", name, back.Functions[name].Live, one.Functions[name].Live)
		}
	}
	if _, _, ok := back.Function("new"); ok || back.Functions["new"].LastVersion != 1 {
		t.Errorf("what came with the release: %+v", back.Functions["new"])
	}
	// The version is found again.
	again, published, err := Deploy(back, shop(canary(), map[string]string{"f": "B", "g": "A", "lost": "A", "split": "A"}), "ada", noon, size)
	if err != nil || len(published) > 0 || again.Release.Moves["f"].Candidate != 2 {
		t.Errorf("again: %v, published %v, %+v", err, published, again.Release)
	}
}

func TestThereIsNoReleaseWhereNoAliasMoves(t *testing.T) {
	one := release1(t, nil, shop(canary(), map[string]string{"f": "A"}))
	policy := canary()
	policy.Weight = 50
	for what, s := range map[string]stack.Stack{
		"the same":     shop(canary(), map[string]string{"f": "A"}),
		"the policy":   shop(policy, map[string]string{"f": "A"}),
		"a function":   shop(canary(), map[string]string{"f": "A", "g": "A"}),
		"its settings": {Name: "orders", Functions: map[string]stack.Function{"f": with(function1("A"), func(f *stack.Function) { f.KeepVersions = 2 })}},
	} {
		next := release1(t, one, s)
		if UnderWay(next) || len(next.Releases) > 0 || !reflect.DeepEqual(next.Stack, s.WithDefaults()) {
			t.Errorf("%s changed: %+v", what, next)
		}
	}
	unfinished := one.Clone()
	unfinished.Creation = stack.CreationUnfinished
	if next := release1(t, unfinished, shop(canary(), map[string]string{"f": "B"})); UnderWay(next) || next.Functions["f"].Live.Main() != 2 {
		t.Errorf("a creation that is gone on with: %+v", next)
	}
}

func TestAReleaseAllAtOnceIsRemembered(t *testing.T) {
	r := released("A")
	for i := range maxReleases + 5 {
		r = release1(t, r, shop(nil, map[string]string{"f": fmt.Sprint("B", i)}))
	}
	if UnderWay(r) || len(r.Releases) != maxReleases || r.Releases[0].Moves["f"].Candidate != maxReleases+6 {
		t.Errorf("%d releases, the last %+v", len(r.Releases), r.Releases[0])
	}
}

func TestOldTrailsAreAbridged(t *testing.T) {
	policy := canary()
	policy.Strategy, policy.Weight = stack.Linear, 1
	r := release1(t, released("A"), shop(policy, map[string]string{"f": "B"}))
	for UnderWay(r) {
		r = advance(t, r, pass)
	}
	if n := len(r.Releases[0].Trail); n != 100 {
		t.Errorf("the last release has %d marks", n)
	}
	r = release1(t, r, shop(nil, map[string]string{"f": "A"}))
	if trail := r.Releases[1].Trail; len(trail) != oldMarks || trail[0].Weight != 1 || trail[len(trail)-1].Weight != 100 {
		t.Errorf("the one before has %d marks", len(trail))
	}
}

func TestWhatElseIsDeployedDuringARelease(t *testing.T) {
	under := release1(t, released("A"), shop(canary(), map[string]string{"f": "B"}))

	joined := release1(t, under, shop(canary(), map[string]string{"f": "B"}))
	if !reflect.DeepEqual(joined, under) {
		t.Errorf("joined it is\n%+v, and was\n%+v", joined, under)
	}
	policy := canary()
	policy.Weight = 50
	if joined := release1(t, under, shop(policy, map[string]string{"f": "B"})); !reflect.DeepEqual(joined.Release, under.Release) ||
		!reflect.DeepEqual(joined.Pending.Release, policy) {
		t.Errorf("joined with another policy: %+v", joined)
	}

	var refused *UnderWayError
	_, _, err := Deploy(under, shop(canary(), map[string]string{"f": "C"}), "bob", noon, size)
	if !errors.As(err, &refused) || refused.Release.Weight != 10 || !strings.Contains(err.Error(),
		`is at 10 %, begun by ada@laptop at 2026-03-01 12:00 UTC, and nothing was changed now; watch it with tidegate release orders, or end it`) {
		t.Errorf("another: %v", err)
	}
	schedule := stack.NewScheduleItem()
	schedule.Function = "f"
	under.Stack.Trigger = stack.Trigger{Schedule: &stack.Schedule{Schedules: map[string]stack.ScheduleItem{"nightly": schedule}}}
	for what, change := range map[string]func() (*store.Record, error){
		`function "f"`:                      func() (*store.Record, error) { return UpdateFunction(under, "f", function1("C")) },
		`the versions of function "f"`:      func() (*store.Record, error) { return DeleteVersion(under, "f", 1) },
		`the alias "live" of function "f"`:  func() (*store.Record, error) { return SetLive(under, "f", stack.RouteTo(1)) },
		`the binding "nightly"`:             func() (*store.Record, error) { return SetBindingEnabled(under, "nightly", false) },
		`binding "nightly" cannot`:          func() (*store.Record, error) { return DeleteBinding(under, "nightly") },
		`so function "f" cannot be changed`: func() (*store.Record, error) { return DeleteFunction(under, "f") },
	} {
		var refused *Error
		if next, err := change(); !errors.As(err, &refused) || refused.Reason != InUse || next != nil || !strings.Contains(err.Error(), what) ||
			!strings.Contains(err.Error(), "end it first with tidegate release orders --promote or --abort") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if gone := Tombstone(under); UnderWay(gone) || gone.Pending != nil {
		t.Errorf("deleted it is %+v", gone)
	}
}

func TestSecretsComeWithTheRelease(t *testing.T) {
	secret := func(code, version string, values map[string]string) stack.Stack {
		f := function1(code)
		f.SecretsVersion, f.Secrets = version, values
		return stack.Stack{Name: "orders", Release: canary(), Functions: map[string]stack.Function{"f": f}}
	}
	r := release1(t, nil, secret("A", "1", map[string]string{"KEY": "one"}))
	r = release1(t, r, secret("A", "2", map[string]string{"KEY": "two"}))
	if got := r.Stack.Functions["f"].Secrets["KEY"]; got != "one" {
		t.Errorf("the secret is %s before the end", got)
	}
	if v, _ := r.Functions["f"].Version(2); v.Secrets["KEY"] != "two" {
		t.Errorf("the candidate has %v", v.Secrets)
	}
	if !Joins(r, secret("A", "2", nil)) || Joins(r, secret("A", "1", nil)) || Joins(r, secret("A", "2", map[string]string{"KEY": "three"})) {
		t.Error("what joins is not told by the secrets")
	}
	r = advance(t, r, pass)
	if got := r.Stack.Functions["f"].Secrets["KEY"]; got != "two" {
		t.Errorf("the secret is %s after the end", got)
	}
}

func TestCommandsSteerARelease(t *testing.T) {
	under := release1(t, released("A"), shop(canary(), map[string]string{"f": "B"}))
	paused, r, err := Steer(under, release.CommandPause, "bob", noon)
	if err != nil || r.Stopped != release.Paused || paused.Release.Stopped != release.Paused {
		t.Fatalf("paused: %v, %+v", err, r)
	}
	if got := Status(paused, "", nil).Components["functions/f/alias"]; !strings.HasSuffix(got, "12:00 UTC, and is paused") {
		t.Errorf("the alias %q", got)
	}
	if _, _, err := Steer(paused, release.CommandPause, "bob", noon); err == nil || !strings.Contains(err.Error(), "is paused already") {
		t.Errorf("paused twice: %v", err)
	}
	promoted, r, err := Steer(paused, release.CommandPromote, "bob", noon)
	if err != nil || r.Phase != release.Finished || promoted.Functions["f"].Live[2] != 100 || promoted.Stack.Functions["f"].CodeSHA256 != "B" {
		t.Errorf("promoted: %v, %+v", err, promoted)
	}
	var none *Error
	if _, _, err := Steer(promoted, release.CommandAbort, "bob", noon); !errors.As(err, &none) || none.Reason != NoRelease {
		t.Errorf("none is under way: %v", err)
	}
}

// with changes a copy of a function.
func with(f stack.Function, change func(*stack.Function)) stack.Function {
	change(&f)
	return f
}
