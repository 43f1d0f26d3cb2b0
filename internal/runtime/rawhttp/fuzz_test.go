package rawhttp

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A script is a connection whose client has sent everything there is at once, or a
// few bytes at a time.
type script struct {
	input *bytes.Reader
	step  int
}

func (s *script) Read(p []byte) (int, error) {
	if s.step > 0 && len(p) > s.step {
		p = p[:s.step]
	}
	return s.input.Read(p)
}

func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return nil }
func (s *script) RemoteAddr() net.Addr             { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// understood are the requests of a script that arrived whole.
func understood(input []byte, step int) (requests []string) {
	s := &script{input: bytes.NewReader(input), step: step}
	Serve(s, HandlerFunc(func(r *Request) {
		body, err := io.ReadAll(r.Body())
		if err != nil {
			_ = r.Reply(Answer{Status: 400})
			return
		}
		requests = append(requests, fmt.Sprintf("%s %q %q %q %q %q", r.Method, r.Path, r.Query, r.Header("A"), body, r.Trailer("B")))
		_ = r.Reply(Answer{Status: 200, Header: []Field{{"A", r.Header("A")}}, Body: body})
	}))
	return requests
}

// FuzzServe lets a client send whatever it likes. What is taken for a request here is
// what net/http takes for one, too, and ends where that says; how it was cut into
// pieces on its way makes no difference.
func FuzzServe(f *testing.F) {
	for _, seed := range []string{
		head + "\r\n" + head + "\r\n",
		"GET /a%20b?c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n" + head + "\r\n",
		"POST /x HTTP/1.1\r\nHost: x\r\nA: 1\r\nContent-Length: 3\r\n\r\nabc" + head + "\r\n",
		"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: B\r\n\r\n3\r\nabc\r\n0\r\nB: 2\r\n\r\n" + head + "\r\n",
		"POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
		"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		f.Add([]byte(seed), 0)
		f.Add([]byte(seed), 1)
	}
	f.Fuzz(func(t *testing.T, input []byte, step int) {
		requests := understood(input, 0)
		cut := understood(input, 1+(step&0xff))
		if fmt.Sprint(requests) != fmt.Sprint(cut) {
			t.Errorf("in one piece it is %q, in several %q", requests, cut)
		}
		from := bufio.NewReader(bytes.NewReader(input))
		for _, got := range requests {
			if rest, _ := from.Peek(2); string(rest) == "\r\n" {
				_, _ = from.Discard(2)
			}
			r, err := http.ReadRequest(from)
			if err != nil {
				t.Fatalf("%s is no request for net/http: %v", got, err)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Fatalf("%s has no whole body for net/http: %v", got, err)
			}
			trailer := r.Trailer.Get("B")
			if _, announced := r.Trailer["B"]; !announced { // net/http drops those
				trailer = ""
				got = got[:strings.LastIndex(got, " ")] + ` ""`
			}
			path := r.URL.Path
			if r.URL.Host != "" && path == "" {
				path = "/"
			}
			want := fmt.Sprintf("%s %q %q %q %q %q", r.Method, path, r.URL.RawQuery, r.Header.Get("A"), body, trailer)
			if got != want {
				t.Errorf("got %s; net/http reads %s", got, want)
			}
		}
	})
}
