package invoke

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
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
		fmt.Sprintf("State transition from %s to %s failed for runtime. Error: State transition is not allowed", from, to),
	}
}

// runtimeAPI are the routes that an instance sees.
var runtimeAPI rawhttp.Router[*instance]

func init() {
	runtimeAPI.Handle(http.MethodGet, apiPrefix+"invocation/next", (*instance).serveNext)
	runtimeAPI.Handle(http.MethodPost, apiPrefix+"invocation/*/response", (*instance).serveResponse)
	runtimeAPI.Handle(http.MethodPost, apiPrefix+"invocation/*/error", (*instance).serveError)
	runtimeAPI.Handle(http.MethodPost, apiPrefix+"init/error", (*instance).serveInitError)
	runtimeAPI.Handle(http.MethodPost, "/tidegate/compiled", (*instance).serveCompiled)
}

// ServeConn implements sandbox.RuntimeAPI. The process may be quicker than the
// sandbox's word that it is there.
func (i *instance) ServeConn(c net.Conn) {
	defer func() {
		if reason := recover(); reason != nil { // a defect costs one instance its connection
			i.events.onDefect(reason)
		}
	}()
	select {
	case <-i.started:
		i.room.Serve(c, i)
	case <-i.unstarted:
		_ = c.Close()
	}
}

// ServeRequest implements rawhttp.Handler.
func (i *instance) ServeRequest(r *rawhttp.Request) {
	runtimeAPI.Serve(i, r)
	if r.Refused() {
		i.waste(1)
	}
}

// serveNext answers when there is an event.
func (i *instance) serveNext(r *rawhttp.Request) {
	inv, err := i.ask(r)
	switch {
	case err != nil:
		err.reply(r)
	case inv != nil: // again
		_ = r.Reply(inv.event())
		i.waste(1)
		i.wasteBytes(len(inv.payload))
	}
}

// event is the answer to /next.
func (inv *invocation) event() rawhttp.Answer {
	header := []rawhttp.Field{
		{Name: "Content-Type", Value: "application/json"},
		{Name: "Lambda-Runtime-Aws-Request-Id", Value: inv.id},
		{Name: "Lambda-Runtime-Deadline-Ms", Value: strconv.FormatInt(inv.started.Add(inv.timeout).UnixMilli(), 10)},
		{Name: "Lambda-Runtime-Invoked-Function-Arn", Value: inv.arn},
		{Name: "Lambda-Runtime-Trace-Id", Value: inv.traceID},
		{Name: "Lambda-Runtime-Client-Context", Value: inv.clientContext},
	}
	if inv.clientContext == "" {
		header = header[:len(header)-1]
	}
	return rawhttp.Answer{Status: http.StatusOK, Header: header, Body: inv.payload}
}

func (i *instance) serveResponse(r *rawhttp.Request) {
	if err := i.beginAnswer(r.Segment); err != nil {
		accepted(r, err)
		return
	}
	if i.streams(r) {
		accepted(r, i.streamAnswer(answerBody{i.body(r), r.Header("Content-Type"), r.Trailer}))
		return
	}
	i.takeAnswer(r, func(body []byte) outcome { return outcome{payload: body} })
}

func (i *instance) serveError(r *rawhttp.Request) {
	if err := i.beginAnswer(r.Segment); err != nil {
		accepted(r, err)
		return
	}
	i.takeAnswer(r, func(body []byte) outcome {
		return outcome{failure: &functionError{Type: errorType(r), payload: body}}
	})
}

// takeAnswer reads an answer that beginAnswer has allowed.
func (i *instance) takeAnswer(r *rawhttp.Request, means func(body []byte) outcome) {
	body, err := readAnswer(i.body(r), r.ContentLength())
	switch err {
	case nil:
		o := means(body)
		accepted(r, i.endAnswer(&o))
	case errEntityTooLarge:
		i.wasteBytes(len(body))
		i.drain(r)
		// Not before: the caller's next invocation would find the instance busy with the
		// rest of this answer, and start another.
		failure := tooLargeAnswer()
		if refused := i.endAnswer(&outcome{failure: &failure}); refused != nil {
			err = refused
		}
		accepted(r, err)
	default:
		_ = i.endAnswer(nil)
		i.wasteBytes(len(body))
		accepted(r, err)
	}
}

func (i *instance) serveInitError(r *rawhttp.Request) {
	if err := i.beginInitError(); err != nil {
		accepted(r, err)
		return
	}
	body, err := readAnswer(i.body(r), r.ContentLength())
	if err != nil {
		_ = i.endInitError(nil)
		i.wasteBytes(len(body))
		accepted(r, err)
		return
	}
	accepted(r, i.endInitError(&functionError{Type: errorType(r), payload: body}))
}

var errorTypePattern = regexp.MustCompile(`^(Runtime|Function)\.[A-Z][a-zA-Z]+$`)

// errorType is the type of error a runtime names, if it is of Lambda's form:
// "Runtime.ImportModuleError". As on Lambda any other is unknown.
func errorType(r *rawhttp.Request) string {
	return knownErrorType(r.Header("Lambda-Runtime-Function-Error-Type"))
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

var (
	jsonHeader   = []rawhttp.Field{{Name: "Content-Type", Value: "application/json"}}
	acceptedBody = []byte(`{"status":"OK"}` + "\n")
)

// accepted answers what was taken, or says why it was not.
func accepted(r *rawhttp.Request, err *apiError) {
	if err != nil {
		err.reply(r)
		return
	}
	_ = r.Reply(rawhttp.Answer{Status: http.StatusAccepted, Header: jsonHeader, Body: acceptedBody, Lazy: true})
}

// reply answers with the error. That the client is gone matters to nobody.
func (e *apiError) reply(r interface{ Reply(rawhttp.Answer) error }) {
	body := append(marshal(map[string]string{"errorMessage": e.message, "errorType": e.kind}), '\n')
	_ = r.Reply(rawhttp.Answer{Status: e.status, Header: jsonHeader, Body: body})
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
