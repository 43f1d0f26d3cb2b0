package sandbox

import (
	"errors"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// A RuntimeAPI is what an instance reaches at AWS_LAMBDA_RUNTIME_API.
type RuntimeAPI interface {
	// ServeConn serves a connection that the instance has opened until either side
	// closes it, and closes it. The sandbox closes it when the instance is gone.
	ServeConn(net.Conn)
}

// maxConnections is the most connections of an instance to its Runtime API at once:
// further ones wait to be accepted. Clients have one or two for each process.
const maxConnections = 64

// connectionRate is how many connections of an instance are accepted in a second, and
// connectionBurst how many at once. Clients keep theirs, and a shell that has a program ask
// takes longer to start it; without a bound an instance would keep the runtime busy with
// nothing but opening and closing them.
const (
	connectionRate  = 1000
	connectionBurst = 4 * maxConnections
)

// acceptPause is between attempts to accept while the runtime has no descriptor left.
const acceptPause = 10 * time.Millisecond

// A runtimeAPI serves one instance's Runtime API on listeners of its own.
type runtimeAPI struct {
	// address is the first listener's.
	address   string
	listeners []net.Listener
	to        RuntimeAPI
	// places of connections.
	places chan struct{}
	rate   *rate.Limiter

	mu     sync.Mutex
	open   map[net.Conn]struct{}
	closed bool
}

func newRuntimeAPI(to RuntimeAPI, listeners ...net.Listener) *runtimeAPI {
	return &runtimeAPI{
		address: listeners[0].Addr().String(), listeners: listeners, to: to,
		places: make(chan struct{}, maxConnections), rate: rate.NewLimiter(connectionRate, connectionBurst), open: map[net.Conn]struct{}{},
	}
}

// run accepts connections until close.
func (a *runtimeAPI) run() {
	var all sync.WaitGroup
	for _, l := range a.listeners[1:] {
		all.Go(func() { a.accept(l) })
	}
	a.accept(a.listeners[0])
	all.Wait()
}

func (a *runtimeAPI) accept(from net.Listener) {
	for {
		a.places <- struct{}{}
		c, err := from.Accept()
		if err != nil {
			<-a.places
			if errors.Is(err, net.ErrClosed) {
				return
			}
			time.Sleep(acceptPause)
			continue
		}
		time.Sleep(a.rate.Reserve().Delay())
		if !a.add(c) {
			return
		}
		go func() {
			defer a.remove(c)
			a.to.ServeConn(c)
		}()
	}
}

func (a *runtimeAPI) add(c net.Conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		c.Close()
		return false
	}
	a.open[c] = struct{}{}
	return true
}

func (a *runtimeAPI) remove(c net.Conn) {
	a.mu.Lock()
	delete(a.open, c)
	a.mu.Unlock()
	c.Close() // most likely again
	<-a.places
}

// close ends the listeners and all connections.
func (a *runtimeAPI) close() {
	for _, l := range a.listeners {
		l.Close()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	for c := range a.open {
		c.Close()
	}
}
