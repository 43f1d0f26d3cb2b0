package refine

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	datasourceschema "github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// complete takes from the provider what the bridge does not: what resources and data
// sources are, and which numbers are whole.
func complete(ctx context.Context, spec *schema.PackageSpec, info tfbridge.ProviderInfo, p provider.Provider) {
	for _, make := range p.Resources(ctx) {
		r := make()
		var name resource.MetadataResponse
		r.Metadata(ctx, resource.MetadataRequest{ProviderTypeName: bridge.Name}, &name)
		var s resource.SchemaResponse
		r.Schema(ctx, resource.SchemaRequest{}, &s)

		i := info.Resources[name.TypeName]
		pulumi := spec.Resources[string(i.Tok)]
		pulumi.Description = s.Schema.MarkdownDescription
		spec.Resources[string(i.Tok)] = pulumi

		w := wholes{spec}
		shim := info.P.ResourcesMap().Get(name.TypeName)
		for _, properties := range []map[string]schema.PropertySpec{pulumi.Properties, pulumi.InputProperties, pulumi.StateInputs.Properties} {
			w.object(s.Schema.Type(), shim.Schema(), i.Fields, properties)
		}
	}
	for _, make := range p.DataSources(ctx) {
		d := make()
		var name datasource.MetadataResponse
		d.Metadata(ctx, datasource.MetadataRequest{ProviderTypeName: bridge.Name}, &name)
		var s datasource.SchemaResponse
		d.Schema(ctx, datasource.SchemaRequest{}, &s)
		token := string(info.DataSources[name.TypeName].Tok)
		pulumi := spec.Functions[token]
		pulumi.Description = s.Schema.MarkdownDescription
		explain(s.Schema.Attributes, info.P.DataSourcesMap().Get(name.TypeName).Schema(), info.DataSources[name.TypeName].Fields,
			pulumi.Inputs.Properties, returned(pulumi).Properties)
		spec.Functions[token] = pulumi
	}
	if p, ok := p.(provider.ProviderWithFunctions); ok {
		for _, make := range p.Functions(ctx) {
			f := make()
			var name function.MetadataResponse
			f.Metadata(ctx, function.MetadataRequest{}, &name)
			var d function.DefinitionResponse
			f.Definition(ctx, function.DefinitionRequest{}, &d)
			token := string(info.Functions[name.Name].Tok)
			inputs := spec.Functions[token].Inputs
			for _, parameter := range d.Definition.Parameters {
				wholes{spec}.value(parameter.GetType(), nil, nil, inputs.Properties, parameter.GetName())
			}
			// Terraform's way of having an optional parameter.
			if name, ok := bridge.Optional(info)[token]; ok {
				parameter := inputs.Properties[name]
				parameter.TypeSpec = *parameter.Items
				inputs.Properties[name] = parameter
			}
		}
	}
}

// explain gives the properties of a data source their descriptions.
func explain(attributes map[string]datasourceschema.Attribute, s shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo, sides ...map[string]schema.PropertySpec) {
	for name, a := range attributes {
		pulumi := tfbridge.TerraformToPulumiNameV2(name, s, infos)
		for _, properties := range sides {
			if p, ok := properties[pulumi]; ok {
				p.Description = a.GetMarkdownDescription()
				properties[pulumi] = p
			}
		}
	}
}

// wholes makes numbers integers that the provider's own type of whole numbers holds. The
// bridge knows the framework's alone.
type wholes struct{ spec *schema.PackageSpec }

func (w wholes) object(t attr.Type, s shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo, properties map[string]schema.PropertySpec) {
	object, ok := t.(attr.TypeWithAttributeTypes)
	if !ok {
		return
	}
	for name, t := range object.AttributeTypes() {
		w.value(t, s.Get(name), infos[name], properties, tfbridge.TerraformToPulumiNameV2(name, s, infos))
	}
}

func (w wholes) value(t attr.Type, s shim.Schema, info *tfbridge.SchemaInfo, properties map[string]schema.PropertySpec, name string) {
	p, ok := properties[name]
	if !ok {
		return // Left out, or the id.
	}
	at := &p.TypeSpec
	for {
		collection, ok := t.(attr.TypeWithElementType)
		if !ok {
			break
		}
		t = collection.ElementType()
		if at.Items != nil {
			at = at.Items
		} else {
			at = at.AdditionalProperties
		}
	}
	if _, ok := t.(basetypes.Int64Typable); ok {
		at.Type = "integer"
	}
	properties[name] = p
	if s == nil {
		return
	}
	if object, fields := objectOf(s, info); object != nil {
		w.object(t, object.Schema(), fields, w.spec.Types[tokenOf(p.TypeSpec)].Properties)
	}
}
