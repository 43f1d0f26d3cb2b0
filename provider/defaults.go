package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// defaultOf returns an attribute's default, null if it has none. Defaults are
// constants, so they need no context and cannot fail.
func defaultOf(a schema.Attribute) tftypes.Value {
	ctx := context.Background()
	var value attr.Value
	switch a := a.(type) {
	case schema.StringAttribute:
		if a.Default != nil {
			var resp defaults.StringResponse
			a.Default.DefaultString(ctx, defaults.StringRequest{}, &resp)
			value = resp.PlanValue
		}
	case schema.Int64Attribute:
		if a.Default != nil {
			var resp defaults.Int64Response
			a.Default.DefaultInt64(ctx, defaults.Int64Request{}, &resp)
			value = resp.PlanValue
		}
	case schema.BoolAttribute:
		if a.Default != nil {
			var resp defaults.BoolResponse
			a.Default.DefaultBool(ctx, defaults.BoolRequest{}, &resp)
			value = resp.PlanValue
		}
	case schema.SingleNestedAttribute:
		if a.Default != nil {
			var resp defaults.ObjectResponse
			a.Default.DefaultObject(ctx, defaults.ObjectRequest{}, &resp)
			value = resp.PlanValue
		}
	}
	if value == nil {
		return null(a)
	}
	v, err := value.ToTerraformValue(ctx)
	if err != nil {
		return null(a)
	}
	return v
}

// defaultValue is defaultOf as the framework's own value.
func defaultValue(a schema.Attribute) attr.Value {
	v, err := a.GetType().ValueFromTerraform(context.Background(), defaultOf(a))
	if err != nil {
		panic("provider: the default of an attribute has another type than the attribute: " + err.Error())
	}
	return v
}

func null(a schema.Attribute) tftypes.Value { return tftypes.NewValue(typeOf(a), nil) }

func typeOf(a schema.Attribute) tftypes.Type {
	return a.GetType().TerraformType(context.Background())
}
