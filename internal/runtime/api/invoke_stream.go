package api

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// streamPath is Lambda's InvokeWithResponseStream.
// https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
const streamPath = "POST /2021-11-15/functions/{name}/response-streaming-invocations"

// eventStreamType is the type of its answers: events in Amazon's framing.
const eventStreamType = "application/vnd.amazon.eventstream"

// serveStream answers Lambda's InvokeWithResponseStream: a PayloadChunk for
// whatever the function has written, and an InvokeComplete at the end.
func (h *invokeHandler) serveStream(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	w.Header().Set("X-Amzn-Requestid", id)
	req, kind, failure := h.read(w, r)
	switch {
	case failure == nil && kind == event:
		failure = validationError([]string{
			"Value 'Event' at 'invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, DryRun]",
		})
		fallthrough
	case failure != nil:
		writeInvokeError(w, failure)
		return
	case kind == dryRun:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	req.ID = id
	sink := &eventStream{w: w, out: http.NewResponseController(w), encoder: eventstream.NewEncoder()}
	req.Sink = sink
	response, err := h.invoker.Invoke(r.Context(), req)
	switch {
	case err == nil:
		sink.Begin(invoke.StreamHead{ExecutedVersion: response.ExecutedVersion, Init: response.Init})
		sink.complete(response)
	case sink.begun:
		sink.complete(invoke.Response{FunctionError: asInvokeError(err).Type, Payload: []byte(asInvokeError(err).Message)})
	default:
		writeInvokeError(w, asInvokeError(err))
	}
}

// An eventStream writes an answer as Amazon's events. It implements invoke.Sink.
type eventStream struct {
	w       http.ResponseWriter
	out     *http.ResponseController
	encoder *eventstream.Encoder
	begun   bool
}

// Begin sends the answer's head, once.
func (s *eventStream) Begin(head invoke.StreamHead) {
	if s.begun {
		return
	}
	s.begun = true
	// A function may take longer to answer than the listener gives others.
	_ = s.out.SetWriteDeadline(time.Time{})
	header := s.w.Header()
	header.Set("Content-Type", eventStreamType)
	header.Set("X-Amz-Executed-Version", head.ExecutedVersion)
	head.Init.Tell(header)
	s.w.WriteHeader(http.StatusOK)
	_ = s.out.Flush()
}

// Write sends a PayloadChunk.
func (s *eventStream) Write(p []byte) (int, error) {
	if err := s.send("PayloadChunk", "application/octet-stream", p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// complete sends the InvokeComplete, which says how the invocation ended.
func (s *eventStream) complete(response invoke.Response) {
	end := struct {
		ErrorCode    string `json:"ErrorCode,omitempty"`
		ErrorDetails string `json:"ErrorDetails,omitempty"`
		LogResult    string `json:"LogResult,omitempty"`
	}{response.FunctionError, "", base64.StdEncoding.EncodeToString(response.LogTail)}
	if response.FunctionError != "" {
		end.ErrorDetails = string(response.Payload)
	}
	text, _ := json.Marshal(end)                           // strings always marshal
	_ = s.send("InvokeComplete", "application/json", text) // who went away does not miss it
}

func (s *eventStream) send(kind, contentType string, payload []byte) error {
	message := eventstream.Message{Payload: payload}
	for name, value := range map[string]string{":message-type": "event", ":event-type": kind, ":content-type": contentType} {
		message.Headers.Set(name, eventstream.StringValue(value))
	}
	if err := s.encoder.Encode(s.w, message); err != nil {
		return err
	}
	return s.out.Flush()
}
