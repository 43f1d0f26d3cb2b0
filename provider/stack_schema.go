package provider

import (
	"context"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// stackSchema is the schema of one kind of stack: what every stack has, and its
// trigger's attributes.
func stackSchema(k *kind) schema.Schema {
	name := requiredString("Name of the stack, unique on its target: 1 to 40 lower-case letters, digits and hyphens, " +
		"beginning with a letter. Its functions are called `<name>-<function>` there. Changing it replaces the stack.")
	name.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplace()}

	attributes := map[string]schema.Attribute{
		"id":         computedString("The stack's name."),
		"name":       name,
		"functions":  functionsAttribute(),
		"release":    releaseAttribute(),
		"tags":       stringMap("Tags of the stack, at most 45 together with the provider's `default_tags`. Keys do not begin with `aws:` or `tidegate:`, nor differ in case alone. Default: none."),
		"timeouts":   timeoutsAttribute("the stack", ", its release included. Default: `\"10m\"`, and as long as the release may take besides."),
		"release_id": computedString("Identifies what is released: a hash of the code and effective configuration of every function. Known in the plan."),
		"components": schema.MapAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "What the stack owns on its target beyond what the attributes show, such as aliases and pollers: component → `ready`, or what is wrong with it. A plan wants all of them ready, so whatever was broken behind Terraform's back shows here.",
		},
	}
	maps.Copy(attributes, k.attributes())
	return schema.Schema{MarkdownDescription: k.doc, Attributes: attributes}
}

// timeoutsAttribute says how long things may take; update is what is to be known of a
// change besides.
func timeoutsAttribute(thing, update string) schema.Attribute {
	a := timeouts.Attributes(context.Background(), timeouts.Opts{
		Create: true, Read: true, Update: true, Delete: true,
		CreateDescription: "How long creating " + thing + " may take, such as `\"10m\"`. Default: `\"10m\"`.",
		ReadDescription:   "How long reading " + thing + " may take. Default: `\"1m\"`.",
		UpdateDescription: "How long changing " + thing + " may take" + update,
		DeleteDescription: "How long deleting " + thing + " may take. Default: `\"10m\"`.",
	})
	if nested, ok := a.(schema.SingleNestedAttribute); ok {
		nested.MarkdownDescription = "How long Terraform waits."
		return nested
	}
	return a
}
