package example

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// edits are what the examples say in Terraform's own way, and what is put in its place
// before they are translated. Each must occur, so that none is left when the examples
// change.
var edits = []struct{ from, to string }{
	{"# From the time of the plan on, to be used by resources.", "# From a time that stays, to be used by resources."},
	{"plantimestamp())[0]", `"2026-01-01T00:00:00Z")`},
	{`try(data.tidegate_releases.orders.releases[0].verdict, "none yet")`, "data.tidegate_releases.orders.releases[0].verdict"},
	{"max(data.tidegate_versions.fulfil.versions[*].number...)", "data.tidegate_versions.fulfil.versions[0].number"},
	{`output "newest_version"`, `output "oldest_version"`},
}

// Add puts the examples below a folder, laid out as Terraform's documents want them, into
// the descriptions of the package, in each language. All that the package has needs one.
func Add(spec *schema.PackageSpec, info tfbridge.ProviderInfo, folder string) error {
	p, diags, err := schema.BindSpec(*spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		return err
	}
	if diags.HasErrors() {
		return diags
	}
	used := make([]bool, len(edits))
	text := func(parts ...string) (string, error) {
		path := filepath.Join(append([]string{folder}, parts...)...)
		src, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("there is no example %s; write one", path)
		}
		if err != nil {
			return "", err
		}
		source := string(src)
		for i, e := range edits {
			if strings.Contains(source, e.from) {
				source, used[i] = strings.ReplaceAll(source, e.from, e.to), true
			}
		}
		program, err := pcl(info, []byte(source))
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		all, err := programs(p, program)
		if err != nil {
			return "", fmt.Errorf("%s, in PCL\n%s\n%w", path, program, err)
		}
		return section(all), nil
	}

	add, err := text("provider", "provider.tf")
	if err != nil {
		return err
	}
	spec.Provider.Description += add
	for name, i := range info.Resources {
		add, err := text("resources", name, "resource.tf")
		if err != nil {
			return err
		}
		r := spec.Resources[string(i.Tok)]
		r.Description += add
		spec.Resources[string(i.Tok)] = r
	}
	function := func(token string, parts ...string) error {
		add, err := text(parts...)
		if err != nil {
			return err
		}
		f := spec.Functions[token]
		f.Description += add
		spec.Functions[token] = f
		return nil
	}
	for name, i := range info.DataSources {
		if err := function(string(i.Tok), "data-sources", name, "data-source.tf"); err != nil {
			return err
		}
	}
	for name, i := range info.Functions {
		if err := function(string(i.Tok), "functions", name, "function.tf"); err != nil {
			return err
		}
	}
	for i, e := range edits {
		if !used[i] {
			return fmt.Errorf("no example says %q any more; take its edit out", e.from)
		}
	}
	return nil
}

// section is how a description shows an example: each generator of an SDK takes the
// language that it is for.
func section(all []Program) string {
	var b strings.Builder
	b.WriteString("\n\n{{% examples %}}\n## Example Usage\n{{% example %}}\n\n")
	for _, p := range all {
		fmt.Fprintf(&b, "```%s\n%s```\n", p.Language, p.Source)
	}
	b.WriteString("{{% /example %}}\n{{% /examples %}}")
	return b.String()
}
