package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func aliasSchema() schema.Schema {
	replaced := func(doc string) schema.StringAttribute {
		a := requiredString(doc)
		a.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplace()}
		return a
	}
	return schema.Schema{
		MarkdownDescription: "A further alias of a function, beside `live`: a name for one version, or for two that share its traffic by the weights given here. " +
			"Invoke it by its `arn`, give it an address of its own with `url`, or bind a route of a `tidegate_http_api` to it with the route's `alias`.\n\n" +
			"No apply of the stack and no release moves it, and a version that it points at is kept whatever `keep_versions` says. " +
			"It is removed together with its function.",
		Attributes: map[string]schema.Attribute{
			"id":       computedString("`<stack>/<function>/<name>`."),
			"stack":    replaced("Name of the stack. Another is another alias."),
			"function": replaced("Name of the function within the stack. Another is another alias."),
			"name":     replaced("Name of the alias: 1 to 40 lower-case letters, digits and hyphens, beginning with a letter; not `live`. Another is another alias."),
			"routing": schema.MapAttribute{
				ElementType: wholeType{}, Required: true,
				MarkdownDescription: "How it splits its traffic: version → percent. One or two versions, which exist, and 100 percent in all.",
				Validators:          []validator.Map{noNulls{}, versionKeys{}},
			},
			"url": optionalObject("Gives the alias an HTTP address of its own. Default: none.", map[string]schema.Attribute{
				"auth":        defaultString(stack.NewFunctionURL().Auth, "`none` opens it to all; `iam` asks for a signed request (on the open runtime: a token that may `lambda:InvokeFunctionUrl`). Default: `iam`."),
				"invoke_mode": defaultString(stack.NewFunctionURL().InvokeMode, "`buffered` sends an answer when it is whole, at most 6 MB; `response_stream` as the function writes it, at most 200 MB. Default: `buffered`."),
				"cors":        corsAttribute(),
			}),
			"timeouts": timeoutsAttribute("the alias", ". Default: `\"10m\"`."),

			"arn":          computedString("ARN of the alias."),
			"state":        computedString("`ready`, or what is wrong on its target with the alias or with what lets it be invoked. An apply sets it right."),
			"function_url": computedString("The alias's address, if it has a `url`."),
		},
	}
}
