package tests

import (
	"net/http"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/auto/optpreview"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/go/tidegate"
)

// A stack that another project has made is imported. What only the program knows, as the
// folder of the code, gets into the state with an update that changes nothing on the target.
func TestImportTakesAStackOver(t *testing.T) {
	l := newLab(t)
	declare := func(options ...pulumi.ResourceOption) pulumi.RunFunc {
		return func(ctx *pulumi.Context) error {
			_, err := tidegate.NewStack(ctx, "shop", &tidegate.StackArgs{
				Name: pulumi.String("shop"), Functions: tidegate.FunctionMap{"greet": l.greet()},
			}, options...)
			return err
		}
	}
	first := l.stack(declare(pulumi.RetainOnDelete(true)))
	_, err := first.Up(l.context())
	check(t, err)
	_, err = first.Destroy(l.context())
	check(t, err)
	if got := l.invoke("shop/greet", `{}`); got["greeting"] != "hello" {
		t.Fatalf("the stack that was to stay answers %v", got)
	}

	taken, err := l.stack(declare(pulumi.Import(pulumi.ID("shop")))).Up(l.context())
	check(t, err)
	if n := (*taken.Summary.ResourceChanges)["import"]; n != 1 {
		t.Errorf("%d stacks were imported", n)
	}
	var there struct {
		Functions map[string]struct {
			Versions []any `json:"versions"`
		} `json:"functions"`
	}
	l.call(http.MethodGet, "/v1/stacks/shop", nil, &there)
	if n := len(there.Functions["greet"].Versions); n != 1 {
		t.Errorf("the import has published versions: there are %d", n)
	}
	_, err = l.stack(declare()).Preview(l.context(), optpreview.ExpectNoChanges())
	check(t, err)
	if got := l.invoke("shop/greet", `{}`); got["greeting"] != "hello" {
		t.Errorf("the imported stack answers %v", got)
	}
}

// A gradual release is one `pulumi up`, which returns when all traffic has moved.
func TestUpWaitsForAGradualRelease(t *testing.T) {
	l := newLab(t)
	greeting := "hello"
	s := l.stack(func(ctx *pulumi.Context) error {
		greet := l.greet()
		greet.Environment = pulumi.StringMap{"GREETING": pulumi.String(greeting)}
		shop, err := tidegate.NewStack(ctx, "shop", &tidegate.StackArgs{
			Name:      pulumi.String("shop"),
			Functions: tidegate.FunctionMap{"greet": greet},
			Release: &tidegate.ReleaseArgs{
				Strategy: pulumi.String("linear"), Weight: pulumi.Int(50), Interval: pulumi.String("1s"),
			},
		})
		if err == nil {
			ctx.Export("routing", shop.Functions.MapIndex(pulumi.String("greet")).Routing())
		}
		return err
	})
	_, err := s.Up(l.context())
	check(t, err)
	greeting = "good morning"
	moved, err := s.Up(l.context())
	check(t, err)
	routing, _ := moved.Outputs["routing"].Value.(map[string]any)
	if len(routing) != 1 || routing["2"] != 100.0 {
		t.Errorf("after the release the traffic goes to %v", routing)
	}
	if got := l.invoke("shop/greet", `{}`); got["greeting"] != "good morning" {
		t.Errorf("after the release the function answers %v", got)
	}
	if _, err := s.Preview(l.context(), optpreview.ExpectNoChanges()); err != nil {
		t.Error(err)
	}
}
