package aws

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestWhatIsLeftOfAStackIsFoundByItsLogGroups(t *testing.T) {
	groups := map[string]*logGroupFacts{
		"/aws/lambda/shop-create":  {0, map[string]string{tagStack: "shop"}}, // known anyway
		"/aws/lambda/shop-pay":     {0, map[string]string{tagStack: "shop"}},
		"/aws/lambda/shop-theirs":  {},
		"/aws/lambda/shop-b-pay":   {0, map[string]string{tagStack: "shop-b"}},
		"/aws/lambda/shop-refunds": {0, map[string]string{tagStack: "shop"}},
	}
	s, logs := newPlace(groups)
	listed, err := s.listLogGroups(t.Context(), functionLogGroup("shop", ""))
	if err != nil {
		t.Fatal(err)
	}
	delete(logs.groups, "/aws/lambda/shop-b-pay") // As another stack is removed at the same time.
	sh := shapeOf(shopWith(nil))
	if err := s.discover(t.Context(), &sh, listed, true); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(sh.functions)), []string{"create", "pay", "refunds"}; !slices.Equal(got, want) {
		t.Errorf("found the functions %v, want %v", got, want)
	}
	if slices.Contains(logs.calls, "ListTagsForResource /aws/lambda/shop-create") {
		t.Error("it asked after what it knew")
	}
	logs.fail["ListTagsForResource"] = errNo
	sh = shapeOf(shopWith(nil))
	if err := s.discover(t.Context(), &sh, listed, true); !errors.Is(err, errNo) {
		t.Errorf("discover says %v", err)
	}
}

// halfShop is a stack of which the marker and one of two log groups are there.
func halfShop(t *testing.T) (*inventory, stack.Stack) {
	t.Helper()
	prior := shopWith(nil)
	prior.Functions["pay"] = prior.Functions["create"]
	s, _ := newPlace(map[string]*logGroupFacts{
		"/tidegate/shop": {0, map[string]string{tagStack: "shop", tagKind: "stack", tagCreation: "finished", "team": "a"}},
		shopLogs:         {3, map[string]string{tagStack: "shop", tagFunction: "create", "team": "a"}},
	})
	i := newInventory(s, shapeOf(prior))
	i.logGroups = map[string]logGroupFacts{shopLogs: {retention: 3}}
	for _, c := range []component{i.marker, i.functions["create"].logGroup, i.functions["pay"].logGroup} {
		if err := c.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return i, prior
}

func TestWhatIsMissingOfAKnownStackIsSaidSo(t *testing.T) {
	i, prior := halfShop(t)
	d := i.deployment(prior)
	if got := d.Stack.Functions["create"].Logs.RetentionDays; got != 3 {
		t.Errorf("the logs that are there are kept %d days", got)
	}
	if got := d.Stack.Functions["pay"].Logs.RetentionDays; got != 14 {
		t.Errorf("the logs that are missing were kept %d days", got)
	}
	for component, want := range map[string]string{
		"marker": stack.Ready, "functions/create/log_group": stack.Ready, "functions/pay/log_group": stateMissing, "functions/create/function": stateMissing,
	} {
		if got := d.Components[component]; got != want {
			t.Errorf("%s is %q, want %q", component, got, want)
		}
	}
	if d.Creation != stack.CreationFinished {
		t.Errorf("the creation is %s", d.Creation)
	}
}

func TestRevisionFollowsFromWhatIsOnAWSAlone(t *testing.T) {
	i, prior := halfShop(t)
	revision := i.deployment(prior).Revision
	if again := i.deployment(stack.Stack{Name: "shop"}).Revision; again != revision {
		t.Errorf("with other hints the revision is %s, before it was %s", again, revision)
	}
	other, _ := halfShop(t)
	other.marker.have["team"] = "b"
	if changed := other.deployment(prior).Revision; changed == revision {
		t.Error("the revision is the same after a change")
	}
}

func TestSecretsOfThePriorStackAreNotShown(t *testing.T) {
	i, prior := halfShop(t)
	f := prior.Functions["create"]
	f.Secrets = map[string]string{"TOKEN": "hunter2"}
	prior.Functions["create"] = f
	if got := i.deployment(prior).Stack.Functions["create"].Secrets; len(got) > 0 {
		t.Errorf("the secrets are %v", got)
	}
}

func TestStackOfAnotherKindIsShownAsWhatItIs(t *testing.T) {
	s, _ := newPlace(nil)
	for kind, is := range map[stack.Kind]func(stack.Trigger) bool{
		stack.KindHTTPAPI:  func(g stack.Trigger) bool { return g.HTTPAPI != nil },
		stack.KindQueue:    func(g stack.Trigger) bool { return g.Queue != nil },
		stack.KindSchedule: func(g stack.Trigger) bool { return g.Schedule != nil },
		stack.KindNone:     func(g stack.Trigger) bool { return g == stack.Trigger{} },
	} {
		i := newInventory(s, shape{name: "shop", kind: kind})
		if got := i.skeleton(stack.Stack{Name: "shop"}).Trigger; !is(got) {
			t.Errorf("the trigger of a %q is %+v", kind, got)
		}
	}
}

func TestComponentsAreNamedWithoutAskingAnybody(t *testing.T) {
	got := (&Target{}).Components(shopWith(nil))
	for _, want := range []string{"marker", "functions/create/log_group", "functions/create/role", "functions/create/function", "functions/create/alias"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not among %s", want, strings.Join(got, ", "))
		}
	}
}
