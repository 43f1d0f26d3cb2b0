// Package bridge is Tidegate's provider for Terraform, as Pulumi sees it: the names,
// what is secret, and what Pulumi has ways of its own for.
package bridge

import (
	"context"
	_ "embed"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"

	"github.com/tidegate-io/terraform-provider-tidegate/provider"
)

// Name of the package, which prefixes its tokens, its configuration and the names of
// its programs.
const Name = "tidegate"

// Version of the package, stamped in by the linker:
// -ldflags "-X github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge.Version=1.2.3".
var Version = "0.1.0"

const (
	homepage   = "https://github.com/tidegate-io/terraform-provider-tidegate"
	modulePath = "github.com/tidegate-io/terraform-provider-tidegate"
)

// metadata is what the bridge remembers of the schema from one version to the next.
//
//go:embed bridge-metadata.json
var metadata []byte

// Provider describes the package: what the generators and the plugin are made from.
func Provider(ctx context.Context) tfbridge.ProviderInfo {
	license := tfbridge.UnlicensedLicenseType // The package is the provider's own: nothing is derived from another's.
	info := tfbridge.ProviderInfo{
		P:                 pf.ShimProviderWithContext(ctx, provider.New(Version)()),
		Name:              Name,
		DisplayName:       "Tidegate",
		Publisher:         "Tidegate",
		Description:       "Serverless stacks: a trigger together with the functions that depend on it, released as one, on AWS or on Tidegate's own runtime.",
		Keywords:          []string{"pulumi", "tidegate", "serverless", "lambda", "category/cloud"},
		License:           "MPL-2.0",
		Homepage:          homepage,
		Repository:        homepage,
		GitHubOrg:         "tidegate-io",
		PluginDownloadURL: "github://api.github.com/tidegate-io/terraform-provider-tidegate",
		Version:           Version,
		TFProviderLicense: &license,
		MetadataInfo:      tfbridge.NewProviderMetadata(metadata),

		Resources: map[string]*tfbridge.ResourceInfo{
			"tidegate_alias":    fieldsOf("function_url"),
			"tidegate_http_api": fieldsOf(),
			"tidegate_queue":    fieldsOf("dead_letter_arn"),
			"tidegate_schedule": fieldsOf(),
			"tidegate_stack":    fieldsOf(),
		},

		JavaScript: &tfbridge.JavaScriptInfo{
			PackageName:          "@tidegate-io/pulumi",
			Dependencies:         map[string]string{"@pulumi/pulumi": "^3.142.0"},
			DevDependencies:      map[string]string{"@types/node": "^20", "typescript": "^5.4.0"},
			RespectSchemaVersion: true,
		},
		Python: &tfbridge.PythonInfo{
			PackageName:          "pulumi_tidegate",
			Requires:             map[string]string{"pulumi": ">=3.142.0,<4.0.0"},
			PythonRequires:       ">=3.10",
			InputTypes:           tfbridge.PythonInputTypeClassesAndDicts,
			RespectSchemaVersion: true,
		},
		Golang: &tfbridge.GolangInfo{
			ImportBasePath:       modulePath + "/sdk/go/tidegate",
			ModulePath:           modulePath + "/sdk/go",
			RespectSchemaVersion: true,
		},

		EnableAccuratePFBridgePreview: true,
		NoDanglingReferences:          true,
	}
	info.Python.PyProject.Enabled = true
	info.MustComputeTokens(tokens.SingleModule("tidegate_", "index", tokens.MakeStandard(Name)))
	for _, r := range info.Resources {
		// A replacement keeps the name, which is unique on the target.
		r.DeleteBeforeReplace = true
	}
	return info
}

// fieldsOf is what resources have in common, and the outputs that this one may lack.
func fieldsOf(missing ...string) *tfbridge.ResourceInfo {
	fields := withoutTimeouts()
	for _, name := range missing {
		fields[name] = &tfbridge.SchemaInfo{MarkAsOptional: tfbridge.True()}
	}
	return &tfbridge.ResourceInfo{Fields: fields}
}

// withoutTimeouts leaves `timeouts` out: Pulumi has the resource option customTimeouts,
// which the plugin hands on.
func withoutTimeouts() map[string]*tfbridge.SchemaInfo {
	return map[string]*tfbridge.SchemaInfo{"timeouts": {Omit: true}}
}

// Optional are the optional parameters of functions, by the functions' tokens. Terraform
// has none: its functions take any number of further arguments, Tidegate's one at most. For
// the bridge they are a list, for Pulumi a value.
func Optional(info tfbridge.ProviderInfo) map[string]string {
	optional := map[string]string{}
	for name, f := range info.P.Functions() {
		if f.VariadicParameter != nil {
			optional[string(info.Functions[name].Tok)] = f.VariadicParameter.Name
		}
	}
	return optional
}
