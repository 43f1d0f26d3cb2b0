package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
)

// Limits on connections. There is none on how long a request may take: a
// function may run for fifteen minutes, and a log be followed for days. How long
// a body may take is the handlers' to say.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// listen opens the address that a flag gave.
func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	var parse *net.AddrError
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %s: the address is in use, by another serve or another program; choose another port", flag, address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s %s: this user may not listen there; ports below 1024 are the system's", flag, address)
	case errors.Is(err, syscall.EADDRNOTAVAIL), errors.As(err, &dns):
		return nil, fmt.Errorf("%s %s: this machine has no such address", flag, address)
	case errors.As(err, &parse):
		return nil, fmt.Errorf("%s %s: an address has a host and a port, such as 127.0.0.1:7420", flag, address)
	}
	return nil, fmt.Errorf("%s %s: %w", flag, address, err)
}

// newServer serves a handler. Requests that only end when somebody ends them,
// such as a log that is followed, end when the server begins to shut down if
// they watch draining.
func newServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// A server is an http.Server, or a front before one.
type server interface {
	Serve(net.Listener) error
	Shutdown(context.Context) error
	Close() error
}

// newFront answers the commonest invocations before the server does.
func (r *Runtime) newFront(rest *http.Server) *rawhttp.Front {
	return &rawhttp.Front{
		Taker: r.api.InvokeFront(r.invoke),
		Rest:  rest,
		Panicked: func(reason any) {
			r.log.Error("an invocation's handler panicked", "reason", reason, "stack", string(debug.Stack()))
		},
	}
}

// serve answers until the listener is closed.
func serve(s server, l net.Listener) error {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the listener at %s failed: %w", l.Addr(), err)
	}
	return nil
}

// shutdown lets the requests under way finish until ctx ends, and cuts off the
// rest.
func shutdown(ctx context.Context, s server) {
	if s.Shutdown(ctx) != nil {
		_ = s.Close()
	}
}
