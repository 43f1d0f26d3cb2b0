package refine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

// The bridge makes one type of what a person writes and of what comes back, in which all
// that only the target knows is an optional input. An object that has such properties
// becomes two: `Function`, which is written, and `DeployedFunction`, which comes back.
const deployed = "Deployed"

// absent are the computed properties of functions that the target may leave out, as
// Pulumi calls them.
var absent = []string{"codeSha256", "functionUrl", "handler", "roleArn"}

// missing are those of what is read alone, by the names of functions and of types; the
// bridge takes whatever is computed for always there.
var missing = map[string][]string{
	"getReleasesRelease": {"by", "ended"},
	"getStack":           {"arn", "deadLetterArn", "release", "url"},
	"getStackFunction":   {"codeSha256", "functionUrl", "image", "roleArn", "runtime"},
	"getStackRelease":    {"by"},
	"getVersionsVersion": {"codeSha256", "handler", "image", "runtime"},
}

// leaveOut makes optional what may be missing.
func leaveOut(spec *schema.PackageSpec) error {
	rest := maps.Clone(missing)
	var err error
	object := func(name string, o *schema.ObjectTypeSpec) {
		for _, property := range missing[name] {
			if !slices.Contains(o.Required, property) {
				err = fmt.Errorf("%s has no required property %s", name, property)
			}
			o.Required = slices.DeleteFunc(o.Required, func(s string) bool { return s == property })
		}
		delete(rest, name)
	}
	for token, t := range spec.Types {
		object(nameOf(token), &t.ObjectTypeSpec)
		spec.Types[token] = t
	}
	for token, f := range spec.Functions {
		if o := returned(f); o != nil {
			object(nameOf(token), o)
		}
	}
	for name := range rest {
		err = fmt.Errorf("there is no %s, whose properties may be missing", name)
	}
	return err
}

// sides are the properties of an object type by who says what they are.
type sides struct {
	// computed are only said by the target.
	computed []string
	// always are there once the object exists: what must be written, and what the target
	// never leaves out.
	always []string
}

// outputs finds the object types of resources, below their own properties, that have
// computed properties.
func outputs(spec *schema.PackageSpec, info tfbridge.ProviderInfo) (map[string]sides, error) {
	found := map[string]sides{}
	var err error
	info.P.ResourcesMap().Range(func(name string, r shim.Resource) bool {
		i := info.Resources[name]
		err = outputsBelow(spec, found, spec.Resources[string(i.Tok)].Properties, r.Schema(), i.Fields)
		return err == nil
	})
	return found, err
}

func outputsBelow(spec *schema.PackageSpec, found map[string]sides, properties map[string]schema.PropertySpec, s shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo) error {
	var err error
	s.Range(func(name string, attribute shim.Schema) bool {
		property, ok := properties[tfbridge.TerraformToPulumiNameV2(name, s, infos)]
		if !ok {
			return true // Left out, or the id, which every resource has.
		}
		object, fields := objectOf(attribute, infos[name])
		token := tokenOf(property.TypeSpec)
		if object == nil || token == "" {
			return true
		}
		t, ok := spec.Types[token]
		if !ok {
			err = fmt.Errorf("%s: the schema has no type %s", name, token)
			return false
		}
		if one := sidesOf(object, fields); len(one.computed) > 0 {
			found[token] = one
		}
		err = outputsBelow(spec, found, t.Properties, object.Schema(), fields)
		return err == nil
	})
	return err
}

// objectOf returns the object that an attribute has, or has many of, if it has any.
func objectOf(attribute shim.Schema, info *tfbridge.SchemaInfo) (shim.Resource, map[string]*tfbridge.SchemaInfo) {
	if info != nil {
		info = info.Elem
	}
	switch elem := attribute.Elem().(type) {
	case shim.Resource:
		if info != nil {
			return elem, info.Fields
		}
		return elem, nil
	case shim.Schema:
		return objectOf(elem, info)
	default:
		return nil, nil
	}
}

func sidesOf(object shim.Resource, infos map[string]*tfbridge.SchemaInfo) (s sides) {
	object.Schema().Range(func(name string, a shim.Schema) bool {
		pulumi := tfbridge.TerraformToPulumiNameV2(name, object.Schema(), infos)
		if a.Computed() && !a.Optional() {
			s.computed = append(s.computed, pulumi)
		}
		if (a.Required() || a.Computed()) && !slices.Contains(absent, pulumi) {
			s.always = append(s.always, pulumi)
		}
		return true
	})
	slices.Sort(s.computed)
	slices.Sort(s.always)
	return s
}

// tokenOf is the token of the object type that a type is, or is a collection of, if any.
func tokenOf(t schema.TypeSpec) (token string) {
	references(&t, func(t *schema.TypeSpec) {
		if name, ok := strings.CutPrefix(t.Ref, typeRef); ok {
			token = name
		}
	})
	return token
}

// separate makes the types with computed properties two.
func separate(spec *schema.PackageSpec, parts map[string]sides) error {
	for _, token := range slices.Sorted(maps.Keys(parts)) {
		out := spec.Types[token]
		in := out
		in.Properties = maps.Clone(out.Properties)
		for _, name := range parts[token].computed {
			delete(in.Properties, name)
		}
		for name, p := range out.Properties {
			if nested := tokenOf(p.TypeSpec); len(parts[nested].computed) > 0 {
				return fmt.Errorf("%s.%s: a type with computed properties within another is more than this generator knows", token, name)
			}
		}
		out.Required, out.Language = parts[token].always, nil
		spec.Types[token] = in
		spec.Types[prefixed(token)] = out
	}
	comesBack := func(properties map[string]schema.PropertySpec) {
		for name, p := range properties {
			references(&p.TypeSpec, func(t *schema.TypeSpec) {
				if token := strings.TrimPrefix(t.Ref, typeRef); len(parts[token].computed) > 0 {
					t.Ref = typeRef + prefixed(token)
				}
			})
			properties[name] = p
		}
	}
	for _, r := range spec.Resources {
		comesBack(r.Properties)
		comesBack(r.StateInputs.Properties)
	}
	return nil
}

// prefixed turns tidegate:index/QueueFunctions:QueueFunctions into
// tidegate:index/DeployedQueueFunctions:DeployedQueueFunctions.
func prefixed(token string) string { return renamed(token, deployed+nameOf(token)) }

func nameOf(token string) string { return token[strings.LastIndex(token, ":")+1:] }

func renamed(token, name string) string {
	return token[:strings.Index(token, "/")+1] + name + ":" + name
}
