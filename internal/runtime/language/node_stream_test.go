package language

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
)

// streamed fails the test unless the answer came in streaming mode, and returns the
// error in its trailers, if there is one.
func (a answer) streamed(t *testing.T) (failure, bool) {
	t.Helper()
	if a.to != "response" || a.header.Get("Lambda-Runtime-Function-Response-Mode") != "streaming" {
		t.Fatalf("%s got %q with %v", a.to, a.body, a.header)
	}
	kind := a.trailer.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		return failure{}, false
	}
	text, err := base64.StdEncoding.DecodeString(a.trailer.Get("Lambda-Runtime-Function-Error-Body"))
	if err != nil {
		t.Fatal(err)
	}
	var f failure
	if err := json.Unmarshal(text, &f); err != nil || f.ErrorType != kind {
		t.Fatalf("the trailers say %s and %s: %v", kind, text, err)
	}
	return f, true
}

func TestNodeStreams(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		for name, c := range map[string]struct {
			code, contentType, body string
		}{
			"text": {
				`(async (e, s, c) => { s.setContentType('text/plain'); s.write('a'); await new Promise((r) => setTimeout(r, 5)); s.write(c.functionName); s.end('!') })`,
				"text/plain", "ashop-orders!",
			},
			"nothing":          {`(async (e, s) => { s.end() })`, "application/octet-stream", ""},
			"objects":          {`(async (e, s) => { s.write({ n: e.n }); s.end() })`, "application/octet-stream", `{"n":1}`},
			"not ended":        {`(async (e, s) => { s.write('a') })`, "application/octet-stream", "a"},
			"ended afterwards": {`(async (e, s) => { s.write('a'); setTimeout(() => s.end('b'), 5) })`, "application/octet-stream", "ab"},
			"nothing to wait for": {
				`(async (e, s) => { s.write('a'); await new Promise(() => {}) })`, "application/octet-stream", "a",
			},
			"a pipeline": {
				`(async (e, s) => require('util').promisify(require('stream').pipeline)(require('stream').Readable.from(['a', 'b', 'x'.repeat(1 << 20)]), s))`,
				"application/octet-stream", "ab" + strings.Repeat("x", 1<<20),
			},
			"with a prelude": {
				`(async (e, s) => { s = awslambda.HttpResponseStream.from(s, { statusCode: 201, headers: { 'x-a': 'b' } }); s.write('hello'); s.end() })`,
				"application/vnd.awslambda.http-integration-response",
				`{"statusCode":201,"headers":{"x-a":"b"}}` + strings.Repeat("\x00", 8) + "hello",
			},
			"a prelude alone": {
				`(async (e, s) => { s = awslambda.HttpResponseStream.from(s, { statusCode: 204 }); s.end() })`,
				"application/vnd.awslambda.http-integration-response", `{"statusCode":204}` + strings.Repeat("\x00", 8),
			},
		} {
			t.Run(name, func(t *testing.T) {
				f := start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = awslambda.streamifyResponse` + c.code})
				for range 2 {
					a := f.invoke(`{"n":1}`)
					if failure, failed := a.streamed(t); failed || a.body != c.body || a.header.Get("Content-Type") != c.contentType {
						t.Errorf("got %.200q of type %q, and %+v", a.body, a.header.Get("Content-Type"), failure)
					}
				}
			})
		}
	})
}

func TestNodeStreamsThatFail(t *testing.T) {
	each(t, "nodejs", func(t *testing.T, runtime string) {
		handler := func(t *testing.T, code string) *function {
			return start(t, runtime, "app.handler", map[string]string{"app.js": `exports.handler = awslambda.streamifyResponse` + code})
		}
		t.Run("before they begin", func(t *testing.T) {
			handler(t, `(async () => { throw new TypeError('too early') })`).fails(`{}`, "TypeError", "too early")
		})
		t.Run("because they promise nothing", func(t *testing.T) {
			handler(t, `((e, s) => {})`).fails(`{}`, "Runtime.InvalidStreamingHandler", "Streaming does not support non-async handlers.")
		})
		t.Run("in the middle", func(t *testing.T) {
			f := handler(t, `(async (e, s) => { s.write('half'); await new Promise((r) => setTimeout(r, 5)); throw new RangeError('no more') })`)
			for range 2 {
				a := f.invoke(`{}`)
				if failure, _ := a.streamed(t); a.body != "half" || failure.ErrorType != "RangeError" || failure.ErrorMessage != "no more" {
					t.Errorf("got %q and %+v", a.body, failure)
				}
			}
		})
		t.Run("with a type that comes too late", func(t *testing.T) {
			f := handler(t, `(async (e, s) => { s.write('half'); s.setContentType('text/html') })`)
			if failure, _ := f.invoke(`{}`).streamed(t); failure.ErrorType != "Runtime.InvalidStreamingOperation" {
				t.Errorf("got %+v", failure)
			}
		})
		t.Run("with the process", func(t *testing.T) {
			f := handler(t, `(async (e, s) => { s.write('half'); setTimeout(() => { throw new Error('crash') }, 5); await new Promise((r) => setTimeout(r, 60000)) })`)
			if failure, _ := f.invoke(`{}`).streamed(t); failure.ErrorMessage != "crash" {
				t.Errorf("got %+v", failure)
			}
			if status := f.ended(); status != 129 {
				t.Errorf("the process ended with %d", status)
			}
		})
	})
}
