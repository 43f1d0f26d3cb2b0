package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// noNulls refuses null among the elements of a list, set or map, which Terraform lets
// through and which would otherwise silently become "".
type noNulls struct{}

var (
	_ validator.List = noNulls{}
	_ validator.Set  = noNulls{}
	_ validator.Map  = noNulls{}
)

func (noNulls) Description(context.Context) string { return "no element is null" }

func (noNulls) MarkdownDescription(context.Context) string { return "no element is null" }

func (noNulls) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	for i, element := range req.ConfigValue.Elements() {
		checkNull(element, req.Path.AtListIndex(i), &resp.Diagnostics)
	}
}

func (noNulls) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	for _, element := range req.ConfigValue.Elements() {
		if element.IsNull() {
			resp.Diagnostics.AddAttributeError(req.Path, "Missing value", fmt.Sprintf("An element of %s is null; give it a value, or leave it out.", req.Path))
		}
	}
}

func (noNulls) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	for key, element := range req.ConfigValue.Elements() {
		checkNull(element, req.Path.AtMapKey(key), &resp.Diagnostics)
	}
}

func checkNull(element attr.Value, at path.Path, diags *diag.Diagnostics) {
	if element.IsNull() {
		diags.AddAttributeError(at, "Missing value", fmt.Sprintf("%s is null; give it a value, or leave it out.", at))
	}
}
