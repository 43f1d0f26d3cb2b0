package trigger

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// functionsPath is where functions' own addresses are: below their stack's name
// and their own, which a colon and an alias may follow.
const functionsPath = "/functions/"

// FunctionURLs answers the requests to functions' own addresses, as Lambda's
// function URLs do: payload format 2.0, without routes, and for as long as the
// function may take.
type FunctionURLs struct {
	env     Env
	running *invocations
}

var _ Trigger = (*FunctionURLs)(nil)

// NewFunctionURLs returns the trigger of functions' addresses.
func NewFunctionURLs(env Env) *FunctionURLs {
	env = env.withDefaults()
	return &FunctionURLs{env: env, running: newInvocations(env.Invoker)}
}

// Kind is none: functions of every kind of stack may have an address.
func (u *FunctionURLs) Kind() stack.Kind { return stack.KindNone }

// Start has nothing to do: an address needs nothing but its record.
func (u *FunctionURLs) Start(context.Context) error { return nil }

// Reconcile has nothing to do: the directory is asked at each request.
func (u *FunctionURLs) Reconcile(context.Context, *store.Record, *store.Record) error { return nil }

// Close waits for the requests that functions are working on. The listener is
// closed at the same time, by who owns it.
func (u *FunctionURLs) Close(ctx context.Context) { u.running.close(ctx) }

// Components has the addresses.
func (u *FunctionURLs) Components(_ context.Context, r *store.Record) map[string]string {
	components := map[string]string{}
	for name, f := range r.Stack.Functions {
		if f.URL != nil {
			components[stack.URLComponent(name)] = stack.Ready
		}
	}
	return components
}

// Mount serves /functions/{stack}/{function}/... and /functions/{stack}/{function}:{alias}/...
func (u *FunctionURLs) Mount(mux *http.ServeMux) {
	mux.HandleFunc(functionsPath+"{stack}/{function}", u.serve)
	mux.HandleFunc(functionsPath+"{stack}/{function}/", u.serve)
}

// An address is what a request to one goes to.
type address struct {
	stack, function, alias string
	config                 *stack.FunctionURL
}

// address returns the address that a request is to.
func (u *FunctionURLs) address(r *http.Request) (address, bool) {
	function, alias, named := strings.Cut(r.PathValue("function"), ":")
	a := address{stack: r.PathValue("stack"), function: function, alias: stack.AliasLive}
	record, ok := u.env.Store.Directory().Stack(a.stack)
	if !ok {
		return a, false
	}
	if !named {
		a.config = record.Stack.Functions[function].URL
		return a, a.config != nil
	}
	a.alias = alias
	_, published, ok := record.Function(function)
	if !ok {
		return a, false
	}
	a.config = published.Aliases[alias].URL
	return a, a.config != nil
}

// path at which the address is.
func (a address) path() string {
	path := functionsPath + a.stack + "/" + a.function
	if a.alias != stack.AliasLive {
		path += ":" + a.alias
	}
	return path
}

func (u *FunctionURLs) serve(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	to, ok := u.address(r)
	if !ok {
		writeURLMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	cors := cors{to.config.CORS}
	if cors.isPreflight(r) {
		cors.preflight(w, r)
		return
	}
	cors.annotate(w, r)
	restricted := to.config.Auth != "none"
	if restricted && !u.allowed(r, to) {
		writeURLMessage(w, http.StatusForbidden, "Forbidden")
		return
	}
	body, err := readBody(w, r, invoke.MaxSyncPayload)
	if err != nil {
		status, message := bodyStatus(err)
		writeURLMessage(w, status, message)
		return
	}
	event := u.event(r, to, id, restricted, body)
	payload, err := event.encode()
	if err != nil || len(payload) > invoke.MaxSyncPayload {
		writeURLMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	request := invoke.Request{
		ID:        id,
		Function:  stack.FullName(to.stack, to.function),
		Qualifier: to.alias,
		Payload:   payload,
		TraceID:   event.Headers["x-amzn-trace-id"],
		Source:    "function_url",
	}
	if to.config.Streams() {
		stream := newURLStream(w, cors)
		request.Sink = stream
		u.end(stream, <-u.running.start(request), to.stack, to.function)
		return
	}
	outcome := <-u.running.start(request)
	u.relay(w, cors, outcome, to.stack, to.function)
}

// allowed asks for permission on the alias, which is what runs, or on the
// function as a whole.
func (u *FunctionURLs) allowed(r *http.Request, to address) bool {
	const action = "lambda:InvokeFunctionUrl"
	return u.env.Authorize(r, action, stack.QualifiedARN(to.stack, to.function, to.alias)) == nil ||
		u.env.Authorize(r, action, stack.FunctionARN(to.stack, to.function)) == nil
}

func (u *FunctionURLs) event(r *http.Request, to address, id string, restricted bool, body []byte) httpEvent {
	event := newHTTPEvent(u.env, r, pathBelow(r, to.path()), body)
	event.RequestContext.APIID = stack.FullName(to.stack, to.function)
	if to.alias != stack.AliasLive {
		event.RequestContext.APIID += "-" + to.alias
	}
	event.RequestContext.RequestID = id
	event.RequestContext.AccountID = "anonymous"
	if restricted {
		event.RequestContext.AccountID = stack.Account
		// The token is the caller's. The function could act in its name with it.
		delete(event.Headers, "authorization")
	}
	return event
}

// relay answers with the function's answer, or as a function URL does when there
// is none (https://docs.aws.amazon.com/lambda/latest/dg/urls-monitoring.html).
func (u *FunctionURLs) relay(w http.ResponseWriter, cors cors, outcome outcome, stackName, function string) {
	log := u.env.Log.With("stack", stackName, "function", function)
	tellVersion(w, outcome)
	var failure *invoke.Error
	switch {
	case errors.As(outcome.err, &failure) && failure.Throttled():
		writeURLMessage(w, http.StatusTooManyRequests, "Rate Exceeded.")
		return
	case outcome.err != nil:
		log.Error("the function was not invoked", "error", outcome.err)
		writeURLMessage(w, http.StatusBadGateway, "Internal Server Error")
		return
	case outcome.response.FunctionError != "":
		writeURLMessage(w, http.StatusBadGateway, "Internal Server Error")
		return
	}
	response, err := httpResponseOf(outcome.response, "application/json")
	if err != nil {
		log.Warn("the function's answer is no HTTP response", "error", err, "request", outcome.response.RequestID)
		writeURLMessage(w, http.StatusBadGateway, "Internal Server Error")
		return
	}
	cors.strip(response.header)
	response.write(w)
}

// writeURLMessage answers as a function URL does when it answers itself: with a
// capital M.
func writeURLMessage(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]string{"Message": message})
}
