// Package refine makes of the schema that the bridge derives one that a person would
// have written: a function is the same type in every kind of stack, what only the target
// knows is no input, and descriptions speak of Pulumi.
package refine

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// terraformConfig is a function of the bridge's own, for Terraform modules.
const terraformConfig = "pulumi:providers:" + bridge.Name + "/terraformConfig"

// providerDescription is in place of the bridge's, which tells nothing of Tidegate.
const providerDescription = "A provider of its own for some resources, in place of the package's configuration: another runtime, another account or region."

// Schema refines a package's schema in place; info and p are what it was made from. It
// fails where the provider's schema has become something that it does not know how to tell
// in Pulumi.
func Schema(ctx context.Context, spec *schema.PackageSpec, info tfbridge.ProviderInfo, p provider.Provider) error {
	delete(spec.Functions, terraformConfig)
	spec.Provider.Methods = nil
	spec.Provider.Description = providerDescription
	spec.Attribution = ""
	complete(ctx, spec, info, p)

	parts, err := outputs(spec, info)
	if err != nil {
		return err
	}
	if err := separate(spec, parts); err != nil {
		return err
	}
	if err := share(spec); err != nil {
		return err
	}
	if err := leaveOut(spec); err != nil {
		return err
	}
	return describe(spec, bridge.NewWords(info))
}

// properties calls visit for each property of the package.
func properties(spec *schema.PackageSpec, visit func(p *schema.PropertySpec)) {
	all := func(properties map[string]schema.PropertySpec) {
		for name, p := range properties {
			visit(&p)
			properties[name] = p
		}
	}
	object := func(o *schema.ObjectTypeSpec) {
		if o != nil {
			all(o.Properties)
		}
	}
	resource := func(r *schema.ResourceSpec) {
		all(r.Properties)
		all(r.InputProperties)
		object(r.StateInputs)
	}
	all(spec.Config.Variables)
	for _, t := range spec.Types {
		all(t.Properties)
	}
	resource(spec.Provider)
	for _, r := range spec.Resources {
		resource(&r)
	}
	for _, f := range spec.Functions {
		object(f.Inputs)
		object(returned(f))
	}
}

// returned is the object that a function returns, if it returns one.
func returned(f schema.FunctionSpec) *schema.ObjectTypeSpec {
	if f.ReturnType == nil {
		return f.Outputs
	}
	return f.ReturnType.ObjectTypeSpec
}

// references calls visit for a type and those it is made of.
func references(t *schema.TypeSpec, visit func(t *schema.TypeSpec)) {
	visit(t)
	for _, part := range []*schema.TypeSpec{t.AdditionalProperties, t.Items} {
		if part != nil {
			references(part, visit)
		}
	}
	for i := range t.OneOf {
		references(&t.OneOf[i], visit)
	}
}

const typeRef = "#/types/"
