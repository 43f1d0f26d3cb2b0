package stack

import (
	"reflect"
	"testing"
)

func TestRouteKeysAreTakenApart(t *testing.T) {
	tests := []struct {
		key   string
		want  RouteKey
		path  string
		shape string
	}{
		{"$default", RouteKey{}, "", "$default"},
		{"ANY /", RouteKey{Method: "ANY"}, "/", "ANY /"},
		{"GET /a/", RouteKey{Method: "GET", Segments: []Segment{{Literal: "a"}, {}}}, "/a/", "GET /a/"},
		{
			"POST /orders/{id}/{rest+}",
			RouteKey{Method: "POST", Segments: []Segment{{Literal: "orders"}, {Parameter: "id"}, {Parameter: "rest", Greedy: true}}},
			"/orders/{id}/{rest+}", "POST /orders/{}/{+}",
		},
	}
	for _, tt := range tests {
		t.Run(tt.key, func(t *testing.T) {
			got, err := ParseRouteKey(tt.key)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) || got.Path() != tt.path || got.Shape() != tt.shape || got.Default() != (tt.key == RouteDefault) {
				t.Errorf("%+v, path %q, shape %q", got, got.Path(), got.Shape())
			}
		})
	}
}

func FuzzRouteKey(f *testing.F) {
	f.Add("$default")
	f.Add("POST /orders/{id}/{rest+}")
	f.Add("GET /a//{b")
	f.Fuzz(func(t *testing.T, key string) {
		parsed, err := ParseRouteKey(key)
		if err != nil {
			return
		}
		if again := parsed.Method + " " + parsed.Path(); again != key && key != RouteDefault {
			t.Errorf("%q comes back as %q", key, again)
		}
	})
}
