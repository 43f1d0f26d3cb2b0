package trigger

import (
	"maps"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func routerOf(t testing.TB, keys ...string) *router {
	t.Helper()
	routes := map[string]stack.Route{}
	for _, key := range keys {
		routes[key] = stack.Route{Function: "f"}
	}
	r, err := newRouter(routes)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRouterPrefersTheMostSpecificRoute(t *testing.T) {
	r := routerOf(t,
		"GET /pets/dog/1", "GET /pets/dog/{id}", "GET /pets/{proxy+}", "ANY /{proxy+}", "$default",
		"POST /pets/dog/{id}", "ANY /pets/dog/{name}", "GET /{kind}/dog/1", "GET /pets/dog/{rest+}", "GET /",
	)
	for _, c := range []struct{ method, path, want, parameters string }{
		// The first four are the example of AWS's documentation.
		{"GET", "/pets/dog/1", "GET /pets/dog/1", ""},
		{"GET", "/pets/dog/2", "GET /pets/dog/{id}", "id=2"},
		{"GET", "/pets/cat/1", "GET /pets/{proxy+}", "proxy=cat/1"},
		{"POST", "/test/5", "ANY /{proxy+}", "proxy=test/5"},
		{"POST", "/pets/dog/1", "POST /pets/dog/{id}", "id=1"},
		{"PUT", "/pets/dog/1", "ANY /pets/dog/{name}", "name=1"},
		{"GET", "/wild/dog/1", "GET /{kind}/dog/1", "kind=wild"},
		{"GET", "/pets/dog/1/a", "GET /pets/dog/{rest+}", "rest=1/a"},
		{"GET", "/pets/dog/1/", "GET /pets/dog/{rest+}", "rest=1/"},
		{"GET", "/", "GET /", ""},
		{"POST", "/", "$default", ""},
		{"GET", "//", "ANY /{proxy+}", "proxy=/"},
		{"HEAD", "/pets/dog/1", "ANY /pets/dog/{name}", "name=1"},
	} {
		route, parameters, ok := r.match(c.method, c.path)
		if !ok || route.key != c.want {
			t.Errorf("%s %s went to %v, want %s", c.method, c.path, route, c.want)
			continue
		}
		want := map[string]string{}
		if name, value, ok := strings.Cut(c.parameters, "="); ok {
			want[name] = value
		}
		if !maps.Equal(parameters, want) {
			t.Errorf("%s %s has parameters %v, want %v", c.method, c.path, parameters, want)
		}
	}
}

func TestRouterWithoutADefaultRouteMisses(t *testing.T) {
	r := routerOf(t, "GET /orders", "GET /orders/{id}", "GET /files/{path+}")
	for _, c := range []struct{ method, path string }{
		{"POST", "/orders"},
		{"HEAD", "/orders"},
		{"GET", "/orders/"},
		{"GET", "/order"},
		{"GET", "/orders/1/2"},
		{"GET", "/files"},
		{"GET", "/files/"},
		{"GET", "/"},
		{"GET", ""},
	} {
		if route, _, ok := r.match(c.method, c.path); ok {
			t.Errorf("%s %s went to %s", c.method, c.path, route.key)
		}
	}
}

func TestRouteKeysThatAreNone(t *testing.T) {
	for _, key := range []string{"", "GET", "GET orders", " /orders", "GET /{all+}/more"} {
		if _, err := newRouter(map[string]stack.Route{key: {}}); err == nil {
			t.Errorf("%q passed for a route key", key)
		}
	}
}

func FuzzRouter(f *testing.F) {
	f.Add("GET /a/{b}/{c+}", "GET", "/a/b/c/d")
	f.Add("ANY /", "GET", "/")
	f.Add("GET /{a}", "GET", "//")
	f.Fuzz(func(t *testing.T, key, method, path string) {
		r, err := newRouter(map[string]stack.Route{key: {}})
		if err != nil {
			return
		}
		route, parameters, ok := r.match(method, path)
		if !ok || key == defaultRoute {
			return
		}
		// What the route says with its parameters filled in is the path.
		var rebuilt strings.Builder
		for _, s := range route.segments {
			rebuilt.WriteByte('/')
			if s.kind == static {
				rebuilt.WriteString(s.text)
				continue
			}
			value, ok := parameters[s.text]
			if !ok || value == "" {
				t.Fatalf("parameter %q has no value", s.text)
			}
			rebuilt.WriteString(value)
		}
		if names := strings.Count(key, "{"); names == len(parameters) && rebuilt.String() != path {
			t.Fatalf("%q matched %q as %q", key, path, rebuilt.String())
		}
	})
}
