//go:build !linux

package sandbox

import (
	"context"
	"net"
	"strconv"
)

// Dial connects to a port of 127.0.0.1 as the instance sees it: its network is the
// host's.
func Dial(ctx context.Context, _ Instance, port int) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}
