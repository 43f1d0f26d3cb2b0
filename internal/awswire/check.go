package awswire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// A checker notes where parameters break the model's constraints.
type checker struct {
	service  *service
	problems []string
}

func (c *checker) problem(path, format string, args ...any) {
	c.problems = append(c.problems, path+": "+fmt.Sprintf(format, args...))
}

// check walks a value of the type that the decoder made of it.
func (c *checker) check(sh *shape, value any, path string) {
	switch value := value.(type) {
	case map[string]any:
		if sh.Type == "map" {
			c.checkMap(sh, value, path)
			return
		}
		c.checkStruct(sh, value, path)
	case []any:
		c.size(sh, float64(len(value)), "items", path)
		if sh.Member == nil {
			return // of a document
		}
		for i, item := range value {
			c.check(c.service.shape(sh.Member), item, at(path, i))
		}
	case []byte:
		c.size(sh, float64(len(value)), "bytes", path)
	case float64:
		if sh.Type != "timestamp" {
			c.size(sh, value, "", path)
		}
	case string:
		if sh.Type == "string" {
			c.checkString(sh, value, path)
		}
	}
}

func (c *checker) checkStruct(sh *shape, members map[string]any, path string) {
	for _, name := range sh.Required {
		if value, ok := members[name]; !ok {
			c.problem(join(path, name), "is required")
		} else if text, isText := value.(string); isText && text == "" && sh.Members[name].Location == "uri" {
			c.problem(join(path, name), "is in the path and must not be empty")
		}
	}
	if sh.Union && len(members) != 1 {
		c.problem(path, "has the members %q, want exactly one", slices.Sorted(maps.Keys(members)))
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if ref := sh.Members[name]; ref != nil { // nil in a document
			c.check(c.service.shape(ref), members[name], join(path, name))
		}
	}
}

func (c *checker) checkMap(sh *shape, entries map[string]any, path string) {
	c.size(sh, float64(len(entries)), "entries", path)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		c.check(c.service.shape(sh.Key), key, path+" key "+fmt.Sprintf("%q", key))
		c.check(c.service.shape(sh.Value), entries[key], join(path, key))
	}
}

func (c *checker) checkString(sh *shape, text, path string) {
	c.size(sh, float64(utf8.RuneCountInString(text)), "characters", path)
	if len(sh.Enum) > 0 && !slices.Contains(sh.Enum, text) {
		c.problem(path, "is %q, want one of %s", text, strings.Join(sh.Enum, ", "))
	}
	if sh.Pattern == "" {
		return
	}
	p, err := compilePattern(sh.Pattern)
	if err != nil {
		c.problem(path, "the pattern of %s cannot be checked: %v", sh.name, err)
	} else if !p.matches(text) {
		c.problem(path, "is %q, which does not match %s", shorten(text), sh.Pattern)
	}
}

// size checks a number, or how many units a value has.
func (c *checker) size(sh *shape, n float64, units, path string) {
	if units != "" {
		units = " " + units
	}
	if sh.Min != nil && n < *sh.Min {
		c.problem(path, "has %v%s, want at least %v", n, units, *sh.Min)
	}
	if sh.Max != nil && n > *sh.Max {
		c.problem(path, "has %v%s, want at most %v", n, units, *sh.Max)
	}
}

func shorten(text string) string {
	const most = 200
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}
