package invoke

import (
	"testing"

	"github.com/nats-io/nats.go"
)

// FuzzDecodeEvent reads any header without a panic, and what message writes as it was.
func FuzzDecodeEvent(f *testing.F) {
	f.Add(`{"id":"x","attempt":1,"accepted":"2024-01-01T00:00:00Z","max_age":"1m","retries":3}`, []byte("{}"))
	f.Add(`{"id":1}`, []byte(nil))
	f.Fuzz(func(t *testing.T, header string, payload []byte) {
		ev, err := decodeEvent(nats.Header{eventHeader: []string{header}}, payload)
		if err != nil {
			return
		}
		msg, err := ev.message("subject")
		if err != nil {
			return // a year that JSON does not know
		}
		again, err := decodeEvent(msg.Header, msg.Data)
		if err != nil {
			t.Fatalf("%s does not read back: %v", msg.Header.Get(eventHeader), err)
		}
		if again.ID != ev.ID || again.Attempt != ev.Attempt || !again.Accepted.Equal(ev.Accepted) {
			t.Errorf("%+v reads back as %+v", ev, again)
		}
	})
}
