package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// plainStack has no trigger: its functions are invoked explicitly.
var plainStack = &kind{
	kind: stack.KindNone,
	doc: "Functions without a trigger of their own. They are invoked explicitly: by other functions, by the command line " +
		"(`tidegate invoke`), with Lambda's Invoke, or at their function URLs.",
	attributes: func() map[string]schema.Attribute { return nil },
}
