// gensdk writes the packages for Node.js, Python and Go that are made from the schema of
// the Pulumi package. The generators are Pulumi's own; pulumi-tfgen would run them by way
// of programs that are installed beside Pulumi's command line.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// generator is named in what it writes.
const generator = "sdk/bridge/cmd/gensdk"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gensdk:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) != 3 {
		return errors.New("give the schema, the package's version and the folder to write to")
	}
	raw, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	for _, l := range languages {
		files, err := generate(l, raw, args[1])
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		for _, name := range slices.Sorted(maps.Keys(files)) {
			path := filepath.Join(args[2], l.name, name)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(path, files[name], 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// A language of programs that use the package.
type language struct {
	// name of its folder.
	name string
	// property is how a property of the schema is written in it.
	property func(string) string
	generate func(*schema.Package) (map[string][]byte, error)
}

var languages = []language{
	{"nodejs", same, func(p *schema.Package) (map[string][]byte, error) {
		return nodejs.GeneratePackage(generator, p, nil, nil, false, nil)
	}},
	{"python", python.PyName, func(p *schema.Package) (map[string][]byte, error) {
		return python.GeneratePackage(generator, p, nil, nil)
	}},
	{"go", gogen.Title, func(p *schema.Package) (map[string][]byte, error) {
		return gogen.GeneratePackage(generator, p, nil)
	}},
}

func same(s string) string { return s }

func generate(l language, raw []byte, version string) (map[string][]byte, error) {
	var spec schema.PackageSpec
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, err
	}
	spec.Version = version
	inflect(&spec, l.property)
	p, diags, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err != nil {
		return nil, err
	}
	if diags.HasErrors() {
		return nil, diags
	}
	return l.generate(p)
}
