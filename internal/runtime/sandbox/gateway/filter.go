package gateway

import (
	"net/netip"
)

// A verdict is what becomes of a connection or flow.
type verdict int

const (
	// allowed: the gateway connects to it from the host.
	allowed verdict = iota
	// refused: the instance is told so at once.
	refused
	// nameServer: the gateway answers itself.
	nameServer
)

// dnsPort is where the gateway answers questions about names.
const dnsPort = 53

// never are the destinations of which no instance reaches any. Of 192.0.0.0/24 are
// the gateway and the instances themselves, and one provider's metadata service.
var never = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this host (RFC 1122)
	netip.MustParsePrefix("127.0.0.0/8"),        // loopback
	netip.MustParsePrefix("169.254.0.0/16"),     // link-local: metadata services
	netip.MustParsePrefix("192.0.0.0/24"),       // IETF protocol assignments
	netip.MustParsePrefix("224.0.0.0/4"),        // multicast
	netip.MustParsePrefix("240.0.0.0/4"),        // reserved, and broadcast
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba Cloud's metadata service
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure's channel to its virtual machines
}

// A filter decides about destinations. It is immutable, and has no input and
// output but by the functions it is given.
type filter struct {
	ports   map[uint16]bool
	servers map[uint16][]string
	forward map[uint16]netip.AddrPort
	// hosts tells whether an address is one of the host's own, as it is now.
	hosts func(netip.Addr) bool
	// lookup returns a name's addresses; false as long as they are not known.
	lookup func(name string) ([]netip.Addr, bool)
}

// decide is asked for the destination of each new connection and flow, and says where
// it leads. By then names have become addresses, so that one that leads to a refused
// address is refused.
func (f *filter) decide(to netip.AddrPort) (netip.AddrPort, verdict) {
	address, port := to.Addr().Unmap(), to.Port()
	if address == Address {
		if port == dnsPort {
			return to, nameServer
		}
		if place, ok := f.forward[port]; ok {
			return place, allowed
		}
	}
	if f.refuses(address, port) {
		return to, refused
	}
	return netip.AddrPortFrom(address, port), allowed
}

func (f *filter) refuses(address netip.Addr, port uint16) bool {
	if !address.Is4() { // whatever an IPv6 address stands for
		return true
	}
	for _, p := range never {
		if p.Contains(address) {
			return true
		}
	}
	if port == 0 || f.ports[port] && f.hosts(address) {
		return true
	}
	for _, name := range f.servers[port] {
		addresses, known := f.lookup(name)
		if !known {
			return true
		}
		for _, a := range addresses {
			// A server on this host answers on its other addresses as well.
			if a.Unmap() == address || f.hosts(address) && (a.Unmap().IsLoopback() || a.IsUnspecified() || f.hosts(a.Unmap())) {
				return true
			}
		}
	}
	return false
}
