package rawhttp

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A taker takes what is for /mine.
type taker struct {
	serve    func(*Request)
	panicked atomic.Pointer[any]
}

func (t *taker) Takes(r *Request) bool   { return strings.HasPrefix(r.Path, "/mine") }
func (t *taker) ServeRequest(r *Request) { t.serve(r) }

// startFront returns a front, and what connects to it.
func startFront(t *testing.T, mine *taker) (*Front, func() (*net.TCPConn, *bufio.Reader)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rest := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, "net/http "+r.Method+" "+r.URL.Path+" "+string(body))
	})}
	f := &Front{Taker: mine, Rest: rest, Panicked: func(reason any) { mine.panicked.Store(&reason) }}
	served := make(chan error, 1)
	go func() { served <- f.Serve(l) }()
	t.Cleanup(func() {
		l.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
	return f, func() (*net.TCPConn, *bufio.Reader) {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { c.Close() })
		return c.(*net.TCPConn), bufio.NewReader(c)
	}
}

func post(path, body string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + string(rune('0'+len(body))) + "\r\n\r\n" + body
}

// Whatever is not taken is for net/http, down to what is no request at all.
func TestAFrontAnswersWhatItTakesAndLeavesTheRest(t *testing.T) {
	_, dial := startFront(t, &taker{serve: echo})
	c, from := dial()
	want := func(text string) {
		t.Helper()
		if _, got := receive(t, from); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
	}
	send(t, c, post("/mine", "1"))
	want("200 POST 1")
	send(t, c, post("/mine", "2")+post("/theirs", "3")+post("/mine", "4"))
	want("200 POST 2")
	want("200 net/http POST /theirs 3")
	want("200 net/http POST /mine 4") // once left, it stays
	for text, status := range map[string]string{
		"GARBAGE\r\n\r\n": "400", "GARBAGE\n": "400", "GET /mine HTTP/1.1\nHost: x\n\n": "200 net/http GET /mine ",
		"POST /mine HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "",
		"GET /mine HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", frontBuffer) + "\r\n\r\n":               "200 net/http GET /mine ",
	} {
		c, from := dial()
		send(t, c, text)
		if _, got := receive(t, from); !strings.HasPrefix(got, status) || strings.HasPrefix(got, "200 POST") {
			t.Errorf("%.80q is answered with %q", text, got)
		}
	}
}

func TestADefectInATakerEndsItsConnectionOnly(t *testing.T) {
	mine := &taker{serve: func(*Request) { panic("oh") }}
	_, dial := startFront(t, mine)
	c, from := dial()
	send(t, c, post("/mine", "1"))
	if _, err := http.ReadResponse(from, nil); err == nil {
		t.Error("there is an answer")
	}
	if reason := mine.panicked.Load(); reason == nil || *reason != "oh" {
		t.Errorf("the reason is %v", reason)
	}
	c, from = dial()
	send(t, c, post("/theirs", "1"))
	receive(t, from)
}

// What waits is closed at once, what is under way is answered.
func TestAFrontIsShutDownInOrder(t *testing.T) {
	waiting := make(chan *Later, 1)
	f, dial := startFront(t, &taker{serve: func(r *Request) {
		if r.Path == "/mine/later" {
			waiting <- r.Later()
			return
		}
		echo(r)
	}})
	unused, fromUnused := dial()
	_ = unused
	idle, fromIdle := dial()
	send(t, idle, post("/mine", "1"))
	receive(t, fromIdle)
	before, fromBefore := dial() // was answered later, and is idle since
	send(t, before, post("/mine/later", "1"))
	_ = (<-waiting).Reply(Answer{Status: 200})
	receive(t, fromBefore)
	busy, fromBusy := dial()
	send(t, busy, post("/mine/later", "1"))
	later := <-waiting
	down := make(chan error, 1)
	go func() { down <- f.Shutdown(t.Context()) }()
	closed(t, fromUnused)
	closed(t, fromIdle)
	closed(t, fromBefore)
	if err := later.Reply(Answer{Status: 200, Body: []byte("late")}); err != nil {
		t.Error(err)
	}
	if _, got := receive(t, fromBusy); got != "200 late" {
		t.Errorf("what was under way got %q", got)
	}
	closed(t, fromBusy)
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestAFrontThatIsShutDownCutsOffWhatTakesTooLong(t *testing.T) {
	waiting := make(chan *Later, 1)
	f, dial := startFront(t, &taker{serve: func(r *Request) { waiting <- r.Later() }})
	c, from := dial()
	send(t, c, post("/mine", "1"))
	later := <-waiting
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	closed(t, from)
	_ = later.Reply(Answer{Status: 200})
}

func TestAFrontTellsThatAClientIsGone(t *testing.T) {
	gone := make(chan struct{})
	_, dial := startFront(t, &taker{serve: func(r *Request) { r.Later().OnGone(func() { close(gone) }) }})
	c, _ := dial()
	send(t, c, post("/mine", "1"))
	c.Close()
	select {
	case <-gone:
	case <-time.After(patience):
		t.Error("nobody was told")
	}
}

func TestAFrontClosesConnectionsThatTakeTooLong(t *testing.T) {
	f, dial := startFront(t, &taker{serve: echo})
	c, from := dial()
	send(t, c, post("/mine", "1"))
	receive(t, from)
	over := make(chan struct{})
	go func() {
		defer close(over)
		closed(t, from)
	}()
	for tick := time.NewTicker(time.Millisecond); ; {
		f.mu.Lock()
		for c := range f.conns {
			c.front.until.Store(1) // long ago
		}
		f.mu.Unlock()
		select {
		case <-over:
			tick.Stop()
			return
		case <-tick.C:
		}
	}
}
