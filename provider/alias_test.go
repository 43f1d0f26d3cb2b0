package provider

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// aliasing is a target that keeps aliases.
type aliasing struct {
	fakeTarget
	aliases map[string]stack.AliasStatus
	// hangs is what takes for ever: create, read, update or delete.
	hangs string
	// fail, if not nil, is what the next write ends with when it is half done.
	fail error
}

func (f *aliasing) factories() providerFactories { return factoriesOf(f) }

// hang waits for the end of ctx, if this is what takes for ever.
func (f *aliasing) hang(ctx context.Context, operation string) error {
	if f.hangs != operation {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (f *aliasing) ReadAlias(ctx context.Context, ref stack.AliasRef) (*stack.AliasStatus, error) {
	if err := f.hang(ctx, "read"); err != nil {
		return nil, err
	}
	if s, ok := f.aliases[ref.String()]; ok {
		return &s, nil
	}
	return nil, target.ErrNotFound
}

func (f *aliasing) CreateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	if err := f.hang(ctx, "create"); err != nil {
		return nil, err
	}
	return f.put(ref, a)
}

func (f *aliasing) UpdateAlias(ctx context.Context, ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	if err := f.hang(ctx, "update"); err != nil {
		return nil, err
	}
	return f.put(ref, a)
}

func (f *aliasing) put(ref stack.AliasRef, a stack.Alias) (*stack.AliasStatus, error) {
	s := stack.AliasStatus{Alias: a, ARN: stack.QualifiedARN(ref.Stack, ref.Function, ref.Name), State: stack.Ready}
	err := f.fail
	if f.fail = nil; err != nil {
		s.State = "it was not finished"
	}
	f.aliases[ref.String()] = s
	return &s, err
}

func (f *aliasing) DeleteAlias(ctx context.Context, ref stack.AliasRef) error {
	if err := f.hang(ctx, "delete"); err != nil {
		return err
	}
	delete(f.aliases, ref.String())
	return nil
}

const theBeta = "tidegate_alias.beta"

func betaOf(lines string) string {
	return fmt.Sprintf(`
resource "tidegate_alias" "beta" {
  stack    = "shop"
  function = "a"
  name     = "beta"
  %s
}
`, lines)
}

func runAliasing(t *testing.T, f *aliasing, steps ...resource.TestStep) {
	t.Helper()
	f.aliases = map[string]stack.AliasStatus{}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: f.factories(), Steps: steps})
	if len(f.aliases) > 0 {
		t.Errorf("there is %v in the end", f.aliases)
	}
}

func TestTheTimeoutsOfAnAliasHold(t *testing.T) {
	f := &aliasing{}
	const to1 = `routing = { "1" = 100 }`
	short := func(operation string) string {
		return betaOf(to1 + "\n  timeouts = { " + operation + ` = "20ms" }`)
	}
	passed := func(operation string) *regexp.Regexp {
		return regexp.MustCompile(`Cannot ` + operation + ` alias "shop/a/beta"(?s:.*)` + operation + `\s+timeout\s+of\s+20ms\s+has\s+passed`)
	}
	hang := func(operation string) func() { return func() { f.hangs = operation } }
	runAliasing(
		t, f,
		resource.TestStep{
			Config:      betaOf(to1 + "\n  timeouts = { update = \"soon\" }"),
			ExpectError: regexp.MustCompile(`soon`),
		},
		resource.TestStep{PreConfig: hang("create"), Config: short("create"), ExpectError: passed("create")},
		// Nothing else than the timeouts changes, and so nothing on the target.
		resource.TestStep{PreConfig: hang(""), Config: short("create")},
		resource.TestStep{PreConfig: hang("update"), Config: short("update"), ExpectError: passed("update")},
		resource.TestStep{PreConfig: hang(""), Config: short("read")},
		resource.TestStep{PreConfig: hang("read"), Config: short("read"), ExpectError: passed("read")},
		resource.TestStep{PreConfig: hang(""), Config: short("delete")},
		resource.TestStep{PreConfig: hang("delete"), Config: short("delete"), Destroy: true, ExpectError: passed("delete")},
		resource.TestStep{PreConfig: hang(""), Config: betaOf(to1)},
	)
}

// What a value that is not known yet may make right is no mistake.
func TestAWeightMayBeUnknownInThePlan(t *testing.T) {
	config := func(weight int) string {
		return fmt.Sprintf("resource \"terraform_data\" \"part\" {\n  input = %d\n}\n", weight) +
			betaOf(`routing = { "1" = 90, "2" = terraform_data.part.output }`)
	}
	runAliasing(
		t, &aliasing{},
		resource.TestStep{
			Config: config(10),
			ConfigPlanChecks: planned(
				plancheck.ExpectKnownValue(theBeta, tfjsonpath.New("id"), knownvalue.StringExact("shop/a/beta")),
				plancheck.ExpectKnownValue(theBeta, tfjsonpath.New("state"), knownvalue.StringExact("ready")),
			),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(theBeta, tfjsonpath.New("routing"), routed(stack.Routing{1: 90, 2: 10})),
			},
		},
		resource.TestStep{Config: config(20), ExpectError: regexp.MustCompile(`add\s+up\s+to\s+110`)},
	)
}

func TestAnAliasThatIsHalfDoneIsInTheState(t *testing.T) {
	f := &aliasing{}
	breaks := func() { f.fail = errors.New("the line is down") }
	down := regexp.MustCompile(`alias "shop/a/beta"(?s:.*)The line is down\.`)
	config := func(weight int) string {
		return betaOf(fmt.Sprintf(`routing = { "1" = %d, "2" = %d }`, 100-weight, weight))
	}
	runAliasing(
		t, f,
		resource.TestStep{PreConfig: breaks, Config: config(10), ExpectError: down},
		resource.TestStep{Config: config(10), ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theBeta, plancheck.ResourceActionDestroyBeforeCreate))},
		resource.TestStep{PreConfig: breaks, Config: config(20), ExpectError: down},
		resource.TestStep{
			Config:           config(20),
			ConfigPlanChecks: planned(plancheck.ExpectResourceAction(theBeta, plancheck.ResourceActionUpdate)),
		},
	)
}

func TestNoAliasHasTheNameOfTheLatestCode(t *testing.T) {
	runAliasing(t, &aliasing{}, resource.TestStep{
		Config:      strings.Replace(betaOf(`routing = { "1" = 100 }`), `"beta"`+"\n  routing", `"$LATEST"`+"\n  routing", 1),
		ExpectError: regexp.MustCompile(`"\$LATEST"\s+cannot\s+name\s+an\s+alias`),
	})
}

func TestAWeightIsAWholePercentage(t *testing.T) {
	runAliasing(t, &aliasing{}, resource.TestStep{
		Config:      betaOf(`routing = { "1" = 99.5, "2" = 0.5 }`),
		ExpectError: regexp.MustCompile(`routing\["1"\]\s+is\s+99\.5,\s+which\s+is\s+not\s+a\s+whole\s+number`),
	})
}
