package trigger

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// queuesPath is where queues take messages, each at its stack's name.
const queuesPath = "/queues/"

// attributePrefix marks the headers that are message attributes. What follows is
// the attribute's name as Go writes names of headers: each word with a capital.
const attributePrefix = "X-Message-Attribute-"

// bodyOverhead is what a body may have beyond the queue's limit before it is no
// longer read to say by how much.
const bodyOverhead = 64 << 10

// Mount serves POST /queues/{stack}.
func (q *Queues) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST "+queuesPath+"{stack}", q.serveSend)
}

// serveSend sends the request's body as one message.
func (q *Queues) serveSend(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("stack")
	record, err := q.record(name)
	if err == nil {
		arn := stack.QueueARN(name, record.Stack.Trigger.Queue.FIFO)
		if err = q.env.Authorize(r, "sqs:SendMessage", arn); err == nil {
			q.sendBody(w, r, arn, record.Stack.Trigger.Queue.MaxMessageSize)
			return
		}
		writeDenied(w, err)
		return
	}
	// Who has no token learns nothing of which stacks there are.
	if denied := q.env.Authorize(r, "sqs:SendMessage", stack.QueueARN(name, false)); denied != nil {
		writeDenied(w, denied)
		return
	}
	q.writeError(w, err)
}

func writeDenied(w http.ResponseWriter, err error) {
	status := http.StatusForbidden
	if errors.Is(err, ErrUnauthenticated) {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="tidegate"`)
	}
	writeProblem(w, status, err.Error())
}

func (q *Queues) sendBody(w http.ResponseWriter, r *http.Request, arn string, limit int) {
	body, err := readBody(w, r, int64(limit+bodyOverhead))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		q.writeError(w, &QueueError{
			http.StatusRequestEntityTooLarge,
			"the message is larger than the " + strconv.Itoa(limit) + " bytes that this queue takes at most (max_message_size)",
		})
		return
	case err != nil:
		q.writeError(w, refuse("%s", err))
		return
	}
	m, err := messageOf(r, body)
	if err != nil {
		q.writeError(w, err)
		return
	}
	sent, err := q.SendMessage(r.Context(), arn, m)
	if err != nil {
		q.writeError(w, err)
		return
	}
	writeJSON(w, http.StatusOK, sent)
}

// messageOf reads SendMessage's other parameters from the query and the headers.
func messageOf(r *http.Request, body []byte) (NewMessage, error) {
	m := NewMessage{Body: string(body), Trace: telemetry.TraceHeader(r.Header.Get("X-Amzn-Trace-Id"), r.Header.Get("Traceparent"))}
	for name, values := range r.URL.Query() {
		if len(values) != 1 {
			return m, refuse("the query parameter %s is there %d times", name, len(values))
		}
		switch value := values[0]; name {
		case "MessageGroupId":
			m.Group = value
		case "MessageDeduplicationId":
			m.Deduplication = value
		case "DelaySeconds":
			seconds, err := strconv.Atoi(value)
			if err != nil || seconds < 0 || seconds > int(maxDelay/time.Second) {
				return m, refuse("DelaySeconds is %q; it can be a whole number from 0 to 900", value)
			}
			delay := time.Duration(seconds) * time.Second
			m.Delay = &delay
		default:
			return m, refuse("there is no query parameter %s; there is MessageGroupId, MessageDeduplicationId and DelaySeconds", name)
		}
	}
	for header, values := range r.Header {
		name, ok := strings.CutPrefix(header, attributePrefix)
		if !ok {
			continue
		}
		if len(values) != 1 {
			return m, refuse("the message attribute %s is there %d times", name, len(values))
		}
		if m.Attributes == nil {
			m.Attributes = map[string]MessageAttribute{}
		}
		m.Attributes[name] = MessageAttribute{DataType: "String", StringValue: values[0]}
	}
	return m, nil
}

// writeError answers with what the sender can understand; the rest is for the
// log.
func (q *Queues) writeError(w http.ResponseWriter, err error) {
	var known *QueueError
	if errors.As(err, &known) {
		writeProblem(w, known.Status, known.Message)
		return
	}
	q.env.Log.Error("a message was not stored", "error", err)
	writeProblem(w, http.StatusServiceUnavailable, "the message was not stored: the runtime's log says why; send it again")
}

// writeProblem answers with RFC 9457 problem details, as the API does.
func writeProblem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	text, _ := encodeJSON(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail}) // plain strings
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
