package trigger

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// serveURLs serves the addresses of the functions of a stack "shop", one open,
// one restricted and one without an address.
func serveURLs(t *testing.T, invoker invoke.Invoker, authorize Authorizer) *apiTest {
	t.Helper()
	s := openStore(t)
	record := recordOf("shop", stack.Trigger{})
	withURL := func(url *stack.FunctionURL) stack.Function {
		f := stack.NewFunction()
		f.URL = url
		return f
	}
	record.Stack.Functions = map[string]stack.Function{
		"open":   withURL(&stack.FunctionURL{Auth: "none", InvokeMode: "buffered", CORS: &stack.CORS{AllowOrigins: []string{"*"}, AllowMethods: []string{"*"}}}),
		"iam":    withURL(&stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"}),
		"stream": withURL(&stack.FunctionURL{Auth: "none", InvokeMode: "response_stream"}),
		"hidden": withURL(nil),
	}
	record.Functions = map[string]*store.FunctionRecord{"hidden": {Aliases: map[string]stack.Alias{
		"beta":   {Routing: stack.RouteTo(1), URL: &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"}},
		"closed": {Routing: stack.RouteTo(1), URL: &stack.FunctionURL{Auth: "iam", InvokeMode: "buffered"}},
		"inner":  {Routing: stack.RouteTo(1)},
	}}}
	record.Revision = 0
	if _, err := s.PutRecord(t.Context(), record); err != nil {
		t.Fatal(err)
	}
	if err := s.Directory().Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	clock := newFakeClock(testStart)
	u := NewFunctionURLs(Env{Store: s, Invoker: invoker, Authorize: authorize, Clock: clock})
	components := u.Components(t.Context(), record)
	if len(components) != 3 || components["functions/open/url"] != stack.Ready || components["functions/iam/url"] != stack.Ready {
		t.Errorf("components are %v", components)
	}
	mux := http.NewServeMux()
	u.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		u.Close(context.Background())
	})
	return &apiTest{T: t, clock: clock, url: server.URL + "/functions/shop"}
}

func TestFunctionURLInvokesItsFunction(t *testing.T) {
	f := answering(`{"statusCode":202,"body":"{}"}`)
	urls := serveURLs(t, f, allowAll)
	response := urls.wants("PUT", "/open/a/b?c=d", 202, "{}")
	request := f.seen()[0]
	var event httpEvent
	if err := json.Unmarshal(request.Payload, &event); err != nil {
		t.Fatal(err)
	}
	c := event.RequestContext
	if request.Function != "shop-open" || request.Qualifier != "live" || event.RawPath != "/a/b" || event.RawQueryString != "c=d" ||
		event.RouteKey != "$default" || c.AccountID != "anonymous" || c.APIID != "shop-open" || c.RequestID != request.ID || request.ID == "" {
		t.Errorf("invoked %+v with %+v", request, event)
	}
	wantHeaders(t, response, map[string]string{"Content-Type": "application/json", "X-Amzn-Requestid": request.ID})
	urls.wants("GET", "/hidden", 404, `{"Message":"Not Found"}`)
	urls.wants("GET", "/nothing/at/all", 404, `{"Message":"Not Found"}`)
}

func TestFunctionURLWithIAMNeedsPermission(t *testing.T) {
	f := answering(`"ok"`)
	urls := serveURLs(t, f, func(r *http.Request, action, resource string) error {
		if action != "lambda:InvokeFunctionUrl" {
			return errors.New("no such action")
		}
		switch {
		case r.Header.Get("Authorization") == "":
			return ErrUnauthenticated
		case strings.HasSuffix(resource, r.Header.Get("Authorization")):
			return nil
		}
		return errors.New("no permission")
	})
	urls.wants("GET", "/iam", 403, `{"Message":"Forbidden"}`)
	urls.wants("GET", "/iam", 403, `{"Message":"Forbidden"}`, "Authorization: shop-other")
	urls.wants("GET", "/iam", 200, "ok", "Authorization: shop-iam:live")
	urls.wants("GET", "/iam", 200, "ok", "Authorization: shop-iam")
	urls.wants("GET", "/open", 200, "ok", "Authorization: mine")
	seen := f.seen()
	if len(seen) != 3 {
		t.Fatalf("%d invocations", len(seen))
	}
	if strings.Contains(string(seen[0].Payload), "shop-iam:live\"") {
		t.Error("the function sees the caller's token")
	}
	if !strings.Contains(string(seen[2].Payload), `"authorization":"mine"`) {
		t.Error("an open function does not see the header")
	}
}

func TestAnAliasHasAnAddressOfItsOwn(t *testing.T) {
	f := answering(`"ok"`)
	urls := serveURLs(t, f, func(_ *http.Request, action, resource string) error {
		if action == "lambda:InvokeFunctionUrl" && resource == stack.QualifiedARN("shop", "hidden", "closed") {
			return nil
		}
		return errors.New("no permission")
	})
	urls.wants("GET", "/hidden:beta", 200, "ok")
	urls.wants("GET", "/hidden:beta/a/b", 200, "ok")
	urls.wants("GET", "/hidden:closed/", 200, "ok")
	for _, nothing := range []string{"/hidden:inner", "/hidden:none", "/hidden:", "/hidden:live", "/none:beta", "/open:beta"} {
		urls.wants("GET", nothing, 404, `{"Message":"Not Found"}`)
	}
	seen := f.seen()
	if len(seen) != 3 || seen[0].Qualifier != "beta" || seen[0].Function != "shop-hidden" || seen[2].Qualifier != "closed" {
		t.Fatalf("invoked %+v", seen)
	}
	var event httpEvent
	if err := json.Unmarshal(seen[1].Payload, &event); err != nil || event.RawPath != "/a/b" || event.RequestContext.APIID != "shop-hidden-beta" {
		t.Errorf("the event is %+v (%v)", event, err)
	}
}

func TestFunctionURLWithoutAnAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		invoker *fakeInvoker
		status  int
		body    string
	}{
		"function error": {&fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) {
			return invoke.Response{FunctionError: "Unhandled"}, nil
		}}, 502, `{"Message":"Internal Server Error"}`},
		"invalid response": {answering(`{"statusCode":1}`), 502, `{"Message":"Internal Server Error"}`},
		"throttled":        {failing(throttledError), 429, `{"Message":"Rate Exceeded."}`},
		"not invoked":      {failing(errors.New("boom")), 502, `{"Message":"Internal Server Error"}`},
	} {
		t.Run(name, func(t *testing.T) {
			urls := serveURLs(t, c.invoker, allowAll)
			urls.wants("GET", "/open", c.status, c.body)
		})
	}
}

func TestFunctionURLAnswersPreflights(t *testing.T) {
	urls := serveURLs(t, answering(`"ok"`), allowAll)
	response := urls.wants("OPTIONS", "/open/x", 204, "", "Origin: https://a", "Access-Control-Request-Method: PUT")
	wantHeaders(t, response, map[string]string{"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "*"})
}
