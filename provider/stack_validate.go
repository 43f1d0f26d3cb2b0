package provider

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// ValidateConfig reports what stack.Validate finds. Terraform calls it for
// `validate`, and again with what became known for each plan and apply, so
// nothing else repeats it. What needs files or the target is for ModifyPlan.
func (r *stackResource) ValidateConfig(_ context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	s, err := decodeStack(r.kind.kind, req.Config.Raw)
	if err != nil {
		return // Some value does not have its attribute's type, which the framework reports.
	}
	unknown := append(unknownPaths(req.Config.Raw), nullElements(req.Config.Raw)...)
	for name := range s.Functions {
		// Nothing is packaged yet.
		unknown = append(unknown, path.Root("functions").AtMapKey(name).AtName("code_sha256"))
	}
	problems := checkCode(req.Config.Raw, s)
	problems = append(problems, checkRelease(req.Config.Raw)...)
	problems = append(problems, s.WithDefaults().Validate()...)
	problems = append(problems, checkUpdateTimeout(req.Config.Raw, s.WithDefaults())...)
	report(s.Name, decidable(problems, unknown), &resp.Diagnostics)
}

// checkCode finds functions that do not have exactly one of a source and an image,
// and what goes with a source only. The model does not know of sources; of functions
// that have both, it is not to know of the images either.
func checkCode(config tftypes.Value, s stack.Stack) stack.Problems {
	var problems stack.Problems
	functions := fields(fields(config)["functions"])
	for _, name := range sortedKeys(functions) {
		f := fields(functions[name])
		if f == nil {
			continue
		}
		at := func(attribute string) string { return fmt.Sprintf("functions[%q].%s", name, attribute) }
		source, image := !f["source"].IsNull(), !f["image"].IsNull()
		switch {
		case !source && !image:
			problems = append(problems, problem("a function has a source or an image, and this one has neither", at("source"), at("image"))...)
			continue
		case source && image:
			problems = append(problems, problem("a function has a source or an image, and this one has both; leave one of them out", at("image"), at("source"))...)
			if function, ok := s.Functions[name]; ok {
				function.Image = ""
				s.Functions[name] = function
			}
		}
		for _, attribute := range []string{"build", "layers"} {
			if image && !isEmpty(f[attribute]) && !source {
				problems = append(problems, problem("builds and layers go with a source, and this function has an image; leave them out", at(attribute), at("image"), at("source"))...)
			}
		}
	}
	return problems
}

// checkRelease finds attributes of the release that are written and empty. The model
// takes those for left out, and would fill in what nobody asked for.
func checkRelease(config tftypes.Value) stack.Problems {
	var problems stack.Problems
	policy := fields(fields(config)["release"])
	gate := fields(policy["gate"])
	for at, v := range map[string]tftypes.Value{
		"strategy": policy["strategy"], "weight": policy["weight"], "interval": policy["interval"],
		"before": policy["before"], "after": policy["after"], "on_failure": policy["on_failure"], "gate.timeout": gate["timeout"],
	} {
		var d stack.Duration
		switch value := tree(v).(type) {
		case json.Number:
			if value == "0" {
				problems = append(problems, problem("there is no step of 0 percent; give it 1 to 99, or leave it out", "release."+at)...)
			}
		case string:
			if value == "" || d.UnmarshalText([]byte(value)) == nil && d == 0 {
				problems = append(problems, problem(fmt.Sprintf("%q says nothing; leave it out for the default", value), "release."+at)...)
			}
		}
	}
	return problems
}
