package provider

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The model names attributes as a user writes them, functions["fulfil"].timeout;
// the framework has types for paths. The functions below go between the two.

// frameworkPath is a path of a raw value as the framework has it.
func frameworkPath(p *tftypes.AttributePath) path.Path {
	out := path.Empty()
	for _, step := range p.Steps() {
		switch step := step.(type) {
		case tftypes.AttributeName:
			out = out.AtName(string(step))
		case tftypes.ElementKeyString:
			out = out.AtMapKey(string(step))
		case tftypes.ElementKeyInt:
			out = out.AtListIndex(int(step))
		}
	}
	return out
}

// parsePath reads a path as the model and path.Path's String write it.
func parsePath(text string) (path.Path, error) {
	p := path.Empty()
	rest := text
	for first := true; rest != ""; first = false {
		if key, ok := strings.CutPrefix(rest, "["); ok && !first {
			var err error
			if p, rest, err = parseKey(p, key); err != nil {
				return p, fmt.Errorf("path %q: %w", text, err)
			}
			continue
		}
		if !first {
			if rest[0] != '.' {
				return p, fmt.Errorf("path %q: want a dot before %q", text, rest)
			}
			rest = rest[1:]
		}
		name := rest
		if i := strings.IndexAny(rest, ".["); i >= 0 {
			name = rest[:i]
		}
		if name == "" || strings.ContainsAny(name, `]"`) {
			return p, fmt.Errorf("path %q: want an attribute's name at %q", text, rest)
		}
		p, rest = p.AtName(name), rest[len(name):]
	}
	return p, nil
}

// parseKey reads an index or a quoted key and the bracket that closes it.
func parseKey(p path.Path, rest string) (path.Path, string, error) {
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		key, err := strconv.Unquote(quoted)
		if err != nil || quoted[0] != '"' {
			return p, rest, fmt.Errorf("%s is not a key", quoted)
		}
		rest, ok := strings.CutPrefix(rest[len(quoted):], "]")
		if !ok {
			return p, rest, errors.New("a bracket is not closed")
		}
		return p.AtMapKey(key), rest, nil
	}
	digits, rest, ok := strings.Cut(rest, "]")
	index, err := strconv.Atoi(digits)
	if !ok || err != nil || index < 0 {
		return p, rest, fmt.Errorf("%q is neither an index nor a quoted key", digits)
	}
	return p.AtListIndex(index), rest, nil
}

// unknownPaths lists what is not known yet.
func unknownPaths(v tftypes.Value) path.Paths {
	var unknown path.Paths
	_ = tftypes.Walk(v, func(p *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if !v.IsKnown() {
			unknown = append(unknown, frameworkPath(p))
			return false, nil
		}
		return true, nil
	})
	return unknown
}

// nullElements lists the elements of lists, sets and maps that are null, which noNulls
// refuses.
func nullElements(v tftypes.Value) path.Paths {
	var nulls path.Paths
	_ = tftypes.Walk(v, func(p *tftypes.AttributePath, v tftypes.Value) (bool, error) {
		if steps := p.Steps(); len(steps) > 0 && v.IsNull() {
			if _, attribute := steps[len(steps)-1].(tftypes.AttributeName); !attribute {
				nulls = append(nulls, frameworkPath(p))
			}
		}
		return true, nil
	})
	return nulls
}

// dependsOn tells whether an attribute's value follows from an unknown one: it is
// the unknown one, lies within it, or is the collection that it is an element of.
func dependsOn(attribute, unknown path.Path) bool {
	a, u := attribute.Steps(), unknown.Steps()
	if len(u) <= len(a) {
		return a[:len(u)].Equal(u)
	}
	if len(u) != len(a)+1 || !u[:len(a)].Equal(a) {
		return false
	}
	switch u[len(a)].(type) {
	case path.PathStepElementKeyString, path.PathStepElementKeyInt:
		return true
	}
	return false
}
