package provider

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// stackDataSource reads any stack by its name, whoever made it.
type stackDataSource struct{ data *providerData }

var _ datasource.DataSourceWithConfigure = (*stackDataSource)(nil)

func newStackDataSource() datasource.DataSource { return &stackDataSource{} }

type stackDataModel struct {
	ID            types.String                 `tfsdk:"id"`
	Name          types.String                 `tfsdk:"name"`
	Kind          types.String                 `tfsdk:"kind"`
	ReleaseID     types.String                 `tfsdk:"release_id"`
	ARN           types.String                 `tfsdk:"arn"`
	URL           types.String                 `tfsdk:"url"`
	DeadLetterARN types.String                 `tfsdk:"dead_letter_arn"`
	Tags          map[string]string            `tfsdk:"tags"`
	Components    map[string]string            `tfsdk:"components"`
	Functions     map[string]functionDataModel `tfsdk:"functions"`
	Release       *releaseDataModel            `tfsdk:"release"`
}

// releaseDataModel is the release under way, or the last.
type releaseDataModel struct {
	ID      string       `tfsdk:"id"`
	State   string       `tfsdk:"state"`
	Weight  int64        `tfsdk:"weight"`
	By      types.String `tfsdk:"by"`
	Began   string       `tfsdk:"began"`
	Verdict string       `tfsdk:"verdict"`
}

type functionDataModel struct {
	ARN         types.String     `tfsdk:"arn"`
	AliasARN    types.String     `tfsdk:"alias_arn"`
	RoleARN     types.String     `tfsdk:"role_arn"`
	LogGroup    types.String     `tfsdk:"log_group"`
	FunctionURL types.String     `tfsdk:"function_url"`
	Image       types.String     `tfsdk:"image"`
	Runtime     types.String     `tfsdk:"runtime"`
	CodeSHA256  types.String     `tfsdk:"code_sha256"`
	Version     types.Int64      `tfsdk:"version"`
	Routing     map[string]int64 `tfsdk:"routing"`
}

func (d *stackDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_stack"
}

func (d *stackDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	computed := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Any stack of the target by its name, whatever its kind and whoever deploys it.",
		Attributes: map[string]schema.Attribute{
			"id":              computed("The stack's name."),
			"name":            schema.StringAttribute{Required: true, MarkdownDescription: "Name of the stack."},
			"kind":            computed("What triggers it: `http_api`, `queue`, `schedule`, or `stack` for nothing, as in the resource's type."),
			"release_id":      computed("Identifies what its functions are now: a hash of their code and effective configuration."),
			"arn":             computed("ARN of the trigger, where it has one."),
			"url":             computed("Address of the trigger, where it has one."),
			"dead_letter_arn": computed("ARN of a queue's dead letters, if there are any kept."),
			"tags":            schema.MapAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "Tags of the stack."},
			"components": schema.MapAttribute{
				ElementType: types.StringType, Computed: true,
				MarkdownDescription: "What the stack owns on its target: component → `ready`, or what is wrong with it.",
			},
			"release": schema.SingleNestedAttribute{
				Computed: true, MarkdownDescription: "The release that is under way, or else the last one; null if the target knows of none. `tidegate_releases` has them all.",
				Attributes: map[string]schema.Attribute{
					"id":      computed("Identifies what it makes live."),
					"state":   computed("`running`, `paused` and `held` are under way; `finished` and `rolled_back` have ended."),
					"weight":  schema.Int64Attribute{Computed: true, MarkdownDescription: "Percent of the traffic that the new versions have."},
					"by":      computed("Who began it, such as `ada@laptop`."),
					"began":   computed("When it began (RFC 3339)."),
					"verdict": computed("What happened last, in words."),
				},
			},
			"functions": schema.MapNestedAttribute{
				Computed: true, MarkdownDescription: "The stack's functions by name.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"arn":          computed("ARN of the function."),
					"alias_arn":    computed("ARN of its alias `live`. Invoke the function by this one."),
					"role_arn":     computed("ARN of the role the function runs as, where the target has roles."),
					"log_group":    computed("Name of the function's log group."),
					"function_url": computed("The function's address, if it has one."),
					"image":        computed("URI of the image, if it is one."),
					"runtime":      computed("Runtime identifier, unless it is an image."),
					"code_sha256":  computed("SHA-256 of the package, in base64, unless it is an image."),
					"version":      schema.Int64Attribute{Computed: true, MarkdownDescription: "The version that the alias `live` points at; of two, the one with more of the traffic."},
					"routing": schema.MapAttribute{
						ElementType: types.Int64Type, Computed: true,
						MarkdownDescription: "How the alias `live` splits traffic: version → percent.",
					},
				}},
			},
		},
	}
}

func (d *stackDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData)
}

func (d *stackDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m stackDataModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found := readStack(ctx, d.data, m.Name.ValueString(), &resp.Diagnostics)
	if found == nil {
		return
	}
	m.ID = m.Name
	m.Kind = types.StringValue(string(found.Stack.Trigger.Kind()))
	m.ReleaseID = types.StringValue(found.ReleaseID)
	m.ARN, m.URL, m.DeadLetterARN = optional(found.ARN), optional(found.URL), optional(found.DeadLetterARN)
	m.Tags, m.Components = notNil(found.Stack.Tags), notNil(found.Components)
	m.Functions = map[string]functionDataModel{}
	for name, f := range found.Stack.Functions {
		m.Functions[name] = describe(f, found.Functions[name])
	}
	if r := found.Release; r != nil {
		m.Release = &releaseDataModel{r.ID, r.State, int64(r.Weight), optional(r.By), rfc3339(r.Began), r.What}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func describe(f stack.Function, s stack.FunctionStatus) functionDataModel {
	m := functionDataModel{
		ARN:         optional(s.ARN),
		AliasARN:    optional(s.AliasARN),
		RoleARN:     optional(s.RoleARN),
		LogGroup:    optional(s.LogGroup),
		FunctionURL: optional(s.URL),
		Image:       optional(f.Image),
		Runtime:     optional(f.Runtime),
		CodeSHA256:  optional(f.CodeSHA256),
		Routing:     map[string]int64{},
	}
	if s.Version != 0 {
		m.Version = types.Int64Value(int64(s.Version))
	}
	for version, percent := range s.Routing {
		m.Routing[fmt.Sprint(version)] = int64(percent)
	}
	return m
}

// readStack reads a stack for a data source, which needs it to exist.
func readStack(ctx context.Context, data *providerData, name string, diags *diag.Diagnostics) *stack.Deployment {
	if data == nil || data.target == nil {
		diags.AddError(subject("Cannot read stack", name), "The provider's configuration is not known yet; apply what it depends on first.")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	found, err := data.target.Read(ctx, stack.Stack{Name: name})
	switch {
	case errors.Is(err, target.ErrNotFound):
		diags.AddError(subject("Cannot read stack", name), "There is no stack of that name on the target.")
		return nil
	case err != nil:
		diags.AddError(subject("Cannot read stack", name), sentence(err))
		return nil
	}
	return found
}

func optional(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

func notNil(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
