package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// waits tells whether an apply of a configuration or a plan waits for its release.
func waits(v tftypes.Value) bool { return notFalse(fields(fields(v)["release"])["wait"]) }

// notFalse tells whether a flag is set, or not known, or left out.
func notFalse(v tftypes.Value) bool {
	flag := true
	if !v.IsNull() && v.IsKnown() {
		_ = v.As(&flag)
	}
	return flag
}

// mayNotWait tells whether it may be that an apply returns before its release has ended:
// then nobody knows where its aliases will point.
func mayNotWait(plan map[string]tftypes.Value) bool {
	if !plan["release"].IsKnown() {
		return true
	}
	policy := fields(plan["release"])
	if wait := policy["wait"]; wait.IsKnown() && notFalse(wait) {
		return false
	}
	strategy, known := text(policy["strategy"])
	instant := known && stack.Release{Strategy: strategy}.Resolve().Strategy == stack.AllAtOnce
	return !instant || !policy["before"].IsNull() || !policy["after"].IsNull()
}

// logProgress puts every change of a release into Terraform's log (TF_LOG=info).
func logProgress(ctx context.Context, name string) func(release.Release) {
	return func(r release.Release) {
		s := r.Status()
		tflog.Info(ctx, fmt.Sprintf("release %s of stack %q is at %d %%: %s", s.ID, name, s.Weight, s.What), map[string]any{
			"stack": name, "release": s.ID, "state": s.State, "weight": s.Weight, "what": s.What, "candidates": s.Candidates,
		})
	}
}

// updateFailure is how a failed update is told. Unchanged means that the stack is as it
// was, so that the next plan offers the same change once more. A release that is held may
// still become what was planned, and then there is nothing left to apply.
func updateFailure(name string, err error) (summary, detail string, unchanged bool) {
	if errors.Is(err, target.ErrNotFound) {
		return subject("Cannot change stack", name), "It was deleted since it was read; nothing was changed now: plan again.", false
	}
	if _, ok := errors.AsType[*target.UnderWayError](err); ok {
		return subject("A release is under way: stack", name), sentence(err), false
	}
	if failed, ok := errors.AsType[*target.ReleaseError](err); ok {
		if failed.Release.Ended() {
			return subject("Release rolled back: stack", name), sentence(err) + " The next plan offers the release again.", true
		}
		return subject("Release held: stack", name), sentence(err), false
	}
	return subject("Cannot change stack", name), sentence(err), false
}

// warnUnderWay says that a release goes on, or waits for somebody.
func (r *stackResource) warnUnderWay(d *stack.Deployment, diags *diag.Diagnostics) {
	s := d.Release
	if !s.UnderWay() {
		return
	}
	name, doing := d.Stack.Name, "is"
	command, joins := "Watch it with: tidegate release "+name, "waits for it"
	if s.State != "running" {
		doing = "is " + s.State
		command = fmt.Sprintf("Decide with: tidegate release %s --resume, --promote or --abort", name)
	}
	if s.State == string(release.Held) {
		joins = "fails as long as it is held"
	}
	diags.AddWarning(subject("Release under way: stack", name), fmt.Sprintf(
		"The release %s %s at %d %%, started by %s %s%s. %s\n\n"+
			"Applying the configuration that it releases %s, and any other is refused until it has ended.",
		s.ID, doing, s.Weight, cmp.Or(s.By, "another apply"), r.data.since(s.Began), inBrackets("last: ", s.What), command, joins))
}

// warnRelease says what a release has done, or is doing, to the stack since the state
// was written.
func (r *stackResource) warnRelease(state tftypes.Value, d *stack.Deployment, diags *diag.Diagnostics) {
	s, name := d.Release, d.Stack.Name
	switch {
	case s == nil:
	case s.UnderWay():
		r.warnUnderWay(d, diags)
	case s.Back && len(explained(d)) > 0:
		var aliases []string
		for _, component := range slices.Sorted(maps.Keys(explained(d))) {
			aliases = append(aliases, fmt.Sprintf("%s %s", component, d.Components[component]))
		}
		diags.AddWarning(subject("Rolled back outside Terraform: stack", name), fmt.Sprintf("%s rolled the stack back %s%s.\n\n- %s",
			cmp.Or(s.By, "Somebody"), r.data.since(s.Since), inBrackets("", s.What), strings.Join(aliases, "\n- ")))
	case s.State == string(release.RolledBack) && released(state, d):
		diags.AddWarning(subject("Release rolled back: stack", name), fmt.Sprintf("The release %s was %s, %s. Every alias is where it was before. Applying the configuration releases it again.",
			s.ID, cmp.Or(s.What, "rolled back"), r.data.since(s.Since)))
	}
}

// inBrackets adds what is known; a target that has little room may have left it out.
func inBrackets(before, what string) string {
	if what == "" {
		return ""
	}
	return " (" + before + what + ")"
}

// released tells whether the differences between a state and its stack come from the
// release that the apply of the state has begun: it is under way, or was rolled back
// since.
func released(state tftypes.Value, d *stack.Deployment) bool {
	id, _ := text(fields(state)["release_id"])
	if d.Release == nil || d.Release.ID != id || d.Release.Back {
		return false
	}
	return d.Release.UnderWay() || d.Release.State == string(release.RolledBack) && d.ReleaseID != id
}

// pending tells whether the stack is told of as the release under way will make it, which
// another apply has begun: its settings are that apply's, and nobody's meddling.
func pending(d *stack.Deployment) bool { return d.Release.UnderWay() && d.ReleaseID == d.Release.ID }

// explained are the components that are as they are because of the last release. They
// are the aliases that it moves or has moved back, and what waits for its end and says
// so.
func explained(d *stack.Deployment) map[string]bool {
	components := map[string]bool{}
	s := d.Release
	if !s.UnderWay() && (s == nil || !s.Back) {
		return components
	}
	for function := range s.Candidates {
		if alias := stack.AliasComponent(function); d.Components[alias] != stack.Ready && pointsThere(d, function) {
			components[alias] = true
		}
	}
	for name, is := range d.Components {
		if s.UnderWay() && strings.Contains(is, s.ID) {
			components[name] = true
		}
	}
	return components
}

// arrived tells whether an alias that was not yet where its stack wants it is so now.
func arrived(function string, state tftypes.Value, d *stack.Deployment) bool {
	alias := stack.AliasComponent(function)
	was, known := text(fields(fields(state)["components"])[alias])
	return known && was != stack.Ready && d.Components[alias] == stack.Ready
}

// pointsThere tells whether an alias is still where the last release has moved it.
func pointsThere(d *stack.Deployment, function string) bool {
	routing, candidate := d.Functions[function].Routing, d.Release.Candidates[function]
	return d.Release.UnderWay() || maps.Equal(routing, stack.RouteTo(candidate))
}

// planPending leaves open where an alias will point that a release moves which nobody
// waits for. Number is the version that the function becomes, 0 for a new one. It tells
// whether the alias may move.
func (p *planner) planPending(name string, f map[string]tftypes.Value, number int) bool {
	before, existed := fields(p.state["functions"])[name]
	if !existed || !mayNotWait(p.plan) {
		return false
	}
	routing := fields(fields(before)["routing"])
	if _, live := routing[strconv.Itoa(number)]; live && len(routing) == 1 {
		return false
	}
	f["version"] = tftypes.NewValue(tftypes.Number, tftypes.UnknownValue)
	f["routing"] = tftypes.NewValue(f["routing"].Type(), tftypes.UnknownValue)
	return true
}
