package rawhttp

import (
	"errors"
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
}

// Reply answers the request, unless it was answered before. An error means that the
// client is gone.
func (r *Request) Reply(a Answer) error {
	if r.replied {
		return errAnswered
	}
	r.replied = true
	if !r.conn.body.reusable() {
		r.close = true
	}
	err := r.conn.write(a, r.old, r.keep, r.close, r.Method == http.MethodHead)
	r.failed = err != nil
	return err
}

// refuse answers what is no request.
func (r *Request) refuse(e *protocolError) error {
	return r.Reply(Answer{
		Status: e.status, Header: []Field{{"Content-Type", "text/plain; charset=utf-8"}},
		Body: []byte(e.what + "\n"),
	})
}

// write writes an answer.
func (c *conn) write(a Answer, old, keep, close, head bool) error {
	out := append(c.out[:0], "HTTP/1.1 "...)
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
	c.out = out
	if head || a.Status == http.StatusNoContent || len(a.Body) == 0 {
		_, err := c.net.Write(out)
		return err
	}
	if len(a.Body) <= maxCopied {
		c.out = append(out, a.Body...)
		_, err := c.net.Write(c.out)
		return err
	}
	parts := net.Buffers{out, a.Body}
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
