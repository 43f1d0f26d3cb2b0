package provider

import (
	"context"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/attr/xattr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// wholeType is the framework's type of whole numbers, with an error for people where
// something else is written: the framework's own says that the provider is wrong.
type wholeType struct{ basetypes.Int64Type }

var (
	_ basetypes.Int64Typable      = wholeType{}
	_ basetypes.Int64Valuable     = wholeValue{}
	_ xattr.ValidateableAttribute = wholeValue{}
)

func (wholeType) Equal(other attr.Type) bool {
	_, ok := other.(wholeType)
	return ok
}

func (wholeType) String() string { return "wholeType" }

func (wholeType) ValueType(context.Context) attr.Value { return wholeValue{} }

func (wholeType) ValueFromInt64(_ context.Context, v basetypes.Int64Value) (basetypes.Int64Valuable, diag.Diagnostics) {
	return wholeValue{Int64Value: v}, nil
}

func (t wholeType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.Int64Type.ValueFromTerraform(ctx, in)
	if whole, ok := v.(basetypes.Int64Value); ok && err == nil {
		return wholeValue{Int64Value: whole}, nil
	}
	if written := number(in); written != nil {
		return wholeValue{basetypes.NewInt64Unknown(), written}, nil
	}
	return nil, err
}

// Validate tells of elements of maps and lists.
func (wholeType) Validate(_ context.Context, in tftypes.Value, at path.Path) diag.Diagnostics {
	return wholeValue{written: number(in)}.problems(at)
}

// number is what was written; nil if it is no number, or not known.
func number(in tftypes.Value) *big.Float {
	written := new(big.Float)
	if in.IsNull() || !in.IsKnown() || in.As(&written) != nil {
		return nil
	}
	return written
}

// A wholeValue is a number, or what was written where there should be one.
type wholeValue struct {
	basetypes.Int64Value
	// written is a number that is not whole, or too large; nil if it is neither.
	written *big.Float
}

func (wholeValue) Type(context.Context) attr.Type { return wholeType{} }

func (v wholeValue) Equal(other attr.Value) bool {
	o, ok := other.(wholeValue)
	return ok && v.written == nil && o.written == nil && v.Int64Value.Equal(o.Int64Value)
}

// ValidateAttribute implements xattr.ValidateableAttribute.
func (v wholeValue) ValidateAttribute(_ context.Context, req xattr.ValidateAttributeRequest, resp *xattr.ValidateAttributeResponse) {
	resp.Diagnostics.Append(v.problems(req.Path)...)
}

func (v wholeValue) problems(at path.Path) (diags diag.Diagnostics) {
	if v.written == nil {
		return nil
	}
	wrong := "is not a whole number"
	if v.written.IsInt() {
		if _, exactly := v.written.Int64(); exactly == big.Exact {
			return nil
		}
		wrong = "is too large a number"
	}
	diags.AddAttributeError(at, "Invalid number", fmt.Sprintf("%s is %s, which %s.", at, v.written.Text('g', 10), wrong))
	return diags
}
