package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
)

// sameMeaning keeps the state's spelling of a value where the configuration's
// means the same ("60s" and "1m"), so that the plan is empty. The framework itself
// compares meanings only when reading and applying.
type sameMeaning struct{}

func (sameMeaning) Description(context.Context) string { return "" }

func (sameMeaning) MarkdownDescription(context.Context) string { return "" }

func (sameMeaning) PlanModifyString(ctx context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if req.StateValue.IsNull() || req.PlanValue.IsNull() || req.PlanValue.IsUnknown() {
		return
	}
	kind, ok := customTypeOf(ctx, req)
	if !ok {
		return
	}
	before, diags := kind.ValueFromString(ctx, req.StateValue)
	resp.Diagnostics.Append(diags...)
	planned, diags := kind.ValueFromString(ctx, req.PlanValue)
	resp.Diagnostics.Append(diags...)
	comparable, ok := before.(basetypes.StringValuableWithSemanticEquals)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	same, diags := comparable.StringSemanticEquals(ctx, planned)
	resp.Diagnostics.Append(diags...)
	if same {
		resp.PlanValue = req.StateValue
	}
}

// customTypeOf finds the attribute's type, which knows what values mean.
func customTypeOf(ctx context.Context, req planmodifier.StringRequest) (basetypes.StringTypable, bool) {
	t, diags := req.Plan.Schema.TypeAtPath(ctx, req.Path)
	if diags.HasError() {
		return nil, false
	}
	kind, ok := t.(basetypes.StringTypable)
	return kind, ok
}

var _ planmodifier.String = sameMeaning{}
