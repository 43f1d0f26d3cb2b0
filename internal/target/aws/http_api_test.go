package aws

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// apiInventory has the components of one HTTP API, of which nothing exists.
func apiInventory() *inventory {
	i := &inventory{
		session: &session{place: place{partition: "aws", domain: "amazonaws.com", region: "eu-central-1", account: "123456789012"}, pace: quickPace},
		shape:   shape{name: "shop", kind: stack.KindHTTPAPI},
	}
	i.api = i.addAPI()
	return i
}

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

func TestStageDrift(t *testing.T) {
	const own = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/vendedlogs/tidegate/shop"
	logging := func(group string) *types.AccessLogSettings {
		return &types.AccessLogSettings{DestinationArn: aws.String(group), Format: aws.String("$context.requestId")}
	}
	for name, test := range map[string]struct {
		log  bool
		edit func(s *types.Stage)
		want string
	}{
		"as wanted":             {false, func(*types.Stage) {}, ""},
		"as wanted, with a log": {true, func(s *types.Stage) { s.AccessLogSettings = logging(own + ":*") }, ""},
		"no log":                {true, func(*types.Stage) {}, "it writes no access log"},
		"a log":                 {false, func(s *types.Stage) { s.AccessLogSettings = logging("arn:x") }, "it writes an access log to arn:x"},
		"a log elsewhere":       {true, func(s *types.Stage) { s.AccessLogSettings = logging("arn:x") }, "it writes its access log to arn:x"},
		"no deploying":          {false, func(s *types.Stage) { s.AutoDeploy = nil }, "it does not deploy changes by itself"},
		"a description":         {false, func(s *types.Stage) { s.Description = nil }, "its description differs"},
		"variables":             {false, func(s *types.Stage) { s.StageVariables = map[string]string{"b": "1", "a": "2"} }, "it has the variables a, b"},
		"settings of a route":   {false, func(s *types.Stage) { s.RouteSettings = map[string]types.RouteSettings{"GET /": {}} }, `it has settings of its own for the route "GET /"`},
		"detailed metrics": {false, func(s *types.Stage) {
			s.DefaultRouteSettings = &types.RouteSettings{DetailedMetricsEnabled: aws.Bool(true)}
		}, "it has detailed metrics"},
		"a tag":                    {false, func(s *types.Stage) { s.Tags = map[string]string{tagStack: "shop", "mine": "1"} }, "its tag mine differs"},
		"not even the stack's own": {false, func(s *types.Stage) { s.Tags = nil }, "its tag tidegate:stack differs"},
	} {
		h := stack.HTTPAPI{}
		if test.log {
			h.AccessLog = &stack.AccessLog{Format: "$context.requestId"}
		}
		i := apiInventory()
		i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &h}})
		i.api.stage.have = &types.Stage{
			StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: map[string]string{tagStack: "shop"},
		}
		test.edit(i.api.stage.have)
		if got := i.api.stage.drift(); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestAccessLogThatNothingWritesToIsLeftOver(t *testing.T) {
	i := apiInventory()
	i.api.accessLog.have = &logGroupFacts{retention: 7, tags: map[string]string{tagStack: "shop"}}
	i.api.stage.have = &types.Stage{}
	d := i.describe(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	if got := d.Components["access_log"]; got != stateLeftOver || d.Stack.Trigger.HTTPAPI.AccessLog != nil {
		t.Errorf("%q, shown as %+v", got, d.Stack.Trigger.HTTPAPI.AccessLog)
	}

	i.api.stage.have.AccessLogSettings = &types.AccessLogSettings{DestinationArn: aws.String(accessLogARN(i)), Format: aws.String("x")}
	d = i.describe(stack.Stack{Name: "shop"})
	if diff := cmp.Diff(&stack.AccessLog{Format: "x", RetentionDays: 7}, d.Stack.Trigger.HTTPAPI.AccessLog); diff != "" {
		t.Errorf("one that the stage writes to (-want +is):\n%s", diff)
	}
}

func TestCORSIsShownInTheSpellingThatWasKnown(t *testing.T) {
	prior := &stack.CORS{AllowOrigins: []string{"https://b", "https://a"}, AllowHeaders: []string{"Content-Type"}, AllowMethods: []string{"GET"}, MaxAge: seconds(60)}
	have := &types.Cors{
		AllowOrigins: []string{"https://a", "https://b"}, AllowHeaders: []string{"content-type"}, AllowMethods: []string{"GET", "PUT"},
		ExposeHeaders: []string{}, AllowCredentials: aws.Bool(false), MaxAge: aws.Int32(60),
	}
	want := *prior
	want.AllowMethods = []string{"GET", "PUT"}
	if diff := cmp.Diff(&want, corsOf(have, prior)); diff != "" {
		t.Errorf("(-want +is):\n%s", diff)
	}
	if sameCORS(have, prior) {
		t.Error("other methods are the same CORS rules")
	}
	if !sameCORS(corsInput(prior), prior) || !sameCORS(nil, nil) || sameCORS(nil, prior) || sameCORS(have, nil) {
		t.Error("CORS rules are not compared right")
	}
}

func TestChoosingTheStacksAuthorizer(t *testing.T) {
	z := func(id, name string, kind types.AuthorizerType) types.Authorizer {
		return types.Authorizer{AuthorizerId: aws.String(id), Name: aws.String(name), AuthorizerType: kind}
	}
	for name, test := range map[string]struct {
		all     []types.Authorizer
		own     string
		further int
	}{
		"none":              {nil, "", 0},
		"by name":           {[]types.Authorizer{z("1", "mine", "JWT"), z("2", "jwt", "JWT")}, "2", 1},
		"renamed":           {[]types.Authorizer{z("3", "mine", "JWT"), z("1", "other", "REQUEST"), z("2", "mine", "JWT")}, "2", 2},
		"of a type changed": {[]types.Authorizer{z("1", "jwt", "REQUEST"), z("2", "mine", "JWT")}, "1", 1},
		"somebody's only":   {[]types.Authorizer{z("1", "mine", "REQUEST")}, "", 1},
	} {
		own, further := chooseAuthorizer(test.all)
		id := ""
		if own != nil {
			id = aws.ToString(own.AuthorizerId)
		}
		if id != test.own || len(further) != test.further {
			t.Errorf("%s: %q and %d further, want %q and %d", name, id, len(further), test.own, test.further)
		}
	}
}

// A fakeGateway answers what no emulator does. Calls that it has no answer for panic.
type fakeGateway struct {
	gatewayAPI
	getApis   func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error)
	deleteAPI func() error
	stage     *types.Stage
	calls     []string
	// routeSettings is whether DeleteRouteSettings takes away a throttle.
	routeSettings bool
}

func (g *fakeGateway) GetApis(_ context.Context, in *apigatewayv2.GetApisInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.GetApisOutput, error) {
	return g.getApis(in)
}

func (g *fakeGateway) DeleteApi(context.Context, *apigatewayv2.DeleteApiInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteApiOutput, error) {
	return nil, g.deleteAPI()
}

func (g *fakeGateway) DeleteRouteSettings(context.Context, *apigatewayv2.DeleteRouteSettingsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteRouteSettingsOutput, error) {
	g.calls = append(g.calls, "DeleteRouteSettings")
	if g.routeSettings {
		g.stage.DefaultRouteSettings = nil
	}
	return nil, nil
}

func (g *fakeGateway) DeleteAccessLogSettings(context.Context, *apigatewayv2.DeleteAccessLogSettingsInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteAccessLogSettingsOutput, error) {
	g.calls = append(g.calls, "DeleteAccessLogSettings")
	return nil, nil
}

func (g *fakeGateway) UpdateStage(_ context.Context, in *apigatewayv2.UpdateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.UpdateStageOutput, error) {
	g.calls = append(g.calls, "UpdateStage")
	out := &apigatewayv2.UpdateStageOutput{AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), StageVariables: map[string]string{}}
	for name, value := range in.StageVariables {
		if value != "" {
			out.StageVariables[name] = value
		}
	}
	return out, nil
}

func (g *fakeGateway) GetStages(context.Context, *apigatewayv2.GetStagesInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.GetStagesOutput, error) {
	g.calls = append(g.calls, "GetStages")
	return &apigatewayv2.GetStagesOutput{Items: []types.Stage{*g.stage}}, nil
}

func (g *fakeGateway) DeleteStage(context.Context, *apigatewayv2.DeleteStageInput, ...func(*apigatewayv2.Options)) (*apigatewayv2.DeleteStageOutput, error) {
	g.calls = append(g.calls, "DeleteStage")
	return nil, nil
}

func (g *fakeGateway) CreateStage(_ context.Context, in *apigatewayv2.CreateStageInput, _ ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateStageOutput, error) {
	g.calls = append(g.calls, "CreateStage")
	return &apigatewayv2.CreateStageOutput{StageName: in.StageName, AutoDeploy: in.AutoDeploy, Description: in.Description, DefaultRouteSettings: in.DefaultRouteSettings}, nil
}

func TestThrottleIsTakenAwayWithANewStageOnlyIfNothingElseDoes(t *testing.T) {
	for _, test := range []struct {
		routeSettings bool
		want          []string
	}{
		{true, []string{"DeleteRouteSettings", "GetStages"}},
		{false, []string{"DeleteRouteSettings", "GetStages", "DeleteStage", "CreateStage"}},
	} {
		i := apiInventory()
		i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
		throttled := types.Stage{
			StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
			DefaultRouteSettings: &types.RouteSettings{ThrottlingRateLimit: aws.Float64(0), ThrottlingBurstLimit: aws.Int32(0)},
		}
		gateway := &fakeGateway{stage: &throttled, routeSettings: test.routeSettings}
		i.gateway = gateway
		have := throttled
		i.api.stage.have = &have
		if err := i.api.stage.apply(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, gateway.calls); diff != "" {
			t.Errorf("calls (-want +is):\n%s", diff)
		}
		if throttleOf(i.api.stage.have.DefaultRouteSettings) != nil || i.api.stage.drift() != "" {
			t.Errorf("after that: %+v, %q", i.api.stage.have, i.api.stage.drift())
		}
	}
}

// No emulator takes empty variables away.
func TestVariablesOfAStageAreTakenAwayWithEmptyValues(t *testing.T) {
	i := apiInventory()
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	i.gateway = &fakeGateway{}
	i.api.stage.have = &types.Stage{
		StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
		StageVariables: map[string]string{"mine": "1"},
	}
	if err := i.api.stage.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i.api.stage.drift() != "" {
		t.Errorf("after that: %q", i.api.stage.drift())
	}
}

// No emulator has the call: one answers with 404, the other deletes the whole stage.
func TestAccessLogIsTakenAwayWithACallOfItsOwn(t *testing.T) {
	i := apiInventory()
	i.want(stack.Stack{Name: "shop", Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}})
	gateway := &fakeGateway{}
	i.gateway = gateway
	i.api.stage.have = &types.Stage{
		StageName: aws.String(stageName), AutoDeploy: aws.Bool(true), Description: aws.String(stageDescription), Tags: i.api.stage.wish.tags,
		AccessLogSettings: &types.AccessLogSettings{DestinationArn: aws.String(accessLogARN(i)), Format: aws.String("x")},
	}
	if err := i.api.stage.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"DeleteAccessLogSettings"}, gateway.calls); diff != "" {
		t.Errorf("calls (-want +is):\n%s", diff)
	}
	if i.api.stage.drift() != "" {
		t.Errorf("after that: %q", i.api.stage.drift())
	}
}

func TestChangesWaitForOthersToTheSameAPI(t *testing.T) {
	i := apiInventory()
	busy := &smithy.GenericAPIError{Code: "ConflictException", Message: "Unable to complete operation due to concurrent modification. Please try again later."}
	used := &smithy.GenericAPIError{Code: "ConflictException", Message: "Cannot delete Integration because it is referenced by the following Routes with Ids: [a]"}
	answers := []error{busy, busy, nil, used}
	i.gateway = &fakeGateway{deleteAPI: func() error {
		answer := answers[0]
		answers = answers[1:]
		return answer
	}}
	i.api.api.have = &types.Api{ApiId: aws.String("a")}
	if err := i.api.api.delete(t.Context(), aws.String("a")); err != nil {
		t.Errorf("gave up: %v", err)
	}
	if err := i.api.api.delete(t.Context(), aws.String("a")); !errors.Is(err, used) {
		t.Errorf("%v, want %v", err, used)
	}
}

func TestAPIsAreFoundByTagOnAllPages(t *testing.T) {
	day := func(n int) *time.Time { return aws.Time(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)) }
	item := func(id, owner string, created *time.Time, protocol types.ProtocolType) types.Api {
		return types.Api{ApiId: aws.String(id), Name: aws.String("shop"), CreatedDate: created, ProtocolType: protocol, Tags: map[string]string{tagStack: owner}}
	}
	pages := map[string]*apigatewayv2.GetApisOutput{
		"":  {NextToken: aws.String("2"), Items: []types.Api{item("new", "shop", day(3), "HTTP"), item("other", "", day(1), "HTTP"), item("socket", "shop", day(1), "WEBSOCKET")}},
		"2": {Items: []types.Api{item("old-b", "shop", day(2), "HTTP"), item("old-a", "shop", day(2), "HTTP"), item("x", "orders", day(1), "HTTP")}},
	}
	var l apiListing
	found, err := l.of(t.Context(), &fakeGateway{getApis: func(in *apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		if aws.ToString(in.MaxResults) == "" {
			t.Error("without a number of results there are no further pages")
		}
		return pages[aws.ToString(in.NextToken)], nil
	}}, "shop")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range found {
		ids = append(ids, *a.ApiId)
	}
	if diff := cmp.Diff([]string{"old-a", "old-b", "new"}, ids); diff != "" {
		t.Errorf("(-want +is):\n%s", diff)
	}
}

// A listing of a hundred stacks' readers.
func TestReadersShareAListingOfAPIs(t *testing.T) {
	var mu sync.Mutex
	listings := 0
	gateway := &fakeGateway{getApis: func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		mu.Lock()
		defer mu.Unlock()
		listings++
		return &apigatewayv2.GetApisOutput{}, nil
	}}
	var l apiListing
	read := func(name string) {
		if _, err := l.of(t.Context(), gateway, name); err != nil {
			t.Error(err)
		}
	}
	var readers sync.WaitGroup
	for range 100 {
		readers.Go(func() { read("shop") })
	}
	readers.Wait()
	if listings != 1 {
		t.Errorf("%d listings for readers of one time", listings)
	}
	l.changed("shop")
	read("orders")
	if listings != 1 {
		t.Errorf("a change to one stack's API made another list again")
	}
	read("shop")
	read("shop")
	if listings != 2 {
		t.Errorf("%d listings after a change, want 2", listings)
	}
}

func TestAReaderDoesNotFailSinceTheListingsFirstReaderWasInterrupted(t *testing.T) {
	first, interrupt := context.WithCancel(t.Context())
	began, second := make(chan struct{}), make(chan struct{})
	var once sync.Once
	gateway := &fakeGateway{getApis: func(*apigatewayv2.GetApisInput) (*apigatewayv2.GetApisOutput, error) {
		var err error
		once.Do(func() {
			close(began)
			<-second
			interrupt()
			err = first.Err()
		})
		return &apigatewayv2.GetApisOutput{}, err
	}}
	var l apiListing
	failed := make(chan error)
	go func() {
		_, err := l.of(first, gateway, "shop")
		failed <- err
	}()
	<-began
	waited := make(chan error)
	go func() {
		_, err := l.of(t.Context(), gateway, "orders")
		waited <- err
	}()
	for l.joined() < 2 {
		runtime.Gosched()
	}
	close(second)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted reader got %v", err)
	}
	if err := <-waited; err != nil {
		t.Errorf("the reader that waited got %v", err)
	}
}

// joined is how often somebody asked for a listing, if nothing changed.
func (l *apiListing) joined() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clock
}
