package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	rplugin "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// settings tells what of a provider's configuration is not as the schema has it.
//
// The bridge names an unknown property only where it is an outermost one, as in
// `pulumi config set tidegate:region`. It drops those within others, so that a misspelt
// `tidegate:open.endpont` would deploy somewhere else without a word, and of values of
// another type it reports how it fails to encode them.
type settings struct {
	failures []*pulumirpc.CheckFailure
}

// badSettings returns what is wrong with a configuration; nothing if all is well or not
// known yet.
func badSettings(info tfbridge.ProviderInfo, config *structpb.Struct) []*pulumirpc.CheckFailure {
	values, err := rplugin.UnmarshalProperties(config, rplugin.MarshalOptions{KeepUnknowns: true, SkipNulls: true})
	if err != nil {
		return nil // The bridge reports what is no configuration at all.
	}
	s := &settings{}
	properties := byProperty(info.P.Schema(), info.Config)
	for _, name := range values.StableKeys() {
		if p, ok := properties[string(name)]; ok {
			s.check(string(name), p, values[name])
		}
	}
	return s.failures
}

// A property is an attribute with what the bridge knows of it.
type property struct {
	schema shim.Schema
	info   *tfbridge.SchemaInfo
}

// fieldsOf is what the bridge knows of the properties of an object.
func fieldsOf(p property) map[string]*tfbridge.SchemaInfo {
	if p.info == nil || p.info.Elem == nil {
		return nil
	}
	return p.info.Elem.Fields
}

// byProperty are attributes by their names in Pulumi.
func byProperty(schema shim.SchemaMap, infos map[string]*tfbridge.SchemaInfo) map[string]property {
	properties := map[string]property{}
	schema.Range(func(name string, s shim.Schema) bool {
		properties[tfbridge.TerraformToPulumiNameV2(name, schema, infos)] = property{s, infos[name]}
		return true
	})
	return properties
}

func (s *settings) fail(format string, a ...any) {
	s.failures = append(s.failures, &pulumirpc.CheckFailure{Reason: fmt.Sprintf(format, a...)})
}

// check looks at the value of a property. Values are never quoted: they may be secret.
func (s *settings) check(path string, p property, value resource.PropertyValue) {
	kind := p.schema.Type()
	if kind == shim.TypeMap || kind == shim.TypeList || kind == shim.TypeSet {
		value = decoded(value)
	}
	if value.IsComputed() || value.IsNull() {
		return
	}
	elem, isObject := p.schema.Elem().(shim.Resource)
	switch {
	case kind == shim.TypeMap && isObject:
		s.object(path, byProperty(elem.Schema(), fieldsOf(p)), value)
	case kind == shim.TypeMap && !value.IsObject():
		s.fail("`%s` holds values by their names: give them one by one, as by `pulumi config set --path tidegate:%s.NAME VALUE`", path, path)
	case (kind == shim.TypeList || kind == shim.TypeSet) && !value.IsArray():
		s.fail("`%s` is a list: give its elements one by one, as by `pulumi config set --path 'tidegate:%s[0]' VALUE`", path, path)
	case kind == shim.TypeString && (value.IsObject() || value.IsArray()):
		s.fail("`%s` is text", path)
	case kind == shim.TypeBool && !value.IsBool():
		s.fail("`%s` is either true or false", path)
	case (kind == shim.TypeInt || kind == shim.TypeFloat) && !isNumber(value):
		s.fail("`%s` is a number", path)
	}
}

func (s *settings) object(path string, properties map[string]property, value resource.PropertyValue) {
	names := make([]string, 0, len(properties))
	for name := range properties {
		names = append(names, name)
	}
	slices.Sort(names)
	if !value.IsObject() {
		s.fail("`%s` holds properties: give them one by one, as by `pulumi config set --path tidegate:%s.%s VALUE`", path, path, names[0])
		return
	}
	for _, name := range value.ObjectValue().StableKeys() {
		p, ok := properties[string(name)]
		if !ok {
			s.fail("`%s.%s` is not a property of the provider: `%s` has %s", path, name, path, strings.Join(names, ", "))
			continue
		}
		s.check(path+"."+string(name), p, value.ObjectValue()[name])
	}
}

// decoded is a value of a type that the engine and the SDKs write as JSON. What is not JSON
// stays text, which none of these types is.
func decoded(value resource.PropertyValue) resource.PropertyValue {
	if !value.IsString() {
		return value
	}
	if value.StringValue() == "" {
		return resource.NewNullProperty()
	}
	var raw any
	if json.Unmarshal([]byte(value.StringValue()), &raw) != nil {
		return value
	}
	return resource.NewPropertyValueRepl(raw, nil, func(v any) (resource.PropertyValue, bool) {
		m, ok := v.(map[string]any)
		if !ok || m[resource.SigKey] != resource.SecretSig {
			return resource.PropertyValue{}, false
		}
		return resource.NewPropertyValue(m["value"]), true
	})
}

// isNumber tells whether the bridge takes a value for a number.
func isNumber(value resource.PropertyValue) bool {
	if !value.IsString() {
		return value.IsNumber()
	}
	_, err := strconv.ParseFloat(value.StringValue(), 64)
	return err == nil || value.StringValue() == ""
}
