package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// versionKeys refuses keys of a routing that are no versions' numbers.
type versionKeys struct{}

var _ validator.Map = versionKeys{}

func (versionKeys) Description(context.Context) string { return "every key is a version's number" }

func (versionKeys) MarkdownDescription(context.Context) string {
	return "every key is a version's number"
}

func (versionKeys) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	for key := range req.ConfigValue.Elements() {
		if n, err := strconv.Atoi(key); err != nil || n < 1 || strconv.Itoa(n) != key {
			resp.Diagnostics.AddAttributeError(req.Path.AtMapKey(key), "Invalid version",
				fmt.Sprintf("%q is not the number of a published version, such as \"7\".", key))
		}
	}
}

// ValidateConfig reports what stack.ValidateAlias finds.
func (r *aliasResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	ref, alias, err := toAlias(req.Config.Raw)
	if err != nil {
		return // Some value does not have its attribute's type, or a key is no number, which the framework and versionKeys report.
	}
	problems := decidable(stack.ValidateAlias(ref, alias), append(unknownPaths(req.Config.Raw), nullElements(req.Config.Raw)...))
	for _, p := range problems {
		at := path.Empty()
		if parsed, err := parsePath(p.Paths[0]); err == nil {
			at = parsed
		}
		resp.Diagnostics.AddAttributeError(at, subject("Invalid alias", ref.Name), p.String()+".")
	}
}

// ModifyPlan says what is known of the alias before it is made, and refuses versions
// that are gone: their numbers are never used again.
func (r *aliasResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return
	}
	plan, state := fields(req.Plan.Raw), fields(req.State.Raw)
	if is, _ := text(state["state"]); is == stack.Ready && req.Plan.Raw.Equal(req.State.Raw) {
		return
	}
	if !plan["stack"].IsKnown() || !plan["function"].IsKnown() || !plan["name"].IsKnown() {
		return
	}
	ref, alias, err := toAlias(req.Plan.Raw)
	if err != nil {
		return // ValidateConfig has said it.
	}
	known := map[string]tftypes.Value{
		"id":    tftypes.NewValue(tftypes.String, ref.String()),
		"state": tftypes.NewValue(tftypes.String, stack.Ready),
	}
	if before, ok := text(state["id"]); ok && before == ref.String() {
		known["arn"] = state["arn"]
		if state["url"].IsNull() == plan["url"].IsNull() && plan["url"].IsKnown() {
			known["function_url"] = state["function_url"]
		}
	}
	if plan["url"].IsNull() {
		known["function_url"] = tftypes.NewValue(tftypes.String, nil)
	}
	for name, value := range known {
		if v, ok := text(value); ok {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), v)...)
		} else {
			resp.Diagnostics.Append(resp.Plan.SetAttribute(ctx, path.Root(name), types.StringNull())...)
		}
	}
	if r.data.target != nil && plan["routing"].IsFullyKnown() {
		r.checkVersions(ctx, ref, alias.Routing, &resp.Diagnostics)
	}
}

// checkVersions refuses versions that are gone. A version that is newer than all there
// are, or of a function that does not exist, may be made by the same apply.
func (r *aliasResource) checkVersions(ctx context.Context, ref stack.AliasRef, routing stack.Routing, diags *diag.Diagnostics) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	d, err := r.data.target.Read(ctx, stack.Stack{Name: ref.Stack})
	if errors.Is(err, target.ErrNotFound) {
		return
	}
	if err != nil {
		diags.AddError(subject("Cannot read stack", ref.Stack), sentence(err))
		return
	}
	versions := d.Functions[ref.Function].Versions
	if len(versions) == 0 {
		return
	}
	numbers := make([]int, len(versions))
	for i, v := range versions {
		numbers[i] = v.Number
	}
	for _, number := range slices.Sorted(maps.Keys(routing)) {
		if number < slices.Max(numbers) && !slices.Contains(numbers, number) {
			diags.AddAttributeError(path.Root("routing").AtMapKey(strconv.Itoa(number)), subject("Invalid alias", ref.String()),
				fmt.Sprintf("Function %q of stack %q has no version %d any more; there are %v. "+
					"Point the alias at one of them, or raise the function's keep_versions for the next ones.", ref.Function, ref.Stack, number, numbers))
		}
	}
}
