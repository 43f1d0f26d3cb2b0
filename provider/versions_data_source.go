package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// versionsDataSource lists the versions of a function that exist.
type versionsDataSource struct{ data *providerData }

var _ datasource.DataSourceWithConfigure = (*versionsDataSource)(nil)

func newVersionsDataSource() datasource.DataSource { return &versionsDataSource{} }

type versionsModel struct {
	ID       types.String     `tfsdk:"id"`
	Stack    types.String     `tfsdk:"stack"`
	Function types.String     `tfsdk:"function"`
	Routing  map[string]int64 `tfsdk:"routing"`
	Versions []versionModel   `tfsdk:"versions"`
}

type versionModel struct {
	Number     int64        `tfsdk:"number"`
	Created    string       `tfsdk:"created"`
	Image      types.String `tfsdk:"image"`
	CodeSHA256 types.String `tfsdk:"code_sha256"`
	CodeSize   int64        `tfsdk:"code_size"`
	Runtime    types.String `tfsdk:"runtime"`
	Handler    types.String `tfsdk:"handler"`
	Memory     int64        `tfsdk:"memory"`
	Timeout    string       `tfsdk:"timeout"`
}

func (d *versionsDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_versions"
}

func (d *versionsDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	number := func(doc string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The versions of a function that exist. A version is an immutable snapshot; its number is never used again.",
		Attributes: map[string]schema.Attribute{
			"id":       text("`<stack>/<function>`."),
			"stack":    schema.StringAttribute{Required: true, MarkdownDescription: "Name of the stack."},
			"function": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the function within the stack."},
			"routing": schema.MapAttribute{
				ElementType: types.Int64Type, Computed: true,
				MarkdownDescription: "How the alias `live` splits traffic: version → percent.",
			},
			"versions": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The versions, oldest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"number":      number("Its number."),
					"created":     text("When it was published (RFC 3339)."),
					"image":       text("URI of its image, if it is one."),
					"code_sha256": text("SHA-256 of its package, in base64, unless it is an image."),
					"code_size":   number("Size of its package in bytes; 0 for an image."),
					"runtime":     text("Runtime identifier, unless it is an image."),
					"handler":     text("Entry point."),
					"memory":      number("Memory in MB."),
					"timeout":     text("Longest run of one invocation, such as `30s`."),
				}},
			},
		},
	}
}

func (d *versionsDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData)
}

func (d *versionsDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m versionsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	found := readStack(ctx, d.data, m.Stack.ValueString(), &resp.Diagnostics)
	if found == nil {
		return
	}
	function := m.Function.ValueString()
	status, ok := found.Functions[function]
	if !ok {
		resp.Diagnostics.AddAttributeError(path.Root("function"), subject("Cannot read function", function),
			fmt.Sprintf("Stack %q has no such function; it has %s.", found.Stack.Name, quoted(slices.Sorted(maps.Keys(found.Functions)))))
		return
	}
	m.ID = types.StringValue(found.Stack.Name + "/" + function)
	m.Routing = map[string]int64{}
	for version, percent := range status.Routing {
		m.Routing[fmt.Sprint(version)] = int64(percent)
	}
	m.Versions = make([]versionModel, len(status.Versions))
	for i, v := range status.Versions {
		m.Versions[i] = versionModel{
			Number:     int64(v.Number),
			Created:    v.Created.UTC().Format(time.RFC3339),
			Image:      optional(v.Config.Image),
			CodeSHA256: optional(v.Config.CodeSHA256),
			CodeSize:   v.CodeSize,
			Runtime:    optional(v.Config.Runtime),
			Handler:    optional(v.Config.Handler),
			Memory:     int64(v.Config.Memory),
			Timeout:    v.Config.Timeout.String(),
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
