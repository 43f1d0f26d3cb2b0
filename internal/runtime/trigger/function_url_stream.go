package trigger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// integrationType is the type of a streamed answer that begins with a prelude: the
// status, headers and cookies as JSON, then eight NULs, then the body.
// https://docs.aws.amazon.com/lambda/latest/dg/config-rs-write-functions.html
const integrationType = "application/vnd.awslambda.http-integration-response"

// maxPrelude is the most bytes of a prelude; servers and proxies take far less of
// headers.
const maxPrelude = 1 << 20

var preludeEnd = make([]byte, 8)

// hasPrelude tells whether a content type announces a prelude.
func hasPrelude(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	return err == nil && kind == integrationType
}

// cutPrelude takes the prelude off an answer; ok is false if its end has not come.
func cutPrelude(answer []byte) (r httpResponse, body []byte, ok bool, err error) {
	text, body, ok := bytes.Cut(answer, preludeEnd)
	if !ok {
		if len(answer) > maxPrelude {
			err = fmt.Errorf("the prelude is longer than %d bytes", maxPrelude)
		}
		return httpResponse{}, nil, false, err
	}
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &object); err != nil {
		return httpResponse{}, nil, true, errors.New("the prelude is no JSON object")
	}
	if _, given := object["statusCode"]; !given {
		object["statusCode"] = json.RawMessage("200")
	}
	delete(object, "body")
	r, err = decodeFormat2(object, "")
	return r, body, true, err
}

// preludedResponse is a streamed answer with a prelude that was taken as a whole.
func preludedResponse(answer []byte) (httpResponse, error) {
	r, body, ok, err := cutPrelude(answer)
	if err == nil && !ok {
		err = errNoPrelude
	}
	r.body = body
	if err == nil && len(body) > 0 && r.header.Get("Content-Type") == "" {
		r.header.Set("Content-Type", defaultStreamType)
	}
	return r, err
}

var errNoPrelude = errors.New("the answer ends before its prelude does")

// defaultStreamType is the type of a stream that names none.
const defaultStreamType = "application/octet-stream"

// A urlStream answers a request with what the function writes, as it writes it. It
// implements invoke.Sink.
type urlStream struct {
	w    http.ResponseWriter
	out  *http.ResponseController
	cors cors
	// prelude has come so far; nil if there is none, or it is complete.
	prelude []byte
	// begun: the head is on its way.
	begun bool
	// silent: the answer has a status without a body.
	silent bool
	// err is why the answer is no HTTP response.
	err error
}

func newURLStream(w http.ResponseWriter, cors cors) *urlStream {
	return &urlStream{w: w, out: http.NewResponseController(w), cors: cors}
}

// Begin sends the head, unless that is part of the answer.
func (s *urlStream) Begin(head invoke.StreamHead) {
	// A function may take longer to answer than the listener gives others.
	_ = s.out.SetWriteDeadline(time.Time{})
	s.w.Header().Set("X-Amz-Executed-Version", head.ExecutedVersion)
	head.Init.Tell(s.w.Header())
	if head.Streamed && hasPrelude(head.ContentType) {
		s.prelude = []byte{}
		return
	}
	contentType := head.ContentType
	if contentType == "" {
		contentType = defaultStreamType
	}
	s.head(httpResponse{status: http.StatusOK, header: http.Header{"Content-Type": {contentType}}})
}

func (s *urlStream) head(r httpResponse) {
	s.begun, s.silent = true, !bodyAllowed(r.status)
	s.cors.strip(r.header)
	for name, values := range r.header {
		if _, taken := s.w.Header()[name]; !taken || name == "Vary" {
			s.w.Header()[name] = append(s.w.Header()[name], values...)
		}
	}
	s.w.WriteHeader(r.status)
	_ = s.out.Flush()
}

// Write sends what the function has written.
func (s *urlStream) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	body := p
	if s.prelude != nil {
		s.prelude = append(s.prelude, p...)
		r, rest, ok, err := cutPrelude(s.prelude)
		if s.err = err; err != nil {
			return 0, err
		}
		if !ok {
			return len(p), nil
		}
		if r.header.Get("Content-Type") == "" && bodyAllowed(r.status) {
			r.header.Set("Content-Type", defaultStreamType)
		}
		s.head(r)
		s.prelude, body = nil, rest
	}
	if len(body) == 0 || s.silent {
		return len(p), nil
	}
	if _, err := s.w.Write(body); err != nil {
		return 0, err
	}
	return len(p), s.out.Flush()
}

// end completes the answer. One that breaks off must not look as if it were whole.
func (u *FunctionURLs) end(s *urlStream, outcome outcome, stackName, function string) {
	failed := outcome.err != nil || outcome.response.FunctionError != ""
	if !failed && s.err == nil && s.prelude != nil {
		s.err = errNoPrelude
	}
	switch {
	case s.begun && failed:
		panic(http.ErrAbortHandler)
	case s.begun:
	case failed:
		u.relay(s.w, s.cors, outcome, stackName, function)
	case s.err != nil:
		u.env.Log.Warn("the function's answer is no HTTP response", "stack", stackName, "function", function,
			"error", s.err, "request", outcome.response.RequestID)
		writeURLMessage(s.w, http.StatusBadGateway, "Internal Server Error")
	}
}
