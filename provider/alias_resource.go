package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// aliasResource is an alias beside "live", with weights that the configuration says.
// Its schema is in alias_schema.go, what is told at plan in alias_plan.go.
type aliasResource struct {
	schema schema.Schema
	data   *providerData
}

var (
	_ resource.ResourceWithConfigure      = (*aliasResource)(nil)
	_ resource.ResourceWithImportState    = (*aliasResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*aliasResource)(nil)
	_ resource.ResourceWithValidateConfig = (*aliasResource)(nil)
)

func newAliasResource() resource.Resource {
	return &aliasResource{schema: aliasSchema(), data: &providerData{}}
}

func (r *aliasResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_alias"
}

func (r *aliasResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema
}

func (r *aliasResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*providerData); ok {
		r.data = data
	}
}

// aliases is the target's; nil, and an error, if it is not known yet or has none.
func (r *aliasResource) aliases(diags *diag.Diagnostics) target.Aliases {
	if r.data.target == nil {
		diags.AddError("Provider not configured yet", "The provider's configuration is not known yet; apply what it depends on first.")
		return nil
	}
	aliases, ok := r.data.target.(target.Aliases)
	if !ok {
		diags.AddError("No aliases on this target", fmt.Sprintf("The target %q has no aliases beside \"live\".", r.data.target.Name()))
		return nil
	}
	return aliases
}

// Create makes the alias.
func (r *aliasResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	r.write(ctx, "create", req.Plan.Raw, &resp.State.Raw, &resp.Diagnostics)
}

// Update makes the alias what was planned.
func (r *aliasResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	r.write(ctx, "update", req.Plan.Raw, &resp.State.Raw, &resp.Diagnostics)
}

// write creates or updates the alias. Whatever exists when that fails is in the state.
func (r *aliasResource) write(ctx context.Context, verb string, plan tftypes.Value, state *tftypes.Value, diags *diag.Diagnostics) {
	aliases := r.aliases(diags)
	if aliases == nil {
		return
	}
	ctx, cancel := deadline(ctx, plan, verb, writeTimeout)
	defer cancel()
	ref, alias, err := toAlias(plan)
	if err != nil {
		diags.AddError(subject("Cannot "+verb+" alias", ref.Name), sentence(err))
		return
	}
	do := aliases.CreateAlias
	if verb == "update" {
		do = aliases.UpdateAlias
	}
	made, err := do(ctx, ref, alias)
	if err != nil {
		diags.AddError(subject("Cannot "+verb+" alias", ref.String()), sentence(err))
	}
	if made == nil {
		return
	}
	actual, encodeErr := r.fromAlias(ref, made, plan)
	if encodeErr == nil && err == nil {
		actual, encodeErr = fill(plan, actual)
	}
	if encodeErr != nil {
		diags.AddError(subject("Unexpected answer about alias", ref.String()), sentence(encodeErr))
		return
	}
	*state = actual
}

// Read brings the state up to date, and says in words how the alias was moved outside
// Terraform.
func (r *aliasResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if r.data.target == nil {
		return // Not known yet: the state stands.
	}
	aliases := r.aliases(&resp.Diagnostics)
	if aliases == nil {
		return
	}
	ctx, cancel := deadline(ctx, req.State.Raw, "read", readTimeout)
	defer cancel()
	ref, before, err := toAlias(req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError(subject("Cannot read alias", ref.String()), sentence(err))
		return
	}
	found, err := aliases.ReadAlias(ctx, ref)
	switch {
	case errors.Is(err, target.ErrNotFound):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		resp.Diagnostics.AddError(subject("Cannot read alias", ref.String()), sentence(err))
		return
	}
	actual, err := r.fromAlias(ref, found, req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError(subject("Unexpected answer about alias", ref.String()), sentence(err))
		return
	}
	if was, is := before.Routing.Percentages(), found.Routing.Percentages(); len(before.Routing) > 0 && was != is {
		resp.Diagnostics.AddWarning(subject("Changed outside Terraform: alias", ref.String()),
			fmt.Sprintf("It gives %s, and gave %s. Applying the configuration sets it right.", is, was))
	}
	if before, known := text(fields(req.State.Raw)["state"]); known && before == stack.Ready && found.State != stack.Ready {
		resp.Diagnostics.AddWarning(subject("Changed outside Terraform: alias", ref.String()),
			fmt.Sprintf("It is not ready: %s. Applying the configuration sets it right.", found.State))
	}
	resp.State.Raw = actual
}

// Delete removes the alias.
func (r *aliasResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	aliases := r.aliases(&resp.Diagnostics)
	if aliases == nil {
		return
	}
	ctx, cancel := deadline(ctx, req.State.Raw, "delete", writeTimeout)
	defer cancel()
	ref, _, err := toAlias(req.State.Raw)
	if err == nil {
		err = aliases.DeleteAlias(ctx, ref)
	}
	if err != nil {
		resp.Diagnostics.AddError(subject("Cannot delete alias", ref.String()), sentence(err))
	}
}

// ImportState takes "<stack>/<function>/<name>". It reads the alias to be sure that it
// is there: Pulumi would report success otherwise.
func (r *aliasResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	aliases := r.aliases(&resp.Diagnostics)
	if aliases == nil {
		return
	}
	parts := strings.Split(req.ID, "/")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		resp.Diagnostics.AddError(subject("Cannot import alias", req.ID), "An alias is imported by <stack>/<function>/<name>, such as shop/order/beta.")
		return
	}
	ref := stack.AliasRef{Stack: parts[0], Function: parts[1], Name: parts[2]}
	if ref.Name == stack.AliasLive {
		resp.Diagnostics.AddError(subject("Cannot import alias", req.ID), "The alias \"live\" is the stack's own; it comes with the stack's resource.")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	_, err := aliases.ReadAlias(ctx, ref)
	switch {
	case errors.Is(err, target.ErrNotFound):
		resp.Diagnostics.AddError(subject("Cannot import alias", req.ID), "There is no such alias on the target.")
	case err != nil:
		resp.Diagnostics.AddError(subject("Cannot import alias", req.ID), sentence(err))
	default:
		for name, value := range map[string]string{"id": req.ID, "stack": ref.Stack, "function": ref.Function, "name": ref.Name} {
			resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
		}
	}
}

// toAlias decodes a configuration, plan or state. What is unknown in it is absent.
func toAlias(v tftypes.Value) (stack.AliasRef, stack.Alias, error) {
	var doc struct {
		Stack    string `json:"stack"`
		Function string `json:"function"`
		Name     string `json:"name"`
		stack.Alias
	}
	raw, err := json.Marshal(tree(v))
	if err == nil {
		err = json.Unmarshal(raw, &doc)
	}
	return stack.AliasRef{Stack: doc.Stack, Function: doc.Function, Name: doc.Name}, doc.Alias.WithDefaults(), err
}

// fromAlias encodes an alias as its target has it.
func (r *aliasResource) fromAlias(ref stack.AliasRef, found *stack.AliasStatus, prior tftypes.Value) (tftypes.Value, error) {
	doc, err := jsonTree(found.Alias)
	if err != nil {
		return tftypes.Value{}, err
	}
	doc["id"], doc["stack"], doc["function"], doc["name"] = ref.String(), ref.Stack, ref.Function, ref.Name
	doc["arn"], doc["function_url"] = absent(found.ARN), absent(found.FunctionURL)
	doc["state"] = found.State
	return encodeObject(r.schema.Attributes, doc, prior)
}
