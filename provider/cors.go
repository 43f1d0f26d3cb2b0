package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
)

// corsAttribute is the same for HTTP APIs and function URLs.
func corsAttribute() schema.SingleNestedAttribute {
	return optionalObject("Answers browsers' cross-origin requests on the functions' behalf. Default: functions answer themselves.", map[string]schema.Attribute{
		"allow_origins":     stringList(false, "Origins, such as `https://example.org`, or `*`. Default: none."),
		"allow_methods":     stringList(false, "Methods, such as `GET`, or `*`. Default: none."),
		"allow_headers":     stringList(false, "Headers that requests may carry, or `*`. Default: none."),
		"expose_headers":    stringList(false, "Headers of the response that scripts may read, or `*`. Default: none."),
		"allow_credentials": defaultBool(false, "Lets requests carry cookies and other credentials. Default: `false`."),
		"max_age":           defaultDuration(0, "How long browsers may keep the answer to a preflight request, `\"0s\"` to `\"24h\"`. Default: `\"0s\"`."),
	})
}
