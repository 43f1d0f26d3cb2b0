package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// compile makes a filter of a policy.
func compile(p Policy, hosts func(netip.Addr) bool, lookup func(string) ([]netip.Addr, bool)) (*filter, error) {
	f := &filter{
		ports: map[uint16]bool{}, servers: map[uint16][]string{}, forward: p.Forward,
		hosts: hosts, lookup: lookup,
	}
	for _, port := range p.Ports {
		f.ports[port] = true
	}
	for _, server := range p.Servers {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			return nil, fmt.Errorf("server %q of a network policy is no host and port: %w", server, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil || number == 0 || host == "" {
			return nil, fmt.Errorf("server %q of a network policy is no host and port", server)
		}
		f.servers[uint16(number)] = append(f.servers[uint16(number)], host)
	}
	for _, to := range p.Forward {
		if !to.Addr().Is4() || to.Port() == 0 {
			return nil, fmt.Errorf("%s of a network policy is no IPv4 address and port", to)
		}
	}
	return f, nil
}
