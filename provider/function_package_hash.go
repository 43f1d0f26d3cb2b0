package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/function"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
)

// packageHash tells the code_sha256 that a source will have.
type packageHash struct{}

func newPackageHash() function.Function { return packageHash{} }

func (packageHash) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = "package_hash"
}

func (packageHash) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = function.Definition{
		Summary: "SHA-256 of the package of a source",
		MarkdownDescription: "Packages a folder or a `.zip` as a function's `source` would be (without `build`), and returns the SHA-256 of the package in base64: " +
			"the function's `code_sha256`. It depends on the names, contents and executable bits of the files alone.",
		Parameters: []function.Parameter{
			function.StringParameter{Name: "path", MarkdownDescription: "Folder or `.zip`, relative to Terraform's working directory."},
		},
		Return: function.StringReturn{},
	}
}

func (packageHash) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	var source string
	if resp.Error = req.Arguments.Get(ctx, &source); resp.Error != nil {
		return
	}
	p, err := pack.Open(source, pack.Options{})
	if err != nil {
		resp.Error = function.NewArgumentFuncError(0, err.Error())
		return
	}
	resp.Error = resp.Result.Set(ctx, p.CodeSHA256())
}
