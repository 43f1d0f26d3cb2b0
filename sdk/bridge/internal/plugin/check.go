package plugin

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// types are what the package's schema says that programs may write.
//
// Languages without types hand on whatever they are given. Of a value of the wrong type
// the bridge says only that it cannot encode what is around it, and prints all of that,
// secrets too; a property that it does not know it drops without a word. So inputs are
// looked at before the bridge has them.
type types struct {
	Resources map[string]struct {
		Properties map[string]typeSpec `json:"inputProperties"`
		Required   []string            `json:"requiredInputs"`
	} `json:"resources"`
	Functions map[string]struct {
		Inputs objectSpec `json:"inputs"`
	} `json:"functions"`
	Types map[string]objectSpec `json:"types"`
}

type objectSpec struct {
	Properties map[string]typeSpec `json:"properties"`
	Required   []string            `json:"required"`
}

type typeSpec struct {
	Type     string    `json:"type"`
	Ref      string    `json:"$ref"`
	Items    *typeSpec `json:"items"`
	Elements *typeSpec `json:"additionalProperties"`
}

// newTypes reads the package's schema.
func newTypes(schema []byte) (*types, error) {
	var t types
	if err := json.Unmarshal(schema, &t); err != nil {
		return nil, fmt.Errorf("read the package's schema: %w", err)
	}
	return &t, nil
}

// resource returns what is wrong with the inputs of a resource that a program declares.
func (t *types) resource(urn resource.URN, inputs *structpb.Struct) ([]*pulumirpc.CheckFailure, error) {
	spec, ok := t.Resources[string(urn.Type())]
	if !ok {
		return nil, nil
	}
	return t.check(objectSpec{spec.Properties, spec.Required}, inputs)
}

// function returns what is wrong with the arguments of a function that a program calls.
func (t *types) function(token string, arguments *structpb.Struct) ([]*pulumirpc.CheckFailure, error) {
	spec, ok := t.Functions[token]
	if !ok {
		return nil, nil
	}
	return t.check(spec.Inputs, arguments)
}

func (t *types) check(spec objectSpec, values *structpb.Struct) ([]*pulumirpc.CheckFailure, error) {
	properties, err := plugin.UnmarshalProperties(values, plugin.MarshalOptions{
		KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true,
	})
	if err != nil {
		return nil, fmt.Errorf("read the inputs: %w", err)
	}
	c := &check{types: t}
	c.object(spec, properties, nil)
	return c.failures, nil
}

// check is one look at the inputs of one resource or function.
type check struct {
	types    *types
	failures []*pulumirpc.CheckFailure
}

// fail notes that something is wrong at a path, without the value, which may be secret.
// Like those of the bridge, failures name no property: the engine would print its value.
func (c *check) fail(path resource.PropertyPath, format string, a ...any) {
	reason := "`" + path.String() + "` " + fmt.Sprintf(format, a...)
	c.failures = append(c.failures, &pulumirpc.CheckFailure{Reason: reason})
}

func (c *check) object(spec objectSpec, values resource.PropertyMap, path resource.PropertyPath) {
	for _, name := range spec.Required {
		if v, ok := values[resource.PropertyKey(name)]; !ok || v.IsNull() {
			c.fail(below(path, name), "is missing")
		}
	}
	for _, key := range values.StableKeys() {
		name := string(key)
		if strings.HasPrefix(name, "__") {
			continue // What the bridge remembers between two operations.
		}
		if t, ok := spec.Properties[name]; ok {
			c.value(t, values[key], below(path, name))
		} else {
			c.fail(below(path, name), "is not a property: there are %s", strings.Join(slices.Sorted(maps.Keys(spec.Properties)), ", "))
		}
	}
}

func (c *check) value(t typeSpec, v resource.PropertyValue, path resource.PropertyPath) {
	for v.IsSecret() || v.IsOutput() {
		switch {
		case v.IsSecret():
			v = v.SecretValue().Element
		case !v.OutputValue().Known:
			return
		default:
			v = v.OutputValue().Element
		}
	}
	if v.IsNull() || v.IsComputed() {
		return
	}
	token, isType := strings.CutPrefix(t.Ref, "#/types/")
	switch {
	case isType && v.IsObject():
		c.object(c.types.Types[token], v.ObjectValue(), path)
	case isType:
		c.fail(path, "is an object of properties, not %s", kind(v))
	case t.Type == "object" && v.IsObject():
		for _, key := range v.ObjectValue().StableKeys() {
			c.value(element(t.Elements), v.ObjectValue()[key], below(path, string(key)))
		}
	case t.Type == "object":
		c.fail(path, "is a map, not %s", kind(v))
	case t.Type == "array" && v.IsArray():
		for i, one := range v.ArrayValue() {
			c.value(element(t.Items), one, below(path, i))
		}
	case t.Type == "array":
		c.fail(path, "is a list, not %s", kind(v))
	case t.Type == "string" && !v.IsString() && !v.IsNumber() && !v.IsBool():
		c.fail(path, "is text, not %s", kind(v))
	case t.Type == "boolean" && !v.IsBool() && !saysBool(v):
		c.fail(path, "is either true or false, not %s", kind(v))
	case (t.Type == "integer" || t.Type == "number") && !isNumber(v):
		c.fail(path, "is a number, not %s", kind(v))
	case t.Type == "integer" && v.IsNumber() && v.NumberValue() != math.Trunc(v.NumberValue()):
		c.fail(path, "is a whole number, not one with a fraction")
	}
}

// kind of a value, for people.
func kind(v resource.PropertyValue) string {
	switch {
	case v.IsString():
		return "text"
	case v.IsNumber():
		return "a number"
	case v.IsBool():
		return "true or false"
	case v.IsArray():
		return "a list"
	case v.IsObject():
		return "a map"
	default:
		return "something else"
	}
}

// saysBool tells of text whether the bridge takes it for true or false.
func saysBool(v resource.PropertyValue) bool {
	return v.IsString() && (v.StringValue() == "true" || v.StringValue() == "false")
}

// element is the type of a collection's elements; text, where the schema does not say.
func element(t *typeSpec) typeSpec {
	if t == nil {
		return typeSpec{Type: "string"}
	}
	return *t
}

// below is the path of a property or an element.
func below(path resource.PropertyPath, step any) resource.PropertyPath {
	return append(slices.Clone(path), step)
}
