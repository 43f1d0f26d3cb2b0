package aws

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/middleware"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// What of API Gateway the emulators lack: calls, and what else a test needs.
const (
	updateStage       = "UpdateStage"
	newTagsRead       = "GetApis with the tags of TagResource"
	othersAuthorizers = "GetAuthorizers with those of others"
	scopesTakenAway   = "UpdateRoute with empty scopes"
)

var emulatorLacks = map[harness.EmulatorKind][]string{
	harness.Moto:      {updateStage, othersAuthorizers, scopesTakenAway},
	harness.Ministack: {newTagsRead},
}

// able tells whether the account's emulator has what a test needs.
func (a *gatewayAccount) able(needs []string) bool {
	return !slices.ContainsFunc(needs, func(need string) bool { return slices.Contains(emulatorLacks[a.kind], need) })
}

// motoGateway lists authorizers, which moto cannot, of those that were made through it.
type motoGateway struct {
	*apigatewayv2.Client
	mu  sync.Mutex
	ids []string
}

func (g *motoGateway) CreateAuthorizer(ctx context.Context, in *apigatewayv2.CreateAuthorizerInput, o ...func(*apigatewayv2.Options)) (*apigatewayv2.CreateAuthorizerOutput, error) {
	out, err := g.Client.CreateAuthorizer(ctx, in, o...)
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.ids = append(g.ids, *out.AuthorizerId)
	}
	return out, err
}

func (g *motoGateway) GetAuthorizers(ctx context.Context, in *apigatewayv2.GetAuthorizersInput, o ...func(*apigatewayv2.Options)) (*apigatewayv2.GetAuthorizersOutput, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all := &apigatewayv2.GetAuthorizersOutput{}
	for _, id := range g.ids {
		out, err := g.GetAuthorizer(ctx, &apigatewayv2.GetAuthorizerInput{ApiId: in.ApiId, AuthorizerId: aws.String(id)}, o...)
		switch {
		case err == nil:
			all.Items = append(all.Items, types.Authorizer{
				AuthorizerId: out.AuthorizerId, Name: out.Name, AuthorizerType: out.AuthorizerType,
				IdentitySource: out.IdentitySource, JwtConfiguration: out.JwtConfiguration,
			})
		case !missing(err):
			return nil, err
		}
	}
	return all, nil
}

// A gatewayAccount is an account on an emulator of the test's own.
type gatewayAccount struct {
	kind    harness.EmulatorKind
	session *session
	// hand changes things behind the package's back.
	hand *apigatewayv2.Client
	logs *cloudwatchlogs.Client

	mu sync.Mutex
	// left is how many calls the package can make until it is killed; negative for any.
	left int
	// calls that the package made, by name.
	calls []string
}

func startGateway(t *testing.T, kind harness.EmulatorKind) *gatewayAccount {
	t.Helper()
	emulator := acctest.OwnEmulator(t, kind)
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: aws.String(emulator.URL), HTTPClient: tuned(awshttp.NewBuildableClient()),
		Credentials: credentials.NewStaticCredentialsProvider("123456789012", "test", ""),
	}
	a := &gatewayAccount{kind: kind, hand: apigatewayv2.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config), left: -1}
	config.APIOptions = append(config.APIOptions, a.record)
	a.session = &session{
		place:   place{partition: "aws", domain: "amazonaws.com", region: config.Region, account: "123456789012"},
		clients: clients{gateway: apigatewayv2.NewFromConfig(config), logs: cloudwatchlogs.NewFromConfig(config)},
		pace:    quickPace,
	}
	if kind == harness.Moto {
		a.session.gateway = &motoGateway{Client: apigatewayv2.NewFromConfig(config)}
	}
	return a
}

var errKilled = errors.New("killed")

// record notes each call, and refuses it after the package was killed.
func (a *gatewayAccount) record(s *middleware.Stack) error {
	return s.Initialize.Add(middleware.InitializeMiddlewareFunc("record", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error,
	) {
		a.mu.Lock()
		killed := a.left == 0
		if !killed {
			a.left--
			a.calls = append(a.calls, awsmiddleware.GetOperationName(ctx))
		}
		a.mu.Unlock()
		if killed {
			return middleware.InitializeOutput{}, middleware.Metadata{}, errKilled
		}
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

// during returns the calls that do makes, sorted.
func (a *gatewayAccount) during(do func()) []string {
	a.mu.Lock()
	before := len(a.calls)
	a.mu.Unlock()
	do()
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Sorted(slices.Values(a.calls[before:]))
}

// read returns the HTTP API of the stack, and only that, as it is.
func (a *gatewayAccount) read(t *testing.T, s stack.Stack) *inventory {
	t.Helper()
	i := &inventory{session: a.session, shape: shape{name: s.Name, kind: stack.KindHTTPAPI}}
	i.api = i.addAPI()
	a.session.apis.changed(s.Name) // By the hand that nobody told of.
	if err := i.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return i
}

// apply makes the stack's API what is wanted, and returns it as it is after that.
func (a *gatewayAccount) apply(t *testing.T, prior, s stack.Stack) *stack.Deployment {
	t.Helper()
	i := a.read(t, prior)
	i.want(s)
	if err := i.applyAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := i.removeAll(t.Context(), func(c component) bool { return !c.wanted() }); err != nil {
		t.Fatal(err)
	}
	return i.describe(s)
}

// check applies s, and checks that what that says is what the next read says: all of s,
// and nothing wrong. It checks too that applying it once more changes nothing.
func (a *gatewayAccount) check(t *testing.T, prior, s stack.Stack) {
	t.Helper()
	applied := a.apply(t, prior, s)
	read := a.read(t, s).describe(s)
	if diff := cmp.Diff(applied, read); diff != "" {
		t.Errorf("what an apply says is not what the next read says (-apply +read):\n%s", diff)
	}
	if diff := cmp.Diff(s.Trigger, read.Stack.Trigger); diff != "" {
		t.Errorf("the stack is not what was wanted (-want +is):\n%s", diff)
	}
	for name, is := range read.Components {
		if is != stack.Ready {
			t.Errorf("%s: %s", name, is)
		}
	}
	i := a.read(t, s)
	calls := a.during(func() {
		i.want(s)
		if err := i.applyAll(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
	if len(calls) > 0 {
		t.Errorf("a second apply called %v", calls)
	}
}

// shopStack has an HTTP API with everything.
func shopStack() stack.Stack {
	log := stack.NewAccessLog()
	log.RetentionDays = 14
	return stack.Stack{
		Name: "shop", Tags: map[string]string{"team": "shop"},
		Trigger: stack.Trigger{HTTPAPI: &stack.HTTPAPI{
			Routes: map[string]stack.Route{
				"POST /orders":     {Function: "create", Auth: "inherit"},
				"GET /orders/{id}": {Function: "show", Auth: "inherit", Scopes: []string{"orders.read", "admin"}},
				"GET /health":      {Function: "show", Auth: "none"},
				"$default":         {Function: "create", Auth: "inherit"},
			},
			CORS: &stack.CORS{
				AllowOrigins: []string{"https://shop.example.org"}, AllowMethods: []string{"POST", "GET"}, AllowHeaders: []string{"Content-Type"},
				ExposeHeaders: []string{"X-Total"}, AllowCredentials: true, MaxAge: seconds(300),
			},
			Throttle:  &stack.Throttle{Rate: 100.5, Burst: 200},
			Auth:      &stack.JWTAuth{Issuer: "https://login.example.org/", Audience: []string{"shop", "app"}, Scopes: []string{"orders.write"}},
			AccessLog: &log,
		}},
	}
}

// withAPI is a stack with another HTTP API.
func withAPI(s stack.Stack, edit func(h *stack.HTTPAPI)) stack.Stack {
	h := *s.Trigger.HTTPAPI
	h.Routes = maps.Clone(h.Routes)
	edit(&h)
	s.Trigger.HTTPAPI = &h
	return s
}

func TestHTTPAPIOnEmulators(t *testing.T) {
	for _, kind := range []harness.EmulatorKind{harness.Moto, harness.Ministack} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			a := startGateway(t, kind)
			t.Run("is made, changed and removed", a.testChanges)
			t.Run("says in words what drifted, and repairs it", a.testDrift)
			t.Run("converges after a kill at any call", a.testKills)
		})
	}
}

func (a *gatewayAccount) testChanges(t *testing.T) {
	full := shopStack()
	calls := a.during(func() { a.check(t, full, full) })
	if made := countOf(calls, "CreateApi", "CreateStage", "CreateAuthorizer"); made != 3 {
		t.Errorf("made %d of API, stage and authorizer: %v", made, calls)
	}
	for _, change := range apiChanges {
		if !a.able(change.needs) {
			continue
		}
		t.Run(change.name, func(t *testing.T) {
			changed := withAPI(full, change.edit)
			calls := a.during(func() {
				a.check(t, full, changed)
				a.check(t, changed, full)
			})
			if countOf(calls, change.never...) > 0 {
				t.Errorf("called %v", calls)
			}
		})
	}
	a.removed(t, full)
}

// apiChanges are what users change, with what it needs there or back that not every
// emulator has, and the calls that it must not take.
var apiChanges = []struct {
	name  string
	edit  func(h *stack.HTTPAPI)
	needs []string
	never []string
}{
	{name: "a route more", edit: func(h *stack.HTTPAPI) {
		h.Routes["DELETE /orders/{id}"] = stack.Route{Function: "cancel", Auth: "inherit"}
	}},
	{name: "a route with the function of another", edit: func(h *stack.HTTPAPI) {
		h.Routes["POST /orders"] = stack.Route{Function: "cancel", Auth: "inherit"}
	}},
	{name: "a route less", edit: func(h *stack.HTTPAPI) { delete(h.Routes, "POST /orders") }},
	{name: "another name of a parameter", never: []string{"CreateRoute", "DeleteRoute"}, edit: func(h *stack.HTTPAPI) {
		h.Routes["GET /orders/{number}"] = h.Routes["GET /orders/{id}"]
		delete(h.Routes, "GET /orders/{id}")
	}},
	{name: "an open route", edit: func(h *stack.HTTPAPI) { h.Routes["POST /orders"] = stack.Route{Function: "create", Auth: "none"} }},
	{name: "other scopes of a route", edit: func(h *stack.HTTPAPI) {
		h.Routes["POST /orders"] = stack.Route{Function: "create", Auth: "inherit", Scopes: []string{"z", "a"}}
	}},
	{name: "other scopes of the API", edit: func(h *stack.HTTPAPI) { auth := *h.Auth; auth.Scopes = []string{"y", "b"}; h.Auth = &auth }},
	{name: "another issuer", never: []string{"CreateAuthorizer", "UpdateRoute"}, edit: func(h *stack.HTTPAPI) {
		h.Auth = &stack.JWTAuth{Issuer: "https://other.example.org/", Audience: []string{"b", "a"}, Scopes: h.Auth.Scopes}
	}},
	{name: "other CORS rules", edit: func(h *stack.HTTPAPI) { h.CORS = &stack.CORS{AllowOrigins: []string{"*"}} }},
	{name: "no CORS rules", edit: func(h *stack.HTTPAPI) { h.CORS = nil }},
	{name: "no auth", needs: []string{scopesTakenAway}, edit: func(h *stack.HTTPAPI) {
		h.Auth = nil
		h.Routes["GET /orders/{id}"] = stack.Route{Function: "show", Auth: "inherit"}
	}},
	{name: "another retention", edit: func(h *stack.HTTPAPI) { h.AccessLog = &stack.AccessLog{Format: h.AccessLog.Format} }},
	{name: "another format", needs: []string{updateStage}, edit: func(h *stack.HTTPAPI) {
		h.AccessLog = &stack.AccessLog{Format: "$context.requestId", RetentionDays: h.AccessLog.RetentionDays}
	}},
	{name: "another throttle", needs: []string{updateStage}, edit: func(h *stack.HTTPAPI) { h.Throttle = &stack.Throttle{Rate: 1, Burst: 1} }},
	{name: "no throttle", needs: []string{updateStage}, edit: func(h *stack.HTTPAPI) { h.Throttle = nil }},
}

// removed removes all of the stack, with one call for all of the API, and checks that
// nothing is left.
func (a *gatewayAccount) removed(t *testing.T, s stack.Stack) {
	t.Helper()
	i := a.read(t, s)
	calls := a.during(func() {
		if err := i.removeAll(t.Context(), func(component) bool { return true }); err != nil {
			t.Fatal(err)
		}
	})
	if diff := cmp.Diff([]string{"DeleteApi", "DeleteLogGroup"}, calls); diff != "" {
		t.Errorf("calls to remove (-want +is):\n%s", diff)
	}
	if !a.read(t, s).emptyAPI() {
		t.Error("something is left")
	}
}

// emptyAPI tells whether nothing of the stack's API exists.
func (i *inventory) emptyAPI() bool {
	return !slices.ContainsFunc(i.parts, func(p part) bool { return p.exists() })
}

func countOf(calls []string, names ...string) int {
	n := 0
	for _, call := range calls {
		if slices.Contains(names, call) {
			n++
		}
	}
	return n
}

// testKills checks that whatever was made before a kill is taken up by the next apply,
// and nothing made twice.
func (a *gatewayAccount) testKills(t *testing.T) {
	s := shopStack()
	// kill ends do after so many calls, and tells whether there were more.
	kill := func(after int, do func(i *inventory) error) bool {
		i := a.read(t, s)
		a.left = after
		err := do(i)
		a.left = -1
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		return err != nil
	}
	create := func(i *inventory) error {
		i.want(s)
		return i.applyAll(t.Context())
	}
	remove := func(i *inventory) error {
		return i.removeAll(t.Context(), func(component) bool { return true })
	}
	for calls := 0; kill(calls, create); calls++ {
		a.check(t, s, s)
		a.removed(t, s)
	}
	for calls := 0; kill(calls, remove); calls++ {
		if err := remove(a.read(t, s)); err != nil {
			t.Fatal(err)
		}
		if !a.read(t, s).emptyAPI() {
			t.Error("something is left")
		}
		a.check(t, s, s)
	}
	out, err := a.hand.GetApis(t.Context(), &apigatewayv2.GetApisInput{})
	if err != nil || len(out.Items) > 0 {
		t.Errorf("%d APIs are left (%v)", len(out.Items), err)
	}
}
