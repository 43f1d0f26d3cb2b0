package api

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
)

// An InvokeFront answers the plain case of Lambda's Invoke before net/http: a synchronous
// invocation by an operator, with a body of known length, without a log. The goroutine
// that has a client's request writes it to the instance that waits, and the one that has
// the instance's answer writes that to the client; nobody else is woken.
//
// It answers as invokeHandler does, which has all other cases, errors in the request's
// parameters among them.
type InvokeFront struct {
	access  *Access
	invoker Starter
	names   nameCache
}

// A Starter invokes without waiting; see invoke.Service.Go.
type Starter interface {
	Go(req invoke.Request, done func(invoke.Response, error)) context.CancelFunc
}

// InvokeFront returns what answers on the operators' listener before Management.
func (s *Server) InvokeFront(starter Starter) *InvokeFront {
	return &InvokeFront{access: s.Access, invoker: starter}
}

const (
	invokePrefix = "/2015-03-31/functions/"
	invokeSuffix = "/invocations"
)

// Takes implements rawhttp.Taker.
func (f *InvokeFront) Takes(r *rawhttp.Request) bool {
	if r.Method != http.MethodPost || r.Chunked() || r.Expects() || r.ContentLength() > invoke.MaxSyncPayload ||
		!strings.HasPrefix(r.Path, invokePrefix) || !strings.HasSuffix(r.Path, invokeSuffix) {
		return false
	}
	req := &invoke.Request{Source: "api"}
	authorized, plain := false, true
	r.Fields(func(name, value string) bool {
		switch {
		case strings.EqualFold(name, "Authorization"):
			authorized = !authorized && f.access.isManagement(value)
			plain = plain && authorized
		case strings.EqualFold(name, "X-Amzn-Trace-Id"):
			plain = plain && req.TraceID == ""
			req.TraceID = value
		case strings.EqualFold(name, "X-Amz-Invocation-Type"):
			plain = plain && (value == "" || value == requestResponse)
		case strings.EqualFold(name, "X-Amz-Log-Type"):
			plain = plain && (value == "" || value == "None")
		case len(name) > 2 && (name[0]|0x20) == 'x' && name[1] == '-', strings.EqualFold(name, "Upgrade"), strings.EqualFold(name, "Traceparent"):
			plain = false // whatever it asks for
		}
		return plain
	})
	if !plain || !authorized {
		return false
	}
	name, ok := f.names.find(r.Path, r.Query)
	if !ok {
		return false
	}
	req.Function, req.Qualifier = name.Name, name.Qualifier
	r.Data = req
	return true
}

// ServeRequest implements rawhttp.Handler.
func (f *InvokeFront) ServeRequest(r *rawhttp.Request) {
	req := r.Data.(*invoke.Request)
	req.ID = uuid.NewString()
	req.Payload = make([]byte, r.ContentLength())
	_, err := io.ReadFull(r.Body(), req.Payload)
	r.BodyRead()
	if err != nil {
		_ = r.Reply(answerInvokeError(req.ID, cutShort(err)))
		return
	}
	later := r.Later()
	cancel := f.invoker.Go(*req, func(response invoke.Response, err error) {
		var answer rawhttp.Answer
		if err != nil {
			answer = answerInvokeError(req.ID, asInvokeError(err))
		} else {
			answer = answerInvoke(req.ID, response)
		}
		if len(answer.Body) <= promptAnswer {
			_ = later.Reply(answer)
			return
		}
		go func() { _ = later.Reply(answer) }()
	})
	if cancel != nil {
		later.OnGone(cancel)
	}
}

// promptAnswer is the largest answer, in bytes, that fits into a connection's buffer
// whether the client reads or not: the instance's goroutine does not wait for it.
const promptAnswer = 8 << 10

// answerInvoke is writeInvokeResponse for the front.
func answerInvoke(id string, response invoke.Response) rawhttp.Answer {
	header := make([]rawhttp.Field, 0, 8)
	header = append(header,
		rawhttp.Field{Name: "Content-Type", Value: "application/json"},
		rawhttp.Field{Name: "Date", Value: date()},
		rawhttp.Field{Name: "X-Amz-Executed-Version", Value: response.ExecutedVersion},
		rawhttp.Field{Name: "X-Amzn-Requestid", Value: id},
		rawhttp.Field{Name: HeaderVersion, Value: Version},
	)
	if response.FunctionError != "" {
		header = append(header, rawhttp.Field{Name: "X-Amz-Function-Error", Value: response.FunctionError})
	}
	if response.Init.Took != 0 {
		told := http.Header{}
		response.Init.Tell(told)
		header = appendHeader(header, told)
	}
	return rawhttp.Answer{Status: http.StatusOK, Header: header, Body: response.Payload}
}

// answerInvokeError is writeInvokeError for the front.
func answerInvokeError(id string, e *invoke.Error) rawhttp.Answer {
	w := &recorder{header: http.Header{"Date": {date()}, "X-Amzn-Requestid": {id}, HeaderVersion: {Version}}}
	writeInvokeError(w, e)
	return rawhttp.Answer{Status: w.status, Header: appendHeader(nil, w.header), Body: w.body.Bytes()}
}

func appendHeader(fields []rawhttp.Field, header http.Header) []rawhttp.Field {
	for name, values := range header {
		for _, value := range values {
			fields = append(fields, rawhttp.Field{Name: name, Value: value})
		}
	}
	return fields
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header            { return r.header }
func (r *recorder) WriteHeader(status int)         { r.status = status }
func (r *recorder) Write(text []byte) (int, error) { return r.body.Write(text) }

// A nameCache remembers which function a path and a query name.
type nameCache struct {
	mu    sync.RWMutex
	known map[[2]string]functionName
}

// maxNames is how many names are remembered; then it begins anew.
const maxNames = 4096

// find returns what a request line names. It is not ok if an error has to say so.
func (c *nameCache) find(path, query string) (functionName, bool) {
	key := [2]string{path, query}
	c.mu.RLock()
	name, ok := c.known[key]
	c.mu.RUnlock()
	if ok {
		return name, true
	}
	qualifier := ""
	if query != "" {
		values, err := url.ParseQuery(query)
		if err != nil || len(values) != 1 || len(values["Qualifier"]) != 1 {
			return functionName{}, false
		}
		qualifier = values["Qualifier"][0]
	}
	name, failure := parseFunctionName(strings.TrimSuffix(strings.TrimPrefix(path, invokePrefix), invokeSuffix), qualifier)
	if failure != nil {
		return functionName{}, false
	}
	// The parts must not keep the request that they came with.
	name = functionName{strings.Clone(name.Name), strings.Clone(name.Qualifier)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxNames || c.known == nil {
		c.known = map[[2]string]functionName{}
	}
	c.known[[2]string{strings.Clone(path), strings.Clone(query)}] = name
	return name, true
}

// date is the time as the header Date has it. It changes once a second.
func date() string {
	now := time.Now()
	if known := knownDate.Load(); known != nil && known.at == now.Unix() {
		return known.text
	}
	known := &datedText{now.Unix(), now.UTC().Format(http.TimeFormat)}
	knownDate.Store(known)
	return known.text
}

type datedText struct {
	at   int64
	text string
}

var knownDate atomic.Pointer[datedText]
