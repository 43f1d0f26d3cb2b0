package stack

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// RouteDefault is the key of the route that takes what no other route does.
const RouteDefault = "$default"

// MethodAny is the method of routes that take every method.
const MethodAny = "ANY"

// A RouteKey is a route's key taken apart: "POST /orders/{id}".
type RouteKey struct {
	// Method is an HTTP method or MethodAny; empty for RouteDefault.
	Method string
	// Segments are what lies between the slashes of the path: none of "/", and an
	// empty one at the end of "/orders/", which is another path than "/orders".
	Segments []Segment
}

// A Segment of a route's path matches its Literal or, with a Parameter, any one
// segment; if Greedy, all that are left, at least one.
type Segment struct {
	Literal   string
	Parameter string
	Greedy    bool
}

var (
	routeMethods     = []string{MethodAny, "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	parameterPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]+$`)
	// literalPattern is RFC 3986's pchar without percent-encoding, which is decoded
	// before routes are matched.
	literalPattern = regexp.MustCompile(`^[A-Za-z0-9._~!$&'()*+,;=:@-]+$`)
)

// ParseRouteKey reads a route's key.
func ParseRouteKey(key string) (RouteKey, error) {
	if key == RouteDefault {
		return RouteKey{}, nil
	}
	method, path, ok := strings.Cut(key, " ")
	if !ok || !strings.HasPrefix(path, "/") {
		return RouteKey{}, fmt.Errorf("%q is not a route; write a method and a path, such as \"POST /orders/{id}\", or \"$default\"", key)
	}
	if !slices.Contains(routeMethods, method) {
		return RouteKey{}, fmt.Errorf("%q is not the method of a route; use %s", method, quotedList(routeMethods, "or"))
	}
	parsed := RouteKey{Method: method}
	if path == "/" {
		return parsed, nil
	}
	texts := strings.Split(path[1:], "/")
	for i, text := range texts {
		last := i == len(texts)-1
		segment, err := parseSegment(text, last)
		if err != nil {
			return RouteKey{}, fmt.Errorf("the path %q: %w", path, err)
		}
		if segment.Parameter != "" && slices.ContainsFunc(parsed.Segments, func(s Segment) bool { return s.Parameter == segment.Parameter }) {
			return RouteKey{}, fmt.Errorf("the path %q: the parameter %q occurs twice; give each a name of its own", path, segment.Parameter)
		}
		parsed.Segments = append(parsed.Segments, segment)
	}
	return parsed, nil
}

func parseSegment(text string, last bool) (Segment, error) {
	if inner, ok := strings.CutPrefix(text, "{"); ok {
		inner, closed := strings.CutSuffix(inner, "}")
		name, greedy := strings.CutSuffix(inner, "+")
		switch {
		case !closed || !parameterPattern.MatchString(name):
			return Segment{}, fmt.Errorf("%q is not a parameter such as {id} or {rest+}, which fills the whole between two slashes", text)
		case greedy && !last:
			return Segment{}, fmt.Errorf("%q takes all that follows, so it can only be last", text)
		}
		return Segment{Parameter: name, Greedy: greedy}, nil
	}
	switch {
	case text == "" && last:
		return Segment{}, nil
	case text == "":
		return Segment{}, errors.New("there is nothing between two slashes")
	case !literalPattern.MatchString(text):
		return Segment{}, fmt.Errorf("%q has characters that a path cannot hold", text)
	}
	return Segment{Literal: text}, nil
}

// Default tells whether this is the key of the route for everything else.
func (k RouteKey) Default() bool { return k.Method == "" }

// Path of the route as it is written.
func (k RouteKey) Path() string { return k.path(func(s Segment) string { return s.Parameter }) }

// Shape is the method and the path without the parameters' names: two routes of
// the same shape match the same requests.
func (k RouteKey) Shape() string {
	if k.Default() {
		return RouteDefault
	}
	return k.Method + " " + k.path(func(Segment) string { return "" })
}

func (k RouteKey) path(parameter func(Segment) string) string {
	if len(k.Segments) == 0 && !k.Default() {
		return "/"
	}
	var path strings.Builder
	for _, s := range k.Segments {
		path.WriteByte('/')
		switch {
		case s.Greedy:
			path.WriteString("{" + parameter(s) + "+}")
		case s.Parameter != "":
			path.WriteString("{" + parameter(s) + "}")
		default:
			path.WriteString(s.Literal)
		}
	}
	return path.String()
}
