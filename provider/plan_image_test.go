package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
)

const (
	someImage  = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:v1"
	otherImage = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:v2"
)

// single is a stack of function a alone.
func single(function string) string {
	return `
resource "tidegate_stack" "shop" {
  name = "shop"
  functions = {
    a = {
      ` + function + `
    }
  }
}`
}

func TestAnImageHasNoCode(t *testing.T) {
	run(
		t, &fakeTarget{},
		resource.TestStep{
			Config: single(`image = "` + someImage + `"`),
			ConfigPlanChecks: planned(
				plancheck.ExpectKnownValue(theShop, ofA("code_sha256"), knownvalue.Null()),
				plancheck.ExpectKnownValue(theShop, ofA("code_manifest"), knownvalue.Null()),
				plancheck.ExpectKnownValue(theShop, ofA("layer_sha256"), knownvalue.Null()),
				plancheck.ExpectKnownValue(theShop, ofA("handler"), knownvalue.Null()),
				plancheck.ExpectUnknownValue(theShop, ofA("version")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
				statecheck.ExpectKnownValue(theShop, ofA("runtime"), knownvalue.Null()),
			},
		},
		resource.TestStep{Config: single(`image = "` + someImage + `"`), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config: single("image = \"" + otherImage + "\"\nhandler = \"app.other\""),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(2)),
				statecheck.ExpectKnownValue(theShop, ofA("handler"), knownvalue.StringExact("app.other")),
			},
		},
		resource.TestStep{
			Config:           single(`image = "` + someImage + `"`),
			ConfigPlanChecks: planned(plancheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1))),
		},
	)
}

func TestAPackageBecomesAnImageAndTheOtherWayRound(t *testing.T) {
	s := newShop(t)
	packaged := single("source = \"" + s.a + "\"\nruntime = \"python3.13\"\nhandler = \"app.handler\"")
	image := single(`image = "` + someImage + `"`)
	run(
		t, &fakeTarget{},
		resource.TestStep{Config: packaged},
		resource.TestStep{Config: image, ConfigPlanChecks: planned(
			plancheck.ExpectKnownValue(theShop, ofA("code_sha256"), knownvalue.Null()),
			plancheck.ExpectKnownValue(theShop, ofA("handler"), knownvalue.Null()),
		)},
		resource.TestStep{Config: image, ConfigPlanChecks: unchanged},
		resource.TestStep{Config: packaged, ConfigPlanChecks: planned(
			plancheck.ExpectKnownValue(theShop, ofA("code_sha256"), knownvalue.NotNull()),
			plancheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(1)),
		)},
		resource.TestStep{Config: packaged, ConfigPlanChecks: unchanged},
	)
}

func TestTheOrderOfSubnetsMeansNothing(t *testing.T) {
	s := newShop(t)
	network := func(subnets string) string {
		return s.config("", `network = { subnet_ids = [`+subnets+`], security_group_ids = ["sg-1"] }`)
	}
	f := &fakeTarget{}
	run(
		t, f,
		resource.TestStep{Config: network(`"subnet-2", "subnet-1", "subnet-3"`), Check: func(*terraformState) error {
			if got := f.lastSent(t).Stack.Functions["a"].Network.SubnetIDs; got[0] != "subnet-1" || got[2] != "subnet-3" {
				t.Errorf("the subnets that were sent are %q", got)
			}
			return nil
		}},
		resource.TestStep{Config: network(`"subnet-3", "subnet-2", "subnet-1"`), ConfigPlanChecks: unchanged},
		resource.TestStep{
			Config:            network(`"subnet-3"`),
			ConfigStateChecks: []statecheck.StateCheck{statecheck.ExpectKnownValue(theShop, ofA("version"), knownvalue.Int64Exact(2))},
		},
	)
}
