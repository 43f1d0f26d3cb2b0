package provider

import (
	"context"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// ModifyPlan works out everything that can be known before applying: it packages
// the code, and with it the plan tells which functions will get a new version and
// what will be released. Terraform has by now marked every computed attribute
// unknown if anything differs, so this decides on each of them; where nothing is to
// change, all come out as they were, and the plan is empty.
func (r *stackResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.Plan.Raw.IsNull() {
		return // The stack is to be deleted.
	}
	before, diags := recall(ctx, req.Private)
	resp.Diagnostics.Append(diags...)
	p := newPlanner(r, req, before, &resp.Diagnostics)
	resp.RequiresReplace = append(resp.RequiresReplace, p.replacements()...)
	plan := p.run(ctx)
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Plan.Raw = plan
	if req.State.Raw.IsNull() {
		resp.Diagnostics.Append(seen{Creates: r.identity(plan)}.keep(ctx, resp.Private)...)
	}
	if !plan.Equal(req.State.Raw) {
		r.checkTarget(ctx, plan, req.Config.Raw, &resp.Diagnostics)
		p.leaveNote()
	}
}

// checkTarget reports what of a stack its target cannot honour. Secrets are in the
// configuration alone.
func (r *stackResource) checkTarget(ctx context.Context, plan, config tftypes.Value, diags *diag.Diagnostics) {
	if r.data.target == nil {
		return // Not known yet.
	}
	s, err := toStack(r.kind.kind, plan)
	if err != nil {
		return // run has said so.
	}
	addSecrets(s, fields(fields(config)["functions"]), nil)
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	problems, err := r.data.target.Check(ctx, s)
	if err != nil {
		diags.AddError(subject("Cannot check stack", s.Name), sentence(err))
		return
	}
	report(s.Name, decidable(problems, append(unknownPaths(plan), unknownPaths(config)...)), diags)
}

// A planner works out the plan of one stack.
type planner struct {
	resource *stackResource
	config   map[string]tftypes.Value
	// plan holds the stack's attributes so far, functions those of each function
	// that is known; the planner fills in what is computed.
	plan      map[string]tftypes.Value
	functions map[string]map[string]tftypes.Value
	// state is nil for a new stack.
	state map[string]tftypes.Value
	// seen is what the target had when the state was read.
	seen  seen
	diags *diag.Diagnostics
	// recipes of the functions that were packaged.
	recipes map[string]*recipe
	// pending tells that a release may be under way when the apply has returned.
	pending bool
}

func newPlanner(r *stackResource, req resource.ModifyPlanRequest, before seen, diags *diag.Diagnostics) *planner {
	p := &planner{resource: r, config: fields(req.Config.Raw), plan: fields(req.Plan.Raw), state: fields(req.State.Raw), diags: diags}
	if p.state != nil {
		p.seen = before // What was seen of a stack that is gone says nothing of a new one.
	}
	for name, function := range fields(p.plan["functions"]) {
		if f := fields(function); f != nil {
			if p.functions == nil {
				p.functions = map[string]map[string]tftypes.Value{}
			}
			p.functions[name] = f
		}
	}
	return p
}

// replacements are the attributes whose change makes another stack. What was seen
// of the old one says nothing about the new.
func (p *planner) replacements() path.Paths {
	var changed path.Paths
	for _, name := range append([]string{"name"}, p.resource.kind.replaced...) {
		if p.state != nil && !p.plan[name].Equal(p.state[name]) {
			changed = append(changed, path.Root(name))
		}
	}
	if len(changed) > 0 {
		p.state, p.seen = nil, seen{}
	}
	return changed
}

// run fills in the plan and returns it.
func (p *planner) run(ctx context.Context) tftypes.Value {
	p.plan["id"] = p.plan["name"]
	p.planHandlers(p.decode())
	p.planRoles()
	p.planCode(ctx)
	s := p.decode()
	// It is known what will be released if every function is.
	released := len(p.functions) > 0 && len(p.functions) == len(fields(p.plan["functions"]))
	for name, f := range p.functions {
		released = p.planVersion(name, f, s.Functions[name].Hash()) && released
		p.planAddresses(name, f)
	}
	p.plan["release_id"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	if released {
		p.plan["release_id"] = tftypes.NewValue(tftypes.String, s.ReleaseID())
	}
	p.planComponents(s)
	p.planOutputs()
	return p.value()
}

// decode is the stack as planned so far.
func (p *planner) decode() stack.Stack {
	s, err := toStack(p.resource.kind.kind, p.value())
	if err != nil && !p.diags.HasError() {
		p.diags.AddError(subject("Invalid stack", s.Name), sentence(err))
	}
	return s
}

// value is the plan so far.
func (p *planner) value() tftypes.Value {
	if p.functions != nil {
		functions := fields(p.plan["functions"])
		for name, f := range p.functions {
			functions[name] = tftypes.NewValue(functions[name].Type(), f)
		}
		p.plan["functions"] = tftypes.NewValue(p.plan["functions"].Type(), functions)
	}
	return tftypes.NewValue(p.resource.schema.Type().TerraformType(context.Background()), p.plan)
}

// planHandlers fills in the handlers that runtimes have by default.
func (p *planner) planHandlers(s stack.Stack) {
	written := fields(p.config["functions"])
	for name, f := range p.functions {
		if f["runtime"].IsKnown() && fields(written[name])["handler"].IsNull() {
			f["handler"] = tftypes.NewValue(tftypes.String, nil)
			if handler := s.Functions[name].Handler; handler != "" {
				f["handler"] = tftypes.NewValue(tftypes.String, handler)
			}
		}
	}
}

// planRoles keeps the roles that the target made. One that it did not make was the
// user's, who has one made now, or was put in its place behind Terraform's back.
func (p *planner) planRoles() {
	for name, f := range p.functions {
		if !p.ownRole(name).IsNull() {
			continue
		}
		before := fields(fields(p.state["functions"])[name])
		role, hasRole := text(before["role_arn"])
		if _, exists := text(before["arn"]); hasRole && stack.OwnRole(role) || exists && !hasRole {
			f["role_arn"] = before["role_arn"] // Some targets have no roles.
			continue
		}
		f["role_arn"] = tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
	}
}

// ownRole is the role that the user gives a function, null if he gives it none.
func (p *planner) ownRole(function string) tftypes.Value {
	return fields(fields(p.config["functions"])[function])["role_arn"]
}

// planVersion tells whether it is known what the function will be, and if that
// exists already as a version, plans the alias to point at it.
func (p *planner) planVersion(name string, f map[string]tftypes.Value, hash string) bool {
	f["version"] = tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
	f["routing"] = tftypes.NewValue(f["routing"].Type(), tftypes.UnknownValue)
	for _, attribute := range append([]string{"code_sha256", "layer_sha256"}, frozen...) {
		v := f[attribute]
		if attribute == "role_arn" {
			v = p.ownRole(name) // One that the target makes is in no hash.
		}
		if !v.IsFullyKnown() {
			p.pending = p.pending || p.state != nil && mayNotWait(p.plan)
			return false
		}
	}
	number, ok := p.seen.Versions[name][hash]
	if p.planPending(name, f, number) {
		p.pending = true
		return true
	}
	if ok {
		all := tftypes.NewValue(tftypes.Number, 100)
		f["version"] = tftypes.NewValue(tftypes.Number, number)
		f["routing"] = tftypes.NewValue(f["routing"].Type(), map[string]tftypes.Value{strconv.Itoa(number): all})
	}
	return true
}

// planAddresses keeps what the target gave the function for as long as it lives.
func (p *planner) planAddresses(name string, f map[string]tftypes.Value) {
	before := fields(fields(p.state["functions"])[name])
	for _, attribute := range []string{"arn", "alias_arn", "log_group"} {
		f[attribute] = output(attribute, "", f, before)
	}
	f["function_url"] = output("function_url", "url", f, before)
}

// planOutputs keeps the trigger's addresses for as long as it lives.
func (p *planner) planOutputs() {
	for name, cause := range p.resource.kind.outputs {
		p.plan[name] = output(name, cause, p.plan, p.state)
	}
}

// output plans an attribute that only the target knows: as it was, null if the
// attribute that brings it about is not wanted, unknown if that is new or was
// missing.
func output(name, cause string, plan, before map[string]tftypes.Value) tftypes.Value {
	if cause != "" {
		switch wanted := plan[cause]; {
		case wanted.IsKnown() && wanted.IsNull():
			return tftypes.NewValue(tftypes.String, nil)
		case !wanted.IsKnown() || fields(before[cause]) == nil:
			return tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
		}
	}
	if v, ok := before[name]; ok && !v.IsNull() {
		return v
	}
	return tftypes.NewValue(tftypes.String, tftypes.UnknownValue)
}

// planComponents wants every component ready, if it is known which there are, and that
// they are so when the apply has returned.
func (p *planner) planComponents(s stack.Stack) {
	if p.pending || p.resource.data.target == nil || !p.shapeKnown() {
		p.plan["components"] = tftypes.NewValue(p.plan["components"].Type(), tftypes.UnknownValue)
		return
	}
	ready := map[string]tftypes.Value{}
	for _, name := range p.resource.data.target.Components(s) {
		ready[name] = tftypes.NewValue(tftypes.String, stack.Ready)
	}
	p.plan["components"] = tftypes.NewValue(p.plan["components"].Type(), ready)
}

// shapeKnown tells whether it is known which functions the stack has, and which
// parts its trigger.
func (p *planner) shapeKnown() bool {
	if len(p.functions) != len(fields(p.plan["functions"])) || p.functions == nil {
		return false
	}
	for name, f := range p.functions {
		for _, v := range []tftypes.Value{f["url"], f["concurrency"], f["async"], f["layer_sha256"], f["network"], p.ownRole(name)} {
			if !v.IsFullyKnown() {
				return false
			}
		}
	}
	for name := range p.resource.kind.attributes() {
		if _, output := p.resource.kind.outputs[name]; !output && !p.plan[name].IsKnown() {
			return false
		}
	}
	return true
}
