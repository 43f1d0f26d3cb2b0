package rawhttp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
)

// errAnswered is the error of an answer to a request that has one.
var errAnswered = errors.New("rawhttp: the request was answered, or its client is gone")

// maxCopied is the largest body, in bytes, that is copied behind its head to be
// written with it: writing from two places costs about as much.
const maxCopied = 2 << 10

// A Field is a line of an answer's header.
type Field struct{ Name, Value string }

// An Answer is a response with its whole body. Its length, and what becomes of the
// connection, are not part of Header. There is no Date unless it is in Header: both ends of
// the Runtime API are on one machine.
type Answer struct {
	Status int
	// Header fields; what would break a line is replaced by a space.
	Header []Field
	Body   []byte
	// Lazy: if the client has sent a further GET already, it does not wait for this answer
	// alone, which is written together with the next one. A client that is not woken twice
	// has more time for its events.
	Lazy bool
}

// Reply answers the request, unless it was answered before. An error means that the
// client is gone.
func (r *Request) Reply(a Answer) error {
	if r.replied {
		return errAnswered
	}
	r.replied, r.status = true, a.Status
	if !r.conn.body.reusable() {
		r.close = true
	}
	if a.Lazy && !r.close && r.conn.hasNext() {
		r.conn.build(a, r.old, r.keep, r.close)
		r.conn.held = len(r.conn.out)
		return nil
	}
	err := r.conn.write(a, r.old, r.keep, r.close, r.Method == http.MethodHead)
	r.failed = err != nil
	return err
}

// hasNext tells whether a whole GET comes after the request.
func (c *conn) hasNext() bool {
	if c.body.length > 0 || c.body.chunked && c.body.err != io.EOF {
		return false
	}
	next := c.in[c.from:c.to]
	return bytes.HasPrefix(next, []byte("GET ")) && bytes.Contains(next, endOfHead)
}

// refuse answers what is no request.
func (r *Request) refuse(e *protocolError) error {
	return r.Reply(Answer{
		Status: e.status, Header: []Field{{"Content-Type", "text/plain; charset=utf-8"}},
		Body: []byte(e.what + "\n"),
	})
}

// build puts an answer's head behind what is held. A body follows what is lazy at once.
func (c *conn) build(a Answer, old, keep, close bool) {
	out := append(c.out[:c.held], "HTTP/1.1 "...)
	out = strconv.AppendInt(out, int64(a.Status), 10)
	out = append(out, ' ')
	out = append(out, http.StatusText(a.Status)...)
	out = append(out, "\r\n"...)
	for _, f := range a.Header {
		out = append(out, f.Name...)
		out = append(out, ": "...)
		out = appendValue(out, f.Value)
		out = append(out, "\r\n"...)
	}
	if a.Status != http.StatusNoContent {
		out = append(out, "Content-Length: "...)
		out = strconv.AppendInt(out, int64(len(a.Body)), 10)
		out = append(out, "\r\n"...)
	}
	switch {
	case close:
		out = append(out, "Connection: close\r\n"...)
	case old && keep:
		out = append(out, "Connection: keep-alive\r\n"...)
	}
	out = append(out, "\r\n"...)
	if a.Lazy {
		out = append(out, a.Body...)
	}
	c.out = out
}

// write writes an answer, after what is held.
func (c *conn) write(a Answer, old, keep, close, head bool) error {
	a.Lazy = false
	c.build(a, old, keep, close)
	c.held = 0
	if head || a.Status == http.StatusNoContent || len(a.Body) == 0 {
		_, err := c.quick.Write(c.out)
		return err
	}
	if len(a.Body) <= maxCopied {
		c.out = append(c.out, a.Body...)
		_, err := c.quick.Write(c.out)
		return err
	}
	parts := net.Buffers{c.out, a.Body}
	_, err := parts.WriteTo(c.net)
	return err
}

func appendValue(out []byte, value string) []byte {
	for i := range len(value) {
		b := value[i]
		if b == '\r' || b == '\n' || b == 0 {
			b = ' '
		}
		out = append(out, b)
	}
	return out
}
