package provider

import (
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// decidable drops the problems that follow from something not known yet.
func decidable(problems stack.Problems, unknown path.Paths) stack.Problems {
	return slices.DeleteFunc(slices.Clone(problems), func(p stack.Problem) bool {
		return slices.ContainsFunc(p.Paths, func(text string) bool {
			attribute, err := parsePath(text)
			return err == nil && slices.ContainsFunc(unknown, func(u path.Path) bool { return dependsOn(attribute, u) })
		})
	})
}

// report makes a diagnostic of each problem, on the attribute to blame.
func report(name string, problems stack.Problems, diags *diag.Diagnostics) {
	for _, p := range problems {
		message := p.String() + "."
		at := path.Empty()
		if len(p.Paths) > 0 {
			if parsed, err := parsePath(p.Paths[0]); err == nil {
				at = parsed
			}
		}
		if p.Warning {
			diags.AddAttributeWarning(at, subject("Questionable stack", name), message)
		} else {
			diags.AddAttributeError(at, subject("Invalid stack", name), message)
		}
	}
}

// subject is the first line of a diagnostic about a stack; the name may not be
// known.
func subject(what, name string) string {
	if name == "" {
		return what
	}
	return what + " " + strconv.Quote(name)
}
