package stack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A Pattern is a parsed event pattern, in the language that EventBridge's
// rules, Lambda's event filters and others share:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
// The zero Pattern matches every event.
//
// It is written here because quamina, the one kept library of this kind in Go,
// matches many patterns at once at the price of less language: neither $or nor
// cidr, and of anything-but and numbers a part.
type Pattern struct{ root patternObject }

// A patternObject asks that all its fields match, and one alternative of each
// $or.
type patternObject struct {
	fields []patternField
	ors    [][]patternObject
}

// A patternField looks at one field of an event's object. Either it goes
// deeper (object), or it is a leaf that matches if any of its tests does.
type patternField struct {
	name   string
	object *patternObject
	tests  []valueTest
	// present and absent are the tests {"exists": true} and {"exists": false}.
	present, absent bool
}

// A valueTest looks at one scalar of an event: string, float64, bool or nil.
type valueTest func(value any) bool

// ParsePattern reads an event pattern, a JSON object such as
// {"body": {"kind": ["order", {"prefix": "return-"}]}}.
func ParsePattern(text []byte) (Pattern, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return Pattern{}, fmt.Errorf("an event pattern is a JSON object: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Pattern{}, errors.New("an event pattern is one JSON object, with nothing after it")
	}
	fields, ok := value.(map[string]any)
	if !ok {
		return Pattern{}, fmt.Errorf("an event pattern is a JSON object, not %s", describe(value))
	}
	if len(fields) == 0 {
		return Pattern{}, nil
	}
	root, err := parsePatternObject(fields, "")
	return Pattern{root}, err
}

func parsePatternObject(fields map[string]any, path string) (patternObject, error) {
	var object patternObject
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		path := strings.TrimPrefix(path+"."+name, ".")
		switch value := fields[name].(type) {
		case map[string]any:
			if len(value) == 0 {
				return object, fmt.Errorf("%s is an empty object; name the fields to match in it", path)
			}
			inner, err := parsePatternObject(value, path)
			if err != nil {
				return object, err
			}
			object.fields = append(object.fields, patternField{name: name, object: &inner})
		case []any:
			if name == "$or" {
				alternatives, err := parseOr(value, path)
				if err != nil {
					return object, err
				}
				object.ors = append(object.ors, alternatives)
				continue
			}
			field, err := parseLeaf(name, value, path)
			if err != nil {
				return object, err
			}
			object.fields = append(object.fields, field)
		default:
			return object, fmt.Errorf("%s is %s; write the values that match as a list, or an object of fields", path, describe(value))
		}
	}
	return object, nil
}

func parseOr(list []any, path string) ([]patternObject, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%s is a list of at least two objects, one of which must match", path)
	}
	var alternatives []patternObject
	for i, item := range list {
		fields, ok := item.(map[string]any)
		if !ok || len(fields) == 0 {
			return nil, fmt.Errorf("%s is a list of objects with fields to match, and its element %d is none", path, i)
		}
		object, err := parsePatternObject(fields, fmt.Sprintf("%s[%d]", path, i))
		if err != nil {
			return nil, err
		}
		alternatives = append(alternatives, object)
	}
	return alternatives, nil
}

func parseLeaf(name string, list []any, path string) (patternField, error) {
	field := patternField{name: name}
	if len(list) == 0 {
		return field, fmt.Errorf("%s is an empty list, which nothing matches; list the values that match", path)
	}
	for _, item := range list {
		operator, _ := item.(map[string]any)
		if name, argument, ok := onlyEntry(operator); ok && name == "exists" {
			wanted, ok := argument.(bool)
			if !ok {
				return field, fmt.Errorf("exists in %s is true or false, not %s", path, describe(argument))
			}
			field.present = field.present || wanted
			field.absent = field.absent || !wanted
			continue
		}
		test, err := parseTest(item)
		if err != nil {
			return field, fmt.Errorf("%s: %w", path, err)
		}
		field.tests = append(field.tests, test)
	}
	return field, nil
}

// Match tells whether an event matches. The event is decoded JSON: strings,
// float64 or json.Number, bool, nil, []any and map[string]any. Numbers are
// compared as float64, which is exact to 15 digits.
func (p Pattern) Match(event any) bool { return p.root.match(event) }

// match treats what is not an object as an object without fields. Of an array
// of objects one must match the whole.
func (o patternObject) match(event any) bool {
	if list, ok := event.([]any); ok {
		return slices.ContainsFunc(list, o.match)
	}
	fields, _ := event.(map[string]any)
	for _, field := range o.fields {
		if !field.match(fields) {
			return false
		}
	}
	for _, alternatives := range o.ors {
		if !slices.ContainsFunc(alternatives, func(a patternObject) bool { return a.match(event) }) {
			return false
		}
	}
	return true
}

func (f patternField) match(fields map[string]any) bool {
	value, found := fields[f.name]
	if f.object != nil {
		return f.object.match(value)
	}
	leaves := found && hasLeaves(value)
	return leaves && (f.present || anyLeaf(value, f.tests)) || !leaves && f.absent
}

// hasLeaves tells whether a value counts as present: "exists" sees leaves only,
// and an object or an empty array is none.
func hasLeaves(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		return false
	case []any:
		return slices.ContainsFunc(value, hasLeaves)
	}
	return true
}

// anyLeaf tells whether a scalar, or any scalar in an array, passes any test.
func anyLeaf(value any, tests []valueTest) bool {
	switch value := value.(type) {
	case map[string]any:
		return false
	case []any:
		return slices.ContainsFunc(value, func(v any) bool { return anyLeaf(v, tests) })
	case json.Number:
		number, err := value.Float64()
		return err == nil && anyLeaf(number, tests)
	}
	return slices.ContainsFunc(tests, func(test valueTest) bool { return test(value) })
}

// describe names the kind of a JSON value for an error.
func describe(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case json.Number, float64:
		return "a number"
	case []any:
		return "a list"
	}
	return "an object"
}
