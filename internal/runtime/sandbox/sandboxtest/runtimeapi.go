// Package sandboxtest stands in for one end of an instance's Runtime API in tests.
package sandboxtest

import (
	"bufio"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// An API is a handler of net/http as a Runtime API.
type API struct{ http.Handler }

// ServeConn implements sandbox.RuntimeAPI.
func (a API) ServeConn(c net.Conn) {
	over := make(chan struct{})
	server := &http.Server{Handler: a.Handler, ConnState: func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			close(over)
		}
	}}
	_ = server.Serve(&single{conn: c, over: over})
}

// A single is a listener with one connection.
type single struct {
	conn  net.Conn
	taken sync.Once
	over  chan struct{}
}

func (l *single) Accept() (c net.Conn, err error) {
	l.taken.Do(func() { c = l.conn })
	if c == nil {
		<-l.over
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }

// Call sends a request to a Runtime API, on a connection of its own, until the
// request's context ends. An answer that does not come has the code 0.
func Call(to interface{ ServeConn(net.Conn) }, r *http.Request) *httptest.ResponseRecorder {
	client, server := Pipe()
	go to.ServeConn(server)
	stop := context.AfterFunc(r.Context(), func() { client.Close() })
	defer stop()
	defer client.Close()
	r.RequestURI = "" // the server's side of a request, that is
	go func() {
		if r.Write(client) != nil { // the body broke off
			client.CloseWrite()
		}
	}()
	none, answer := &httptest.ResponseRecorder{}, httptest.NewRecorder()
	response, err := http.ReadResponse(bufio.NewReader(client), r)
	if err != nil {
		return none
	}
	defer response.Body.Close()
	maps.Copy(answer.Header(), response.Header)
	answer.WriteHeader(response.StatusCode)
	if _, err := io.Copy(answer, response.Body); err != nil {
		return none
	}
	return answer
}

// A Conn is an end of a connection in memory. Other than net.Pipe's it can be closed in
// one direction, and other than a socket's it may be used in bubbles of testing/synctest.
type Conn struct {
	*io.PipeReader
	*io.PipeWriter
}

// Pipe returns both ends of a connection.
func Pipe() (client, server Conn) {
	r1, w1 := io.Pipe()
	r2, w2 := io.Pipe()
	return Conn{r1, w2}, Conn{r2, w1}
}

// Close ends both directions.
func (c Conn) Close() error {
	_ = c.PipeReader.CloseWithError(net.ErrClosed)
	return c.PipeWriter.Close()
}

// CloseWrite ends what the other end reads.
func (c Conn) CloseWrite() error { return c.PipeWriter.Close() }

// The rest of net.Conn.

func (Conn) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (Conn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (Conn) SetDeadline(time.Time) error      { return nil }
func (Conn) SetReadDeadline(time.Time) error  { return nil }
func (Conn) SetWriteDeadline(time.Time) error { return nil }
