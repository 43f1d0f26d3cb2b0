package api

import (
	"net/http"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const fulfilPath = "/v1/stacks/orders/functions/fulfil"

// withTwoVersions deploys the stack orders twice.
func withTwoVersions(t *testing.T) *fixture {
	f := newFixture(t)
	s := f.queue("orders")
	f.call(http.MethodPut, "/v1/stacks/orders", s).want(http.StatusOK)
	fn := f.function()
	fn.Memory = 256
	s.Functions["fulfil"] = fn
	f.call(http.MethodPut, "/v1/stacks/orders", s).want(http.StatusOK)
	return f
}

func TestAnAliasSplitsItsTrafficBetweenTwoVersions(t *testing.T) {
	f := withTwoVersions(t)
	put := func(body string) answer { return f.call(http.MethodPut, fulfilPath+"/aliases/live", body) }
	put(`{"routing":{"1":10,"2":90}}`).want(http.StatusOK)
	var alias Alias
	f.call(http.MethodGet, fulfilPath+"/aliases/live", nil).want(http.StatusOK).decode(&alias)
	if alias.Routing[1] != 10 || alias.Routing[2] != 90 {
		t.Errorf("the routing is %v", alias.Routing)
	}
	put(`{"routing":{"1":10,"2":80}}`).problem(http.StatusUnprocessableEntity, "100")
	put(`{"routing":{"7":100}}`).problem(http.StatusNotFound, "no version 7")
	put(`{"routing":{}}`).problem(http.StatusUnprocessableEntity, "the routing is empty")
	put(`{"routing":{"one":100}}`).problem(http.StatusUnprocessableEntity, "keys are whole numbers")

	f.call(http.MethodDelete, fulfilPath+"/aliases/live", nil).want(http.StatusNoContent)
	f.call(http.MethodGet, fulfilPath+"/aliases/live", nil).problem(http.StatusNotFound, `no alias "live"`)
	if got := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment().Components[stack.AliasComponent("fulfil")]; got != "missing" {
		t.Errorf("the component of the lost alias is %q", got)
	}
}

func TestAVersionThatTheAliasPointsAtStays(t *testing.T) {
	f := withTwoVersions(t)
	f.call(http.MethodDelete, fulfilPath+"/versions/2", nil).problem(http.StatusConflict, "alias", "version 2")
	f.call(http.MethodDelete, fulfilPath+"/versions/9", nil).problem(http.StatusNotFound, "no version 9")
	f.call(http.MethodDelete, fulfilPath+"/versions/latest", nil).problem(http.StatusUnprocessableEntity, "path.version")
	f.call(http.MethodDelete, fulfilPath+"/versions/1", nil).want(http.StatusNoContent)
	var list struct{ Versions []stack.Version }
	f.call(http.MethodGet, fulfilPath+"/versions", nil).want(http.StatusOK).decode(&list)
	if len(list.Versions) != 1 || list.Versions[0].Number != 2 {
		t.Errorf("the versions are %+v", list.Versions)
	}
}

func TestAFunctionIsChangedWithoutPublishing(t *testing.T) {
	f := withTwoVersions(t)
	fn := f.function()
	fn.Memory = 512
	f.call(http.MethodPut, fulfilPath, fn).want(http.StatusOK)
	d := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment()
	if d.Stack.Functions["fulfil"].Memory != 512 || len(d.Functions["fulfil"].Versions) != 2 || d.Functions["fulfil"].Version != 2 {
		t.Errorf("got %+v", d)
	}
	fn.Memory = 64
	f.call(http.MethodPut, fulfilPath, fn).problem(http.StatusUnprocessableEntity, `functions["fulfil"].memory`)
	f.call(http.MethodPut, "/v1/stacks/orders/functions/none", f.function()).problem(http.StatusNotFound, `no function named "none"`)

	f.call(http.MethodDelete, fulfilPath, nil).want(http.StatusNoContent)
	f.call(http.MethodGet, fulfilPath, nil).problem(http.StatusNotFound, `no function named "fulfil"`)
	d = f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).deployment()
	if d.Functions["fulfil"].Version != 3 {
		t.Errorf("deployed again the version is %d, want 3", d.Functions["fulfil"].Version)
	}
}

func TestBindingsAreListedSwitchedAndRemoved(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	f.call(http.MethodPut, "/v1/stacks/orders", s).want(http.StatusOK)
	list := func(name string) []Binding {
		var out struct{ Bindings []Binding }
		f.call(http.MethodGet, "/v1/stacks/"+name+"/bindings", nil).want(http.StatusOK).decode(&out)
		return out.Bindings
	}
	if got := list("orders"); len(got) != 1 || got[0] != (Binding{"consumer", "fulfil", true}) {
		t.Errorf("the bindings are %+v", got)
	}
	f.call(http.MethodPut, "/v1/stacks/orders/bindings/consumer", `{"enabled":false}`).want(http.StatusOK)
	if list("orders")[0].Enabled {
		t.Error("the consumer is still enabled")
	}
	f.call(http.MethodPut, "/v1/stacks/orders/bindings/consumer", `{}`).problem(http.StatusUnprocessableEntity, "enabled is missing")
	f.call(http.MethodPut, "/v1/stacks/orders/bindings/other", `{"enabled":false}`).problem(http.StatusNotFound, `no binding "other"`)
	f.call(http.MethodDelete, "/v1/stacks/orders/bindings/consumer", nil).want(http.StatusNoContent)
	if got := list("orders"); len(got) != 0 {
		t.Errorf("the bindings are %+v", got)
	}

	api := stack.Stack{
		Name:      "shop",
		Trigger:   stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"POST /orders/{id}": {Function: "order"}}}},
		Functions: map[string]stack.Function{"order": f.function()},
	}
	f.call(http.MethodPut, "/v1/stacks/shop", api).want(http.StatusOK)
	const route = "/v1/stacks/shop/bindings/POST%20%2Forders%2F%7Bid%7D"
	f.call(http.MethodPut, route, `{"enabled":false}`).problem(http.StatusUnprocessableEntity, "cannot be enabled or disabled")
	f.call(http.MethodDelete, route, nil).want(http.StatusNoContent)
	if got := list("shop"); len(got) != 0 {
		t.Errorf("the bindings are %+v", got)
	}
}
