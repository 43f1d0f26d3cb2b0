package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// planCode packages the code of every function of which the sources are known.
func (p *planner) planCode(ctx context.Context) {
	recipes := map[string]*recipe{}
	for name, f := range p.functions {
		resetCode(f)
		if r := readRecipe(f); r != nil {
			recipes[name] = r
		}
	}
	name, _ := text(p.plan["name"])
	codes, problems := p.resource.data.packages.makeAll(ctx, recipes)
	report(name, problems, p.diags)
	if p.diags.HasError() {
		return
	}
	for function, c := range codes {
		setCode(p.functions[function], c)
	}
	before := p.resource.data.earlier.find(p.resource.kind.kind, name, recipes, p.value().Type())
	for _, function := range sortedKeys(codes) {
		checkPlanned(name, function, before[function], codes[function], p.diags)
	}
	p.recipes = recipes
}

// leaveNote lets the second plan, of the apply that may follow, know this one.
func (p *planner) leaveNote() {
	planned := map[string]plannedFunction{}
	for function := range p.recipes {
		planned[function] = readPlanned(p.functions[function])
	}
	name, _ := text(p.plan["name"])
	p.resource.data.earlier.leave(p.resource.kind.kind, name, p.recipes, planned)
}

// resetCode makes unknown what follows from a function's package, or null where
// there is none.
func resetCode(f map[string]tftypes.Value) {
	var v any = tftypes.UnknownValue
	if packageless(f) {
		v = nil
	}
	for _, attribute := range []string{"code_sha256", "code_manifest", "layer_sha256"} {
		f[attribute] = tftypes.NewValue(f[attribute].Type(), v)
	}
	if isEmpty(f["layers"]) {
		f["layer_sha256"] = tftypes.NewValue(f["layer_sha256"].Type(), nil)
	}
}

func setCode(f map[string]tftypes.Value, c code) {
	f["code_sha256"] = tftypes.NewValue(tftypes.String, c.main.CodeSHA256())
	manifest := map[string]tftypes.Value{}
	for file, fingerprint := range c.main.Manifest().Compact() {
		manifest[file] = tftypes.NewValue(tftypes.String, fingerprint)
	}
	f["code_manifest"] = tftypes.NewValue(f["code_manifest"].Type(), manifest)
	f["layer_sha256"] = tftypes.NewValue(f["layer_sha256"].Type(), nil)
	if len(c.layers) > 0 {
		layers := make([]tftypes.Value, len(c.layers))
		for i, layer := range c.layers {
			layers[i] = tftypes.NewValue(tftypes.String, layer.CodeSHA256())
		}
		f["layer_sha256"] = tftypes.NewValue(f["layer_sha256"].Type(), layers)
	}
}

// A wish is a deployment as it was planned, with its packages.
type wish struct {
	deploy target.Deploy
}

func (w wish) name() string { return w.deploy.Stack.Name }

// wish prepares what was planned for its target. It packages the code anew, and
// refuses to deploy any but what was planned.
func (r *stackResource) wish(ctx context.Context, plan, config, state tftypes.Value, diags *diag.Diagnostics) wish {
	s, err := toStack(r.kind.kind, plan)
	if err != nil {
		diags.AddError(subject("Invalid stack", s.Name), sentence(err))
		return wish{}
	}
	planned := fields(fields(plan)["functions"])
	recipes := map[string]*recipe{}
	for name, f := range planned {
		if r := readRecipe(fields(f)); r != nil {
			recipes[name] = r
		}
	}
	codes, problems := r.data.packages.makeAll(ctx, recipes)
	report(s.Name, problems, diags)
	w := wish{target.Deploy{Stack: s, By: target.Who(), Packages: map[string]target.Package{}}}
	r.data.earlier.forget(r.kind.kind, s.Name, recipes)
	for name, c := range codes {
		checkPlanned(s.Name, name, readPlanned(fields(planned[name])), c, diags)
		for _, p := range append([]*pack.Package{c.main}, c.layers...) {
			w.deploy.Packages[p.CodeSHA256()] = p
		}
	}
	addSecrets(s, fields(fields(config)["functions"]), fields(fields(state)["functions"]))
	return w
}

// addSecrets sends the secrets of those functions that are new, or missing on the
// target, or whose secrets_version has changed. The target keeps the others'.
func addSecrets(s stack.Stack, config, state map[string]tftypes.Value) {
	for name, f := range s.Functions {
		before := fields(state[name])
		version, _ := text(before["secrets_version"])
		if _, exists := text(before["arn"]); exists && version == f.SecretsVersion {
			continue
		}
		f.Secrets = map[string]string{}
		for variable, value := range fields(fields(config[name])["secrets_wo"]) {
			f.Secrets[variable], _ = text(value)
		}
		s.Functions[name] = f
	}
}

// checkPlanned refuses code that is not what was planned, and says which files
// changed.
func checkPlanned(stackName, function string, planned plannedFunction, c code, diags *diag.Diagnostics) {
	at := path.Root("functions").AtMapKey(function)
	refuse := func(at path.Path, what, how string) {
		diags.AddAttributeError(at, subject("Changed since it was planned: stack", stackName),
			fmt.Sprintf("%s of function %q is not what was planned%s. Nothing was deployed; plan again.", what, function, how))
	}
	if planned.SHA256 != "" && planned.SHA256 != c.main.CodeSHA256() {
		var files []string
		for _, change := range pack.Diff(planned.Manifest, c.main.Manifest()) {
			files = append(files, change.String())
		}
		refuse(at.AtName("source"), "The code", ": "+strings.Join(files, ", "))
	}
	for i, layer := range c.layers {
		if i < len(planned.Layers) && planned.Layers[i] != layer.CodeSHA256() {
			refuse(at.AtName("layers").AtListIndex(i), fmt.Sprintf("Layer %d", i), "")
		}
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
