package rawhttp

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
)

const (
	// maxChunkLine is the most bytes of the line before a chunk: its size, and
	// extensions, which nobody uses.
	maxChunkLine = 256
	// maxChunkDigits is the most hexadecimal digits of a chunk's size.
	maxChunkDigits = 15
)

// A body reads a request's body as it comes. It implements io.Reader.
//
// Its end is io.EOF, after which the trailers are known. A body that breaks off is
// io.ErrUnexpectedEOF, one whose chunks are malformed is another error.
type body struct {
	conn *conn
	// length is what is left of the body or, if it is chunked, of the chunk.
	length  int64
	chunked bool
	// chunks is how many have begun.
	chunks int
	// inChunk: the end of a chunk has to come before the size of another.
	inChunk bool
	// expected: the client waits for a word before it sends the body.
	expected bool
	trailer  []field
	err      error
}

// Read implements io.Reader. Chunks that are there already are read together: a client
// that sends byte by byte must not have whoever reads do something for each.
func (b *body) Read(p []byte) (n int, err error) {
	n, err = b.readChunk(p)
	for err == nil && n < len(p) && b.follows() {
		var more int
		more, err = b.readChunk(p[n:])
		n += more
	}
	b.conn.giveWay()
	if n > 0 {
		return n, nil // an error comes again
	}
	return n, err
}

// readChunk reads from one chunk, or from a body without any.
func (b *body) readChunk(p []byte) (n int, err error) {
	if b.expected {
		b.expected = false
		if !b.conn.request.replied {
			told := append(b.conn.out[:b.conn.held], "HTTP/1.1 100 Continue\r\n\r\n"...)
			b.conn.held = 0
			if _, err := b.conn.net.Write(told); err != nil {
				b.err = err
			}
		}
	}
	for b.err == nil && b.length <= 0 {
		b.err = b.next()
	}
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if int64(len(p)) > b.length {
		p = p[:b.length]
	}
	n, err = b.conn.read(p)
	b.length -= int64(n)
	if err != nil && b.length > 0 {
		b.err = broken(err)
	}
	if n == 0 {
		return 0, b.err
	}
	return n, nil
}

// follows tells whether data of the next chunk has come already. The last chunk is none:
// what is after it may take its time.
func (b *body) follows() bool {
	if b.err != nil || b.length > 0 || !b.inChunk {
		return false
	}
	const end = len("\r\n")
	waiting := b.conn.in[b.conn.from:min(b.conn.to, b.conn.from+end+maxChunkLine)]
	if len(waiting) <= end || waiting[end] == '0' {
		return false
	}
	line := bytes.IndexByte(waiting[end:], '\n')
	return line >= 0 && end+line+1 < len(waiting)
}

// next is called at the end of the body, or of a chunk.
func (b *body) next() error {
	if !b.chunked {
		return io.EOF
	}
	if b.inChunk {
		b.inChunk = false
		if line, err := b.conn.readLine(len("\r\n")); err != nil {
			return err
		} else if line != "" {
			return malformed("a chunk is longer than its size")
		}
	}
	line, err := b.conn.readLine(maxChunkLine)
	if err != nil {
		return err
	}
	size, ok := chunkSize(line)
	if !ok {
		return malformed("the size of a chunk is malformed")
	}
	if size > 0 {
		b.length, b.inChunk = size, true
		b.chunks++
		return nil
	}
	return b.trailers()
}

// trailers reads the lines after the last chunk.
func (b *body) trailers() error {
	for limit := maxHead; ; {
		line, err := b.conn.readLine(limit)
		if err != nil {
			return err
		}
		if line == "" {
			return io.EOF
		}
		limit -= len(line) + len("\r\n")
		var refused *protocolError
		if b.trailer, refused = parseFields(b.trailer, line); refused != nil {
			return refused
		}
	}
}

// chunkSize parses the line before a chunk. Extensions are ignored.
func chunkSize(line string) (size int64, ok bool) {
	digits, extension, _ := strings.Cut(line, ";")
	for i := range len(extension) {
		if b := extension[i]; b < ' ' && b != '\t' || b == 0x7f {
			return 0, false
		}
	}
	digits = strings.TrimRight(digits, " \t")
	if digits == "" || len(digits) > maxChunkDigits {
		return 0, false
	}
	for i := range len(digits) {
		var value byte
		switch b := digits[i]; {
		case isDigit(b):
			value = b - '0'
		case 'a' <= b && b <= 'f':
			value = b - 'a' + 10
		case 'A' <= b && b <= 'F':
			value = b - 'A' + 10
		default:
			return 0, false
		}
		size = size<<4 | int64(value)
	}
	return size, true
}

// reusable tells whether another request may be found after the body. It is not known
// whether a client that was not told to send one does so nevertheless.
func (b *body) reusable() bool {
	return !b.expected && (b.err == nil || b.err == io.EOF) && (b.chunked || b.length <= maxDiscard)
}

// discard reads the rest of a body of at most so many bytes, and tells whether that
// was all. A client that still waits to be told to send it is not waited for.
func (b *body) discard(limit int64) bool {
	if b.err == nil && !b.chunked && b.length == 0 {
		return true
	}
	if b.expected || !b.chunked && b.length > limit {
		return false
	}
	_, err := io.CopyN(io.Discard, b, limit+1)
	return errors.Is(err, io.EOF) && b.err == io.EOF
}

// broken is what a connection's error means in the middle of a body.
func broken(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// read reads from the buffer first.
func (c *conn) read(p []byte) (int, error) {
	if c.from < c.to {
		n := copy(p, c.in[c.from:c.to])
		c.from += n
		return n, nil
	}
	if len(p) < len(c.in) && c.body.chunked { // more than the chunk may be there
		c.from, c.to = 0, 0
		if err := c.fill(len(c.in)); err != nil {
			return 0, err
		}
		return c.read(p)
	}
	n, err := c.net.Read(p)
	c.moved += n
	return n, err
}

// turn is how many bytes of a body are read before the goroutine gives way: of the
// smallest chunks they take less than a millisecond.
const turn = 64 << 10

// giveWay lets others have their turn. A client that sends faster than it is read never
// lets the goroutine rest. That keeps but one of Go's processors busy, and yet what comes
// over any other connection might not be seen for as long as it goes on: the thread that was
// waiting for the network is the one that went on with this goroutine, and it had no reason
// to wake another. To give way is one.
func (c *conn) giveWay() {
	if c.moved >= turn {
		c.moved = 0
		runtime.Gosched()
	}
}

// readLine reads a line of at most so many bytes, its end included.
func (c *conn) readLine(limit int) (string, error) {
	for searched := 0; ; {
		data := c.in[c.from:c.to]
		if at := bytes.IndexByte(data[searched:], '\n'); at >= 0 {
			end := searched + at
			if end == 0 || data[end-1] != '\r' || end+1 > limit {
				return "", malformed("a line of a chunked body is malformed")
			}
			c.from += end + 1
			return string(data[:end-1]), nil
		}
		if searched = len(data); searched >= limit {
			return "", malformed("a line of a chunked body is too long")
		}
		if err := c.fill(max(limit, len(c.in))); err != nil {
			return "", broken(err)
		}
	}
}
