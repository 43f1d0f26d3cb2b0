package sandbox

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// An echoAPI returns what it gets.
type echoAPI struct{ serving atomic.Int64 }

func (e *echoAPI) ServeConn(c net.Conn) {
	e.serving.Add(1)
	defer e.serving.Add(-1)
	_, _ = io.Copy(c, c)
}

// A tiredListener fails now and then, as one does without descriptors.
type tiredListener struct {
	net.Listener
	calls int
}

func (l *tiredListener) Accept() (net.Conn, error) {
	if l.calls++; l.calls%3 == 1 {
		return nil, errors.New("too many open files")
	}
	return l.Listener.Accept()
}

// An instance that opens all the connections it can takes no more than its share of the
// runtime's descriptors, and loses none of them.
func TestConnectionsToTheRuntimeAPIAreBounded(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := &echoAPI{}
	api := newRuntimeAPI(served, &tiredListener{Listener: l})
	over := make(chan struct{})
	go func() {
		defer close(over)
		api.run()
	}()
	var conns []net.Conn
	for range maxConnections + 10 {
		c, err := net.Dial("tcp", api.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(2 * time.Minute))
		conns = append(conns, c)
	}
	answers := func(c net.Conn) bool {
		text := make([]byte, 2)
		_, _ = io.WriteString(c, "hi")
		_, err := io.ReadFull(c, text)
		return err == nil
	}
	for i, c := range conns[:maxConnections] {
		if !answers(c) {
			t.Fatalf("connection %d is not served", i)
		}
	}
	if n := served.serving.Load(); n != maxConnections {
		t.Errorf("%d connections are served at once, want %d", n, maxConnections)
	}
	for i, c := range conns[maxConnections:] {
		conns[i].Close()
		if !answers(c) {
			t.Errorf("a connection that waited is not served")
		}
	}
	api.close()
	<-over
	if answers(conns[len(conns)-1]) {
		t.Error("a connection outlives the instance")
	}
}
