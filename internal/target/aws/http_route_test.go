package aws

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// liveARN is the ARN of the alias of a function of the stack.
func liveARN(function string) string {
	return "arn:aws:lambda:eu-central-1:123456789012:function:shop-" + function + ":live"
}

// integration is as the stack makes it.
func integration(id, uri string) types.Integration {
	return types.Integration{
		IntegrationId: aws.String(id), IntegrationType: types.IntegrationTypeAwsProxy, IntegrationUri: aws.String(uri), IntegrationMethod: aws.String("POST"),
		ConnectionType: types.ConnectionTypeInternet, PayloadFormatVersion: aws.String("2.0"), TimeoutInMillis: aws.Int32(30000),
	}
}

func TestFunctionOfAnIntegration(t *testing.T) {
	n := apiInventory().api.integrations
	for uri, want := range map[string]string{
		liveARN("create"):      "create",
		liveARN("create-much"): "create-much",
		"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/" + liveARN("create") + "/invocations": "create",
		strings.TrimSuffix(liveARN("create"), ":live"):                                                           "",
		strings.TrimSuffix(liveARN("create"), "live") + "7":                                                      "",
		"arn:aws:lambda:eu-central-1:123456789012:function:other-create:live":                                    "",
		"arn:aws:lambda:eu-west-1:123456789012:function:shop-create:live":                                        "",
		"arn:aws:lambda:eu-central-1:210987654321:function:shop-create:live":                                     "",
		"https://example.org": "",
		"":                    "",
	} {
		if got := n.function(types.Integration{IntegrationUri: aws.String(uri)}); got != want {
			t.Errorf("%s: function %q, want %q", uri, got, want)
		}
	}
}

func TestIntegrationsDrift(t *testing.T) {
	different := func(edit func(in *types.Integration)) types.Integration {
		in := integration("a", liveARN("create"))
		edit(&in)
		return in
	}
	for name, test := range map[string]struct {
		have []types.Integration
		want string
	}{
		"as wanted":     {[]types.Integration{integration("a", liveARN("create"))}, ""},
		"none":          {nil, `that of the function "create" is missing`},
		"a second":      {[]types.Integration{integration("a", liveARN("create")), integration("b", liveARN("create"))}, `there is a second one with the function "create"`},
		"not needed":    {[]types.Integration{integration("a", liveARN("create")), integration("b", liveARN("show"))}, `there is one with the function "show", which no route needs`},
		"another one":   {[]types.Integration{integration("a", liveARN("create")), integration("b", "https://example.org")}, "there is one with https://example.org"},
		"another type":  {[]types.Integration{different(func(in *types.Integration) { in.IntegrationType = types.IntegrationTypeAws })}, differing("its type is AWS")},
		"format 1.0":    {[]types.Integration{different(func(in *types.Integration) { in.PayloadFormatVersion = aws.String("1.0") })}, differing("its payload format is 1.0")},
		"less time":     {[]types.Integration{different(func(in *types.Integration) { in.TimeoutInMillis = aws.Int32(50) })}, differing("its timeout is 50 ms")},
		"a role":        {[]types.Integration{different(func(in *types.Integration) { in.CredentialsArn = aws.String("arn:x") })}, differing("it has the role arn:x")},
		"a description": {[]types.Integration{different(func(in *types.Integration) { in.Description = aws.String("x") })}, differing("it has a description")},
		"other requests": {[]types.Integration{different(func(in *types.Integration) {
			in.RequestParameters = map[string]string{"overwrite:path": "/x"}
		})}, differing("it changes requests")},
		"other responses": {[]types.Integration{different(func(in *types.Integration) {
			in.ResponseParameters = map[string]map[string]string{"200": {"overwrite:statuscode": "201"}}
		})}, differing("it changes responses")},
	} {
		n := apiInventory().api.integrations
		n.want(stack.Stack{Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"$default": {Function: "create"}, "GET /": {Function: "create"}}}}})
		n.have = test.have
		if got := n.drift(); got != test.want {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, test.want)
		}
	}
}

func differing(how string) string {
	return `that of the function "create" is missing; there is one with the function "create" that differs: ` + how
}

// A route on AWS and what the model makes of it, with and without knowing what was there.
func TestRoutesAreShownInTheSpellingThatWasKnown(t *testing.T) {
	jwt := func(scopes ...string) types.Route {
		return types.Route{AuthorizationType: types.AuthorizationTypeJwt, AuthorizerId: aws.String("z"), AuthorizationScopes: scopes}
	}
	open := types.Route{AuthorizationType: types.AuthorizationTypeNone}
	auth := &stack.JWTAuth{Scopes: []string{"w", "r"}}
	for name, test := range map[string]struct {
		route  types.Route
		auth   *stack.JWTAuth
		before *stack.Route
		want   stack.Route
	}{
		"open, nothing known":                  {open, nil, nil, stack.Route{Auth: "inherit"}},
		"open, known as open":                  {open, nil, &stack.Route{Auth: "none"}, stack.Route{Auth: "none"}},
		"open, known to inherit nothing":       {open, nil, &stack.Route{Auth: "inherit"}, stack.Route{Auth: "inherit"}},
		"opened by hand":                       {open, auth, &stack.Route{Auth: "inherit"}, stack.Route{Auth: "none"}},
		"inheriting, nothing known":            {jwt("r", "w"), auth, nil, stack.Route{Auth: "inherit"}},
		"inheriting, known":                    {jwt("r", "w"), auth, &stack.Route{Auth: "inherit"}, stack.Route{Auth: "inherit"}},
		"closed by hand":                       {jwt("r", "w"), auth, &stack.Route{Auth: "none"}, stack.Route{Auth: "inherit"}},
		"the API's scopes written again":       {jwt("r", "w"), auth, &stack.Route{Auth: "inherit", Scopes: []string{"w", "r"}}, stack.Route{Auth: "inherit", Scopes: []string{"w", "r"}}},
		"scopes of its own, in another order":  {jwt("a", "b"), auth, &stack.Route{Auth: "inherit", Scopes: []string{"b", "a"}}, stack.Route{Auth: "inherit", Scopes: []string{"b", "a"}}},
		"other scopes by hand":                 {jwt("a"), auth, &stack.Route{Auth: "inherit"}, stack.Route{Auth: "inherit", Scopes: []string{"a"}}},
		"no scopes by hand, said by drift":     {jwt(), auth, &stack.Route{Auth: "inherit"}, stack.Route{Auth: "inherit"}},
		"scopes that the API's auth has alone": {jwt(), &stack.JWTAuth{}, &stack.Route{Auth: "inherit", Scopes: []string{"a"}}, stack.Route{Auth: "inherit"}},
	} {
		before, known := stack.Route{}, test.before != nil
		if known {
			before = *test.before
		}
		test.want.Function = "create"
		if diff := cmp.Diff(test.want, describeRoute(test.route, "create", test.auth, before, known)); diff != "" {
			t.Errorf("%s (-want +is):\n%s", name, diff)
		}
	}
}

func TestScopesThatAllRoutesShareAreTheAPIsWhenNothingIsKnown(t *testing.T) {
	i := apiInventory()
	i.api.authorizer.have = &types.Authorizer{AuthorizerId: aws.String("z"), JwtConfiguration: &types.JWTConfiguration{Issuer: aws.String("https://i"), Audience: []string{"b", "a"}}}
	i.api.integrations.have = []types.Integration{integration("a", liveARN("create"))}
	route := func(scopes ...string) types.Route {
		return types.Route{Target: aws.String("integrations/a"), AuthorizationType: types.AuthorizationTypeJwt, AuthorizerId: aws.String("z"), AuthorizationScopes: scopes}
	}
	i.api.routes.have = map[string]types.Route{"GET /a": route("r", "w"), "GET /b": route("w", "r"), "GET /c": {Target: aws.String("integrations/a")}}
	inherit, none := stack.Route{Function: "create", Auth: "inherit"}, stack.Route{Function: "create", Auth: "none"}

	got := i.describe(stack.Stack{Name: "shop"}).Stack.Trigger.HTTPAPI
	slices.Sort(got.Auth.Scopes)
	want := &stack.HTTPAPI{
		Auth:   &stack.JWTAuth{Issuer: "https://i", Audience: []string{"b", "a"}, Scopes: []string{"r", "w"}},
		Routes: map[string]stack.Route{"GET /a": inherit, "GET /b": inherit, "GET /c": none},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("shared (-want +is):\n%s", diff)
	}

	i.api.routes.have["GET /b"] = route("x")
	got = i.describe(stack.Stack{Name: "shop"}).Stack.Trigger.HTTPAPI
	if got.Auth.Scopes != nil || !slices.Equal(got.Routes["GET /b"].Scopes, []string{"x"}) {
		t.Errorf("scopes that differ: %v of the API, and routes %v", got.Auth.Scopes, got.Routes)
	}
}

func TestRoutesSayWhereTheyLead(t *testing.T) {
	i := apiInventory()
	i.api.integrations.have = []types.Integration{integration("a", liveARN("create")), integration("b", liveARN("create")), integration("c", "https://example.org")}
	to := func(id string) types.Route { return types.Route{Target: aws.String("integrations/" + id)} }
	i.api.routes.have = map[string]types.Route{"GET /a": to("a"), "GET /b": to("b"), "GET /c": to("c"), "GET /d": to("d")}
	i.api.routes.want(stack.Stack{Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{
		"GET /a": {Function: "create"}, "GET /b": {Function: "create"}, "GET /c": {Function: "create"},
	}}}})
	const want = `"GET /b" differs: it leads to another integration with the function "create"; ` +
		`"GET /c" differs: it leads to https://example.org; there is a further one, "GET /d", which leads to nothing`
	if got := i.api.routes.drift(); got != want {
		t.Errorf("%s\nwant:\n%s", got, want)
	}
}

func TestRoutesNameOnlyWhatTheyHaveOrHad(t *testing.T) {
	i := apiInventory()
	gateway := &fakeGateway{}
	i.gateway = gateway
	i.api.integrations.have = []types.Integration{integration("i", liveARN("create"))}
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"GET /": {Function: "create"}}}}})
	r := i.api.routes
	if err := r.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := gateway.createdRoute; in.AuthorizationScopes != nil || in.AuthorizerId != nil {
		t.Errorf("a route that needs no token is made with the scopes %v and an authorizer", in.AuthorizationScopes)
	}
	for _, had := range [][]string{nil, {"read"}} {
		r.have = map[string]types.Route{"GET /": {RouteId: aws.String("r"), RouteKey: aws.String("GET /"), Target: aws.String("integrations/other"), AuthorizationScopes: had}}
		if err := r.apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		in := gateway.updatedRoute
		if in.RouteKey != nil || in.AuthorizerId != nil || (in.AuthorizationScopes != nil) != (had != nil) || len(in.AuthorizationScopes) > 0 {
			t.Errorf("a route with the scopes %v is sent as %+v", had, in)
		}
	}
}
