package rawhttp

import (
	"net/http"
	"slices"
	"strings"
)

// A Router finds who answers a request. It is filled once and then shared by all whom
// T stands for: a route is a function of one of them and of the request.
type Router[T any] struct {
	exact  map[string][]route[T]
	inside []route[T]
}

// A route is a way to answer requests.
type route[T any] struct {
	method string
	// prefix and suffix of the path, which has one segment between them.
	prefix, suffix string
	serve          func(T, *Request)
}

// Handle adds a route. The path may have one segment *, which stands for any that is
// not empty; the request's Segment tells which.
func (m *Router[T]) Handle(method, path string, serve func(T, *Request)) {
	prefix, suffix, inside := strings.Cut(path, "*")
	r := route[T]{method, prefix, suffix, serve}
	if inside {
		m.inside = append(m.inside, r)
		return
	}
	if m.exact == nil {
		m.exact = map[string][]route[T]{}
	}
	m.exact[path] = append(m.exact[path], r)
}

// Serve lets the route answer that the request is for, if there is one: else it is
// answered with status 404 or 405.
func (m *Router[T]) Serve(to T, r *Request) {
	var allow []string
	for _, route := range m.exact[r.Path] {
		if route.method == r.Method {
			route.serve(to, r)
			return
		}
		allow = append(allow, route.method)
	}
	for _, route := range m.inside {
		segment, ok := strings.CutPrefix(r.Path, route.prefix)
		if !ok {
			continue
		}
		segment, ok = strings.CutSuffix(segment, route.suffix)
		if !ok || segment == "" || strings.IndexByte(segment, '/') >= 0 {
			continue
		}
		if route.method == r.Method {
			r.Segment = segment
			route.serve(to, r)
			return
		}
		allow = append(allow, route.method)
	}
	text := []Field{{"Content-Type", "text/plain; charset=utf-8"}}
	if len(allow) == 0 {
		_ = r.Reply(Answer{Status: http.StatusNotFound, Header: text, Body: []byte("404 page not found\n")})
		return
	}
	slices.Sort(allow)
	text = append(text, Field{"Allow", strings.Join(slices.Compact(allow), ", ")})
	_ = r.Reply(Answer{Status: http.StatusMethodNotAllowed, Header: text, Body: []byte("method not allowed\n")})
}
