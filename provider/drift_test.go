package provider

import (
	"encoding/json"
	"slices"
	"strconv"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestDriftIsToldWithoutWhatMayBeSecret(t *testing.T) {
	f := func(memory int, timeout, handler, variable string) map[string]any {
		return map[string]any{"functions": map[string]any{"f": map[string]any{
			"memory": json.Number(strconv.Itoa(memory)), "timeout": timeout, "handler": handler, "environment": map[string]any{"A": variable},
		}}}
	}
	var got []string
	compare("", f(128, "3s", "app.handler", "5m"), f(256, "1m", "app.other", "6m"), &got)
	want := []string{
		`functions["f"].environment["A"] was changed`,
		`functions["f"].handler was changed`,
		`functions["f"].memory is 256 now (was 128)`,
		`functions["f"].timeout is 1m now (was 3s)`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWhereAnAliasPointsIsToldInWords(t *testing.T) {
	for want, routing := range map[string]stack.Routing{
		"":                                      {},
		"version 3":                             stack.RouteTo(3),
		"version 3 (90 %) and version 4 (10 %)": {3: 90, 4: 10},
		"$LATEST":                               stack.RouteTo(0),
		"$LATEST (10 %) and version 3 (90 %)":   {0: 10, 3: 90},
	} {
		if got := routingText(numbers(routing)); got != want {
			t.Errorf("%v is %q, want %q", routing, got, want)
		}
	}
}

func TestARoleInPlaceOfAnotherIsAChange(t *testing.T) {
	r := newStackResource(plainStack)
	made := madeRole("shop", "f")
	for name, c := range map[string]struct {
		was, is stack.Function
		status  string
	}{
		"in place of the target's": {is: stack.Function{Config: stack.Config{RoleARN: someRole}}, status: made},
		"in place of the user's":   {was: stack.Function{Config: stack.Config{RoleARN: someRole}}, status: someRole},
	} {
		t.Run(name, func(t *testing.T) {
			deployment := func(f stack.Function, role string) *stack.Deployment {
				return &stack.Deployment{
					Stack:     stack.Stack{Name: "shop", Functions: map[string]stack.Function{"f": f}},
					Functions: map[string]stack.FunctionStatus{"f": {RoleARN: role}},
				}
			}
			state, err := fromDeployment(stack.KindNone, r.schema.Attributes, deployment(c.was, c.status), tftypes.Value{})
			if err != nil {
				t.Fatal(err)
			}
			got := r.settingChanges(state, deployment(c.is, ""))
			if want := []string{`functions["f"].role_arn was changed`}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
