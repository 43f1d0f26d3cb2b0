package trigger

import (
	"net/http"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func corsAPI(t *testing.T, config stack.CORS) *apiTest {
	return serveAPI(t, stack.HTTPAPI{
		Routes: routesTo("GET /", "OPTIONS /own"), CORS: &config,
		Throttle: &stack.Throttle{Rate: 1, Burst: 100},
	}, answering(`{"statusCode":200,"headers":{
		"access-control-allow-origin":"https://function", "Access-Control-Allow-Methods":"X", "vary":"Accept", "x-own":"1"
	},"body":"ok"}`))
}

func wantHeaders(t *testing.T, response *http.Response, want map[string]string) {
	t.Helper()
	for name, value := range want {
		got := ""
		for i, v := range response.Header.Values(name) {
			if i > 0 {
				got += "; "
			}
			got += v
		}
		if got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

var webCORS = stack.CORS{
	AllowOrigins:     []string{"https://shop.example", "http://*"},
	AllowMethods:     []string{"GET", "POST"},
	AllowHeaders:     []string{"authorization", "x-a"},
	ExposeHeaders:    []string{"x-own"},
	AllowCredentials: true,
	MaxAge:           stack.Duration(5 * time.Minute),
}

func TestPreflightIsAnsweredWithoutTheFunction(t *testing.T) {
	api := corsAPI(t, webCORS)
	for _, path := range []string{"/", "/no-such-route", "/own"} {
		response := api.wants("OPTIONS", path, 204, "", "Origin: https://shop.example", "Access-Control-Request-Method: POST")
		wantHeaders(t, response, map[string]string{
			"Access-Control-Allow-Origin":      "https://shop.example",
			"Access-Control-Allow-Methods":     "GET,POST",
			"Access-Control-Allow-Headers":     "authorization,x-a",
			"Access-Control-Expose-Headers":    "x-own",
			"Access-Control-Allow-Credentials": "true",
			"Access-Control-Max-Age":           "300",
			"Vary":                             "Origin",
		})
	}
}

func TestPreflightOfAnotherOriginLearnsNothing(t *testing.T) {
	api := corsAPI(t, webCORS)
	response := api.wants("OPTIONS", "/", 204, "", "Origin: https://evil.example", "Access-Control-Request-Method: POST")
	for name := range response.Header {
		if name != "Vary" && name != "Date" && name != "Apigw-Requestid" {
			t.Errorf("the answer has %s", name)
		}
	}
}

func TestConfiguredCORSOverridesTheFunctions(t *testing.T) {
	api := corsAPI(t, webCORS)
	wantHeaders(t, api.wants("GET", "/", 200, "ok", "Origin: http://anything.example"), map[string]string{
		"Access-Control-Allow-Origin":  "http://anything.example",
		"Access-Control-Allow-Methods": "",
		"Vary":                         "Origin; Accept",
		"X-Own":                        "1",
	})
	for _, headers := range [][]string{nil, {"Origin: https://evil.example"}} {
		wantHeaders(t, api.wants("GET", "/", 200, "ok", headers...), map[string]string{
			"Access-Control-Allow-Origin":      "",
			"Access-Control-Allow-Credentials": "",
		})
	}
}

func TestCORSForEveryOrigin(t *testing.T) {
	api := corsAPI(t, stack.CORS{AllowOrigins: []string{"https://a", "*"}})
	wantHeaders(t, api.wants("GET", "/", 200, "ok", "Origin: https://b"), map[string]string{
		"Access-Control-Allow-Origin": "*", "Vary": "Accept",
	})
}

func TestErrorsCarryCORSToo(t *testing.T) {
	api := corsAPI(t, webCORS)
	response := api.wants("GET", "/nowhere", 404, `{"message":"Not Found"}`, "Origin: https://shop.example")
	wantHeaders(t, response, map[string]string{"Access-Control-Allow-Origin": "https://shop.example"})
}

func TestOPTIONSThatIsNoPreflightGoesToItsRoute(t *testing.T) {
	corsAPI(t, webCORS).wants("OPTIONS", "/own", 200, "ok")
}
