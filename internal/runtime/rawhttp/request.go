package rawhttp

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// A Request is one request, and the way to its answer.
type Request struct {
	Method string
	// Path is decoded. Query is what comes after the question mark, as it came.
	Path, Query string
	// Segment is the part of the path that the route's * stands for.
	Segment string
	// Data is for who answers.
	Data any

	conn   *conn
	fields []field
	// length of the body in bytes; -1 if it is chunked.
	length int64
	// old: the client speaks HTTP/1.0. keep: it says that it keeps the connection.
	// close: the connection is closed after the answer.
	old, keep, close bool
	expects          bool
	// replied: there is an answer. failed: it could not be written.
	replied, failed bool
	later           *Later
	// status of the answer, unless that comes later.
	status int
}

// Refused tells whether the request was answered with an error.
func (r *Request) Refused() bool { return r.status >= http.StatusBadRequest }

// Header returns the first value of a header field, whatever the case of its name.
func (r *Request) Header(name string) string { return find(r.fields, name) }

// Trailer is as Header, for the fields that come after a chunked body. They are known
// once the body was read to its end.
func (r *Request) Trailer(name string) string { return find(r.conn.body.trailer, name) }

func find(fields []field, name string) string {
	for _, f := range fields {
		if len(f.name) == len(name) && strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// ContentLength is the length of the body in bytes; -1 if only its end will tell.
func (r *Request) ContentLength() int64 { return r.length }

// Body reads the body as it comes. It may be read by another goroutine than the
// handler's, as long as the handler waits for it. A request can be answered before its
// body was read; what is left of a long one is not read then, and the connection ends.
func (r *Request) Body() io.Reader { return &r.conn.body }

// BodyRead is called by a taker when the body was read, and takes its time now.
func (r *Request) BodyRead() {
	if r.conn.front != nil {
		r.conn.front.until.Store(0)
	}
}

// Fields calls do with every header field, in their order, until it returns false.
func (r *Request) Fields(do func(name, value string) bool) {
	for _, f := range r.fields {
		if !do(f.name, f.value) {
			return
		}
	}
}

// Chunked tells whether the body comes in chunks, Expects whether the client waits to be
// told to send it.
func (r *Request) Chunked() bool { return r.length < 0 }
func (r *Request) Expects() bool { return r.expects }

// Chunks is how many chunks of the body have begun to come.
func (r *Request) Chunks() int { return r.conn.body.chunks }

// Later lets the request be answered after the handler has returned.
func (r *Request) Later() *Later {
	r.replied = true
	r.later = &Later{conn: r.conn, old: r.old, keep: r.keep, close: r.close, head: r.Method == "HEAD"}
	return r.later
}

// A Later is a request that is answered later, by any goroutine.
type Later struct {
	conn                   *conn
	old, keep, close, head bool
	over                   atomic.Bool
	gone                   func()
}

// OnGone has a function called if the client is gone before it was answered. It is called
// by the handler, before it returns. Of a client that closes the connection after the
// answer it is not noticed.
func (l *Later) OnGone(f func()) { l.gone = f }

// Reply answers the request, unless it was answered before. It returns when the answer
// is on its way. An error means that the client is gone.
func (l *Later) Reply(a Answer) error {
	if l.over.Swap(true) {
		return errAnswered
	}
	err := l.conn.write(a, l.old, l.keep, l.close, l.head)
	if !l.conn.front.rests() {
		_ = l.conn.net.Close()
	}
	l.conn.answered <- struct{}{}
	return err
}

// Drop closes the connection instead of an answer.
func (l *Later) Drop() {
	if !l.over.Swap(true) {
		_ = l.conn.net.Close()
		l.conn.answered <- struct{}{}
	}
}

// abandon is Drop by the connection's own goroutine.
func (l *Later) abandon() { l.over.Store(true) }
