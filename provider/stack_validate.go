package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ValidateConfig reports what stack.Validate finds. Terraform calls it for
// `validate`, and again with what became known for each plan and apply, so
// nothing else repeats it. What needs files or the target is for ModifyPlan.
func (r *stackResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	s, err := toStack(r.kind.kind, req.Config.Raw)
	if err != nil {
		return // Some value does not have its attribute's type, which the framework reports.
	}
	unknown := unknownPaths(req.Config.Raw)
	for name := range s.Functions {
		// Nothing is packaged yet.
		unknown = append(unknown, path.Root("functions").AtMapKey(name).AtName("code_sha256"))
	}
	report(s.Name, decidable(s.WithDefaults().Validate(), unknown), &resp.Diagnostics)
	r.checkStrategy(req.Config.Raw, resp)
}

// checkStrategy refuses release strategies to come.
func (r *stackResource) checkStrategy(config tftypes.Value, resp *resource.ValidateConfigResponse) {
	strategy, ok := text(fields(fields(config)["release"])["strategy"])
	if ok && strategy != strategyAllAtOnce {
		resp.Diagnostics.AddAttributeError(path.Root("release").AtName("strategy"), "Unknown release strategy",
			`The strategy is "`+strategy+`"; this version of Tidegate knows only "`+strategyAllAtOnce+`".`)
	}
}
