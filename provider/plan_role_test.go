package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const someRole = "arn:aws:iam::123456789012:role/shop"

func TestARoleIsTheUsersOrTheTargets(t *testing.T) {
	s := newShop(t)
	made := knownvalue.StringExact(madeRole("shop", "a"))
	f := &fakeTarget{roles: true}
	wantSent := func(want string) resource.TestCheckFunc {
		return func(*terraformState) error {
			if got := f.lastSent(t).Stack.Functions["a"].RoleARN; got != want {
				t.Errorf("the role that was sent is %q, want %q", got, want)
			}
			return nil
		}
	}
	run(
		t, f,
		resource.TestStep{
			Config: s.config("", ""),
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(theShop, ofA("role_arn")),
				plancheck.ExpectKnownValue(theShop, tfjsonpath.New("release_id"), knownvalue.NotNull()),
			),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("role_arn"), made)},
			Check:             wantSent(""),
		},
		resource.TestStep{
			Config:           s.config("", "memory = 256"),
			ConfigPlanChecks: planned(plancheck.ExpectKnownValue(theShop, ofA("role_arn"), made)),
			Check:            wantSent(""),
		},
		resource.TestStep{Config: s.config("", "memory = 256"), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: s.config("", `role_arn = "`+someRole+`"`),
			ConfigPlanChecks: planned(
				plancheck.ExpectKnownValue(theShop, ofA("role_arn"), knownvalue.StringExact(someRole)),
				plancheck.ExpectKnownValue(theShop, ofB("version"), knownvalue.Int64Exact(1)),
			),
			Check: wantSent(someRole),
		},
		resource.TestStep{Config: s.config("", `role_arn = "`+someRole+`"`), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: s.config("", ""),
			ConfigPlanChecks: planned(
				plancheck.ExpectUnknownValue(theShop, ofA("role_arn")),
				// It was version 1 before and is again.
				plancheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
			),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("role_arn"), made)},
			Check:             wantSent(""),
		},
	)
}

func TestARoleThatWasPutInPlaceOfTheTargetsIsFound(t *testing.T) {
	s := newShop(t)
	f := &fakeTarget{roles: true}
	run(
		t, f,
		resource.TestStep{Config: s.config("", "")},
		resource.TestStep{
			PreConfig: f.behind(t, "shop", func(d *stack.Deployment) {
				function, status := d.Stack.Functions["a"], d.Functions["a"]
				function.RoleARN, status.RoleARN = someRole, someRole
				d.Stack.Functions["a"], d.Functions["a"] = function, status
				d.ReleaseID = d.Stack.ReleaseID()
			}),
			Config: s.config("", ""),
			ConfigPlanChecks: planned(
				plancheck.ExpectResourceAction(theShop, plancheck.ResourceActionUpdate),
				plancheck.ExpectUnknownValue(theShop, ofA("role_arn")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("role_arn"), knownvalue.StringExact(madeRole("shop", "a"))),
			},
		},
	)
}

func TestATargetWithoutRolesKeepsTheUsers(t *testing.T) {
	s := newShop(t)
	run(
		t, &fakeTarget{},
		resource.TestStep{
			Config:            s.config("", ""),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("role_arn"), knownvalue.Null())},
		},
		resource.TestStep{
			Config:            s.config("", `role_arn = "`+someRole+`"`),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("role_arn"), knownvalue.StringExact(someRole))},
		},
		resource.TestStep{Config: s.config("", `role_arn = "`+someRole+`"`), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config:            s.config("", ""),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("role_arn"), knownvalue.Null())},
		},
		resource.TestStep{Config: s.config("", ""), ConfigPlanChecks: unchanged},
	)
}
