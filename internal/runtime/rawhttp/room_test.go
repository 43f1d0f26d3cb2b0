package rawhttp

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// share returns a connection that shares a room, as dial does, and a function that ends it.
func share(t *testing.T, room *Room, h HandlerFunc) (c net.Conn, from *bufio.Reader, end func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if c, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		room.Serve(accepted, h)
	}()
	_ = c.SetDeadline(time.Now().Add(patience))
	end = func() {
		c.Close()
		<-done
	}
	t.Cleanup(end)
	return c, bufio.NewReader(c), end
}

func TestLargeHeadsOfAllConnectionsAreBounded(t *testing.T) {
	var room Room
	large := "GET /x HTTP/1.1\r\nHost: x\r\nX-Header: " + strings.Repeat("x", 1<<20) // and no end
	var ends []func()
	const many = maxRoom / maxHead
	for range many {
		c, _, end := share(t, &room, echo)
		send(t, c, large)
		ends = append(ends, end)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); room.used.Load() != many*maxHead; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("the buffers take %d bytes", room.used.Load())
		}
	}
	// Half of it is all that there is room for.
	c, from, end := share(t, &room, echo)
	ends = append(ends, end)
	send(t, c, large[:512<<10])
	if response, _ := receive(t, from); response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a head without room is answered with %s", response.Status)
	}
	c, from, _ = share(t, &room, echo)
	send(t, c, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
	if response, _ := receive(t, from); response.StatusCode != http.StatusOK {
		t.Errorf("a small head is answered with %s", response.Status)
	}
	for _, end := range ends {
		end()
	}
	if used := room.used.Load(); used != 0 {
		t.Errorf("%d bytes are taken by connections that are closed", used)
	}
	for range 2 * many { // and there is room again, for one after the other
		send(t, c, large+"\r\n\r\n")
		if response, _ := receive(t, from); response.StatusCode != http.StatusOK {
			t.Fatalf("a large head is answered with %s", response.Status)
		}
	}
}
