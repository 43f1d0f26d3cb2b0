package provider

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

const aCanary = `release = { strategy = "canary" }`

// routed checks how an alias splits its traffic.
func routed(routing stack.Routing) knownvalue.Check {
	checks := map[string]knownvalue.Check{}
	for version, percent := range routing {
		checks[fmt.Sprint(version)] = knownvalue.Int64Exact(int64(percent))
	}
	return knownvalue.MapExact(checks)
}

func runReleasing(t *testing.T, f *releasing, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: f.factories(), Steps: steps})
}

func TestAReleaseIsSentAsItIsWritten(t *testing.T) {
	s := newShop(t)
	f := &releasing{goes: passes}
	half := 0.5
	sent := func(want *stack.Release) resource.TestCheckFunc {
		return func(*terraformState) error {
			got := f.lastSent(t)
			if !reflect.DeepEqual(got.Stack.Release, want) {
				t.Errorf("the release that was sent is %+v, want %+v", got.Stack.Release, want)
			}
			return nil
		}
	}
	whole := `release = {
	    strategy   = "linear"
	    weight     = 25
	    interval   = "2m"
	    gate       = { max_error_rate = 0.5, max_p95_ratio = 0.5, max_throttle_rate = 0.5, min_invocations = 7, timeout = "1h", alarms = ["a"] }
	    before     = "a"
	    after      = "b"
	    on_failure = "hold"
	  }`
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config("", ""), Check: sent(nil)},
		resource.TestStep{Config: s.config(`release = { strategy = "all_at_once", on_failure = "rollback", wait = true }`, ""), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: s.config(whole, ""),
			Check: sent(&stack.Release{
				Strategy: "linear", Weight: 25, Interval: stack.Duration(2 * time.Minute), Before: "a", After: "b", OnFailure: "hold",
				Gate: &stack.Gate{MaxErrorRate: &half, MaxP95Ratio: &half, MaxThrottleRate: &half, MinInvocations: 7, Timeout: stack.Duration(time.Hour), Alarms: []string{"a"}},
			}),
		},
		resource.TestStep{Config: s.config(strings.ReplaceAll(whole, `"2m"`, `"120s"`), ""), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: s.config(`release = { strategy = "Canary10Percent5Minutes" }`, ""),
			Check:  sent(&stack.Release{Strategy: "Canary10Percent5Minutes", OnFailure: "rollback"}),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, tfjsonpath.New("release").AtMapKey("strategy"), knownvalue.StringExact("Canary10Percent5Minutes")),
				statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
			},
		},
		resource.TestStep{Config: s.config(`release = { before = "a" }`, ""), Check: sent(&stack.Release{Strategy: "all_at_once", Before: "a", OnFailure: "rollback"})},
	)
}

func TestAReleaseThatPassesEndsWithAllTrafficOnTheNewVersion(t *testing.T) {
	s := newShop(t)
	f := &releasing{goes: passes}
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config(aCanary, "")},
		resource.TestStep{
			Config: s.config(aCanary, "memory = 256"),
			ConfigPlanChecks: planned(
				plancheck.ExpectKnownValue(theShop, tfjsonpath.New("release_id"), knownvalue.NotNull()),
				plancheck.ExpectKnownValue(theShop, ofB("routing"), routed(stack.RouteTo(1))),
				plancheck.ExpectKnownValue(theShop, tfjsonpath.New("components"), knownvalue.MapSizeExact(2)),
			),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.RouteTo(2)))},
			Check: func(*terraformState) error {
				if d := f.lastSent(t); d.NoWait || d.By != target.Who() {
					t.Errorf("the update does not wait (%t), or is by %q", d.NoWait, d.By)
				}
				return nil
			},
		},
		// It was version 1 before, so the plan knows where the release ends.
		resource.TestStep{Config: s.config(aCanary, ""), ConfigPlanChecks: planned(plancheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.RouteTo(1))))},
	)
}

func TestAReleaseThatFailsFailsTheApplyAndIsOfferedAgain(t *testing.T) {
	s := newShop(t)
	f := &releasing{goes: misses}
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config(aCanary, "")},
		resource.TestStep{
			PreConfig:   func() { writeFile(t, s.a+"/app.py", "bad") },
			Config:      s.config(aCanary, ""),
			ExpectError: regexp.MustCompile(`Release rolled back: stack "shop"\n(?s:.*)the\s+alarm\s+"errors"\s+went\s+into\s+alarm\s+at\s+10\s+%;\s+every\s+alias\s+is\s+where\s+it\s+was\s+before\.\s+The\s+next\s+plan\s+offers\s+the\s+release\s+again`),
		},
		resource.TestStep{
			PreConfig: func() { f.goes = passes },
			Config:    s.config(aCanary, ""),
			ConfigPlanChecks: planned(
				plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate),
				// The version exists by now.
				plancheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.RouteTo(2))),
				changesFiles{},
			),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(2))},
		},
		resource.TestStep{Config: s.config(aCanary, ""), ConfigPlanChecks: unchanged},
	)
}

// changesFiles checks that a plan shows which files of function a differ from what was
// released.
type changesFiles struct{}

func (changesFiles) CheckPlan(_ context.Context, req plancheck.CheckPlanRequest, resp *plancheck.CheckPlanResponse) {
	manifest := func(v any) any {
		stack, _ := v.(map[string]any)
		functions, _ := stack["functions"].(map[string]any)
		a, _ := functions["a"].(map[string]any)
		return a["code_manifest"]
	}
	for _, c := range req.Plan.ResourceChanges {
		if reflect.DeepEqual(manifest(c.Change.Before), manifest(c.Change.After)) {
			resp.Error = fmt.Errorf("the plan shows no file that changes: %v", manifest(c.Change.After))
		}
	}
}

func TestAHeldReleaseFailsTheApply(t *testing.T) {
	s := newShop(t)
	const held = `release = { strategy = "canary", on_failure = "hold" }`
	runReleasing(
		t, &releasing{goes: misses},
		resource.TestStep{Config: s.config(held, "")},
		resource.TestStep{
			Config:      s.config(held, "memory = 256"),
			ExpectError: regexp.MustCompile(`Release held: stack "shop"\n(?s:.*)keep\s+10\s+%\s+of\s+the\s+traffic\s+until\s+it\s+is\s+resumed`),
		},
	)
}

// Whoever decides about a release that is held leaves nothing to apply, or all of it.
func TestAHeldReleaseIsDecidedByHand(t *testing.T) {
	const held = `release = { strategy = "canary", on_failure = "hold" }`
	steer := func(c release.Command) func(release.Release) release.Release {
		return func(r release.Release) release.Release {
			r, err := r.Do(c, "ada", noon.Add(time.Hour))
			if err != nil {
				panic(err)
			}
			return r
		}
	}
	for command, then := range map[release.Command]resource.TestStep{
		release.CommandPromote: {ConfigPlanChecks: unchanged, ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.RouteTo(2)))}},
		release.CommandAbort:   {ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate), changesFiles{})},
	} {
		t.Run(string(command), func(t *testing.T) {
			s := newShop(t)
			f := &releasing{goes: misses}
			then.PreConfig = func() {
				f.goOn(steer(command))
				f.goes = passes
			}
			then.Config = s.config(held, "")
			runReleasing(
				t, f,
				resource.TestStep{Config: s.config("", "")},
				resource.TestStep{
					PreConfig:   func() { writeFile(t, s.a+"/app.py", "other") },
					Config:      s.config(held, ""),
					ExpectError: regexp.MustCompile(`Release held`),
				},
				then,
				resource.TestStep{Config: s.config(held, ""), ConfigPlanChecks: unchanged},
			)
		})
	}
}

// A release that nobody waited for and that was rolled back is offered again with its files.
func TestAReleaseThatNobodyWaitedForIsOfferedAgainWithItsFiles(t *testing.T) {
	s := newShop(t)
	f := &releasing{}
	const noWait = `release = { strategy = "canary", wait = false }`
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config(noWait, "")},
		resource.TestStep{
			PreConfig:          func() { writeFile(t, s.a+"/app.py", "bad") },
			Config:             s.config(noWait, ""),
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			PreConfig: func() {
				f.goOn(misses)
				f.goes = passes
			},
			Config:           s.config(noWait, ""),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate), changesFiles{}),
		},
		resource.TestStep{Config: s.config(noWait, ""), ConfigPlanChecks: unchanged},
	)
}

func TestAnApplyThatDoesNotWaitShowsHowFarTheReleaseIs(t *testing.T) {
	s := newShop(t)
	f := &releasing{}
	const noWait = `release = { strategy = "canary", wait = false }`
	alias := tfjsonpath.New("components").AtMapKey("functions/a/alias")
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config(noWait, "")},
		resource.TestStep{Config: s.config(noWait, ""), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: s.config(noWait, "memory = 256"),
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(theShop, ofA("routing")),
				plancheck.ExpectUnknownValue(theShop, ofA("version")),
				plancheck.ExpectUnknownValue(theShop, tfjsonpath.New("components")),
				plancheck.ExpectKnownValue(theShop, ofB("routing"), routed(stack.RouteTo(1))),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.Routing{1: 90, 2: 10})),
				statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
				statecheck.ExpectKnownValue(theShop, alias, knownvalue.StringRegexp(regexp.MustCompile(`has moved 10 % to version 2`))),
			},
			ExpectNonEmptyPlan: true,
		},
		resource.TestStep{
			PreConfig:        func() { f.goOn(passes) },
			Config:           s.config(noWait, "memory = 256"),
			ConfigPlanChecks: unchanged,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("routing"), routed(stack.RouteTo(2))),
				statecheck.ExpectKnownValue(theShop, alias, knownvalue.StringExact("ready")),
			},
		},
	)
}

func TestAnApplyIsRefusedWhileAnotherReleaseIsUnderWay(t *testing.T) {
	s := newShop(t)
	f := &releasing{goes: passes}
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig: func() {
				f.refuses = &target.UnderWayError{Name: "shop", Now: noon.Add(4 * time.Minute), Release: stack.ReleaseStatus{ID: "r-1", Weight: 10, By: "bob@desk", Began: noon}}
			},
			Config:      s.config("", "memory = 256"),
			ExpectError: regexp.MustCompile(`A release is under way: stack "shop"\n(?s:.*)is\s+at\s+10\s+%,\s+started\s+by\s+bob@desk\s+4\s+minutes\s+ago`),
		},
		resource.TestStep{Config: s.config("", "memory = 256")},
	)
}

func TestADefaultTimeoutGrowsWithTheRelease(t *testing.T) {
	hook := stack.NewFunction()
	hook.Timeout = stack.Duration(time.Minute)
	for name, c := range map[string]struct {
		release     *stack.Release
		least, most time.Duration
	}{
		"at once":         {nil, 0, 0},
		"canary":          {&stack.Release{Strategy: "canary"}, 5 * time.Minute, 8 * time.Minute},
		"linear":          {&stack.Release{Strategy: "Linear25PercentEvery10Minutes"}, 30 * time.Minute, 39 * time.Minute},
		"with hooks":      {&stack.Release{Strategy: "all_at_once", Before: "smoke", After: "smoke"}, 0, 10 * time.Minute},
		"that may wait":   {&stack.Release{Strategy: "canary", Gate: &stack.Gate{MinInvocations: 1}}, 5 * time.Minute, 64 * time.Minute},
		"of an odd gate":  {&stack.Release{Strategy: "canary", Gate: &stack.Gate{Alarms: []string{"a"}}}, 5 * time.Minute, 9 * time.Minute},
		"of blue, green ": {&stack.Release{Strategy: "blue_green", Interval: stack.Duration(time.Second)}, time.Second, time.Second + 3*time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			s := stack.Stack{Functions: map[string]stack.Function{"smoke": hook}, Release: c.release}
			if least, most := releaseTimes(s); least != c.least || most != c.most {
				t.Errorf("it takes %s to %s, want %s to %s", least, most, c.least, c.most)
			}
			if got := updateTimeout(s, true); got != writeTimeout+c.most {
				t.Errorf("the timeout is %s", got)
			}
			if got := updateTimeout(s, false); got > writeTimeout+10*time.Minute || c.least == 0 && got != writeTimeout+c.most {
				t.Errorf("the timeout without waiting is %s", got)
			}
		})
	}
}

func TestProgressIsInTerraformsLog(t *testing.T) {
	var log bytes.Buffer
	r := release.Begin(release.Wish{ID: "r-1", Policy: stack.Release{Strategy: "canary"}, Moves: map[string]release.Move{"a": {Stable: stack.RouteTo(1), Candidate: 2}}}, noon)
	logProgress(tflogtest.RootLogger(t.Context(), &log), "shop")(r)
	entries, err := tflogtest.MultilineJSONDecode(&log)
	if err != nil || len(entries) != 1 || entries[0]["@level"] != "info" || entries[0]["@message"] != `release r-1 of stack "shop" is at 10 %: began` {
		t.Errorf("the log is %v, %v", entries, err)
	}
}

// What a release has done is told as such, and not as somebody's meddling.
func TestReadingTellsOfReleases(t *testing.T) {
	canary := release.Begin(release.Wish{
		ID: "r-new", By: "bob@desk", Policy: stack.Release{Strategy: "canary"},
		Moves: map[string]release.Move{"a": {Stable: stack.RouteTo(7), Candidate: 8}}, Versions: map[string]int{"a": 8},
	}, noon)
	back := release.Back(release.Wish{
		ID: "r-old", By: "bob@desk", Moves: map[string]release.Move{"a": {Stable: stack.RouteTo(8), Candidate: 7}}, Versions: map[string]int{"a": 7},
	}, "went back to release r-old", noon)
	const wentBack = "points at version 7, to which bob@desk rolled back"
	old := deployed("r-old", stack.RouteTo(7), stack.Ready, nil)
	for name, c := range map[string]struct {
		state, now *stack.Deployment
		want       []string
	}{
		"nothing": {state: old, now: old},
		"another's release": {
			old, deployed("r-old", stack.Routing{7: 90, 8: 10}, "release r-new has moved 10 % to version 8", canary.Status()),
			[]string{`Release under way: stack "shop"|The release r-new is at 10 %, started by bob@desk 4 minutes ago (last: began). Watch it with: tidegate release shop`},
		},
		"another's release, with what it will have changed": {
			old, deployed("r-new", stack.Routing{7: 90, 8: 10}, "release r-new has moved 10 % to version 8", canary.Status()),
			[]string{`Release under way: stack "shop"|The release r-new is at 10 %`},
		},
		"a paused one": {
			old, deployed("r-old", stack.Routing{7: 90, 8: 10}, "release r-new is paused", done(canary.Pause("ada", noon))),
			[]string{`Release under way: stack "shop"|The release r-new is paused at 10 %`},
		},
		"one of which little is known": {
			old, deployed("r-old", stack.Routing{7: 90, 8: 10}, "release r-new is paused", &stack.ReleaseStatus{ID: "r-new", State: "running", Weight: 10, Began: noon}),
			[]string{`Release under way: stack "shop"|The release r-new is at 10 %, started by another apply 4 minutes ago. Watch it`},
		},
		"our own, that nobody waited for": {
			deployed("r-new", stack.Routing{7: 90, 8: 10}, "release r-new has moved 10 % to version 8", nil),
			deployed("r-new", stack.RouteTo(8), stack.Ready, passes(canary).Status()), nil,
		},
		"our own, that was rolled back": {
			deployed("r-new", stack.Routing{7: 90, 8: 10}, "release r-new has moved 10 % to version 8", nil),
			deployed("r-old", stack.RouteTo(7), stack.Ready, misses(canary).Status()),
			[]string{`Release rolled back: stack "shop"|The release r-new was rolled back: the alarm "errors" went into alarm at 10 %, 3 minutes ago.`},
		},
		"another's, that was rolled back": {state: old, now: deployed("r-old", stack.RouteTo(7), stack.Ready, misses(canary).Status())},
		"a rollback": {
			deployed("r-new", stack.RouteTo(8), stack.Ready, nil), deployed("r-new", stack.RouteTo(7), wentBack, back.Status()),
			[]string{`Rolled back outside Terraform: stack "shop"|bob@desk rolled the stack back 4 minutes ago (went back to release r-old).` + "\n\n- functions/a/alias " + wentBack},
		},
		"what was moved after a rollback": {
			deployed("r-new", stack.RouteTo(8), stack.Ready, nil), deployed("r-new", stack.RouteTo(5), "points at version 5, but version 8 was released", back.Status()),
			[]string{`Changed outside Terraform: stack "shop"|the alias of function "a" points at version 5 now (was version 8)`},
		},
		"what was broken while a release is under way": {
			old, brokenQueue(deployed("r-old", stack.Routing{7: 90, 8: 10}, "release r-new has moved 10 % to version 8", canary.Status())),
			[]string{`Release under way`, `Changed outside Terraform: stack "shop"|- queue is not ready: missing` + "\n\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newStackResource(plainStack)
			r.data.now = func() time.Time { return noon.Add(4 * time.Minute) }
			state, err := fromDeployment(stack.KindNone, r.schema.Attributes, c.state, tftypes.Value{})
			if err != nil {
				t.Fatal(err)
			}
			var diags diag.Diagnostics
			r.warnRelease(state, c.now, &diags)
			r.warnDrift(state, c.now, &diags)
			for i, d := range diags {
				summary, detail := d.Summary(), d.Detail()
				if i >= len(c.want) {
					t.Errorf("there is another warning: %s|%s", summary, detail)
				} else if got := summary + "|" + detail; !contains(got, c.want[i]) {
					t.Errorf("the warning is\n%s\nwant\n%s", got, c.want[i])
				}
			}
			if len(diags) < len(c.want) {
				t.Errorf("there are %d warnings, want %q", len(diags), c.want)
			}
		})
	}
}

// contains tells whether a warning has the wanted summary and, somewhere, the detail.
func contains(got, want string) bool {
	summary, detail, _ := strings.Cut(want, "|")
	return strings.HasPrefix(got, summary) && strings.Contains(got, detail)
}

// deployed is a stack of one function whose alias is as given.
func deployed(id string, routing stack.Routing, alias string, r *stack.ReleaseStatus) *stack.Deployment {
	f := stack.NewFunction()
	f.SecretsVersion = id // Something by which the stacks differ.
	return &stack.Deployment{
		Stack: stack.Stack{Name: "shop", Functions: map[string]stack.Function{"a": f}}, ReleaseID: id, Release: r,
		Functions:  map[string]stack.FunctionStatus{"a": {ARN: "arn", Version: routing.Main(), Routing: routing}},
		Components: map[string]string{stack.AliasComponent("a"): alias},
	}
}

func brokenQueue(d *stack.Deployment) *stack.Deployment {
	d.Components["queue"] = "missing"
	return d
}

func done(r release.Release, _ error) *stack.ReleaseStatus { return r.Status() }

func TestTheHistoryOfReleasesIsADataSource(t *testing.T) {
	s := newShop(t)
	f := &releasing{goes: misses}
	history := s.config(aCanary, "memory = 256") + `
data "tidegate_releases" "shop" {
  stack      = "shop"
  depends_on = [tidegate_stack.shop]
}
data "tidegate_stack" "shop" {
  name       = "shop"
  depends_on = [tidegate_stack.shop]
}
`
	const releases, theStack = "data.tidegate_releases.shop", "data.tidegate_stack.shop"
	newest := tfjsonpath.New("releases").AtSliceIndex(0)
	runReleasing(
		t, f,
		resource.TestStep{Config: s.config(aCanary, "")},
		resource.TestStep{Config: s.config(aCanary, "memory = 256"), ExpectError: regexp.MustCompile("Release rolled back")},
		resource.TestStep{
			PreConfig: func() { f.goes = passes },
			Config:    history,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(releases, tfjsonpath.New("releases"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue(releases, newest, knownvalue.ObjectPartial(map[string]knownvalue.Check{
					"state": knownvalue.StringExact("finished"), "policy": knownvalue.StringExact("canary of 10 % for 5m"), "weight": knownvalue.Int64Exact(100),
					"by": knownvalue.StringExact(target.Who()), "began": knownvalue.StringExact("2026-06-01T12:00:00Z"), "ended": knownvalue.StringExact("2026-06-01T12:05:00Z"),
					"versions": knownvalue.MapExact(map[string]knownvalue.Check{"a": knownvalue.Int64Exact(2), "b": knownvalue.Int64Exact(1)}), "back": knownvalue.Bool(false),
				})),
				statecheck.ExpectKnownValue(releases, newest.AtMapKey("moves").AtMapKey("a"), knownvalue.ObjectExact(map[string]knownvalue.Check{
					"stable": routed(stack.RouteTo(1)), "candidate": knownvalue.Int64Exact(2),
				})),
				statecheck.ExpectKnownValue(releases, newest.AtMapKey("steps"), knownvalue.ListSizeExact(2)),
				statecheck.ExpectKnownValue(releases, tfjsonpath.New("releases").AtSliceIndex(1).AtMapKey("verdict"),
					knownvalue.StringExact(`rolled back: the alarm "errors" went into alarm at 10 %`)),
				statecheck.ExpectKnownValue(theStack, tfjsonpath.New("release").AtMapKey("state"), knownvalue.StringExact("finished")),
			},
		},
		resource.TestStep{
			Config:      history + "data \"tidegate_releases\" \"none\" { stack = \"none\" }\n",
			ExpectError: regexp.MustCompile(`There is no stack of that name`),
		},
	)
}
