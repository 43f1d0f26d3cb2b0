package sandbox

import (
	"context"
	"net"
	"strconv"
)

// A dialler is an instance whose network is not the host's.
type dialler interface {
	dial(ctx context.Context, port int) (net.Conn, error)
}

// Dial connects to a port of 127.0.0.1 as the instance sees it. Where nobody listens
// there, the error is a net.OpError.
func Dial(ctx context.Context, i Instance, port int) (net.Conn, error) {
	if d, ok := i.(dialler); ok {
		return d.dial(ctx, port)
	}
	return dialHost(ctx, port)
}

func dialHost(ctx context.Context, port int) (net.Conn, error) {
	var d net.Dialer
	return d.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
