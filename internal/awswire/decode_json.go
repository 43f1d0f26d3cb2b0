package awswire

import (
	"encoding/json"
	"maps"
	"slices"
)

// parseJSON reads a body; an empty one is an empty object.
func (d *decoder) parseJSON(body []byte) (value any) {
	if len(body) == 0 {
		return map[string]any{}
	}
	if err := json.Unmarshal(body, &value); err != nil {
		d.problem("", "the body is not JSON: %v", err)
		return map[string]any{}
	}
	return value
}

// jsonStruct reads an object. A member that is null is absent, as for AWS.
func (d *decoder) jsonStruct(sh *shape, value any, path string) map[string]any {
	object, ok := value.(map[string]any)
	if !ok {
		d.problem(path, "is %s, want a structure", jsonKind(value))
		return map[string]any{}
	}
	members := map[string]string{} // name in JSON -> name in the model
	for name, ref := range sh.Members {
		members[ref.wireName(name)] = name
	}
	params := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		name, ok := members[key]
		switch {
		case !ok:
			d.problem(join(path, key), "is unknown")
		case object[key] != nil:
			ref := sh.Members[name]
			params[name] = d.json(d.service.shape(ref), object[key], join(path, name))
		}
	}
	return params
}

func (d *decoder) json(sh *shape, value any, path string) any {
	if sh.Document {
		return value
	}
	switch sh.Type {
	case "structure":
		return d.jsonStruct(sh, value, path)
	case "list":
		items, ok := value.([]any)
		if !ok {
			break
		}
		list := make([]any, len(items))
		for i, item := range items {
			list[i] = d.json(d.service.shape(sh.Member), item, at(path, i))
		}
		return list
	case "map":
		object, ok := value.(map[string]any)
		if !ok {
			break
		}
		m := make(map[string]any, len(object))
		for _, key := range slices.Sorted(maps.Keys(object)) {
			m[key] = d.json(d.service.shape(sh.Value), object[key], join(path, key))
		}
		return m
	case "string":
		if text, ok := value.(string); ok {
			return text
		}
	case "boolean":
		if b, ok := value.(bool); ok {
			return b
		}
	case "integer", "long", "short":
		if n, ok := value.(float64); ok && whole(n) {
			return n
		}
	case "float", "double":
		if n, ok := value.(float64); ok {
			return n
		}
	case "blob":
		if text, ok := value.(string); ok {
			return d.base64(text, path)
		}
	case "timestamp":
		return d.jsonTimestamp(sh, value, path)
	}
	d.problem(path, "is %s, want a %s", jsonKind(value), sh.Type)
	return nil
}

// jsonTimestamp reads seconds since 1970, unless the model wants another format.
func (d *decoder) jsonTimestamp(sh *shape, value any, path string) any {
	if sh.TimestampFormat == "" || sh.TimestampFormat == "unixTimestamp" {
		if _, ok := value.(float64); !ok {
			d.problem(path, "is %s, want a number of seconds", jsonKind(value))
		}
		return value
	}
	text, ok := value.(string)
	if !ok {
		d.problem(path, "is %s, want a timestamp in the format %s", jsonKind(value), sh.TimestampFormat)
		return nil
	}
	d.timestamp(text, path, sh.TimestampFormat)
	return text
}

func jsonKind(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}
