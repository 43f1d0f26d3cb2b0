package trigger

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// functionsPath is where functions' own addresses are: below their stack's name
// and their own.
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

// Mount serves /functions/{stack}/{function}/...
func (u *FunctionURLs) Mount(mux *http.ServeMux) {
	mux.HandleFunc(functionsPath+"{stack}/{function}", u.serve)
	mux.HandleFunc(functionsPath+"{stack}/{function}/", u.serve)
}

func (u *FunctionURLs) serve(w http.ResponseWriter, r *http.Request) {
	stackName, function := r.PathValue("stack"), r.PathValue("function")
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	record, ok := u.env.Store.Directory().Stack(stackName)
	if !ok || record.Stack.Functions[function].URL == nil {
		writeURLMessage(w, http.StatusNotFound, "Not Found")
		return
	}
	config := record.Stack.Functions[function].URL
	cors := cors{config.CORS}
	if cors.isPreflight(r) {
		cors.preflight(w, r)
		return
	}
	cors.annotate(w, r)
	restricted := config.Auth != "none"
	if restricted && !u.allowed(r, stackName, function) {
		writeURLMessage(w, http.StatusForbidden, "Forbidden")
		return
	}
	body, err := readBody(w, r, invoke.MaxSyncPayload)
	if err != nil {
		status, message := bodyStatus(err)
		writeURLMessage(w, status, message)
		return
	}
	event := u.event(r, stackName, function, id, restricted, body)
	payload, err := event.encode()
	if err != nil || len(payload) > invoke.MaxSyncPayload {
		writeURLMessage(w, http.StatusRequestEntityTooLarge, "Request Entity Too Large")
		return
	}
	outcome := <-u.running.start(invoke.Request{
		ID:        id,
		Function:  stack.FullName(stackName, function),
		Qualifier: stack.AliasLive,
		Payload:   payload,
		TraceID:   event.Headers["x-amzn-trace-id"],
		Source:    "function_url",
	})
	u.relay(w, cors, outcome, stackName, function)
}

// allowed asks for permission on the alias, which is what runs, or on the
// function as a whole.
func (u *FunctionURLs) allowed(r *http.Request, stackName, function string) bool {
	const action = "lambda:InvokeFunctionUrl"
	return u.env.Authorize(r, action, stack.AliasARN(stackName, function)) == nil ||
		u.env.Authorize(r, action, stack.FunctionARN(stackName, function)) == nil
}

func (u *FunctionURLs) event(r *http.Request, stackName, function, id string, restricted bool, body []byte) httpEvent {
	event := newHTTPEvent(u.env, r, pathBelow(r, functionsPath+stackName+"/"+function), body)
	event.RequestContext.APIID = stack.FullName(stackName, function)
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
	response, err := decodeHTTPResponse(outcome.response.Payload, "application/json")
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
