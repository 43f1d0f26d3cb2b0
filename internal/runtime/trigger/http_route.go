package trigger

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// defaultRoute is the route key, and the stage, that catch everything else.
const defaultRoute = "$default"

// anyMethod in a route key stands for every method.
const anyMethod = "ANY"

// A route is a parsed route key and what it is bound to.
type route struct {
	key      string
	method   string
	segments []segment
	binding  stack.Route
}

// A segment of a route's path: text that must be equal, or a parameter, which
// takes one segment that is not empty, or, if greedy, all that is left.
type segment struct {
	kind segmentKind
	text string // what must be equal, or the parameter's name
}

type segmentKind int

// The kinds of segment, the most specific first.
const (
	static segmentKind = iota
	parameter
	greedy
)

// A router finds the route for a request.
type router struct {
	// routes in the order in which they are tried, without $default.
	routes   []route
	fallback *route
}

func newRouter(routes map[string]stack.Route) (*router, error) {
	r := &router{}
	for key, binding := range routes {
		if key == defaultRoute {
			r.fallback = &route{key: key, binding: binding}
			continue
		}
		parsed, err := parseRouteKey(key)
		if err != nil {
			return nil, err
		}
		parsed.binding = binding
		r.routes = append(r.routes, parsed)
	}
	slices.SortFunc(r.routes, compareRoutes)
	return r, nil
}

func parseRouteKey(key string) (route, error) {
	method, path, ok := strings.Cut(key, " ")
	if !ok || method == "" || !strings.HasPrefix(path, "/") {
		return route{}, fmt.Errorf("%q is not a route key such as \"GET /orders/{id}\", \"ANY /{proxy+}\" or \"$default\"", key)
	}
	r := route{key: key, method: method}
	for _, text := range strings.Split(path[1:], "/") {
		if len(r.segments) > 0 && r.segments[len(r.segments)-1].kind == greedy {
			return route{}, fmt.Errorf("%q has a greedy parameter that is not at the end of its path", key)
		}
		s := segment{text: text}
		if inner, ok := strings.CutPrefix(text, "{"); ok && strings.HasSuffix(inner, "}") {
			s.kind, s.text = parameter, strings.TrimSuffix(inner, "}")
			if name, ok := strings.CutSuffix(s.text, "+"); ok {
				s.kind, s.text = greedy, name
			}
		}
		r.segments = append(r.segments, s)
	}
	return r, nil
}

func (r route) greedy() bool { return r.segments[len(r.segments)-1].kind == greedy }

// compareRoutes puts what is tried first first. AWS promises: a full match, then
// greedy parameters, then $default
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html).
// Among these, the path that is more specific further left wins, and then a
// method over ANY.
func compareRoutes(a, b route) int {
	if a.greedy() != b.greedy() {
		if a.greedy() {
			return 1
		}
		return -1
	}
	for i := range min(len(a.segments), len(b.segments)) {
		if c := cmp.Compare(a.segments[i].kind, b.segments[i].kind); c != 0 {
			return c
		}
	}
	if c := cmp.Compare(len(b.segments), len(a.segments)); c != 0 {
		return c
	}
	if (a.method == anyMethod) != (b.method == anyMethod) {
		if a.method == anyMethod {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.key, b.key)
}

// match finds the route for a method and a decoded path that begins with a
// slash, and the values of its parameters.
func (r *router) match(method, path string) (*route, map[string]string, bool) {
	for i := range r.routes {
		candidate := &r.routes[i]
		if candidate.method != anyMethod && candidate.method != method {
			continue
		}
		if parameters, ok := candidate.matchPath(path); ok {
			return candidate, parameters, true
		}
	}
	if r.fallback != nil {
		return r.fallback, nil, true
	}
	return nil, nil, false
}

func (r *route) matchPath(path string) (map[string]string, bool) {
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return nil, false
	}
	var parameters map[string]string
	for i, s := range r.segments {
		value, after, more := strings.Cut(rest, "/")
		if s.kind == greedy {
			value, more = rest, false
		}
		switch {
		case s.kind == static && value != s.text, s.kind != static && value == "":
			return nil, false
		case s.kind != static:
			if parameters == nil {
				parameters = map[string]string{}
			}
			parameters[s.text] = value
		}
		if last := i == len(r.segments)-1; last == more {
			return nil, false
		}
		rest = after
	}
	return parameters, true
}
