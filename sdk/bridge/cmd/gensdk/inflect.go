package main

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

var quoted = regexp.MustCompile("`(?:tidegate\\.)?[a-z][A-Za-z0-9]*`")

// inflect writes the names of properties and functions that descriptions quote as a
// language writes them: `batchWindow` is `batch_window` in Python. Names of one word are
// left alone, since values may be called the same.
func inflect(spec *schema.PackageSpec, property func(string) string) {
	names := map[string]string{}
	each(spec, func(properties map[string]schema.PropertySpec) {
		for name := range properties {
			if strings.ContainsFunc(name, unicode.IsUpper) {
				names["`"+name+"`"] = "`" + property(name) + "`"
			}
		}
	}, func(*string) {})
	for token := range spec.Functions {
		name := token[strings.LastIndex(token, ":")+1:]
		names["`"+spec.Name+"."+name+"`"] = "`" + spec.Name + "." + property(name) + "`"
	}
	each(spec, func(properties map[string]schema.PropertySpec) {}, func(description *string) {
		*description = quoted.ReplaceAllStringFunc(*description, func(word string) string {
			if name, ok := names[word]; ok {
				return name
			}
			return word
		})
	})
}

// each visits all properties and all descriptions of a package.
func each(spec *schema.PackageSpec, properties func(map[string]schema.PropertySpec), description func(*string)) {
	all := func(m map[string]schema.PropertySpec) {
		properties(m)
		for name, p := range m {
			description(&p.Description)
			m[name] = p
		}
	}
	object := func(o *schema.ObjectTypeSpec) {
		if o != nil {
			description(&o.Description)
			all(o.Properties)
		}
	}
	resource := func(r *schema.ResourceSpec) {
		object(&r.ObjectTypeSpec)
		all(r.InputProperties)
		object(r.StateInputs)
	}
	all(spec.Config.Variables)
	resource(spec.Provider)
	for token, t := range spec.Types {
		object(&t.ObjectTypeSpec)
		spec.Types[token] = t
	}
	for token, r := range spec.Resources {
		resource(&r)
		spec.Resources[token] = r
	}
	for token, f := range spec.Functions {
		description(&f.Description)
		object(f.Inputs)
		if f.ReturnType != nil {
			object(f.ReturnType.ObjectTypeSpec)
		}
		spec.Functions[token] = f
	}
}
