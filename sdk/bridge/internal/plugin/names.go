package plugin

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/tidegate-io/terraform-provider-tidegate/sdk/bridge"
)

// nameSettings gives properties within the provider's configuration their names. Python's
// SDK asks for dictionaries with Python's names, and hands them on as they are:
// {"max_retries": 3} is to be {"maxRetries": 3}. What has no such property stays, to be
// complained about.
func nameSettings(info tfbridge.ProviderInfo, config *structpb.Struct) {
	properties := byProperty(info.P.Schema(), info.Config)
	for name, value := range config.GetFields() {
		p, ok := properties[name]
		if !ok {
			continue
		}
		if secret := value.GetStructValue().GetFields(); secret[resource.SigKey] != nil && secret["value"] != nil {
			value = secret["value"]
		}
		text, ok := value.GetKind().(*structpb.Value_StringValue)
		if !ok {
			continue
		}
		var raw any
		if json.Unmarshal([]byte(text.StringValue), &raw) != nil || !renamed(raw, p) {
			continue
		}
		if named, err := json.Marshal(raw); err == nil {
			text.StringValue = string(named)
		}
	}
}

// renamed renames properties in a decoded value, and tells whether there were any.
func renamed(raw any, p property) bool {
	found := false
	switch raw := raw.(type) {
	case map[string]any:
		if raw[resource.SigKey] != nil {
			return renamed(raw["value"], p)
		}
		elem, isObject := p.schema.Elem().(shim.Resource)
		if !isObject {
			return false
		}
		properties := byProperty(elem.Schema(), fieldsOf(p))
		for _, key := range slices.Sorted(maps.Keys(raw)) {
			name := bridge.Camel(key)
			of, ok := properties[name]
			if !ok {
				continue
			}
			value := raw[key]
			if name != key {
				delete(raw, key)
				raw[name] = value
				found = true
			}
			found = renamed(value, of) || found
		}
	case []any:
		if elem, ok := p.schema.Elem().(shim.Schema); ok {
			p.schema = elem
			if p.info != nil {
				p.info = p.info.Elem
			}
		}
		for _, element := range raw {
			found = renamed(element, p) || found
		}
	}
	return found
}
