package provider

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// releasesDataSource lists the releases of a stack: its history.
type releasesDataSource struct{ data *providerData }

var _ datasource.DataSourceWithConfigure = (*releasesDataSource)(nil)

func newReleasesDataSource() datasource.DataSource { return &releasesDataSource{} }

type releasesModel struct {
	ID       types.String   `tfsdk:"id"`
	Stack    types.String   `tfsdk:"stack"`
	Releases []releaseModel `tfsdk:"releases"`
}

type releaseModel struct {
	ID       string               `tfsdk:"id"`
	State    string               `tfsdk:"state"`
	Policy   string               `tfsdk:"policy"`
	Weight   int64                `tfsdk:"weight"`
	By       types.String         `tfsdk:"by"`
	Began    string               `tfsdk:"began"`
	Ended    types.String         `tfsdk:"ended"`
	Verdict  string               `tfsdk:"verdict"`
	Back     bool                 `tfsdk:"back"`
	Moves    map[string]moveModel `tfsdk:"moves"`
	Versions map[string]int64     `tfsdk:"versions"`
	Steps    []stepModel          `tfsdk:"steps"`
}

type moveModel struct {
	Stable    map[string]int64 `tfsdk:"stable"`
	Candidate int64            `tfsdk:"candidate"`
}

type stepModel struct {
	At     string `tfsdk:"at"`
	Weight int64  `tfsdk:"weight"`
	What   string `tfsdk:"what"`
}

func (d *releasesDataSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_releases"
}

func (d *releasesDataSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	text := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
	}
	number := func(doc string) schema.Int64Attribute {
		return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The releases of a stack: who released what and when, how it went, and why it ended. The last twenty that have ended at least, and the one under way.",
		Attributes: map[string]schema.Attribute{
			"id":    text("The stack's name."),
			"stack": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the stack."},
			"releases": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "The releases, newest first.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id":      text("Identifies what it makes live, as the resource's `release_id`."),
					"state":   text("`running`, `paused` and `held` are under way; `finished` and `rolled_back` have ended."),
					"policy":  text("How it moves, in words: `canary of 10 % for 5m`."),
					"weight":  number("Percent of the traffic that the new versions have."),
					"by":      text("Who began it, such as `ada@laptop`."),
					"began":   text("When it began (RFC 3339)."),
					"ended":   text("When it ended; null while it is under way."),
					"verdict": text("What happened last, in words: why it ended, or what it waits for."),
					"back":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it returned the stack to earlier versions (`tidegate rollback`)."},
					"moves": schema.MapNestedAttribute{
						Computed: true, MarkdownDescription: "The functions whose alias `live` it moves, by name.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"stable":    schema.MapAttribute{ElementType: types.Int64Type, Computed: true, MarkdownDescription: "The alias as it was: version → percent."},
							"candidate": number("The version that it moves to."),
						}},
					},
					"versions": schema.MapAttribute{
						ElementType: types.Int64Type, Computed: true,
						MarkdownDescription: "The versions of all functions of the stack once it is finished, also of those that do not move.",
					},
					"steps": schema.ListNestedAttribute{
						Computed: true, MarkdownDescription: "What happened, oldest first.",
						NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
							"at":     text("When (RFC 3339)."),
							"weight": number("Percent of the traffic that the new versions had from then on."),
							"what":   text("What happened, with the numbers that decided it."),
						}},
					},
				}},
			},
		},
	}
}

func (d *releasesDataSource) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	d.data, _ = req.ProviderData.(*providerData)
}

func (d *releasesDataSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m releasesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	all, ok := listReleases(ctx, d.data, m.Stack.ValueString(), &resp.Diagnostics)
	if !ok {
		return
	}
	m.ID = m.Stack
	m.Releases = make([]releaseModel, len(all))
	for i, r := range all {
		m.Releases[i] = describeRelease(r)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func listReleases(ctx context.Context, data *providerData, name string, diags *diag.Diagnostics) ([]release.Release, bool) {
	failed := subject("Cannot read releases of stack", name)
	if data == nil || data.target == nil {
		diags.AddError(failed, "The provider's configuration is not known yet; apply what it depends on first.")
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	all, err := data.target.ListReleases(ctx, name)
	switch {
	case errors.Is(err, target.ErrNotFound):
		diags.AddError(failed, "There is no stack of that name on the target.")
	case err != nil:
		diags.AddError(failed, sentence(err))
	}
	return all, err == nil
}

func describeRelease(r release.Release) releaseModel {
	s := r.Status()
	m := releaseModel{
		ID: r.ID, State: s.State, Policy: r.Policy.String(), Weight: int64(s.Weight),
		By: optional(r.By), Began: rfc3339(r.Began), Verdict: s.What, Back: r.Back,
		Moves: map[string]moveModel{}, Versions: map[string]int64{}, Steps: make([]stepModel, len(r.Trail)),
	}
	if r.Ended() {
		m.Ended = types.StringValue(rfc3339(r.Since))
	}
	for name, move := range r.Moves {
		stable := map[string]int64{}
		for version, percent := range move.Stable {
			stable[fmt.Sprint(version)] = int64(percent)
		}
		m.Moves[name] = moveModel{stable, int64(move.Candidate)}
	}
	for name, version := range r.Versions {
		m.Versions[name] = int64(version)
	}
	for i, mark := range r.Trail {
		m.Steps[i] = stepModel{rfc3339(mark.At), int64(mark.Weight), mark.What}
	}
	return m
}

func rfc3339(t time.Time) string { return t.UTC().Format(time.RFC3339) }
