package provider

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// How long operations may take where `timeouts` does not say.
const (
	writeTimeout = 10 * time.Minute
	readTimeout  = time.Minute
)

// stackResource is the one resource there is: a stack of some kind. Validation
// is in stack_validate.go, planning in stack_plan.go.
type stackResource struct {
	kind   *kind
	schema schema.Schema
	data   *providerData
}

var (
	_ resource.ResourceWithConfigure      = (*stackResource)(nil)
	_ resource.ResourceWithImportState    = (*stackResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*stackResource)(nil)
	_ resource.ResourceWithValidateConfig = (*stackResource)(nil)
)

func newStackResource(k *kind) *stackResource {
	return &stackResource{kind: k, schema: k.schema(), data: &providerData{packages: newPackages(), earlier: newEarlierPlans(), handover: newHandover()}}
}

func (r *stackResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_" + string(r.kind.kind)
}

func (r *stackResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema
}

func (r *stackResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	if data, ok := req.ProviderData.(*providerData); ok {
		r.data = data
	}
}

// ready refuses to work while it is not known where.
func (r *stackResource) ready(diags *diag.Diagnostics) bool {
	if r.data.target == nil {
		diags.AddError("Provider not configured yet", "The provider's configuration is not known yet; apply what it depends on first.")
	}
	return r.data.target != nil
}

// Create makes the stack. Whatever exists when it fails is in the state.
func (r *stackResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := deadline(ctx, req.Plan.Raw, "create", writeTimeout)
	defer cancel()
	w := r.wish(ctx, req.Plan.Raw, req.Config.Raw, tftypes.Value{}, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	left, hasLeft := r.data.handover.take(w.name())
	d, err := r.data.target.Create(ctx, w.deploy)
	made := err == nil || whole(d)
	switch {
	case err == nil:
	case made:
		resp.Diagnostics.AddWarning(subject("Created, but not confirmed: stack", w.name()),
			sentence(err)+" The stack is there and complete; the next apply goes on from here.")
	case d != nil:
		resp.Diagnostics.AddError(subject("Cannot create stack", w.name()),
			sentence(err)+" What was made is kept, and the next apply goes on from there, though Terraform calls that a replacement.")
	default:
		resp.Diagnostics.AddError(subject("Cannot create stack", w.name()), sentence(err))
		if _, taken := errors.AsType[*target.ExistsError](err); hasLeft && !taken {
			resp.Diagnostics.Append(seen{}.keep(ctx, resp.Private)...)
			resp.State.Raw = left // It was not deleted, after all.
		}
		return
	}
	r.data.handover.create(w.name())
	resp.Diagnostics.Append(remember(ctx, resp.Private, d, nil)...)
	resp.State.Raw = r.result(req.Plan.Raw, req.Plan.Raw, d, made, &resp.Diagnostics)
}

// whole tells whether a create that failed has made all of the stack. Terraform
// destroys and replaces what a failed create leaves in the state, and with it a
// queue's messages; where nothing is missing, that would be the greater harm.
func whole(d *stack.Deployment) bool {
	if d == nil {
		return false
	}
	for _, state := range d.Components {
		if state != stack.Ready {
			return false
		}
	}
	return true
}

// Update makes the stack what was planned, unless it changed since, and waits for the
// release that this begins.
func (r *stackResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	planned, _ := toStack(r.kind.kind, req.Plan.Raw) // wish says what is wrong with it.
	ctx, cancel := deadline(ctx, req.Plan.Raw, "update", updateTimeout(planned, waits(req.Plan.Raw)))
	defer cancel()
	w := r.wish(ctx, req.Plan.Raw, req.Config.Raw, req.State.Raw, &resp.Diagnostics)
	before, diags := recall(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	if resp.Diagnostics.HasError() {
		return
	}
	w.deploy.Revision, w.deploy.Prior = before.Revision, r.prior(req.State.Raw)
	w.deploy.NoWait, w.deploy.Progress = !waits(req.Plan.Raw), logProgress(ctx, w.name())
	d, err := r.data.target.Update(ctx, w.deploy)
	prior := req.Plan.Raw
	if err != nil {
		summary, detail, unchanged := updateFailure(w.name(), err)
		resp.Diagnostics.AddError(summary, detail)
		if unchanged {
			prior = req.State.Raw
		}
	}
	if d == nil {
		return
	}
	resp.Diagnostics.Append(remember(ctx, resp.Private, d, before.Manifests.during(d, req.State.Raw, req.Plan.Raw))...)
	resp.State.Raw = r.result(req.Plan.Raw, prior, d, err == nil, &resp.Diagnostics)
}

// result is the state after an apply: what was planned, and what only the target
// could say; or, if the apply failed, what there is. What no target knows is then as in
// prior.
func (r *stackResource) result(plan, prior tftypes.Value, d *stack.Deployment, complete bool, diags *diag.Diagnostics) tftypes.Value {
	actual, err := fromDeployment(r.kind.kind, r.schema.Attributes, d, prior)
	if err == nil && complete {
		r.warnUnderWay(d, diags)
		warnUnready(d, diags)
		actual, err = fill(plan, actual)
	}
	if err != nil {
		diags.AddError(subject("Unexpected answer about stack", d.Stack.Name), sentence(err))
	}
	return actual
}

// fill puts what was unknown in the plan in its place.
func fill(plan, actual tftypes.Value) (tftypes.Value, error) {
	return tftypes.Transform(plan, func(p *tftypes.AttributePath, v tftypes.Value) (tftypes.Value, error) {
		if v.IsKnown() {
			return v, nil
		}
		found, _, err := tftypes.WalkAttributePath(actual, p)
		if known, ok := found.(tftypes.Value); ok && err == nil {
			return known, nil
		}
		return tftypes.NewValue(v.Type(), nil), nil
	})
}

// Read brings the state up to date, and says in words what was changed outside
// Terraform.
func (r *stackResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if r.data.target == nil {
		return // Not known yet: the state stands.
	}
	ctx, cancel := deadline(ctx, req.State.Raw, "read", readTimeout)
	defer cancel()
	prior := r.prior(req.State.Raw)
	name := prior.Name
	d, err := r.data.target.Read(ctx, prior)
	switch {
	case errors.Is(err, target.ErrNotFound):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		resp.Diagnostics.AddError(subject("Cannot read stack", name), sentence(err))
		return
	case d.Stack.Trigger.Kind() != r.kind.kind:
		resp.Diagnostics.AddWarning(subject("Changed outside Terraform: stack", name),
			fmt.Sprintf("The stack is gone, and another of that name is a tidegate_%s.", d.Stack.Trigger.Kind()))
		resp.State.RemoveResource(ctx)
		return
	}
	actual, err := fromDeployment(r.kind.kind, r.schema.Attributes, d, req.State.Raw)
	if err != nil {
		resp.Diagnostics.AddError(subject("Unexpected answer about stack", name), sentence(err))
		return
	}
	before, diags := recall(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	r.warnRelease(req.State.Raw, d, &resp.Diagnostics)
	r.warnDrift(req.State.Raw, d, &resp.Diagnostics)
	resp.Diagnostics.Append(remember(ctx, resp.Private, d, before.Manifests.during(d))...)
	resp.State.Raw = before.Manifests.restored(actual)
}

// prior is the stack as the state has it.
func (r *stackResource) prior(state tftypes.Value) stack.Stack {
	s, err := toStack(r.kind.kind, state)
	if err != nil { // A state of another version.
		name, _ := text(fields(state)["name"])
		return stack.Stack{Name: name}
	}
	return s
}

// Delete removes the stack and all it owns, unless it goes on as another resource;
// see handover.
func (r *stackResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := deadline(ctx, req.State.Raw, "delete", writeTimeout)
	defer cancel()
	if r.spares(ctx, req, &resp.Diagnostics) {
		return
	}
	name, _ := text(fields(req.State.Raw)["name"])
	if err := r.data.target.Delete(ctx, name); err != nil {
		resp.Diagnostics.AddError(subject("Cannot delete stack", name), sentence(err))
	}
}

// ImportState takes a stack's name. It reads the stack to be sure that it is
// there: Pulumi would report success otherwise.
func (r *stackResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.ready(&resp.Diagnostics) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	d, err := r.data.target.Read(ctx, stack.Stack{Name: req.ID})
	switch {
	case errors.Is(err, target.ErrNotFound):
		resp.Diagnostics.AddError(subject("Cannot import stack", req.ID), "There is no stack of that name on the target.")
	case err != nil:
		resp.Diagnostics.AddError(subject("Cannot import stack", req.ID), sentence(err))
	case d.Stack.Trigger.Kind() != r.kind.kind:
		actual := d.Stack.Trigger.Kind()
		resp.Diagnostics.AddError(subject("Cannot import stack", req.ID),
			fmt.Sprintf("It is a tidegate_%s, not a tidegate_%s; use: terraform import tidegate_%s.<label> %s", actual, r.kind.kind, actual, req.ID))
	default:
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), req.ID)...)
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("name"), req.ID)...)
	}
}

// deadline bounds an operation by the resource's own `timeouts`, else by what the
// context's WithTimeout says, else by standard.
func deadline(ctx context.Context, v tftypes.Value, operation string, standard time.Duration) (context.Context, context.CancelFunc) {
	limit := timeoutOf(ctx, standard)
	if own, ok := text(fields(fields(v)["timeouts"])[operation]); ok {
		if d, err := time.ParseDuration(own); err == nil {
			limit = d
		}
	}
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("the %s timeout of %s has passed", operation, limit))
}

// sentence is an error as the body of a diagnostic.
func sentence(err error) string {
	message := err.Error()
	if message == "" {
		return message
	}
	message = strings.ToUpper(message[:1]) + message[1:]
	if !strings.HasSuffix(message, ".") {
		message += "."
	}
	return message
}

// quoted lists words for a sentence.
func quoted(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = strconv.Quote(w)
	}
	return strings.Join(out, ", ")
}
