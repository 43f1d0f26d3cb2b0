package rawhttp

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A protocolError is a request that is none, or one that the server does not take.
type protocolError struct {
	status int
	what   string
}

func (e *protocolError) Error() string { return "rawhttp: " + e.what }

func malformed(what string) *protocolError { return &protocolError{http.StatusBadRequest, what} }

var (
	errHeadTooLarge = &protocolError{http.StatusRequestHeaderFieldsTooLarge, "the header is too large"}
	errTooManyLines = &protocolError{http.StatusRequestHeaderFieldsTooLarge, "there are too many header fields"}
	errVersion      = &protocolError{http.StatusHTTPVersionNotSupported, "the protocol is not HTTP/1.1"}
	errCoding       = &protocolError{http.StatusNotImplemented, "the transfer coding is not chunked"}
	errExpectation  = &protocolError{http.StatusExpectationFailed, "the expectation is not 100-continue"}
)

// A field is a line of a header, or of trailers.
type field struct{ name, value string }

var endOfHead = []byte("\r\n\r\n")

// readHead returns a request's head without the empty line that ends it; "" if that is
// too large. An error means that the client is gone.
func (c *conn) readHead() (string, error) {
	if c.from == c.to {
		c.rewind()
	}
	searched, blank := 0, 0
	for {
		data := c.in[c.from:c.to]
		// RFC 9112, 2.2: an empty line before a request is ignored. One is enough.
		if blank == 0 && len(data) >= 2 && data[0] == '\r' && data[1] == '\n' {
			blank = 2
			c.from += 2
			data = data[2:]
			searched = 0
		}
		if at := bytes.Index(data[searched:], endOfHead); at >= 0 {
			end := searched + at
			c.from += end + len(endOfHead)
			return string(data[:end]), nil
		}
		searched = max(0, len(data)-len(endOfHead)+1)
		if c.front != nil && len(data) > 0 {
			return "", nil // net/http has the patience
		}
		switch err := c.fill(maxHead); err {
		case nil:
		case errFull:
			return "", nil
		default:
			return "", err
		}
	}
}

// parse takes a head apart. The strings of the request are parts of it.
func (r *Request) parse(head string) *protocolError {
	line, rest, _ := strings.Cut(head, "\r\n")
	if err := r.parseLine(line); err != nil {
		return err
	}
	fields, err := parseFields(r.fields, rest)
	if err != nil {
		return err
	}
	r.fields = fields
	return r.frame()
}

// parseLine parses the request line.
func (r *Request) parseLine(line string) *protocolError {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 || !isToken(method) {
		return malformed("the request line is malformed")
	}
	switch version {
	case "HTTP/1.1":
	case "HTTP/1.0":
		r.old = true
	default:
		if isVersion(version) {
			return errVersion
		}
		return malformed("the request line is malformed")
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] >= 0x7f {
			return malformed("the request's target is malformed")
		}
	}
	if !strings.HasPrefix(target, "/") {
		// RFC 9112, 3.2.2: a server must take the absolute form, too.
		u, err := url.Parse(target)
		if err != nil || u.Scheme != "http" || u.Host == "" {
			return malformed("the request's target is malformed")
		}
		target = u.RequestURI()
	}
	r.Method = method
	r.Path, r.Query, _ = strings.Cut(target, "?")
	if strings.IndexByte(r.Path, '%') >= 0 {
		path, err := url.PathUnescape(r.Path)
		if err != nil {
			return malformed("the request's target is malformed")
		}
		r.Path = path
	}
	return nil
}

func isVersion(s string) bool {
	return len(s) == len("HTTP/1.1") && strings.HasPrefix(s, "HTTP/") && isDigit(s[5]) && s[6] == '.' && isDigit(s[7])
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

// parseFields appends the fields of a head, or of trailers, to a list.
func parseFields(fields []field, text string) ([]field, *protocolError) {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\r\n")
		text = rest
		name, value, ok := strings.Cut(line, ":")
		// What begins with a space would be a folded line: no name has one.
		if !ok || !isToken(name) {
			return fields, malformed("a header field is malformed")
		}
		value = strings.Trim(value, " \t")
		for i := range len(value) {
			if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
				return fields, malformed("a header field is malformed")
			}
		}
		if len(fields) == maxFields {
			return fields, errTooManyLines
		}
		fields = append(fields, field{name, value})
	}
	return fields, nil
}

// frame learns from the fields how long the body is, and what comes after it.
func (r *Request) frame() *protocolError {
	var lengths, codings, hosts int
	var length, coding string
	for _, f := range r.fields {
		switch len(f.name) { // most names are none of these
		case len("Host"):
			if strings.EqualFold(f.name, "Host") {
				hosts++
			}
		case len("Expect"):
			if strings.EqualFold(f.name, "Expect") {
				if !strings.EqualFold(f.value, "100-continue") {
					return errExpectation
				}
				r.expects = !r.old
			}
		case len("Connection"):
			if strings.EqualFold(f.name, "Connection") {
				r.connection(f.value)
			}
		case len("Content-Length"):
			if strings.EqualFold(f.name, "Content-Length") {
				lengths++
				length = f.value
			}
		case len("Transfer-Encoding"):
			if strings.EqualFold(f.name, "Transfer-Encoding") {
				codings++
				coding = f.value
			}
		}
	}
	if r.old && !r.keep {
		r.close = true
	}
	switch {
	case hosts > 1, hosts == 0 && !r.old:
		return malformed("there is not exactly one header field Host")
	case lengths > 1, codings > 1, lengths > 0 && codings > 0:
		// RFC 9112, 6.3: what others take for two requests must not pass for one.
		return malformed("the body's length is ambiguous")
	case codings > 0 && r.old:
		return malformed("HTTP/1.0 has no transfer codings")
	case codings > 0 && !strings.EqualFold(coding, "chunked"):
		return errCoding
	case codings > 0:
		r.length = -1
	case lengths > 0:
		n, ok := parseLength(length)
		if !ok {
			return malformed("the body's length is malformed")
		}
		r.length = n
	}
	return nil
}

// connection learns from a field Connection whether to keep it.
func (r *Request) connection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		option = strings.Trim(option, " \t")
		switch {
		case strings.EqualFold(option, "close"):
			r.close = true
		case strings.EqualFold(option, "keep-alive"):
			r.keep = true
		}
	}
}

// parseLength parses a Content-Length: digits and nothing else, where
// strconv.ParseInt takes a sign.
func parseLength(s string) (int64, bool) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// tokenBytes are those of RFC 9110's tokens.
var tokenBytes = func() (set [256]bool) {
	for b := range set {
		set[b] = 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' ||
			b < 0x80 && strings.IndexByte("!#$%&'*+-.^_`|~", byte(b)) >= 0
	}
	return set
}()

func isToken(s string) bool {
	for i := range len(s) {
		if !tokenBytes[s[i]] {
			return false
		}
	}
	return s != ""
}
