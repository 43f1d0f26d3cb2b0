package stack

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAnAliasIsNamedAndRoutedAsItsTargetsCan(t *testing.T) {
	beta := AliasRef{"shop", "order", "beta"}
	if problems := ValidateAlias(beta, Alias{Routing: Routing{7: 90, 8: 10}, URL: &FunctionURL{Auth: "none", InvokeMode: "buffered"}}); problems != nil {
		t.Errorf("a valid alias: %v", problems)
	}
	for _, c := range []struct {
		ref        AliasRef
		alias      Alias
		path, want string
	}{
		{AliasRef{"shop", "order", "live"}, Alias{Routing: RouteTo(1)}, "name", "the stack's own"},
		{AliasRef{"shop", "order", "Beta"}, Alias{Routing: RouteTo(1)}, "name", "cannot name an alias"},
		{AliasRef{"shop", "order", "7"}, Alias{Routing: RouteTo(1)}, "name", "cannot name an alias"},
		{AliasRef{"Shop", "order", "beta"}, Alias{Routing: RouteTo(1)}, "stack", "cannot name a stack"},
		{AliasRef{"shop", "", "beta"}, Alias{Routing: RouteTo(1)}, "function", "cannot name a function"},
		{beta, Alias{}, "routing", "one or two versions, not 0"},
		{beta, Alias{Routing: Routing{1: 90, 2: 5}}, "routing", "add up to 95"},
		{beta, Alias{Routing: RouteTo(1), URL: &FunctionURL{Auth: "open", InvokeMode: "buffered"}}, "url.auth", `"open"`},
		{beta, Alias{Routing: RouteTo(1), URL: &FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &CORS{}}}, "url.cors.allow_origins", "allow no origin"},
	} {
		problems := ValidateAlias(c.ref, c.alias)
		if len(problems) != 1 || problems[0].Paths[0] != c.path || !strings.Contains(problems[0].Message, c.want) {
			t.Errorf("%v %+v: %v, want one at %s: ...%s...", c.ref, c.alias, problems, c.path, c.want)
		}
	}
}

func TestARouteToLiveHasOneSpelling(t *testing.T) {
	for text, want := range map[string]string{
		`{"function":"order"}`:                `{"function":"order","auth":"inherit"}`,
		`{"function":"order","alias":"live"}`: `{"function":"order","auth":"inherit"}`,
		`{"function":"order","alias":"beta"}`: `{"function":"order","alias":"beta","auth":"inherit"}`,
	} {
		var r Route
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(r); string(got) != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
	api := Stack{Trigger: Trigger{HTTPAPI: &HTTPAPI{Routes: map[string]Route{"$default": {Function: "order", Alias: "live"}}}}}.WithDefaults()
	if r := api.Trigger.HTTPAPI.Routes["$default"]; r.Alias != "" || r.Qualifier() != AliasLive {
		t.Errorf("the route is %+v and invokes %q", r, r.Qualifier())
	}
	if r := (Route{Alias: "beta"}); r.Qualifier() != "beta" {
		t.Errorf("the route invokes %q", r.Qualifier())
	}
}

func TestARoutingInWords(t *testing.T) {
	for want, r := range map[string]Routing{
		"100 % to version 7":                      RouteTo(7),
		"90 % to version 7 and 10 % to version 8": {8: 10, 7: 90},
		"nothing": nil,
	} {
		if got := r.Percentages(); got != want {
			t.Errorf("%v is %q, want %q", r, got, want)
		}
	}
}
