package provider

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// halfWay is a target of which the next create fails half-way.
func halfWay() *fakeTarget {
	return &fakeTarget{fail: errors.New("the disk is on fire"), lacks: "functions/a/alias"}
}

func failing(config string) resource.TestStep {
	return resource.TestStep{Config: config, ExpectError: regexp.MustCompile(`Cannot create stack "shop"\n[^E]*The disk is on fire\.`)}
}

// wantCalls checks how often the target was asked to make a stack, and to delete one.
func wantCalls(t *testing.T, f *fakeTarget, made, deleted int) resource.TestCheckFunc {
	return func(*terraformState) error {
		if len(f.sent) != made || f.deleted != deleted {
			t.Errorf("the stack was made %d times and deleted %d times, want %d and %d", len(f.sent), f.deleted, made, deleted)
		}
		return nil
	}
}

var replacedAsTainted = planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionDestroyBeforeCreate))

func TestTheApplyAfterAFailedCreateGoesOnFromThere(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	run(
		t, f,
		failing(s.config("", "")),
		resource.TestStep{
			Config: s.config("", ""), ConfigPlanChecks: replacedAsTainted, Check: wantCalls(t, f, 2, 0),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1))},
		},
		resource.TestStep{Config: s.config("", ""), ConfigPlanChecks: unchanged},
		resource.TestStep{Config: s.config("", ""), Destroy: true, Check: wantCalls(t, f, 2, 1)},
	)
}

func TestAFailedCreateCanBeDestroyed(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	run(
		t, f,
		failing(s.config("", "")),
		resource.TestStep{Config: s.config("", ""), Destroy: true, Check: wantCalls(t, f, 1, 1)},
	)
	if len(f.stacks) > 0 {
		t.Errorf("there is still %v", f)
	}
}

func TestAStackThatWasLeftStaysInTheStateWhenItCannotBeGoneOnWith(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	run(
		t, f,
		failing(s.config("", "")),
		resource.TestStep{
			PreConfig:   func() { f.unreachable = errors.New("nobody answers") },
			Config:      s.config("", ""),
			ExpectError: regexp.MustCompile(`Nobody answers`),
		},
		resource.TestStep{
			PreConfig: func() { f.unreachable = nil },
			Config:    s.config("", ""), Destroy: true, Check: wantCalls(t, f, 1, 1),
		},
	)
}

func TestWhatBecameAnotherStackIsNotLeft(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	run(
		t, f,
		failing(s.config("", "")),
		resource.TestStep{
			Config: strings.Replace(s.config("", ""), `"shop"`+"\n", `"store"`+"\n", 1),
			Check:  wantCalls(t, f, 2, 1),
		},
	)
}

func TestAQueueThatBecomesFIFOIsNotLeft(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	queue := func(fifo string) string {
		return strings.Replace(s.config(fifo, ""), `"tidegate_stack"`, `"tidegate_queue"`, 1)
	}
	run(
		t, f,
		failing(queue("")),
		resource.TestStep{Config: queue("fifo = true"), Check: wantCalls(t, f, 2, 1)},
	)
}

func TestAFinishedStackThatIsReplacedIsDeleted(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{Config: s.config("", ""), Taint: []string{theShop}, Check: wantCalls(t, f, 2, 1)},
	)
}

// With create_before_destroy, the deletion comes after the creation that has taken
// the stack over.
func TestTheStackThatReplacesItselfIsNotDeleted(t *testing.T) {
	s := newShop(t)
	f := halfWay()
	config := s.config("lifecycle {\n create_before_destroy = true\n }", "")
	run(
		t, f,
		failing(config),
		resource.TestStep{
			Config:           config,
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionCreateBeforeDestroy)),
			Check:            wantCalls(t, f, 2, 0),
		},
		resource.TestStep{Config: config, ConfigPlanChecks: unchanged},
	)
	if f.deleted != 1 {
		t.Errorf("at the end the stack was deleted %d times", f.deleted)
	}
}

func TestWhatAnUpdateBeganIsInTheState(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig:   func() { f.fail, f.lacks = errors.New("the disk is on fire"), "functions/b/alias" },
			Config:      s.config("", "memory = 256"),
			ExpectError: regexp.MustCompile(`Cannot change stack "shop"`),
		},
		resource.TestStep{
			Config: s.config("", "memory = 256"),
			ConfigPlanChecks: planned(
				plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(2)),
			),
			Check: func(*terraformState) error {
				if prior := f.lastSent(t).Prior.Functions["a"].Memory; prior != 256 {
					t.Errorf("the target is told that the memory was %d", prior)
				}
				return nil
			},
		},
		resource.TestStep{Config: s.config("", "memory = 256"), ConfigPlanChecks: unchanged},
	)
}

// A target may keep in a stack what was deleted behind Terraform's back.
func TestSecretsTravelToAFunctionThatIsMissing(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{}
	config := s.config("", "secrets_wo = { PASSWORD = \"hunter2\" }\nsecrets_version = \"1\"")
	run(
		t, f,
		resource.TestStep{Config: config},
		resource.TestStep{
			PreConfig: f.behind(t, "shop", func(d *stack.Deployment) {
				d.Functions["a"] = stack.FunctionStatus{}
				d.Components["functions/a/alias"] = "missing"
			}),
			Config: config,
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(theShop, ofA("arn")),
				plancheck.ExpectUnknownValue(theShop, ofA("role_arn")),
				plancheck.ExpectKnownValue(theShop, ofB("arn"), knownvalue.NotNull()),
			),
			Check: func(*terraformState) error {
				if got := f.lastSent(t).Stack.Functions["a"].Secrets["PASSWORD"]; got != "hunter2" {
					t.Errorf("the secret that was sent is %q", got)
				}
				return nil
			},
		},
		resource.TestStep{Config: config, ConfigPlanChecks: unchanged},
	)
}
