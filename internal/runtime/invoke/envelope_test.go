package invoke

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

func eventMessage(t *testing.T, id, payload string) *nats.Msg {
	t.Helper()
	ev := newEvent(Request{ID: id, Qualifier: "live", Payload: []byte(payload)}, time.Now())
	msg, err := ev.message(queueName{"shop", "cart", "first"}.subject())
	if err != nil {
		t.Fatal(err)
	}
	return msg
}

func TestAnEnvelopeHasWhatWasPutIntoIt(t *testing.T) {
	messages := []*nats.Msg{eventMessage(t, "one", `{"n":1}`), eventMessage(t, "two", ""), eventMessage(t, "three", `"\u00e9"`)}
	var e envelope
	for _, msg := range messages {
		if !e.add(msg, 1<<20) {
			t.Fatal("there is no room in the envelope")
		}
	}
	found, err := openEnvelope(e.data)
	if err != nil || len(found) != e.count {
		t.Fatalf("%d messages of %d were found: %v", len(found), e.count, err)
	}
	for i, msg := range found {
		if msg.Subject != messages[i].Subject || string(msg.Data) != string(messages[i].Data) || !cmp.Equal(msg.Header, messages[i].Header) {
			t.Errorf("message %d is %+v, want %+v", i, msg, messages[i])
		}
	}
}

func TestAnEnvelopeIsNoLargerThanItsLimit(t *testing.T) {
	const limit = 1000
	var e envelope
	for e.add(eventMessage(t, "id", `{"n":1}`), limit) {
		continue
	}
	if len(e.data) > limit || e.count == 0 {
		t.Errorf("%d messages have %d bytes", e.count, len(e.data))
	}
	if whole := len(e.data); e.add(eventMessage(t, "id", `{"n":1}`), limit) || len(e.data) != whole {
		t.Error("a message that did not fit has left something")
	}
}

func FuzzOpenEnvelope(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{1, 'a', 1, 'b', 1, 'c', 1, 'd'})
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 1, 'a'})
	f.Fuzz(func(t *testing.T, data []byte) {
		messages, err := openEnvelope(data)
		if err != nil {
			return
		}
		var e envelope
		for _, msg := range messages {
			e.add(msg, 1<<30)
		}
		again, err := openEnvelope(e.data)
		if err != nil || len(again) != len(messages) {
			t.Errorf("%d messages were written, and %d read: %v", len(messages), len(again), err)
		}
	})
}
