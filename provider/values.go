package provider

import (
	"encoding/json"
	"maps"
	"math/big"

	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// fields returns the attributes of an object or the elements of a map; nil if
// the value is null or unknown. The result may be changed.
func fields(v tftypes.Value) map[string]tftypes.Value {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var m map[string]tftypes.Value
	if v.As(&m) != nil {
		return nil
	}
	return maps.Clone(m)
}

// text returns a string; ok is false if the value is null or unknown.
func text(v tftypes.Value) (s string, ok bool) {
	if v.IsNull() || !v.IsKnown() || v.As(&s) != nil {
		return "", false
	}
	return s, true
}

// tree returns a value as encoding/json knows it: null, true, a number, a
// string, a list or an object. What is unknown becomes null. Attributes that are
// null are left out, so that decoding gives them their default; elements of a
// list or a map stay.
func tree(v tftypes.Value) any {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	switch t := v.Type(); {
	case t.Is(tftypes.String):
		s, _ := text(v)
		return s
	case t.Is(tftypes.Bool):
		var b bool
		_ = v.As(&b)
		return b
	case t.Is(tftypes.Number):
		var n big.Float
		_ = v.As(&n)
		return json.Number(n.Text('f', -1))
	case t.Is(tftypes.Object{}):
		out := map[string]any{}
		for name, value := range fields(v) {
			if value := tree(value); value != nil {
				out[name] = value
			}
		}
		return out
	case t.Is(tftypes.Map{}):
		out := map[string]any{}
		for name, value := range fields(v) {
			out[name] = tree(value)
		}
		return out
	}
	var elements []tftypes.Value
	_ = v.As(&elements)
	out := make([]any, len(elements))
	for i, value := range elements {
		out[i] = tree(value)
	}
	return out
}

// isEmpty tells whether a value stands for nothing, as null does: an empty string
// or a collection without elements.
func isEmpty(v tftypes.Value) bool {
	if v.IsNull() || !v.IsKnown() {
		return v.IsNull()
	}
	switch t := tree(v).(type) {
	case string:
		return t == ""
	case []any:
		return len(t) == 0
	case map[string]any:
		return len(t) == 0 && !v.Type().Is(tftypes.Object{})
	}
	return false
}
