package trigger

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// streaming is a function that streams its answer to who wants that.
func streaming(contentType string, write func(io.Writer), response invoke.Response) *fakeInvoker {
	return &fakeInvoker{handle: func(_ context.Context, r invoke.Request) (invoke.Response, error) {
		response.ExecutedVersion = "1"
		if r.Sink != nil {
			r.Sink.Begin(invoke.StreamHead{ContentType: contentType, ExecutedVersion: "1", Streamed: true})
			write(r.Sink)
			return response, nil
		}
		var whole bytes.Buffer
		write(&whole)
		response.Payload, response.ContentType = whole.Bytes(), contentType
		return response, nil
	}}
}

const nuls = "\x00\x00\x00\x00\x00\x00\x00\x00"

// write writes the parts one by one.
func write(parts ...string) func(io.Writer) {
	return func(w io.Writer) {
		for _, part := range parts {
			_, _ = io.WriteString(w, part)
		}
	}
}

func TestAFunctionURLStreamsWhatTheFunctionWrites(t *testing.T) {
	read := make(chan struct{})
	urls := serveURLs(t, streaming("text/event-stream", func(w io.Writer) {
		_, _ = io.WriteString(w, "data: 1\n\n")
		<-read
		_, _ = io.WriteString(w, "data: 2\n\n")
	}, invoke.Response{}), allowAll)
	response, err := http.Get(urls.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	first := make([]byte, 9)
	if _, err := io.ReadFull(response.Body, first); err != nil || string(first) != "data: 1\n\n" {
		t.Fatalf("got %q, %v", first, err)
	}
	close(read)
	rest, err := io.ReadAll(response.Body)
	if err != nil || string(rest) != "data: 2\n\n" {
		t.Errorf("got %q, %v", rest, err)
	}
	wantHeaders(t, response, map[string]string{"Content-Type": "text/event-stream", "X-Amz-Executed-Version": "1"})
}

func TestAPreludeIsTheHeadOfTheAnswer(t *testing.T) {
	prelude := `{"statusCode":201,"headers":{"Content-Type":"text/plain","X-A":"b"},"cookies":["c=d"]}`
	for name, parts := range map[string][]string{
		"at once":             {prelude + nuls + "hello"},
		"in parts":            {prelude[:10], prelude[10:] + nuls[:3], nuls[3:], "hel", "lo"},
		"NULs in the content": {prelude + nuls, "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/stream", "/open"} { // as a stream, and as a whole
				urls := serveURLs(t, streaming(integrationType, write(parts...), invoke.Response{}), allowAll)
				response := urls.wants("GET", path, 201, "hello")
				wantHeaders(t, response, map[string]string{"Content-Type": "text/plain", "X-A": "b", "Set-Cookie": "c=d"})
			}
		})
	}
}

func TestAnAnswerWithoutAProperPreludeIsNone(t *testing.T) {
	for name, parts := range map[string][]string{
		"no end":     {`{"statusCode":200}`},
		"no JSON":    {"hello" + nuls + "world"},
		"no status":  {`{"statusCode":"x"}` + nuls},
		"never ends": {strings.Repeat("x", maxPrelude+1)},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{"/stream", "/open"} {
				urls := serveURLs(t, streaming(integrationType, write(parts...), invoke.Response{}), allowAll)
				urls.wants("GET", path, 502, `{"Message":"Internal Server Error"}`)
			}
		})
	}
}

func TestAStreamOfNoContentHasNoBody(t *testing.T) {
	urls := serveURLs(t, streaming(integrationType, write(`{"statusCode":204}`+nuls, "hello"), invoke.Response{}), allowAll)
	urls.wants("GET", "/stream", 204, "")
}

func TestAStreamWithoutATypeIsBytes(t *testing.T) {
	urls := serveURLs(t, streaming("", write("hello"), invoke.Response{}), allowAll)
	wantHeaders(t, urls.wants("GET", "/stream", 200, "hello"), map[string]string{"Content-Type": "application/octet-stream"})
}

func TestAStreamThatFailsBreaksOff(t *testing.T) {
	failed := invoke.Response{FunctionError: "Unhandled", Payload: []byte(`{}`)}
	urls := serveURLs(t, streaming("text/plain", write("half"), failed), allowAll)
	response, err := http.Get(urls.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("an answer that broke off looks whole: %q", body)
	}
}

func TestAStreamingURLWhoseFunctionDoesNotBegin(t *testing.T) {
	urls := serveURLs(t, failing(throttledError), allowAll)
	urls.wants("GET", "/stream", 429, `{"Message":"Rate Exceeded."}`)
	urls = serveURLs(t, &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) {
		return invoke.Response{FunctionError: "Unhandled"}, nil
	}}, allowAll)
	urls.wants("GET", "/stream", 502, `{"Message":"Internal Server Error"}`)
}

func TestAStreamedAnswerThatWasTakenWholeKeepsItsType(t *testing.T) {
	urls := serveURLs(t, streaming("text/html", write("<p>"), invoke.Response{}), allowAll)
	wantHeaders(t, urls.wants("GET", "/open", 200, "<p>"), map[string]string{"Content-Type": "text/html"})
	urls = serveURLs(t, streaming("application/octet-stream", write(`{"statusCode":418,"body":"tea"}`), invoke.Response{}), allowAll)
	urls.wants("GET", "/open", 418, "tea")
}
