package example

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/blang/semver"
	"github.com/hashicorp/hcl/v2"
	yamlgen "github.com/pulumi/pulumi-yaml/pkg/pulumiyaml/codegen"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/hcl2/syntax"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	pclgen "github.com/pulumi/pulumi/pkg/v3/codegen/pcl"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// A Program is an example in one language.
type Program struct {
	// Language as documents name it: `typescript`, `python`, `go`, `yaml`.
	Language string
	Source   string
}

// generators are Pulumi's own, in the order in which documents show the languages, and what
// is to be corrected in what they write.
var generators = []struct {
	language string
	generate func(*pclgen.Program) (map[string][]byte, hcl.Diagnostics, error)
	correct  func(string) string
}{
	{"typescript", nodejs.GenerateProgram, func(s string) string {
		// A word of the language's own needs no quotes as a key.
		return strings.ReplaceAll(s, `"function": `, "function: ")
	}},
	{"python", python.GenerateProgram, same},
	{"go", gogen.GenerateProgram, func(s string) string {
		// The SDK calls the data source so, since GetStack is the resource's.
		return strings.ReplaceAll(s, "tidegate.GetStackOutput", "tidegate.LookupStackOutput")
	}},
	{"yaml", yamlgen.GenerateProgram, func(s string) string {
		// The former name of the same.
		return strings.Replace(s, "configuration:\n", "config:\n", 1)
	}},
}

func same(s string) string { return s }

// programs writes an example, which is PCL, in each language.
func programs(p *schema.Package, source []byte) ([]Program, error) {
	var all []Program
	for _, g := range generators {
		// A generator changes the program that it reads.
		parser := syntax.NewParser()
		if err := parser.ParseFile(bytes.NewReader(source), "example.pp"); err != nil {
			return nil, err
		}
		if parser.Diagnostics.HasErrors() {
			return nil, parser.Diagnostics
		}
		program, diags, err := pclgen.BindProgram(parser.Files, loader{p}, pclgen.PreferOutputVersionedInvokes)
		if err != nil {
			return nil, err
		}
		if diags.HasErrors() {
			return nil, diags
		}
		files, diags, err := g.generate(program)
		if err != nil {
			return nil, err
		}
		if len(diags) > 0 {
			return nil, fmt.Errorf("%s: %w", g.language, diags)
		}
		if len(files) != 1 {
			return nil, fmt.Errorf("%s: the program has %d files, one was expected", g.language, len(files))
		}
		for _, content := range files {
			all = append(all, Program{g.language, g.correct(strings.TrimSpace(string(content))) + "\n"})
		}
	}
	return all, nil
}

// loader knows one package, and Pulumi's own.
type loader struct{ p *schema.Package }

func (l loader) LoadPackage(name string, _ *semver.Version) (*schema.Package, error) {
	switch name {
	case l.p.Name:
		return l.p, nil
	case "pulumi":
		return schema.DefaultPulumiPackage, nil
	}
	return nil, fmt.Errorf("an example needs the package %s", name)
}

func (l loader) LoadPackageV2(_ context.Context, d *schema.PackageDescriptor) (*schema.Package, error) {
	return l.LoadPackage(d.Name, d.Version)
}

func (l loader) LoadPackageReference(name string, version *semver.Version) (schema.PackageReference, error) {
	p, err := l.LoadPackage(name, version)
	if err != nil {
		return nil, err
	}
	return p.Reference(), nil
}

func (l loader) LoadPackageReferenceV2(_ context.Context, d *schema.PackageDescriptor) (schema.PackageReference, error) {
	return l.LoadPackageReference(d.Name, d.Version)
}
