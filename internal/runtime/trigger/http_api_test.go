package trigger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An apiTest is an HTTP API of the stack "shop", served.
type apiTest struct {
	*testing.T
	trigger *HTTPAPIs
	clock   *fakeClock
	url     string
}

func serveAPI(t *testing.T, config stack.HTTPAPI, invoker invoke.Invoker) *apiTest {
	t.Helper()
	clock := newFakeClock(testStart)
	h := NewHTTPAPIs(Env{Store: openStore(t), Invoker: invoker, Authorize: allowAll, Clock: clock})
	if err := h.Reconcile(t.Context(), nil, recordOf("shop", stack.Trigger{HTTPAPI: &config})); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	h.Mount(mux)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		h.Close(context.Background())
	})
	return &apiTest{t, h, clock, server.URL + "/apis/shop"}
}

// do sends a request; headers are "Name: value".
func (a *apiTest) do(method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	a.Helper()
	r, err := http.NewRequestWithContext(a.Context(), method, a.url+path, body)
	if err != nil {
		a.Fatal(err)
	}
	r.Header.Set("User-Agent", "test")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		a.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.Fatal(err)
	}
	return response, string(text)
}

func (a *apiTest) wants(method, path string, status int, body string, headers ...string) *http.Response {
	a.Helper()
	response, text := a.do(method, path, nil, headers...)
	if response.StatusCode != status || text != body {
		a.Fatalf("%s %s answered %d %s, want %d %s", method, path, response.StatusCode, text, status, body)
	}
	return response
}

func routesTo(keys ...string) map[string]stack.Route {
	routes := map[string]stack.Route{}
	for _, key := range keys {
		routes[key] = stack.Route{Function: "f", Auth: "inherit"}
	}
	return routes
}

func TestHTTPEventIsPayloadFormat2(t *testing.T) {
	f := answering(`{}`)
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("POST /my/{kind}/{rest+}")}, f)
	response, _ := api.do("POST", "/my/pa%20th/a/b%2Fc?parameter1=value1&parameter1=value%202&parameter2=a+b&flag", strings.NewReader(`{"a":"<ü>"}`),
		"Content-Type: application/json", "Header1: value1", "Header2: value1", "Header2: value2",
		"Cookie: cookie1=1; cookie2=2", "X-Amzn-Trace-Id: Root=1-5e6a8f2e-0123456789abcdef01234567", "X-Forwarded-For: 10.0.0.1",
		"Authorization: Bearer x", "Accept-Encoding: identity")
	request := f.seen()[0]
	if request.Function != "shop-f" || request.Qualifier != "live" || request.Source != "http_api" ||
		request.TraceID != "Root=1-5e6a8f2e-0123456789abcdef01234567" {
		t.Errorf("invoked %+v", request)
	}
	id := response.Header.Get("Apigw-Requestid")
	if !regexp.MustCompile(`^[A-Za-z0-9+/]{15}=$`).MatchString(id) {
		t.Errorf("request id is %q", id)
	}
	port := api.url[strings.LastIndex(api.url, ":")+1 : strings.LastIndex(api.url, "/apis")]
	want := fmt.Sprintf(`{
		"version": "2.0",
		"routeKey": "POST /my/{kind}/{rest+}",
		"rawPath": "/my/pa th/a/b/c",
		"rawQueryString": "parameter1=value1&parameter1=value%%202&parameter2=a+b&flag",
		"cookies": ["cookie1=1", "cookie2=2"],
		"headers": {
			"accept-encoding": "identity", "authorization": "Bearer x", "content-length": "12", "content-type": "application/json",
			"header1": "value1", "header2": "value1,value2", "host": "127.0.0.1:%[2]s", "user-agent": "test",
			"x-amzn-trace-id": "Root=1-5e6a8f2e-0123456789abcdef01234567",
			"x-forwarded-for": "10.0.0.1, 127.0.0.1", "x-forwarded-port": "%[2]s", "x-forwarded-proto": "http"
		},
		"queryStringParameters": {"parameter1": "value1,value 2", "parameter2": "a b", "flag": ""},
		"requestContext": {
			"accountId": "000000000000", "apiId": "shop", "domainName": "127.0.0.1", "domainPrefix": "127",
			"http": {"method": "POST", "path": "/my/pa th/a/b/c", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"},
			"requestId": %[1]q, "routeKey": "POST /my/{kind}/{rest+}", "stage": "$default",
			"time": "12/Mar/2020:19:03:58 +0000", "timeEpoch": 1584039838390
		},
		"pathParameters": {"kind": "pa th", "rest": "a/b/c"},
		"body": "{\"a\":\"<ü>\"}",
		"isBase64Encoded": false
	}`, id, port)
	wantJSON(t, request.Payload, want)
	if bytes.Contains(request.Payload, []byte(`\u003c`)) {
		t.Error("the event has HTML's characters escaped")
	}
}

func TestHTTPEventKnowsWhereTheWorldReachesIt(t *testing.T) {
	for _, c := range []struct {
		ingress string
		headers []string
		want    string
	}{
		{"https://api.example.org", nil, "https 443"},
		{"http://api.example.org:8080", nil, "http 8080"},
		{"http://127.0.0.1:1", []string{"X-Forwarded-Proto: https", "X-Forwarded-Port: 8443"}, "https 8443"},
	} {
		f := answering(`{}`)
		api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("GET /")}, f)
		api.trigger.env.IngressURL = func() string { return c.ingress }
		api.do("GET", "/", nil, c.headers...)
		var event httpEvent
		if err := json.Unmarshal(f.seen()[0].Payload, &event); err != nil {
			t.Fatal(err)
		}
		if got := event.Headers["x-forwarded-proto"] + " " + event.Headers["x-forwarded-port"]; got != c.want {
			t.Errorf("reached at %s with %v: %s", c.ingress, c.headers, got)
		}
	}
}

func TestHTTPEventOfABareRequest(t *testing.T) {
	f := answering(`{}`)
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("$default")}, f)
	response, _ := api.do("GET", "", nil, "Accept-Encoding: identity")
	var event map[string]any
	if err := json.Unmarshal(f.seen()[0].Payload, &event); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"body", "cookies", "queryStringParameters", "pathParameters", "stageVariables"} {
		if _, ok := event[name]; ok {
			t.Errorf("the event has %s", name)
		}
	}
	if event["rawPath"] != "/" || event["routeKey"] != "$default" || event["rawQueryString"] != "" || event["isBase64Encoded"] != false {
		t.Errorf("the event is %v", event)
	}
	trace := event["headers"].(map[string]any)["x-amzn-trace-id"].(string)
	if !regexp.MustCompile(`^Root=1-5e6a879e-[0-9a-f]{24}$`).MatchString(trace) || f.seen()[0].TraceID != trace {
		t.Errorf("trace id is %q", trace)
	}
	if response.StatusCode != 200 {
		t.Errorf("status %d", response.StatusCode)
	}
}

func TestBodiesThatAreNoTextAreBase64(t *testing.T) {
	f := answering(`{}`)
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("POST /")}, f)
	for i, c := range []struct {
		contentType, body, want string
		base64                  bool
	}{
		{"text/plain", "hello", "hello", false},
		{"text/csv; charset=utf-8", "a,b", "a,b", false},
		{"application/xml", "<a/>", "<a/>", false},
		{"application/vnd.api+json", "{}", "{}", false},
		{"application/x-www-form-urlencoded", "a=b", "YT1i", true},
		{"image/png", "\x89PN", "iVBO", true},
		{"", "hello", "aGVsbG8=", true},
		{"text/plain", "\xff", "/w==", true},
	} {
		headers := []string{"Content-Type: " + c.contentType}
		if c.contentType == "" {
			headers = nil
		}
		api.do("POST", "/", strings.NewReader(c.body), headers...)
		var event struct {
			Body            string
			IsBase64Encoded bool
		}
		if err := json.Unmarshal(f.seen()[i].Payload, &event); err != nil {
			t.Fatal(err)
		}
		if event.Body != c.want || event.IsBase64Encoded != c.base64 {
			t.Errorf("%s %q came as %+v", c.contentType, c.body, event)
		}
	}
}

func TestHTTPAPIRelaysTheFunctionsAnswer(t *testing.T) {
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("ANY /orders")}, answering(
		`{"statusCode":201,"headers":{"x-a":"b","access-control-allow-origin":"https://f"},"cookies":["s=1"],"body":"done"}`))
	response := api.wants("POST", "/orders", 201, "done")
	for name, want := range map[string]string{
		"X-A": "b", "Set-Cookie": "s=1", "Content-Type": "text/plain;charset=UTF-8",
		"Access-Control-Allow-Origin": "https://f", // without CORS of the API's, the function's
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	head := api.wants("HEAD", "/orders", 201, "")
	if head.ContentLength != 4 {
		t.Errorf("HEAD announces %d bytes", head.ContentLength)
	}
}

func TestHTTPAPIWithoutAnAnswer(t *testing.T) {
	internal := `{"message":"Internal Server Error"}`
	for _, c := range []struct {
		name    string
		invoker *fakeInvoker
		status  int
		body    string
	}{
		{"function error", &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) {
			return invoke.Response{Payload: []byte(`{"errorMessage":"secret"}`), FunctionError: "Unhandled"}, nil
		}}, 500, internal},
		{"invalid response", answering(`{"statusCode":"x"}`), 500, internal},
		{"no such function", failing(&invoke.Error{Status: 404, Type: "ResourceNotFoundException"}), 500, internal},
		{"throttled", failing(throttledError), 503, `{"message":"Service Unavailable"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("GET /")}, c.invoker)
			api.wants("GET", "/", c.status, c.body)
		})
	}
}

func TestHTTPAPIKnowsOnlyItsRoutesAndStacks(t *testing.T) {
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("GET /orders")}, answering(`{}`))
	notFound := `{"message":"Not Found"}`
	api.wants("POST", "/orders", 404, notFound)
	api.wants("GET", "/order", 404, notFound)
	api.wants("OPTIONS", "/orders", 404, notFound, "Origin: https://a", "Access-Control-Request-Method: GET")
	api.wants("GET", "/orders", 200, "{}")
	gone := recordOf("shop", stack.Trigger{HTTPAPI: &stack.HTTPAPI{}})
	if got := api.trigger.Components(t.Context(), gone); got[stack.ComponentAPI] != stack.Ready {
		t.Errorf("components are %v", got)
	}
	if err := api.trigger.Reconcile(t.Context(), gone, nil); err != nil {
		t.Fatal(err)
	}
	api.wants("GET", "/orders", 404, notFound)
	if got := api.trigger.Components(t.Context(), gone); got[stack.ComponentAPI] != "missing" {
		t.Errorf("components are %v", got)
	}
}

func TestHTTPAPIAnswers503After30Seconds(t *testing.T) {
	release := make(chan struct{})
	var finished sync.WaitGroup
	finished.Add(1)
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("GET /")}, &fakeInvoker{handle: func(ctx context.Context, _ invoke.Request) (invoke.Response, error) {
		defer finished.Done()
		<-release
		return invoke.Response{Payload: []byte("null")}, ctx.Err()
	}})
	go func() {
		api.clock.waitForTimer(t, 30*time.Second)
		api.clock.advance(30 * time.Second)
	}()
	api.wants("GET", "/", 503, `{"message":"Service Unavailable"}`)
	close(release) // the function was not cancelled, and Close waits for it
	api.trigger.Close(context.Background())
	finished.Wait()
}

func TestHTTPAPILimitsSizes(t *testing.T) {
	f := answering(`{}`)
	api := serveAPI(t, stack.HTTPAPI{Routes: routesTo("POST /")}, f)
	tooLarge := `{"message":"Request Entity Too Large"}`
	for _, c := range []struct {
		name, contentType string
		body              io.Reader
	}{
		{"over 10 MB", "text/plain", bytes.NewReader(make([]byte, 10<<20+1))},
		{"over 10 MB, in chunks", "text/plain", io.LimitReader(zeros{}, 10<<20+1)},
		{"an event over 6 MB", "text/plain", strings.NewReader(strings.Repeat("a", 6<<20))},
		{"an event over 6 MB because of base64", "image/png", bytes.NewReader(make([]byte, 5<<20))},
	} {
		if response, text := api.do("POST", "/", c.body, "Content-Type: "+c.contentType); response.StatusCode != 413 || text != tooLarge {
			t.Errorf("%s: answered %d %s", c.name, response.StatusCode, text)
		}
	}
	if len(f.seen()) != 0 {
		t.Error("the function was invoked")
	}
	if response, _ := api.do("POST", "/", strings.NewReader(strings.Repeat("a", 5<<20)), "Content-Type: text/plain"); response.StatusCode != 200 {
		t.Errorf("5 MB of text: answered %d", response.StatusCode)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestHTTPAPIThrottles(t *testing.T) {
	config := stack.HTTPAPI{Routes: routesTo("GET /"), Throttle: &stack.Throttle{Rate: 2, Burst: 3}}
	api := serveAPI(t, config, answering(`{}`))
	tooMany := `{"message":"Too Many Requests"}`
	for range 3 {
		api.wants("GET", "/", 200, "{}")
	}
	api.wants("GET", "/", 429, tooMany)
	api.clock.advance(500 * time.Millisecond)
	api.wants("GET", "/", 200, "{}")
	api.wants("GET", "/", 429, tooMany)
	// A deployment that leaves the throttle alone does not fill the bucket.
	record := recordOf("shop", stack.Trigger{HTTPAPI: &config})
	if err := api.trigger.Reconcile(t.Context(), record, record); err != nil {
		t.Fatal(err)
	}
	api.wants("GET", "/", 429, tooMany)
}

func TestThrottleTakesItsNodesPart(t *testing.T) {
	nodes := 2
	share := func(limit int) int { return limit / nodes }
	bucket := newThrottle(&stack.Throttle{Rate: 10, Burst: 4}, share)
	allowed := func() (n int) {
		for bucket.allow(testStart) {
			n++
		}
		return n
	}
	if n := allowed(); n != 2 {
		t.Errorf("half of a burst of 4 is %d", n)
	}
	nodes = 8
	if bucket.allow(testStart) {
		t.Error("a new node filled the bucket")
	}
	if perSecond, burst := bucket.part(); perSecond != 1.25 || burst != 1 {
		t.Errorf("the eighth part is %v per second, %d at once", perSecond, burst)
	}
}

// wantJSON compares JSON texts, whatever their order and white space.
func wantJSON(t *testing.T, got []byte, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal(got, &g); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		pretty, _ := json.MarshalIndent(g, "", "  ")
		t.Errorf("got %s", pretty)
	}
}
