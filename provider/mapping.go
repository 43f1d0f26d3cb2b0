package provider

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Attributes have the names of the model's JSON fields, so a configuration
// becomes a stack, and a deployment a state, by way of JSON. What differs is
// said here: the trigger's attributes stand beside the stack's own, and a function
// has attributes that its target knows nothing of.

// toStack decodes a plan or state of a stack of that kind. What is unknown in it is
// absent from the stack, and so are the roles that the target made, which nobody
// wrote, and a release that moves everything at once.
func toStack(kind stack.Kind, v tftypes.Value) (stack.Stack, error) {
	s, err := decodeStack(kind, v)
	for name, f := range s.Functions {
		if stack.OwnRole(f.RoleARN) {
			f.RoleARN = ""
			s.Functions[name] = f
		}
	}
	if r := s.Release; r != nil && *r == (stack.Release{Strategy: stack.AllAtOnce, OnFailure: stack.Rollback}) {
		s.Release = nil
	}
	return s, err
}

// decodeStack decodes a configuration as it was written. Secrets come along only
// from here: nothing else holds any.
func decodeStack(kind stack.Kind, v tftypes.Value) (stack.Stack, error) {
	doc, _ := tree(v).(map[string]any)
	functions, _ := doc["functions"].(map[string]any)
	for _, f := range functions {
		if f, ok := f.(map[string]any); ok {
			f["layers"] = f["layer_sha256"]
			f["secrets"] = f["secrets_wo"]
		}
	}
	whole := map[string]any{"name": doc["name"], "tags": doc["tags"], "functions": functions, "release": doc["release"]}
	if kind != stack.KindNone {
		whole["trigger"] = map[string]any{string(kind): doc}
	}
	var s stack.Stack
	raw, err := json.Marshal(whole)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	for _, f := range s.Functions {
		if f.Network != nil {
			// Sets come in any order, and a version's hash knows one.
			slices.Sort(f.Network.SubnetIDs)
			slices.Sort(f.Network.SecurityGroupIDs)
		}
	}
	return s, err
}

// fromDeployment encodes a stack as its target has it. What the target cannot
// know is taken from prior, the state so far, whose attributes may all be null;
// so is the spelling of what means the same.
func fromDeployment(kind stack.Kind, attributes map[string]schema.Attribute, d *stack.Deployment, prior tftypes.Value) (tftypes.Value, error) {
	doc, err := document(kind, d)
	if err != nil {
		return tftypes.Value{}, err
	}
	if release, ok := fields(prior)["release"]; ok && !release.IsNull() {
		delete(doc, "release") // How it was released the last time says nothing about the next.
	}
	return encodeObject(attributes, doc, prior)
}

// document is a deployment as a resource shows it.
func document(kind stack.Kind, d *stack.Deployment) (map[string]any, error) {
	whole, err := jsonTree(d.Stack)
	if err != nil {
		return nil, err
	}
	doc := map[string]any{}
	if triggers, ok := whole["trigger"].(map[string]any); ok {
		if trigger, ok := triggers[string(kind)].(map[string]any); ok {
			doc = trigger
		}
	}
	doc["id"] = d.Stack.Name
	doc["name"] = d.Stack.Name
	doc["tags"] = whole["tags"]
	doc["release"] = whole["release"]
	doc["release_id"] = d.ReleaseID
	doc["components"] = anyMap(d.Components)
	doc["arn"] = absent(d.ARN)
	doc["url"] = absent(d.URL)
	doc["dead_letter_arn"] = absent(d.DeadLetterARN)

	functions, _ := whole["functions"].(map[string]any)
	for name, f := range functions {
		f, ok := f.(map[string]any)
		if !ok {
			continue
		}
		status := d.Functions[name]
		f["layer_sha256"] = f["layers"]
		delete(f, "layers")
		delete(f, "secrets")
		f["arn"] = absent(status.ARN)
		f["alias_arn"] = absent(status.AliasARN)
		f["role_arn"] = absent(cmp.Or(status.RoleARN, d.Stack.Functions[name].RoleARN))
		for _, attribute := range []string{"code_sha256", "runtime", "handler"} {
			if f[attribute] == "" {
				delete(f, attribute) // An image has none.
			}
		}
		f["log_group"] = absent(status.LogGroup)
		f["function_url"] = absent(status.URL)
		if status.Version != 0 {
			f["version"] = json.Number(fmt.Sprint(status.Version))
		}
		routing := map[string]any{}
		for version, percent := range status.Routing {
			routing[fmt.Sprint(version)] = json.Number(fmt.Sprint(percent))
		}
		f["routing"] = routing
	}
	doc["functions"] = functions
	return doc, nil
}

func jsonTree(v any) (map[string]any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var out map[string]any
	err = decoder.Decode(&out)
	return out, err
}

// absent has one representation: null.
func absent(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func anyMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}

// targetless are the attributes that no target knows: a state keeps them as they
// were.
var targetless = map[string]bool{
	"source": true, "build": true, "layers": true, "code_manifest": true,
	"release": true, "timeouts": true,
}

func encodeObject(attributes map[string]schema.Attribute, doc map[string]any, prior tftypes.Value) (tftypes.Value, error) {
	before := fields(prior)
	values := make(map[string]tftypes.Value, len(attributes))
	types := make(map[string]tftypes.Type, len(attributes))
	for name, a := range attributes {
		old, ok := before[name]
		if !ok {
			old = null(a)
		}
		v, err := encodeAttribute(name, a, doc[name], old)
		if err != nil {
			return v, fmt.Errorf("%s: %w", name, err)
		}
		values[name], types[name] = v, typeOf(a)
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: types}, values), nil
}

func encodeAttribute(name string, a schema.Attribute, v any, prior tftypes.Value) (tftypes.Value, error) {
	if v == nil {
		switch d := defaultOf(a); {
		case targetless[name] && !prior.IsNull():
			return prior, nil
		case !d.IsNull():
			return d, nil
		case isEmpty(prior):
			return prior, nil
		}
		return null(a), nil
	}
	switch a := a.(type) {
	case schema.SingleNestedAttribute:
		doc, ok := v.(map[string]any)
		if !ok {
			return prior, fmt.Errorf("want an object, have %T", v)
		}
		return encodeObject(a.Attributes, doc, prior)
	case schema.MapNestedAttribute:
		return encodeMap(a, v, prior)
	case schema.ListNestedAttribute:
		return encodeList(a, v, prior)
	}
	if m, ok := meaningOf(a); ok {
		now, _ := v.(string)
		if before, ok := text(prior); ok && m.same(before, now) {
			return prior, nil
		}
	}
	return encodeValue(typeOf(a), v)
}

func encodeMap(a schema.MapNestedAttribute, v any, prior tftypes.Value) (tftypes.Value, error) {
	doc, ok := v.(map[string]any)
	if !ok {
		return prior, fmt.Errorf("want a map, have %T", v)
	}
	before := fields(prior)
	values := make(map[string]tftypes.Value, len(doc))
	for key, element := range doc {
		element, _ := element.(map[string]any)
		old, ok := before[key]
		if !ok {
			old = tftypes.NewValue(elementType(a), nil)
		}
		value, err := encodeObject(a.NestedObject.Attributes, element, old)
		if err != nil {
			return prior, fmt.Errorf("[%q]: %w", key, err)
		}
		values[key] = value
	}
	return tftypes.NewValue(typeOf(a), values), nil
}

func encodeList(a schema.ListNestedAttribute, v any, prior tftypes.Value) (tftypes.Value, error) {
	doc, ok := v.([]any)
	if !ok {
		return prior, fmt.Errorf("want a list, have %T", v)
	}
	var before []tftypes.Value
	if !prior.IsNull() && prior.IsKnown() {
		_ = prior.As(&before)
	}
	values := make([]tftypes.Value, len(doc))
	for i, element := range doc {
		element, _ := element.(map[string]any)
		old := tftypes.NewValue(elementType(a), nil)
		if i < len(before) {
			old = before[i]
		}
		value, err := encodeObject(a.NestedObject.Attributes, element, old)
		if err != nil {
			return prior, fmt.Errorf("[%d]: %w", i, err)
		}
		values[i] = value
	}
	return tftypes.NewValue(typeOf(a), values), nil
}

func elementType(a schema.NestedAttribute) tftypes.Type {
	switch t := typeOf(a).(type) {
	case tftypes.Map:
		return t.ElementType
	case tftypes.List:
		return t.ElementType
	}
	return tftypes.DynamicPseudoType
}

// encodeValue encodes what has no attributes of its own.
func encodeValue(t tftypes.Type, v any) (tftypes.Value, error) {
	mismatch := func() (tftypes.Value, error) { return mismatched(t, v) }
	switch typed := t.(type) {
	case tftypes.Map:
		doc, ok := v.(map[string]any)
		if !ok {
			return mismatch()
		}
		values := make(map[string]tftypes.Value, len(doc))
		for key, element := range doc {
			value, err := encodeValue(typed.ElementType, element)
			if err != nil {
				return value, err
			}
			values[key] = value
		}
		return tftypes.NewValue(t, values), nil
	case tftypes.List:
		return encodeElements(t, typed.ElementType, v)
	case tftypes.Set:
		return encodeElements(t, typed.ElementType, v)
	}
	switch v := v.(type) {
	case string:
		if t.Is(tftypes.String) {
			return tftypes.NewValue(t, v), nil
		}
	case bool:
		if t.Is(tftypes.Bool) {
			return tftypes.NewValue(t, v), nil
		}
	case json.Number:
		n, _, err := big.ParseFloat(v.String(), 10, 512, big.ToNearestEven)
		if err == nil && t.Is(tftypes.Number) {
			return tftypes.NewValue(t, n), nil
		}
	}
	return mismatch()
}

// encodeElements encodes a list or a set.
func encodeElements(t, element tftypes.Type, v any) (tftypes.Value, error) {
	doc, ok := v.([]any)
	if !ok {
		return mismatched(t, v)
	}
	values := make([]tftypes.Value, len(doc))
	for i, e := range doc {
		value, err := encodeValue(element, e)
		if err != nil {
			return value, err
		}
		values[i] = value
	}
	return tftypes.NewValue(t, values), nil
}

func mismatched(t tftypes.Type, v any) (tftypes.Value, error) {
	return tftypes.NewValue(t, nil), fmt.Errorf("want %s, have %T", t, v)
}
