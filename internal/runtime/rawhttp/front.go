package rawhttp

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Taker answers some of the requests that come over a listener.
type Taker interface {
	Handler
	// Takes tells by a request's head whether ServeRequest answers it. It may set Data.
	Takes(*Request) bool
}

// The times after which the front closes a connection: without its first request, without
// another, and since the end of a head whose body is not there.
const (
	firstTimeout = 10 * time.Second
	idleTimeout  = 2 * time.Minute
	bodyTimeout  = time.Minute
	// sweepInterval is how often they are looked at: a timer for each request would cost
	// more than the request.
	sweepInterval = 5 * time.Second
)

// frontBuffer is the size in bytes of a connection's buffer.
const frontBuffer = 4 << 10

// A Front answers the requests that its taker takes, and leaves the connections over which
// anything else comes, whatever it is, to net/http, from that request on. So it does with
// a request whose head does not come in one piece.
type Front struct {
	Taker Taker
	// Rest serves the connections that are left to it.
	Rest *http.Server
	// Panicked is told of a defect in the taker, which ends the connection.
	Panicked func(reason any)

	mu      sync.Mutex
	conns   map[*conn]struct{}
	closing bool
	empty   chan struct{} // closed when closing and there are no connections
	left    *leftConns
	// listener is nil, as left is, before Serve.
	listener net.Listener
}

// Serve serves a listener until it is closed; the error is then http.ErrServerClosed.
// It is called once.
func (f *Front) Serve(l net.Listener) error {
	f.mu.Lock()
	if f.closing {
		f.mu.Unlock()
		return http.ErrServerClosed
	}
	f.conns, f.listener = map[*conn]struct{}{}, l
	f.left = &leftConns{addr: l.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	f.mu.Unlock()
	served := make(chan error, 1)
	go func() { served <- f.Rest.Serve(f.left) }()
	go f.sweep()
	for {
		nc, err := l.Accept()
		if err == nil {
			f.begin(nc)
			continue
		}
		var temporary interface{ Temporary() bool }
		if errors.As(err, &temporary) && temporary.Temporary() { // out of descriptors
			select {
			case <-time.After(10 * time.Millisecond):
				continue
			case <-f.left.closed:
			}
		}
		_ = f.left.Close()
		<-served
		if f.isClosing() || errors.Is(err, net.ErrClosed) {
			return http.ErrServerClosed
		}
		return err
	}
}

func (f *Front) isClosing() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.closing
}

func (f *Front) begin(nc net.Conn) {
	c := newConn(nc, frontBuffer)
	c.front = &fronted{}
	c.front.waits(firstTimeout)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closing {
		_ = nc.Close()
		return
	}
	f.conns[c] = struct{}{}
	go f.serve(c)
}

func (f *Front) serve(c *conn) {
	left := false
	defer func() {
		f.mu.Lock()
		delete(f.conns, c)
		if f.closing && len(f.conns) == 0 {
			close(f.empty)
		}
		f.mu.Unlock()
		if reason := recover(); reason != nil {
			f.Panicked(reason)
		}
		if !left {
			_ = c.net.Close()
		}
	}()
	for c.one(f.Taker) {
	}
	if c.front.leave {
		left = f.left.take(&leftConn{Conn: c.net, unread: c.in[c.from:c.to]})
	}
}

// sweep closes connections that have taken too long, until the front is closed.
func (f *Front) sweep() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-f.left.closed:
			return
		case now := <-tick.C:
			f.mu.Lock()
			for c := range f.conns {
				if until := c.front.until.Load(); until != 0 && now.UnixNano() > until {
					_ = c.net.Close()
				}
			}
			f.mu.Unlock()
		}
	}
}

// Close cuts everything off.
func (f *Front) Close() error {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	_ = f.Shutdown(over)
	return f.Rest.Close()
}

// Shutdown closes what waits for requests, lets those under way be answered until ctx
// ends, and cuts off the rest. It closes the listener, and shuts Rest down, too.
func (f *Front) Shutdown(ctx context.Context) error {
	f.mu.Lock()
	if !f.closing {
		f.closing = true
		f.empty = make(chan struct{})
		if len(f.conns) == 0 {
			close(f.empty)
		}
		if f.left != nil {
			_ = f.listener.Close()
			_ = f.left.Close()
		}
	}
	for c := range f.conns {
		if c.front.state.Swap(frontClosing) == frontResting {
			_ = c.net.Close()
		}
	}
	f.mu.Unlock()
	err := f.Rest.Shutdown(ctx)
	select {
	case <-f.empty:
		return err
	case <-ctx.Done():
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		_ = c.net.Close()
	}
	return ctx.Err()
}

// fronted is what a front knows of a connection.
type fronted struct {
	// until is when the connection is closed, in nanoseconds since 1970; 0 for never.
	until atomic.Int64
	state atomic.Int32
	// leave: what comes next is for net/http.
	leave bool
}

const (
	// frontResting: no request is under way.
	frontResting int32 = iota
	frontBusy
	// frontClosing: the front is shut down.
	frontClosing
)

func (f *fronted) waits(d time.Duration) { f.until.Store(time.Now().Add(d).UnixNano()) }

// works begins a request, unless the front closes.
func (f *fronted) works() bool { return f.state.CompareAndSwap(frontResting, frontBusy) }

// rests ends one that was answered, and tells whether another may follow.
func (f *fronted) rests() bool {
	if f == nil {
		return true
	}
	f.waits(idleTimeout)
	return f.state.CompareAndSwap(frontBusy, frontResting)
}

// leftConns is the listener of the connections that are left to net/http.
type leftConns struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *leftConns) take(c net.Conn) bool {
	select {
	case l.conns <- c:
		return true
	case <-l.closed:
		return false
	}
}

// Accept implements net.Listener.
func (l *leftConns) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *leftConns) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *leftConns) Addr() net.Addr { return l.addr }

// A leftConn is a connection of which a part was read, and not used.
type leftConn struct {
	net.Conn
	unread []byte
}

// Read implements io.Reader.
func (c *leftConn) Read(p []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(p, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	c.unread = nil
	return c.Conn.Read(p)
}

// CloseWrite lets net/http end an answer before it closes the connection.
func (c *leftConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
