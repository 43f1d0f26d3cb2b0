package refine

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// edits are what descriptions say of Terraform, and what is so in Pulumi. Each must
// occur, so that none is left when the provider's words change.
var edits = []struct{ from, to string }{
	{"**NOTE:** This field is write-only and its value will not be updated in state as part of read operations.\n", ""},
	{
		"whose values are kept out of plan and state (write-only; needs Terraform 1.11 or OpenTofu 1.11). They are sent",
		"whose values are secret: Pulumi shows them nowhere, and its state has them encrypted. They are sent",
	},
	{
		"Relative to Terraform's working directory; use `${path.module}`.",
		"Relative to the folder of the program: the Pulumi project's, or its `main`.",
	},
	{"relative to Terraform's working directory", "relative to the folder of the program"},
	{
		"Makes the package from the source while planning.",
		"Makes the package from the source, in previews too.",
	},
	{"It lets a plan, and an apply that finds other files than were planned, say which files changed.", "It shows which files changed."},
	{"Known in the plan.", "Known in the preview."},
	{"an interrupted apply", "an interrupted `pulumi up`"},
	{"Whether an apply waits", "Whether `pulumi up` waits"},
	{"on AWS every further apply takes", "on AWS every further `pulumi up` takes"},
	{"No apply of the stack", "No update of the stack"},
	{"An apply sets it right.", "`pulumi up --refresh` sets it right."},
	{
		"beyond what the attributes show",
		"beyond what the other properties show",
	},
	{
		"A plan wants all of them ready, so whatever was broken behind Terraform's back shows here.",
		"All of them are to be ready, so that a refresh shows here what was broken behind Pulumi's back, and `pulumi up` repairs it.",
	},
	{
		" Where it goes into a resource, give `plantimestamp()` as `from`: an apply then sees what its plan saw.",
		" Where it goes into a resource, give a `from` that stays.",
	},
	{"Every attribute is optional", "Every property is optional"},
	{"At most one time to begin at (RFC 3339).", "Time to begin at (RFC 3339)."},
}

// left are words that no description may have when all edits are made.
var left = regexp.MustCompile(`(?i)terraform|opentofu|\bHCL\b|path\.module|plantimestamp|\bapply\b|\bplan\b|<span`)

// inflected is how the bridge writes a word in code quotes: as it may be written in each
// language. It takes values for names (`x86_64` becomes `x8664`), so that the word itself
// is taken, as the provider has it.
var inflected = regexp.MustCompile(`<span [^>]*?pulumi-lang-hcl="([^"]*)"[^>]*>[^<]*</span>`)

// describe sets the descriptions right.
func describe(spec *schema.PackageSpec, words *bridge.Words) error {
	used := make([]bool, len(edits))
	var wrong []string
	text := func(s *string) {
		*s = inflected.ReplaceAllString(strings.TrimSpace(*s), "$1")
		for i, e := range edits {
			if strings.Contains(*s, e.from) {
				*s, used[i] = strings.ReplaceAll(*s, e.from, e.to), true
			}
		}
		*s = words.Names(*s)
		if left.MatchString(*s) {
			wrong = append(wrong, *s)
		}
	}
	properties(spec, func(p *schema.PropertySpec) { text(&p.Description) })
	for token, t := range spec.Types {
		text(&t.Description)
		spec.Types[token] = t
	}
	for token, r := range spec.Resources {
		text(&r.Description)
		text(&r.StateInputs.Description)
		spec.Resources[token] = r
	}
	for token, f := range spec.Functions {
		text(&f.Description)
		spec.Functions[token] = f
	}
	for i, e := range edits {
		if !used[i] {
			return fmt.Errorf("no description says %q any more; take its edit out", e.from)
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("descriptions that do not speak of Pulumi need an edit:\n- %s", strings.Join(wrong, "\n- "))
	}
	return nil
}
