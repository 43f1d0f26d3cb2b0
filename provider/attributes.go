package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// The functions below make attributes. One with a default is always in the plan
// and the state, so that leaving it out and writing it are the same.

func requiredString(doc string) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: doc}
}

func optionalString(doc string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: doc}
}

func defaultString(value, doc string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, MarkdownDescription: doc,
		Default: stringdefault.StaticString(value),
	}
}

func computedString(doc string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
}

func requiredNumber(doc string) schema.Int64Attribute {
	return schema.Int64Attribute{Required: true, CustomType: wholeType{}, MarkdownDescription: doc}
}

func optionalNumber(doc string) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, CustomType: wholeType{}, MarkdownDescription: doc}
}

func defaultNumber(value int, doc string) schema.Int64Attribute {
	return schema.Int64Attribute{
		Optional: true, Computed: true, CustomType: wholeType{}, MarkdownDescription: doc,
		Default: int64default.StaticInt64(int64(value)),
	}
}

func defaultBool(value bool, doc string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, MarkdownDescription: doc,
		Default: booldefault.StaticBool(value),
	}
}

// defaultDuration is a string such as "90s".
func defaultDuration(value stack.Duration, doc string) schema.StringAttribute {
	return withMeaning(durationMeaning, defaultString(value.String(), doc))
}

// optionalDuration is a duration whose default follows from other attributes.
func optionalDuration(doc string) schema.StringAttribute {
	return withMeaning(durationMeaning, optionalString(doc))
}

// optionalDecimal is a number that need not be whole.
func optionalDecimal(doc string) schema.Float64Attribute {
	return schema.Float64Attribute{Optional: true, MarkdownDescription: doc}
}

// optionalTime is a point in time (RFC 3339).
func optionalTime(doc string) schema.StringAttribute {
	return withMeaning(timeMeaning, optionalString(doc))
}

// optionalJSON is a JSON document. That it is one, stack.Validate sees to.
func optionalJSON(doc string) schema.StringAttribute {
	a := optionalString(doc)
	a.PlanModifiers = []planmodifier.String{sameMeaning{jsonMeaning}}
	return a
}

func withMeaning(m meaning, a schema.StringAttribute) schema.StringAttribute {
	a.PlanModifiers = append(a.PlanModifiers, sameMeaning{m})
	a.Validators = append(a.Validators, meansSomething{m})
	return a
}

func stringList(required bool, doc string) schema.ListAttribute {
	return schema.ListAttribute{
		ElementType: types.StringType, MarkdownDescription: doc,
		Required: required, Optional: !required,
		Validators: []validator.List{noNulls{}},
	}
}

// stringSet is required, and a list of which the order means nothing.
func stringSet(doc string) schema.SetAttribute {
	return schema.SetAttribute{
		ElementType: types.StringType, Required: true, MarkdownDescription: doc,
		Validators: []validator.Set{noNulls{}},
	}
}

// optionalStringSet is one that another attribute can take the place of.
func optionalStringSet(doc string) schema.SetAttribute {
	set := stringSet(doc)
	set.Required, set.Optional = false, true
	return set
}

func stringMap(doc string) schema.MapAttribute {
	return schema.MapAttribute{
		ElementType: types.StringType, Optional: true, MarkdownDescription: doc,
		Validators: []validator.Map{noNulls{}},
	}
}

// optionalObject is a part that a stack has or has not.
func optionalObject(doc string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: doc,
		Attributes: attributes,
		CustomType: objectType(attributes),
	}
}

// objectType is the type that the attributes make. The framework would work it out
// again for every value it looks at.
func objectType(attributes map[string]schema.Attribute) types.ObjectType {
	t := types.ObjectType{AttrTypes: make(map[string]attr.Type, len(attributes))}
	for name, a := range attributes {
		t.AttrTypes[name] = a.GetType()
	}
	return t
}

// element of a map or list of objects.
func element(attributes map[string]schema.Attribute) schema.NestedAttributeObject {
	return schema.NestedAttributeObject{Attributes: attributes, CustomType: objectType(attributes)}
}

// defaultObject is a group of settings, each of which has a default or may be
// absent.
func defaultObject(doc string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	values := make(map[string]attr.Value, len(attributes))
	for name, a := range attributes {
		values[name] = defaultValue(a)
	}
	a := optionalObject(doc, attributes)
	a.Computed = true
	a.Default = objectdefault.StaticValue(types.ObjectValueMust(objectType(attributes).AttrTypes, values))
	return a
}

// objectMap is a map of objects.
func objectMap(doc string, attributes map[string]schema.Attribute) schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		Required: true, MarkdownDescription: doc,
		NestedObject: element(attributes),
		Validators:   []validator.Map{noNulls{}},
	}
}
