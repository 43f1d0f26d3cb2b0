package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// parseTest reads one element of a pattern's list: a value to equal, or an
// object of one operator.
func parseTest(item any) (valueTest, error) {
	switch item := item.(type) {
	case map[string]any:
		name, argument, ok := onlyEntry(item)
		if !ok {
			return nil, fmt.Errorf("a test is an object of one operator, such as {\"prefix\": \"eu-\"}, and this one has %d", len(item))
		}
		parse, ok := operators[name]
		if !ok {
			return nil, fmt.Errorf("%q is not an operator; there are %s and exists", name,
				strings.Join(slices.Sorted(maps.Keys(operators)), ", "))
		}
		test, err := parse(argument)
		if err != nil {
			return nil, fmt.Errorf("%s %w", name, err)
		}
		return test, nil
	case []any:
		return nil, errors.New("a list of values does not hold another list")
	}
	return equalTest(item)
}

// onlyEntry returns the entry of an object that has one.
func onlyEntry(object map[string]any) (name string, argument any, ok bool) {
	for name, argument = range object {
	}
	return name, argument, len(object) == 1
}

// operators read their argument. "exists" is not among them since it looks at
// whether there is a value. Filled in by init because anything-but holds others.
var operators map[string]func(argument any) (valueTest, error)

func init() {
	operators = map[string]func(argument any) (valueTest, error){
		"prefix":             affixTest(strings.HasPrefix, hasPrefixFold),
		"suffix":             affixTest(strings.HasSuffix, hasSuffixFold),
		"equals-ignore-case": stringTest(strings.EqualFold),
		"wildcard":           wildcardTest,
		"cidr":               cidrTest,
		"numeric":            numericTest,
		"anything-but":       anythingButTest,
	}
}

// equalTest compares scalars; numbers by value, so that 3 equals 3.0.
func equalTest(want any) (valueTest, error) {
	if number, ok := want.(json.Number); ok {
		float, err := number.Float64()
		if err != nil {
			return nil, fmt.Errorf("the number %s is too large", number)
		}
		want = float
	}
	return func(value any) bool { return value == want }, nil
}

// stringTest makes an operator of a comparison of the event's string with the
// pattern's.
func stringTest(compare func(value, want string) bool) func(any) (valueTest, error) {
	return func(argument any) (valueTest, error) {
		want, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("takes a string, not %s", describe(argument))
		}
		return func(value any) bool {
			s, ok := value.(string)
			return ok && compare(s, want)
		}, nil
	}
}

// affixTest is prefix or suffix: a string, or {"equals-ignore-case": string}.
func affixTest(exact, fold func(value, want string) bool) func(any) (valueTest, error) {
	return func(argument any) (valueTest, error) {
		if object, ok := argument.(map[string]any); ok {
			if name, inner, ok := onlyEntry(object); ok && name == "equals-ignore-case" {
				return stringTest(fold)(inner)
			}
		}
		return stringTest(exact)(argument)
	}
}

func hasPrefixFold(s, prefix string) bool {
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
}

func hasSuffixFold(s, suffix string) bool {
	return strings.HasSuffix(strings.ToLower(s), strings.ToLower(suffix))
}

// wildcardTest matches * with any run of characters; \* and \\ are themselves.
func wildcardTest(argument any) (valueTest, error) {
	text, ok := argument.(string)
	if !ok {
		return nil, fmt.Errorf("takes a string, not %s", describe(argument))
	}
	parts := []string{""} // what lies between the stars
	last := &parts[0]
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '*' && i+1 < len(text) && text[i+1] == '*':
			return nil, errors.New("takes no two * in a row; one is enough")
		case c == '*':
			parts = append(parts, "")
			last = &parts[len(parts)-1]
		case c == '\\':
			i++
			if i == len(text) || text[i] != '*' && text[i] != '\\' {
				return nil, errors.New(`takes a backslash only before * or another backslash`)
			}
			*last += string(text[i])
		default:
			*last += string(text[i : i+1])
		}
	}
	return func(value any) bool {
		s, ok := value.(string)
		return ok && matchParts(s, parts)
	}, nil
}

// matchParts finds the parts in s in order, the first at its beginning and the
// last at its end. Taking the earliest place of each is enough.
func matchParts(s string, parts []string) bool {
	if len(parts) == 1 {
		return s == parts[0]
	}
	s, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		if _, s, ok = strings.Cut(s, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(s, parts[len(parts)-1])
}

func cidrTest(argument any) (valueTest, error) {
	text, _ := argument.(string)
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return nil, errors.New("takes a range of addresses such as \"10.0.0.0/24\"")
	}
	return func(value any) bool {
		s, _ := value.(string)
		address, err := netip.ParseAddr(s)
		return err == nil && network.Contains(address)
	}, nil
}

// numericTest takes one comparison, or a lower and then an upper bound:
// ["=", 5], [">", 0, "<=", 5].
func numericTest(argument any) (valueTest, error) {
	usage := errors.New("takes a comparison such as [\">\", 0] or a range such as [\">\", 0, \"<=\", 5]")
	list, _ := argument.([]any)
	if len(list) != 2 && len(list) != 4 {
		return nil, usage
	}
	var tests []func(float64) bool
	var bounds []float64
	var signs []string
	for i := 0; i < len(list); i += 2 {
		sign, _ := list[i].(string)
		number, _ := list[i+1].(json.Number)
		bound, err := number.Float64()
		compare, known := comparisons[sign]
		if err != nil || !known {
			return nil, usage
		}
		bounds, signs = append(bounds, bound), append(signs, sign)
		tests = append(tests, func(v float64) bool { return compare(v, bound) })
	}
	if len(tests) == 2 && (signs[0][0] != '>' || signs[1][0] != '<') {
		return nil, usage
	}
	if len(tests) == 2 && bounds[0] >= bounds[1] {
		return nil, errors.New("has a range whose lower bound is not below its upper one")
	}
	return func(value any) bool {
		number, ok := value.(float64)
		return ok && !slices.ContainsFunc(tests, func(test func(float64) bool) bool { return !test(number) })
	}, nil
}

var comparisons = map[string]func(v, bound float64) bool{
	"=":  func(v, bound float64) bool { return v == bound },
	"<":  func(v, bound float64) bool { return v < bound },
	"<=": func(v, bound float64) bool { return v <= bound },
	">":  func(v, bound float64) bool { return v > bound },
	">=": func(v, bound float64) bool { return v >= bound },
}

// anythingButTest takes a string, a number or a list of either, or an object of
// one of the operators on strings with a string or a list of them.
func anythingButTest(argument any) (valueTest, error) {
	parse := equalTest
	if object, ok := argument.(map[string]any); ok {
		name, inner, ok := onlyEntry(object)
		if !ok || !slices.Contains([]string{"prefix", "suffix", "equals-ignore-case", "wildcard"}, name) {
			return nil, errors.New("takes an object of one operator, prefix, suffix, equals-ignore-case or wildcard")
		}
		parse, argument = operators[name], inner
	}
	list, ok := argument.([]any)
	if !ok {
		list = []any{argument}
	}
	if len(list) == 0 {
		return nil, errors.New("takes at least one value")
	}
	var tests []valueTest
	for _, item := range list {
		switch item.(type) {
		case string, json.Number:
		default:
			return nil, fmt.Errorf("takes strings or numbers, not %s", describe(item))
		}
		if describe(item) != describe(list[0]) {
			return nil, errors.New("takes a list of strings or one of numbers, not a mixture")
		}
		test, err := parse(item)
		if err != nil {
			return nil, err
		}
		tests = append(tests, test)
	}
	return func(value any) bool {
		return !slices.ContainsFunc(tests, func(test valueTest) bool { return test(value) })
	}, nil
}
