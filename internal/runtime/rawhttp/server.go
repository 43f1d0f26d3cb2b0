package rawhttp

import (
	"errors"
	"io"
	"net"
)

const (
	// maxHead is the most bytes of a request's head, or of its trailers: some clients
	// describe an error in a header of up to 1 MiB (aws-lambda-java-libs,
	// XRAY_ERROR_CAUSE_MAX_HEADER_SIZE).
	maxHead = 1<<20 + 64<<10
	// maxFields is the most header fields, or trailer fields.
	maxFields = 256
	// firstBuffer is the size in bytes of a connection's buffer as long as its heads fit.
	firstBuffer = 2 << 10
	// maxDiscard is the most bytes that are read of a body that the handler left: beyond,
	// the connection is closed.
	maxDiscard = 256 << 10
)

// A Handler answers requests. It is called by one goroutine per connection.
type Handler interface {
	// ServeRequest calls Reply once, or Later. The request, but not its strings, belongs
	// to the server again when it returns.
	ServeRequest(*Request)
}

// HandlerFunc is a function that is a Handler.
type HandlerFunc func(*Request)

// ServeRequest implements Handler.
func (f HandlerFunc) ServeRequest(r *Request) { f(r) }

// Serve answers what comes over the connection until either side closes it, or the
// client sends what is no request. It closes the connection.
func Serve(nc net.Conn, h Handler) {
	newConn(nc, firstBuffer).serve(h)
}

func (c *conn) serve(h Handler) {
	defer c.net.Close() //nolint:errcheck // nothing is left to do
	defer c.giveBack()
	for c.one(h) {
	}
}

// A conn is a connection. Its buffer `in` has what was read and not used at from:to.
type conn struct {
	net net.Conn
	// quick is the same connection, for what is short.
	quick    io.ReadWriter
	in       []byte
	from, to int
	// out is what an answer is put together in. It belongs to the Later, if there is one.
	out []byte
	// held is how much of out is to be written before the next answer.
	held int
	// moved is how many bytes were read since the goroutine last gave way.
	moved   int
	request Request
	body    body
	// answered gets a value when a Later was answered.
	answered chan struct{}
	// front is nil unless there is one before this server.
	front *fronted
	// room is nil if there is no bound; taken is how many bytes of it the buffer has.
	room  *Room
	taken int64
}

func newConn(nc net.Conn, buffer int) *conn {
	return &conn{net: nc, quick: quick(nc), in: make([]byte, buffer), answered: make(chan struct{}, 1)}
}

// one reads and answers a request, and tells whether another may follow.
func (c *conn) one(h Handler) bool {
	r := &c.request
	*r = Request{conn: c, fields: r.fields[:0]}
	head, err := c.readHead()
	if err != nil {
		return false
	}
	var refused *protocolError
	if head == "" {
		refused = errHeadTooLarge
	} else {
		refused = r.parse(head)
	}
	if c.front != nil {
		if !c.front.works() {
			return false
		}
		if taker, ok := h.(Taker); refused != nil || !ok || !taker.Takes(r) {
			if head != "" {
				c.from -= len(head) + len(endOfHead)
			}
			c.front.leave = true
			return false
		}
		c.front.until.Store(0)
		if r.length != 0 && int64(c.to-c.from) < r.length {
			c.front.waits(bodyTimeout)
		}
	}
	if refused != nil {
		r.close = true
		_ = r.refuse(refused)
		if head != "" {
			c.linger()
		}
		return false
	}
	c.body = body{conn: c, length: r.length, chunked: r.length < 0, expected: r.expects}
	h.ServeRequest(r)
	switch {
	case r.later != nil:
		// The next request is not answered before this one. It may be read, which
		// notices that the client is gone.
		if r.close {
			<-c.answered
			return false
		}
		if !c.body.discard(maxDiscard) || !c.peek() {
			r.later.abandon()
			if r.later.gone != nil {
				r.later.gone()
			}
			return false
		}
		<-c.answered
	case !r.replied:
		_ = r.Reply(Answer{Status: 500, Body: []byte("the request was not answered\n")})
	}
	if r.failed {
		return false
	}
	if r.close || r.later == nil && !c.body.discard(maxDiscard) {
		c.linger()
		return false
	}
	return r.later != nil || c.front.rests()
}

// linger reads on for a little before the connection is closed: data that the client
// still sends would otherwise reset it, and the answer with it.
func (c *conn) linger() {
	half, ok := c.net.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, c.net, maxDiscard)
}

// errFull is a buffer that has reached its limit.
var errFull = errors.New("the buffer is full")

// fill reads more into the buffer, which grows up to a limit.
func (c *conn) fill(limit int) error {
	if c.from > 0 {
		c.to = copy(c.in, c.in[c.from:c.to])
		c.from = 0
	}
	if c.to == len(c.in) {
		if c.to >= limit {
			return errFull
		}
		more := min(len(c.in), limit-len(c.in))
		if !c.grows(len(c.in) + more) {
			return errFull
		}
		c.in = append(c.in, make([]byte, more)...)
	}
	n, err := c.quick.Read(c.in[c.to:])
	c.to += n
	c.moved += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// peek waits until the client has sent something, and returns false if it is gone.
func (c *conn) peek() bool {
	if c.from < c.to {
		return true
	}
	c.rewind()
	return c.fill(maxHead) == nil
}

// rewind makes an empty buffer small again.
func (c *conn) rewind() {
	c.from, c.to = 0, 0
	if len(c.in) > frontBuffer {
		c.in = make([]byte, firstBuffer)
		c.giveBack()
	}
}
