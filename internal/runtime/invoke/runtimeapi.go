package invoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// maxAnswer is the most bytes of a function's answer: Lambda grants 100 more
// than the 6 MB it documents.
const maxAnswer = MaxResponse + 100

// apiPrefix begins every path of the Runtime API.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
const apiPrefix = "/2018-06-01/runtime/"

// An apiError is the Runtime API's answer to what must not be. Types and
// messages are those of aws-lambda-runtime-interface-emulator.
type apiError struct {
	status        int
	kind, message string
}

var (
	errInvalidRequestID = &apiError{http.StatusBadRequest, "InvalidRequestID", "Invalid request ID"}
	errTruncated        = &apiError{http.StatusBadRequest, "TruncatedHTTPRequest", "HTTP request detected as truncated"}
	errEntityTooLarge   = &apiError{
		http.StatusRequestEntityTooLarge, "RequestEntityTooLarge",
		fmt.Sprintf("Exceeded maximum allowed payload size (%d bytes).", maxAnswer),
	}
)

func invalidTransition(from phase, to string) *apiError {
	return &apiError{
		http.StatusForbidden, "InvalidStateTransition",
		fmt.Sprintf("Transition from %s to %s is not allowed", from, to),
	}
}

// ServeHTTP is the Runtime API as this one instance sees it.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !i.hasBegun(r.Context()) {
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, apiPrefix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	id, what, isAnswer := answerPath(path)
	switch {
	case path == "invocation/next" && r.Method == http.MethodGet:
		i.serveNext(w, r)
	case isAnswer && what == "response" && r.Method == http.MethodPost:
		i.serveResponse(w, r, id)
	case isAnswer && what == "error" && r.Method == http.MethodPost:
		i.serveError(w, r, id)
	case path == "init/error" && r.Method == http.MethodPost:
		i.serveInitError(w, r)
	case path == "invocation/next", path == "init/error", isAnswer:
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	default:
		http.NotFound(w, r)
	}
}

// answerPath takes "invocation/<id>/response" and "invocation/<id>/error" apart.
func answerPath(path string) (id, what string, ok bool) {
	rest, ok := strings.CutPrefix(path, "invocation/")
	if !ok {
		return "", "", false
	}
	id, what, ok = strings.Cut(rest, "/")
	return id, what, ok && (what == "response" || what == "error")
}

func (i *instance) serveNext(w http.ResponseWriter, r *http.Request) {
	inv, err := i.await(r.Context().Done())
	if err != nil {
		err.write(w)
		return
	}
	header := w.Header()
	header["Lambda-Runtime-Aws-Request-Id"] = []string{inv.id}
	header["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(inv.started.Add(inv.timeout).UnixMilli(), 10)}
	header["Lambda-Runtime-Invoked-Function-Arn"] = []string{inv.arn}
	header["Lambda-Runtime-Trace-Id"] = []string{inv.traceID}
	if inv.clientContext != "" {
		header["Lambda-Runtime-Client-Context"] = []string{inv.clientContext}
	}
	header["Content-Type"] = []string{"application/json"}
	header["Content-Length"] = []string{strconv.Itoa(len(inv.payload))}
	_, _ = w.Write(inv.payload)
}

func (i *instance) serveResponse(w http.ResponseWriter, r *http.Request, id string) {
	i.serveAnswer(w, r, id, "response", func(body []byte) outcome { return outcome{payload: body} })
}

func (i *instance) serveError(w http.ResponseWriter, r *http.Request, id string) {
	i.serveAnswer(w, r, id, "error", func(body []byte) outcome {
		return outcome{failure: &functionError{Type: errorType(r), payload: body}}
	})
}

func (i *instance) serveAnswer(w http.ResponseWriter, r *http.Request, id, what string, means func(body []byte) outcome) {
	if err := i.beginAnswer(id); err != nil {
		accepted(w, err)
		return
	}
	if what == "response" && isStreaming(r.Header.Get(headerResponseMode)) {
		accepted(w, i.streamAnswer(answerBody{r.Body, r.Header.Get("Content-Type"), func(name string) string { return r.Trailer.Get(name) }}))
		return
	}
	body, err := readBody(r)
	switch err {
	case nil:
		o := means(body)
		accepted(w, i.endAnswer(&o))
	case errEntityTooLarge:
		failure := tooLargeAnswer()
		if refused := i.endAnswer(&outcome{failure: &failure}); refused != nil {
			err = refused
		}
		discard(r)
		accepted(w, err)
	default:
		_ = i.endAnswer(nil)
		accepted(w, err)
	}
}

func (i *instance) serveInitError(w http.ResponseWriter, r *http.Request) {
	if err := i.beginInitError(); err != nil {
		accepted(w, err)
		return
	}
	body, err := readBody(r)
	if err != nil {
		_ = i.endInitError(nil)
		accepted(w, err)
		return
	}
	accepted(w, i.endInitError(&functionError{Type: errorType(r), payload: body}))
}

// readBody reads a body of at most maxAnswer bytes. Memory is taken as it
// arrives, not as it is announced.
func readBody(r *http.Request) ([]byte, *apiError) {
	if r.ContentLength > maxAnswer {
		return nil, errEntityTooLarge
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := body.ReadFrom(io.LimitReader(r.Body, maxAnswer+1))
	switch {
	case body.Len() > maxAnswer:
		return nil, errEntityTooLarge
	case err != nil:
		return nil, errTruncated
	}
	return body.Bytes(), nil
}

// discard takes the rest of a body that is too large, within reason: clients
// that write without reading would otherwise meet a broken connection.
func discard(r *http.Request) {
	_, _ = io.CopyN(io.Discard, r.Body, 64<<20)
}

var errorTypePattern = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// errorType is the type of error a runtime names, if it is of Lambda's form:
// "Runtime.ImportModuleError". As on Lambda any other is unknown.
func errorType(r *http.Request) string {
	return knownErrorType(r.Header.Get("Lambda-Runtime-Function-Error-Type"))
}

func knownErrorType(named string) string {
	switch {
	case errorTypePattern.MatchString(named):
		return named
	case strings.HasPrefix(named, "Function."):
		return errorFunctionUnknown
	}
	return errorUnknown
}

// accepted answers what was taken, or says why it was not.
func accepted(w http.ResponseWriter, err *apiError) {
	if err != nil {
		err.write(w)
		return
	}
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`+"\n")
}

func (e *apiError) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(map[string]string{"errorMessage": e.message, "errorType": e.kind})
}

// headerJSON makes valid JSON, or nothing, fit for a header: one line of ASCII.
func headerJSON(text []byte) string {
	var compact bytes.Buffer
	if len(text) == 0 || json.Compact(&compact, text) != nil {
		return ""
	}
	var b strings.Builder
	for _, r := range compact.String() {
		switch {
		case r < utf8.RuneSelf:
			b.WriteByte(byte(r))
		case utf16.RuneLen(r) == 1:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		}
	}
	return b.String()
}

// newTraceID makes the value of an X-Amzn-Trace-Id header.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func newTraceID(now time.Time, random func([]byte), sampled bool) string {
	b := make([]byte, 20)
	random(b)
	sample := 0
	if sampled {
		sample = 1
	}
	return fmt.Sprintf("Root=1-%08x-%x;Parent=%x;Sampled=%d", uint32(now.Unix()), b[:12], b[12:], sample)
}
