package provider

import (
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// configured is a configuration as Terraform sends it: what is not written is
// null.
func configured(attributes map[string]schema.Attribute, doc map[string]any) map[string]tftypes.Value {
	values := map[string]tftypes.Value{}
	for name, a := range attributes {
		values[name] = null(a)
		v, ok := doc[name]
		if !ok {
			continue
		}
		switch a := a.(type) {
		case schema.SingleNestedAttribute:
			values[name] = tftypes.NewValue(typeOf(a), configured(a.Attributes, v.(map[string]any)))
		case schema.MapNestedAttribute:
			elements := map[string]tftypes.Value{}
			for key, element := range v.(map[string]any) {
				elements[key] = tftypes.NewValue(elementType(a), configured(a.NestedObject.Attributes, element.(map[string]any)))
			}
			values[name] = tftypes.NewValue(typeOf(a), elements)
		default:
			values[name], _ = encodeValue(typeOf(a), v)
		}
	}
	return values
}

// BenchmarkEmptyPlan is what the provider does for one stack of two functions in a
// plan that changes nothing.
func BenchmarkEmptyPlan(b *testing.B) {
	ctx := b.Context()
	code := b.TempDir()
	writeFile(b, code+"/app.py", "x")
	function := map[string]any{"source": code, "runtime": "python3.13", "handler": "app.handler"}
	attributes := queue.schema().Attributes
	t := queue.schema().Type().TerraformType(ctx)
	config := dynamic(b, t, tftypes.NewValue(t, configured(attributes, map[string]any{
		"name":               "orders",
		"visibility_timeout": "1m",
		"consumer":           map[string]any{"function": "f"},
		"functions":          map[string]any{"f": function, "g": function},
	})))
	f := &fakeTarget{}
	server, err := f.factories()["tidegate"]()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{}); err != nil {
		b.Fatal(err)
	}
	providerType := tftypes.Object{AttributeTypes: map[string]tftypes.Type{
		"target": tftypes.String,
		"open":   tftypes.Object{AttributeTypes: map[string]tftypes.Type{"endpoint": tftypes.String, "token": tftypes.String}},
	}}
	if _, err := server.ConfigureProvider(ctx, &tfprotov6.ConfigureProviderRequest{Config: dynamic(b, providerType, tftypes.NewValue(providerType, nil))}); err != nil {
		b.Fatal(err)
	}
	const typeName = "tidegate_queue"
	planned, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
		TypeName: typeName, Config: config, ProposedNewState: config, PriorState: dynamic(b, t, tftypes.NewValue(t, nil)),
	})
	check(b, err, planned.Diagnostics)
	applied, err := server.ApplyResourceChange(ctx, &tfprotov6.ApplyResourceChangeRequest{
		TypeName: typeName, Config: config, PlannedState: planned.PlannedState, PriorState: dynamic(b, t, tftypes.NewValue(t, nil)), PlannedPrivate: planned.PlannedPrivate,
	})
	check(b, err, applied.Diagnostics)

	b.ReportAllocs()
	for b.Loop() {
		// Once for `validate`, which comes with a plan, and once in the plan.
		for range 2 {
			valid, err := server.ValidateResourceConfig(ctx, &tfprotov6.ValidateResourceConfigRequest{TypeName: typeName, Config: config})
			check(b, err, valid.Diagnostics)
		}
		read, err := server.ReadResource(ctx, &tfprotov6.ReadResourceRequest{TypeName: typeName, CurrentState: applied.NewState, Private: applied.Private})
		check(b, err, read.Diagnostics)
		again, err := server.PlanResourceChange(ctx, &tfprotov6.PlanResourceChangeRequest{
			TypeName: typeName, Config: config, ProposedNewState: read.NewState, PriorState: read.NewState, PriorPrivate: read.Private,
		})
		check(b, err, again.Diagnostics)
		before, _ := read.NewState.Unmarshal(t)
		after, _ := again.PlannedState.Unmarshal(t)
		if !before.Equal(after) {
			b.Fatalf("the plan is not empty:\n%s\n%s", before, after)
		}
	}
}

func dynamic(t testing.TB, kind tftypes.Type, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	d, err := tfprotov6.NewDynamicValue(kind, v)
	if err != nil {
		t.Fatal(err)
	}
	return &d
}

func check(t testing.TB, err error, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			t.Fatal(fmt.Sprint(d.Summary, ": ", d.Detail))
		}
	}
}
