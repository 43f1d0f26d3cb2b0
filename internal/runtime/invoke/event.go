package invoke

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// eventHeader holds, as JSON, all of an event but its payload, which is the
// message's body.
const eventHeader = "Tidegate-Event"

// An event is an asynchronous invocation in its queue.
type event struct {
	ID            string          `json:"id"`
	Qualifier     string          `json:"qualifier,omitempty"`
	Accepted      time.Time       `json:"accepted"`
	Attempt       int             `json:"attempt"`
	NotBefore     time.Time       `json:"not_before,omitzero"`
	MaxAge        *stack.Duration `json:"max_age,omitempty"`
	Retries       *int            `json:"retries,omitempty"`
	DeadLetter    string          `json:"dead_letter,omitempty"`
	ClientContext json.RawMessage `json:"client_context,omitempty"`
	TraceID       string          `json:"trace_id,omitempty"`
	Source        string          `json:"source,omitempty"`

	payload []byte
}

// newEvent makes the first attempt of a request accepted now.
func newEvent(req Request, now time.Time) event {
	ev := event{
		ID: req.ID, Qualifier: req.Qualifier, Accepted: now, Attempt: 1,
		Retries: req.Retries, DeadLetter: req.DeadLetter, ClientContext: req.ClientContext,
		TraceID: req.TraceID, Source: req.Source, payload: req.Payload,
	}
	if req.MaxAge != nil {
		age := stack.Duration(*req.MaxAge)
		ev.MaxAge = &age
	}
	return ev
}

// next is the attempt after this one.
func (ev event) next(notBefore time.Time) event {
	ev.Attempt++
	ev.NotBefore = notBefore
	return ev
}

// request of the function with that full name.
func (ev event) request(function string) Request {
	return Request{
		ID: ev.ID, Function: function, Qualifier: ev.Qualifier, Payload: ev.payload,
		ClientContext: ev.ClientContext, TraceID: ev.TraceID, Source: ev.Source,
	}
}

// expires is when the event is given up.
func (ev event) expires(async stack.Async) time.Time {
	age := async.MaxAge.Std()
	if ev.MaxAge != nil {
		age = ev.MaxAge.Std()
	}
	return ev.Accepted.Add(age)
}

// retries is how many attempts may follow the first.
func (ev event) retries(async stack.Async) int {
	if ev.Retries != nil {
		return *ev.Retries
	}
	return async.Retries
}

// message on the subject given. Attempts differ in their id, so that JetStream
// drops an event, or an attempt, that is there already.
func (ev event) message(subject string) (*nats.Msg, error) {
	text, err := json.Marshal(ev)
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: subject, Header: nats.Header{}, Data: ev.payload}
	msg.Header.Set(eventHeader, string(text))
	msg.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s/%s/%d", subject, ev.ID, ev.Attempt))
	return msg, nil
}

// decodeEvent reads what message wrote.
func decodeEvent(header nats.Header, data []byte) (event, error) {
	var ev event
	text := header.Get(eventHeader)
	if text == "" {
		return ev, fmt.Errorf("the message has no header %s", eventHeader)
	}
	if err := json.Unmarshal([]byte(text), &ev); err != nil {
		return ev, fmt.Errorf("the header %s is damaged: %w", eventHeader, err)
	}
	if ev.ID == "" || ev.Attempt < 1 || ev.Accepted.IsZero() {
		return ev, fmt.Errorf("the header %s lacks an id, an attempt or a time", eventHeader)
	}
	ev.payload = data
	return ev, nil
}
