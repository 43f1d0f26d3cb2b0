package trigger

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestFunctionsAnswers(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		status        int
		contentType   string
		body          string
	}{
		{"object without a status", `{"message":"Hello"}`, 200, "application/json", `{"message":"Hello"}`},
		{"string", `"Hello from Lambda!"`, 200, "application/json", "Hello from Lambda!"},
		{"list", `[1, 2]`, 200, "application/json", "[1, 2]"},
		{"null", `null`, 200, "application/json", "null"},
		{"nothing", ``, 200, "application/json", "null"},
		{"status and body", `{"statusCode":201,"body":"made"}`, 201, "text/plain;charset=UTF-8", "made"},
		{"status as a string", `{"statusCode":"404","body":"no"}`, 404, "text/plain;charset=UTF-8", "no"},
		{"type of its own", `{"statusCode":200,"headers":{"content-type":"text/html"},"body":"<p>"}`, 200, "text/html", "<p>"},
		{"base64", `{"statusCode":200,"headers":{"Content-Type":"image/png"},"body":"iVBO","isBase64Encoded":true}`, 200, "image/png", "\x89PN"},
		{"no body", `{"statusCode":204}`, 204, "", ""},
		{"body null", `{"statusCode":200,"body":null}`, 200, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := decodeHTTPResponse([]byte(c.payload), "text/plain;charset=UTF-8")
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			r.write(w)
			if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("Content-Type") != c.contentType {
				t.Fatalf("answered %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body.String())
			}
		})
	}
}

func TestFunctionsAnswersThatAreNone(t *testing.T) {
	for _, payload := range []string{
		`{`, `hello`, `{"statusCode":"two hundred"}`, `{"statusCode":null}`, `{"statusCode":99}`, `{"statusCode":101}`,
		`{"statusCode":600}`, `{"statusCode":200.5}`, `{"statusCode":200,"body":{"a":1}}`, `{"statusCode":200,"headers":[]}`,
		`{"statusCode":200,"headers":{"a":["b"]}}`, `{"statusCode":200,"cookies":"a=b"}`,
		`{"statusCode":200,"body":"!","isBase64Encoded":true}`, `{"statusCode":200,"isBase64Encoded":"yes"}`,
	} {
		if r, err := decodeHTTPResponse([]byte(payload), ""); err == nil {
			t.Errorf("%s passed as %+v", payload, r)
		}
	}
}

func TestResponseHeadersAndCookies(t *testing.T) {
	r, err := decodeHTTPResponse([]byte(`{
		"statusCode": 200,
		"headers": {"x-number": 5, "X-Bool": true, "x-null": null, "connection": "close", "content-length": "999", "vary": "Accept"},
		"cookies": ["a=1; Path=/", "b=2"],
		"body": "ok"
	}`), "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	w.Header().Set("Vary", "Origin")
	r.write(w)
	want := http.Header{
		"X-Number": {"5"}, "X-Bool": {"true"}, "Vary": {"Origin", "Accept"}, "Content-Length": {"2"},
		"Set-Cookie": {"a=1; Path=/", "b=2"}, "Content-Type": {"text/plain"},
	}
	if got := w.Header(); len(got) != len(want) {
		t.Fatalf("headers are %v", got)
	}
	for name, values := range want {
		got := w.Header()[name]
		if len(got) != len(values) {
			t.Fatalf("%s is %v, want %v", name, got, values)
		}
		for i := range values {
			if got[i] != values[i] {
				t.Fatalf("%s is %v, want %v", name, got, values)
			}
		}
	}
}

func FuzzDecodeHTTPResponse(f *testing.F) {
	f.Add([]byte(`{"statusCode":200,"headers":{"a":1},"cookies":["b"],"body":"c","isBase64Encoded":false}`))
	f.Add([]byte(`"text"`))
	f.Add([]byte(`{"statusCode":200,"headers":{"":"\n"}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		r, err := decodeHTTPResponse(payload, "text/plain")
		if err != nil {
			return
		}
		if r.status < 200 || r.status > 599 {
			t.Fatalf("status %d", r.status)
		}
		r.write(httptest.NewRecorder())
	})
}
