package trigger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// API Gateway's quotas for HTTP APIs
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
const (
	maxHTTPBody        = 10 << 20
	integrationTimeout = 30 * time.Second
)

// bodyTimeout is how long a client may take to send a request's body, firstRead
// how much memory it is given before it has sent anything.
const (
	bodyTimeout = 30 * time.Second
	firstRead   = 64 << 10
)

// apisPath is where HTTP APIs answer, each below its stack's name.
const apisPath = "/apis/"

// HTTPAPIs answers the requests to all HTTP APIs, as API Gateway's do.
type HTTPAPIs struct {
	env      Env
	issuers  *issuers
	running  *invocations
	answered *prometheus.CounterVec

	mu   sync.RWMutex
	apis map[string]*httpAPI
}

// An httpAPI is one stack's API. It does not change but for its throttle's
// tokens.
type httpAPI struct {
	stack    string
	config   stack.HTTPAPI
	router   *router
	throttle *throttle
	cors     cors
}

var _ Trigger = (*HTTPAPIs)(nil)

// NewHTTPAPIs returns the trigger of HTTP APIs.
func NewHTTPAPIs(env Env) *HTTPAPIs {
	env = env.withDefaults()
	h := &HTTPAPIs{
		env:     env,
		issuers: newIssuers(env.Clock),
		running: newInvocations(env.Invoker),
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tidegate_http_api_requests_total",
			Help: "Requests to HTTP APIs by the status they were answered with.",
		}, []string{"stack", "status"}),
		apis: map[string]*httpAPI{},
	}
	env.Metrics.MustRegister(h.answered)
	return h
}

// Kind is HTTP APIs'.
func (h *HTTPAPIs) Kind() stack.Kind { return stack.KindHTTPAPI }

// Start has nothing to do: an API needs nothing but its record.
func (h *HTTPAPIs) Start(context.Context) error { return nil }

// Close waits for the requests that functions are working on. The listener is
// closed at the same time, by who owns it.
func (h *HTTPAPIs) Close(ctx context.Context) { h.running.close(ctx) }

// Reconcile serves what the record says from now on.
func (h *HTTPAPIs) Reconcile(_ context.Context, old, new *store.Record) error {
	if new == nil || new.Stack.Trigger.HTTPAPI == nil {
		if old != nil && old.Stack.Trigger.HTTPAPI != nil {
			h.mu.Lock()
			defer h.mu.Unlock()
			delete(h.apis, old.Stack.Name)
			h.answered.DeletePartialMatch(prometheus.Labels{"stack": old.Stack.Name})
		}
		return nil
	}
	name, config := new.Stack.Name, *new.Stack.Trigger.HTTPAPI
	router, err := newRouter(config.Routes)
	if err != nil {
		return fmt.Errorf("HTTP API of stack %q: %w", name, err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	api := &httpAPI{stack: name, config: config, router: router, cors: cors{config.CORS}}
	// A deployment does not fill the bucket.
	if before := h.apis[name]; before != nil && before.throttle.same(config.Throttle) {
		api.throttle = before.throttle
	} else {
		api.throttle = newThrottle(config.Throttle, h.env.Store.Share)
	}
	h.apis[name] = api
	return nil
}

// Components has the API itself.
func (h *HTTPAPIs) Components(_ context.Context, r *store.Record) map[string]string {
	if r.Stack.Trigger.HTTPAPI == nil {
		return nil
	}
	if _, ok := h.api(r.Stack.Name); !ok {
		return map[string]string{stack.ComponentAPI: "missing"}
	}
	return map[string]string{stack.ComponentAPI: stack.Ready}
}

func (h *HTTPAPIs) api(name string) (*httpAPI, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	api, ok := h.apis[name]
	return api, ok
}

// Mount serves /apis/{stack}/...
func (h *HTTPAPIs) Mount(mux *http.ServeMux) {
	mux.HandleFunc(apisPath+"{stack}", h.serve)
	mux.HandleFunc(apisPath+"{stack}/", h.serve)
}

func (h *HTTPAPIs) serve(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("stack")
	w.Header().Set("Apigw-Requestid", newGatewayRequestID())
	api, ok := h.api(name)
	if !ok {
		writeMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
	h.answer(recorder, r, api)
	h.answered.WithLabelValues(name, strconv.Itoa(recorder.status)).Inc()
}

// answer is the way of one request: throttle, CORS, route, authorization, body,
// function.
func (h *HTTPAPIs) answer(w http.ResponseWriter, r *http.Request, api *httpAPI) {
	if !api.throttle.allow(h.env.Clock.Now()) {
		api.cors.annotate(w, r)
		writeMessage(w, http.StatusTooManyRequests, "Too Many Requests")
		return
	}
	if api.cors.isPreflight(r) {
		api.cors.preflight(w, r)
		return
	}
	api.cors.annotate(w, r)
	path := pathBelow(r, apisPath+api.stack)
	route, parameters, ok := api.router.match(r.Method, path)
	if !ok {
		writeMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	identity, refusal := h.authenticate(r, api, route)
	if refusal != nil {
		refusal.write(w)
		return
	}
	body, err := readBody(w, r, maxHTTPBody)
	if err != nil {
		status, message := bodyStatus(err)
		writeMessage(w, status, message)
		return
	}
	event := newHTTPEvent(h.env, r, path, body)
	event.RouteKey = route.key
	event.PathParameters = parameters
	event.RequestContext.RouteKey = route.key
	event.RequestContext.AccountID = stack.Account
	event.RequestContext.APIID = api.stack
	event.RequestContext.RequestID = w.Header().Get("Apigw-Requestid")
	if identity != nil {
		event.RequestContext.Authorizer = &httpAuthorizer{JWT: identity}
	}
	h.invoke(w, api, route, event)
}

func (h *HTTPAPIs) authenticate(r *http.Request, api *httpAPI, route *route) (*jwtIdentity, *jwtError) {
	if api.config.Auth == nil || route.binding.Auth == "none" {
		return nil, nil
	}
	scopes := api.config.Auth.Scopes
	if len(route.binding.Scopes) > 0 {
		scopes = route.binding.Scopes
	}
	return h.issuers.authenticate(r, api.config.Auth, scopes)
}

// invoke hands the event to the function and its answer to the client. What
// goes wrong is for the log; the client learns the status, as from API Gateway:
// 503 for a function that is throttled or takes too long, else 500. Of throttling
// AWS documents only that it is a server's error; 503 says that trying again may
// help.
func (h *HTTPAPIs) invoke(w http.ResponseWriter, api *httpAPI, route *route, event httpEvent) {
	log := h.env.Log.With("stack", api.stack, "route", route.key)
	payload, err := event.encode()
	if err != nil {
		log.Error("cannot encode a request", "error", err)
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	if len(payload) > invoke.MaxSyncPayload {
		writeMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	timer := h.env.Clock.NewTimer(integrationTimeout)
	defer timer.Stop()
	result := h.running.start(invoke.Request{
		Function:  stack.FullName(api.stack, route.binding.Function),
		Qualifier: route.binding.Qualifier(),
		Payload:   payload,
		TraceID:   event.Headers["x-amzn-trace-id"],
		Source:    "http_api",
	})
	select {
	case <-timer.C():
		// The function goes on by itself, as on AWS.
		log.Warn("the function did not answer within 30 seconds")
		writeMessage(w, http.StatusServiceUnavailable, "Service Unavailable")
	case outcome := <-result:
		h.relay(w, api, outcome, log)
	}
}

func (h *HTTPAPIs) relay(w http.ResponseWriter, api *httpAPI, outcome outcome, log *slog.Logger) {
	tellVersion(w, outcome)
	var failure *invoke.Error
	switch {
	case errors.As(outcome.err, &failure) && (failure.Throttled() || failure.Status == http.StatusServiceUnavailable):
		log.Warn("the function was not invoked", "error", outcome.err)
		writeMessage(w, http.StatusServiceUnavailable, "Service Unavailable")
		return
	case outcome.err != nil:
		log.Error("the function was not invoked", "error", outcome.err)
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	case outcome.response.FunctionError != "":
		// The function's own log has the error.
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	response, err := httpResponseOf(outcome.response, "text/plain;charset=UTF-8")
	if err != nil {
		log.Warn("the function's answer is no HTTP response", "error", err, "request", outcome.response.RequestID)
		writeMessage(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	api.cors.strip(response.header)
	response.write(w)
}

// pathBelow is the request's decoded path without the prefix.
func pathBelow(r *http.Request, prefix string) string {
	if path := strings.TrimPrefix(r.URL.Path, prefix); path != "" {
		return path
	}
	return "/"
}

// errBodyCutShort says that a client did not send what it announced.
var errBodyCutShort = errors.New("the request ended before its body was complete")

// readBody reads a request's body, which may have that many bytes.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	controller := http.NewResponseController(w)
	_ = controller.SetReadDeadline(time.Now().Add(bodyTimeout)) // not every writer can
	defer func() { _ = controller.SetReadDeadline(time.Time{}) }()
	body := bytes.NewBuffer(make([]byte, 0, max(0, min(r.ContentLength+1, firstRead))))
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		return nil, errBodyCutShort
	}
	return body.Bytes(), err
}

// bodyStatus is what to answer when readBody failed.
func bodyStatus(err error) (status int, message string) {
	status = http.StatusBadRequest
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		status = http.StatusRequestEntityTooLarge
	}
	return status, http.StatusText(status)
}

// A statusRecorder remembers the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
