package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
)

// invokePath is Lambda's Invoke. The name may be an ARN; its colons may come
// escaped.
const invokePath = "POST /2015-03-31/functions/{name}/invocations"

// maxClientContext is Lambda's limit on the header X-Amz-Client-Context.
const maxClientContext = 3583

// payloadTimeout is how long a client may take to send a payload.
const payloadTimeout = time.Minute

// The invocation types of Lambda's Invoke.
const (
	requestResponse = "RequestResponse"
	event           = "Event"
	dryRun          = "DryRun"
)

// An invokeHandler answers Lambda's Invoke, byte for byte as far as clients
// look. It is a plain handler, since every synchronous invocation passes here.
type invokeHandler struct {
	invoker Invoker
	// allow decides whether the request may invoke what the ARN names.
	allow func(r *http.Request, arn string) *invoke.Error
}

// mountInvoke serves Lambda's Invoke and InvokeWithResponseStream.
func (s *Server) mountInvoke(mux *http.ServeMux, allow func(*http.Request, string) *invoke.Error) {
	handler := &invokeHandler{invoker: s.Invoker, allow: allow}
	mux.Handle(invokePath, handler)
	mux.HandleFunc(streamPath, handler.serveStream)
}

// allowInvoke decides for functions' own tokens.
func (s *Server) allowInvoke(r *http.Request, arn string) *invoke.Error {
	err := s.Access.Authorize(r, "lambda:InvokeFunction", arn)
	switch _, given := bearer(r); {
	case err == nil:
		return nil
	case errors.Is(err, trigger.ErrUnauthenticated) && !given:
		return &invoke.Error{Status: http.StatusForbidden, Type: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	case errors.Is(err, trigger.ErrUnauthenticated):
		return &invoke.Error{Status: http.StatusForbidden, Type: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	}
	return &invoke.Error{Status: http.StatusForbidden, Type: "AccessDeniedException", Message: err.Error()}
}

func (h *invokeHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	req, kind, failure := h.read(w, r)
	if failure != nil {
		writeInvokeError(w, failure)
		return
	}
	req.ID = id
	switch kind {
	case dryRun:
		w.WriteHeader(http.StatusNoContent)
	case event:
		if err := h.invoker.InvokeAsync(r.Context(), req); err != nil {
			writeInvokeError(w, asInvokeError(err))
			return
		}
		w.WriteHeader(http.StatusAccepted)
	default:
		response, err := h.invoker.Invoke(r.Context(), req)
		if err != nil {
			writeInvokeError(w, asInvokeError(err))
			return
		}
		writeInvokeResponse(w, response)
	}
}

// read checks a request in Lambda's order: parameters, permission, existence,
// then the payload.
func (h *invokeHandler) read(w http.ResponseWriter, r *http.Request) (invoke.Request, string, *invoke.Error) {
	name, failure := parseFunctionName(r.PathValue("name"), r.URL.Query().Get("Qualifier"))
	if failure != nil {
		return invoke.Request{}, "", failure
	}
	kind, failure := oneOf(r, "X-Amz-Invocation-Type", "invocationType", requestResponse, event, dryRun)
	if failure != nil {
		return invoke.Request{}, "", failure
	}
	logType, failure := oneOf(r, "X-Amz-Log-Type", "logType", "None", "Tail")
	if failure != nil {
		return invoke.Request{}, "", failure
	}
	if failure := h.allow(r, name.ARN()); failure != nil {
		return invoke.Request{}, "", failure
	}
	if kind == dryRun {
		if _, err := h.invoker.Resolve(name.Name, name.Qualifier); err != nil {
			return invoke.Request{}, "", asInvokeError(err)
		}
		return invoke.Request{}, kind, nil
	}
	clientContext, failure := readClientContext(r.Header.Get("X-Amz-Client-Context"))
	if failure != nil {
		return invoke.Request{}, "", failure
	}
	payload, failure := readPayload(w, r, kind)
	if failure != nil {
		return invoke.Request{}, "", failure
	}
	return invoke.Request{
		Function:      name.Name,
		Qualifier:     name.Qualifier,
		Payload:       payload,
		ClientContext: clientContext,
		TraceID:       telemetry.TraceHeader(r.Header.Get("X-Amzn-Trace-Id"), r.Header.Get("Traceparent")),
		Source:        "api",
		LogTail:       logType == "Tail",
	}, kind, nil
}

// oneOf reads a header with an enumeration's value; the first is the default.
func oneOf(r *http.Request, header, field string, values ...string) (string, *invoke.Error) {
	given := r.Header.Get(header)
	if given == "" {
		return values[0], nil
	}
	for _, v := range values {
		if v == given {
			return v, nil
		}
	}
	return "", validationError([]string{fmt.Sprintf(
		"Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", given, field, strings.Join(values, ", "))})
}

func readClientContext(header string) ([]byte, *invoke.Error) {
	if header == "" {
		return nil, nil
	}
	if len(header) > maxClientContext {
		return nil, &invoke.Error{
			Status: http.StatusBadRequest, Type: "InvalidRequestContentException",
			Message: fmt.Sprintf("Client context is %d bytes; it can be %d", len(header), maxClientContext),
		}
	}
	text, err := base64.StdEncoding.DecodeString(header)
	if err != nil || !json.Valid(text) {
		return nil, &invoke.Error{
			Status: http.StatusBadRequest, Type: "InvalidRequestContentException",
			Message: "Client context must be a valid Base64-encoded JSON object.",
		}
	}
	return text, nil
}

// readPayload reads at most what the invocation type allows, into memory of
// the right size where the client said it.
func readPayload(w http.ResponseWriter, r *http.Request, kind string) ([]byte, *invoke.Error) {
	limit := int64(invoke.MaxSyncPayload)
	if kind == event {
		limit = invoke.MaxAsyncPayload
	}
	if r.ContentLength > limit {
		return nil, tooLarge(strconv.FormatInt(r.ContentLength, 10), kind, limit)
	}
	limitReading(w, r, payloadTimeout)
	if r.ContentLength >= 0 {
		payload := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, payload)
		return payload, cutShort(err)
	}
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return nil, tooLarge("More than "+strconv.FormatInt(limit, 10), kind, limit)
	}
	return payload, cutShort(err)
}

func tooLarge(size, kind string, limit int64) *invoke.Error {
	return &invoke.Error{
		Status: http.StatusRequestEntityTooLarge, Type: "RequestTooLargeException",
		Message: fmt.Sprintf("%s byte payload is too large for the %s invocation type (limit %d bytes)", size, kind, limit),
	}
}

func cutShort(err error) *invoke.Error {
	if err == nil {
		return nil
	}
	return &invoke.Error{
		Status: http.StatusBadRequest, Type: "InvalidRequestContentException",
		Message: "The request ended before its payload was complete.",
	}
}

func writeInvokeResponse(w http.ResponseWriter, response invoke.Response) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Content-Length", strconv.Itoa(len(response.Payload)))
	header.Set("X-Amz-Executed-Version", response.ExecutedVersion)
	response.Init.Tell(header)
	if response.FunctionError != "" {
		header.Set("X-Amz-Function-Error", response.FunctionError)
	}
	if len(response.LogTail) > 0 {
		header.Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(response.LogTail))
	}
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(response.Payload)
}

// writeInvokeError answers as Lambda does. Its exceptions spell the message
// either way ("Message", "message"), and each client reads the one it expects, so
// both are there.
func writeInvokeError(w http.ResponseWriter, e *invoke.Error) {
	answer := map[string]string{"message": e.Message, "Message": e.Message}
	switch {
	case e.Type == "ValidationException":
		delete(answer, "Message")
	case e.Status >= http.StatusInternalServerError:
		answer["Type"] = "Service"
	default:
		answer["Type"] = "User"
	}
	if e.Reason != "" {
		answer["Reason"] = e.Reason
	}
	if e.RetryAfter > 0 {
		seconds := int64((e.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	w.Header().Set("X-Amzn-Errortype", e.Type)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	_ = json.NewEncoder(w).Encode(answer)
}

// asInvokeError keeps Lambda's errors and hides any other.
func asInvokeError(err error) *invoke.Error {
	var known *invoke.Error
	if errors.As(err, &known) {
		return known
	}
	return &invoke.Error{
		Status: http.StatusInternalServerError, Type: "ServiceException",
		Message: "The runtime failed to invoke the function; its log says why.",
	}
}
