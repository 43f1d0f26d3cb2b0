package harness

import (
	"net"
)

// ListenOutside listens where functions of a runtime on this machine reach it, which
// is not its loopback interface: that is not theirs. On a machine without any other
// address it is, and reached where functions share the machine's network.
func ListenOutside() (net.Listener, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		network, ok := a.(*net.IPNet)
		if !ok || network.IP.To4() == nil || network.IP.IsLoopback() || network.IP.IsLinkLocalUnicast() {
			continue
		}
		if l, err := net.Listen("tcp4", net.JoinHostPort(network.IP.String(), "0")); err == nil {
			return l, nil
		}
	}
	return net.Listen("tcp4", "127.0.0.1:0")
}
