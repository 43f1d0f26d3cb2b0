package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// warnDrift says in words what has changed outside Terraform since the state was
// written. It is called when reading, never when planning: Terraform plans twice,
// the second time while applying. Texts that a user may have marked as sensitive
// are left to Terraform's own diff, which knows. What a release does is no drift, and is
// said by warnRelease.
func (r *stackResource) warnDrift(state tftypes.Value, d *stack.Deployment, diags *diag.Diagnostics) {
	before := fields(fields(state)["functions"])
	if before == nil {
		return // Just imported: there is nothing to compare with.
	}
	var changes []string
	if !released(state, d) && !pending(d) {
		changes = r.settingChanges(state, d)
	}
	told := explained(d)
	for _, name := range slices.Sorted(maps.Keys(before)) {
		alias := stack.AliasComponent(name)
		if change := aliasChange(name, fields(before[name]), d); change != "" && !told[alias] && !released(state, d) && !arrived(name, state, d) {
			changes = append(changes, change)
			told[alias] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.Components)) {
		if is := d.Components[name]; is != stack.Ready && !told[name] {
			changes = append(changes, fmt.Sprintf("%s is not ready: %s", name, is))
		}
	}
	if len(changes) == 0 {
		return
	}
	diags.AddWarning(subject("Changed outside Terraform: stack", d.Stack.Name),
		"- "+strings.Join(changes, "\n- ")+"\n\nApplying the configuration sets it right.")
}

// aliasChange tells how a function's alias was moved, "" if it was not.
func aliasChange(function string, before map[string]tftypes.Value, d *stack.Deployment) string {
	status, ok := d.Functions[function]
	if !ok {
		return "" // The whole function is gone, which settingChanges says.
	}
	was, is := routingText(tree(before["routing"])), routingText(numbers(status.Routing))
	switch {
	case was == is:
		return ""
	case is == "":
		return fmt.Sprintf("the alias of function %q was deleted (it pointed at %s)", function, was)
	case was == "":
		return fmt.Sprintf("the alias of function %q points at %s now (there was none)", function, is)
	}
	return fmt.Sprintf("the alias of function %q points at %s now (was %s)", function, is, was)
}

func numbers(r stack.Routing) map[string]any {
	out := map[string]any{}
	for version, percent := range r {
		out[fmt.Sprint(version)] = json.Number(fmt.Sprint(percent))
	}
	return out
}

// routingText is "version 3", or "version 3 (90 %) and version 4 (10 %)". An alias that
// somebody has pointed at no version has a 0.
func routingText(v any) string {
	routing, _ := v.(map[string]any)
	var parts []string
	for _, version := range slices.Sorted(maps.Keys(routing)) {
		part := "version " + version
		if version == "0" {
			part = stack.Latest
		}
		if len(routing) > 1 {
			part += fmt.Sprintf(" (%v %%)", routing[version])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, " and ")
}

// settingChanges compares the attributes of a state with a deployment.
func (r *stackResource) settingChanges(state tftypes.Value, d *stack.Deployment) []string {
	s, err := toStack(r.kind.kind, state)
	if err != nil {
		return nil // A state of another version; its differences still show in the plan.
	}
	was, err1 := r.settings(s)
	is, err2 := r.settings(d.Stack)
	if err1 != nil || err2 != nil {
		return nil
	}
	var changes []string
	compare("", was, is, &changes)
	return changes
}

// settings is a stack as its attributes lie, with every default written out and
// every duration spelled alike, and without what only a target knows.
func (r *stackResource) settings(s stack.Stack) (any, error) {
	v, err := fromDeployment(r.kind.kind, r.schema.Attributes, &stack.Deployment{Stack: s.WithDefaults()}, tftypes.Value{})
	doc, _ := tree(v).(map[string]any)
	for _, computed := range []string{"id", "release_id", "release", "components"} {
		delete(doc, computed)
	}
	functions, _ := doc["functions"].(map[string]any)
	for _, f := range functions {
		if f, ok := f.(map[string]any); ok {
			delete(f, "routing")
			if f["role_arn"] == nil {
				f["role_arn"] = "" // One role in place of another is a change, whoever made them.
			}
		}
	}
	return doc, err
}

// compare notes how a and b differ, by attribute.
func compare(at string, was, is any, changes *[]string) {
	before, wasObject := was.(map[string]any)
	after, isObject := is.(map[string]any)
	if wasObject && isObject {
		for _, name := range slices.Sorted(maps.Keys(merged(before, after))) {
			compare(join(at, name), before[name], after[name], changes)
		}
		return
	}
	if equalJSON(was, is) {
		return
	}
	shown := shown
	if strings.HasSuffix(at, "]") {
		shown = func(string, any) string { return "" } // What the user's own keys stand for may be a secret.
	}
	switch {
	case was == nil:
		*changes = append(*changes, fmt.Sprintf("%s was added%s", at, shown(" (%s)", is)))
	case is == nil:
		*changes = append(*changes, fmt.Sprintf("%s was removed%s", at, shown(" (it was %s)", was)))
	case shown("%s", was) == "" || shown("%s", is) == "":
		*changes = append(*changes, fmt.Sprintf("%s was changed", at))
	default:
		*changes = append(*changes, fmt.Sprintf("%s is %s now%s", at, shown("%s", is), shown(" (was %s)", was)))
	}
}

func merged(a, b map[string]any) map[string]any {
	out := maps.Clone(a)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, b)
	return out
}

// join writes the path of an attribute of the object at, or of an element of the
// map at.
func join(at, name string) string {
	if elementsOf[at[strings.LastIndexByte(at, '.')+1:]] {
		return fmt.Sprintf("%s[%q]", at, name)
	}
	if at == "" {
		return name
	}
	return at + "." + name
}

// elementsOf are the attributes whose keys are the user's.
var elementsOf = map[string]bool{"functions": true, "routes": true, "schedules": true, "environment": true, "tags": true, "components": true}

// shown formats numbers, flags and durations, which hold no secrets; "" for
// anything else.
func shown(format string, v any) string {
	switch v := v.(type) {
	case bool, json.Number:
		return fmt.Sprintf(format, fmt.Sprint(v))
	case string:
		var d stack.Duration
		if d.UnmarshalText([]byte(v)) == nil {
			return fmt.Sprintf(format, v)
		}
	}
	return ""
}

func equalJSON(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}

// warnUnready says which components an apply has not made ready.
func warnUnready(d *stack.Deployment, diags *diag.Diagnostics) {
	told := explained(d)
	for _, name := range slices.Sorted(maps.Keys(d.Components)) {
		if is := d.Components[name]; is != stack.Ready && !told[name] {
			diags.AddWarning(subject("Not ready: stack", d.Stack.Name), fmt.Sprintf("%s is not ready: %s. The next plan shows whether it is by then.", name, is))
		}
	}
}
