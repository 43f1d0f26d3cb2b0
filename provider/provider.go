package provider

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target/open"
)

// EnvTarget names the target where the configuration does not.
const EnvTarget = "TIDEGATE_TARGET"

// The targets.
const (
	targetOpen = "open"
	targetAWS  = "aws"
)

// New returns the provider; version is the program's.
func New(version string) func() provider.Provider {
	return func() provider.Provider {
		return &tidegate{version: version, packages: newPackages(), earlier: newEarlierPlans()}
	}
}

type tidegate struct {
	version  string
	packages *packages
	earlier  *earlierPlans
}

var (
	_ provider.ProviderWithFunctions      = (*tidegate)(nil)
	_ provider.ProviderWithValidateConfig = (*tidegate)(nil)
)

// providerData is what a configured provider hands to its resources.
type providerData struct {
	// target is nil while its configuration is not known, which is possible in a plan
	// only.
	target   target.Target
	packages *packages
	earlier  *earlierPlans
	handover *handover
	// now is the time, by which the ages of releases are told; nil means the clock's.
	now func() time.Time
}

// since is how long ago something was, in words.
func (d *providerData) since(t time.Time) string {
	now := time.Now
	if d.now != nil {
		now = d.now
	}
	return target.Ago(now().Sub(t)) + " ago"
}

type providerModel struct {
	Target types.String `tfsdk:"target"`
	Open   types.Object `tfsdk:"open"`
	AWS    types.Object `tfsdk:"aws"`
}

type openModel struct {
	Endpoint types.String `tfsdk:"endpoint"`
	Token    types.String `tfsdk:"token"`
}

func (p *tidegate) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "tidegate"
	resp.Version = p.version
}

func (p *tidegate) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Deploys stacks: a trigger (an HTTP API, a queue, schedules) together with the functions that depend on it. " +
			"One apply packages the code, publishes an immutable version of every function that changed, and moves the stack's alias to the new versions.",
		Attributes: map[string]schema.Attribute{
			"target": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Where stacks live: `open` is Tidegate's own runtime (`tidegate serve`), `aws` is AWS. Default: `$TIDEGATE_TARGET`, else `open`.",
			},
			"open": schema.SingleNestedAttribute{
				Optional:            true,
				MarkdownDescription: "The open runtime.",
				Attributes: map[string]schema.Attribute{
					"endpoint": schema.StringAttribute{
						Optional:            true,
						MarkdownDescription: "URL of its management API. Default: `$TIDEGATE_ENDPOINT`, else `http://127.0.0.1:7420`.",
					},
					"token": schema.StringAttribute{
						Optional: true, Sensitive: true,
						MarkdownDescription: "Token for management. Default: `$TIDEGATE_TOKEN`, else the content of the token file that `tidegate serve` writes for the user who runs it.",
					},
				},
			},
			"aws": awsAttribute(),
		},
	}
}

// ValidateConfig reports what is wrong with the configuration of a target, be it the
// one that is used or not.
func (p *tidegate) ValidateConfig(_ context.Context, req provider.ValidateConfigRequest, resp *provider.ValidateConfigResponse) {
	c, err := decodeAWS(fields(req.Config.Raw)["aws"])
	if err != nil {
		return // Some value does not have its attribute's type, which the framework reports.
	}
	for _, p := range decidable(c.validate(), append(unknownPaths(req.Config.Raw), nullElements(req.Config.Raw)...)) {
		at := path.Root("aws")
		if parsed, err := parsePath(p.Paths[0]); err == nil {
			at = parsed
		}
		resp.Diagnostics.AddAttributeError(at, "Invalid provider configuration", p.String()+".")
	}
}

func (p *tidegate) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config providerModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	data := &providerData{packages: p.packages, earlier: p.earlier, handover: newHandover()}
	resp.ResourceData, resp.DataSourceData = data, data
	if config.Target.IsUnknown() {
		return
	}
	userAgent := fmt.Sprintf("terraform-provider-tidegate/%s terraform/%s", p.version, req.TerraformVersion)
	name := cmp.Or(config.Target.ValueString(), os.Getenv(EnvTarget))
	switch cmp.Or(name, targetOpen) {
	case targetOpen:
		if name == "" && config.Open.IsNull() && !config.AWS.IsNull() {
			resp.Diagnostics.AddAttributeWarning(path.Root("target"), "Not deploying to AWS",
				`The provider has an "aws", but its target is "open", since nothing says otherwise; set target to "aws".`)
		}
		data.target = configureOpen(ctx, config.Open, userAgent, &resp.Diagnostics)
	case targetAWS:
		data.target = configureAWS(ctx, fields(req.Config.Raw)["aws"], userAgent, &resp.Diagnostics)
	default:
		resp.Diagnostics.AddAttributeError(path.Root("target"), "Unknown target",
			fmt.Sprintf(`The target is %q; it can be "open" or "aws".`, name))
	}
}

// configureOpen returns a client of the open runtime, or nil if it cannot be
// made, or not yet.
func configureOpen(ctx context.Context, o types.Object, userAgent string, diags *diag.Diagnostics) target.Target {
	if o.IsUnknown() {
		return nil
	}
	var config openModel
	if !o.IsNull() {
		diags.Append(o.As(ctx, &config, basetypes.ObjectAsOptions{})...)
		if diags.HasError() {
			return nil
		}
	}
	if config.Endpoint.IsUnknown() || config.Token.IsUnknown() {
		return nil
	}
	endpoint, err := open.ResolveEndpoint(config.Endpoint.ValueString())
	if err != nil {
		diags.AddAttributeError(path.Root("open").AtName("endpoint"), "Invalid endpoint", sentence(err))
		return nil
	}
	token, err := open.ResolveToken(config.Token.ValueString(), endpoint)
	if err != nil {
		diags.AddAttributeError(path.Root("open").AtName("token"), "Missing token", sentence(err))
		return nil
	}
	client, err := open.New(open.Options{
		Endpoint:  endpoint,
		Token:     token,
		UserAgent: userAgent,
		Log:       slog.New(terraformLog{}),
	})
	if err != nil {
		diags.AddAttributeError(path.Root("open").AtName("endpoint"), "Invalid endpoint", sentence(err))
		return nil
	}
	return client
}

func (p *tidegate) Resources(context.Context) []func() resource.Resource {
	resources := make([]func() resource.Resource, len(kinds), len(kinds)+1)
	for i, k := range kinds {
		resources[i] = func() resource.Resource { return newStackResource(k) }
	}
	return append(resources, newAliasResource)
}

func (p *tidegate) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newReleasesDataSource, newStackDataSource, newVersionsDataSource}
}

func (p *tidegate) Functions(context.Context) []func() function.Function {
	return []func() function.Function{newNextRuns, newPackageHash}
}
