package invoke

import (
	"encoding/binary"
	"errors"

	"github.com/nats-io/nats.go"
)

// An envelope is several messages in one, so that one write makes all of them durable:
// of each message its subject, its id, its event's header and its body, each with its
// length before it.
type envelope struct {
	data  []byte
	count int
}

// lengthSize is the most bytes that a length takes.
const lengthSize = binary.MaxVarintLen64

// add puts a message into the envelope, unless the envelope would then be larger than
// limit.
func (e *envelope) add(msg *nats.Msg, limit int) bool {
	parts := [...]string{msg.Subject, msg.Header.Get(nats.MsgIdHdr), msg.Header.Get(eventHeader), string(msg.Data)}
	size := len(e.data)
	for _, part := range parts {
		size += lengthSize + len(part)
	}
	if size > limit {
		return false
	}
	for _, part := range parts {
		e.data = binary.AppendUvarint(e.data, uint64(len(part)))
		e.data = append(e.data, part...)
	}
	e.count++
	return true
}

// openEnvelope returns the messages of an envelope.
func openEnvelope(data []byte) ([]*nats.Msg, error) {
	var all []*nats.Msg
	for len(data) > 0 {
		var parts [4][]byte
		for i := range parts {
			length, n := binary.Uvarint(data)
			if n <= 0 || length > uint64(len(data)-n) {
				return nil, errors.New("the envelope is damaged")
			}
			parts[i], data = data[n:n+int(length)], data[n+int(length):]
		}
		msg := &nats.Msg{Subject: string(parts[0]), Header: nats.Header{}, Data: parts[3]}
		msg.Header.Set(nats.MsgIdHdr, string(parts[1]))
		msg.Header.Set(eventHeader, string(parts[2]))
		all = append(all, msg)
	}
	return all, nil
}
