// Package gateway is the way out of the instances' network namespaces. Each of
// them has one interface besides its loopback, whose other end is a descriptor
// that the gateway reads: there it ends the instance's TCP connections and UDP
// flows, asks the filter, and makes connections of its own on the host instead.
// So no instance's packet ever reaches the host's network, nothing of the host is
// set up for it (no address, no route, no packet filter), and who is not root can
// have it as well.
//
// Packets are hostile input. The gateway is therefore a process of its own, this
// program again, without privileges; see process_linux.go.
package gateway

import "net/netip"

// Addresses in every instance's network namespace, from the block that is
// reserved for such links (RFC 7335).
var (
	// Address is the gateway's, which is the DNS server's as well.
	Address = netip.AddrFrom4([4]byte{192, 0, 0, 1})
	// InstanceAddress is the instance's own, the same in all.
	InstanceAddress = netip.AddrFrom4([4]byte{192, 0, 0, 2})
)

// prefixBits is the length of the prefix that both addresses are in.
const prefixBits = 29

// mtu is of the link between instance and gateway, in bytes. Nothing is between the
// two that would have to split packets, and few large ones cost less than many small
// ones. With what goes before it, a packet fits into a pooled buffer of 64 KB. The MTUs
// of the world are the host's business.
const mtu = 65500

// A Policy says what one instance must not reach, besides what no instance may (see
// filter.go).
type Policy struct {
	// Ports are the runtime's own, refused on every address of the host.
	Ports []uint16
	// Servers are the runtime's own elsewhere, as "host:port" with a name or an address:
	// the NATS servers it uses. As long as a name cannot be resolved, its port is
	// refused on all addresses.
	Servers []string
	// Forward leads ports of the gateway's own address to places on the host or
	// elsewhere, whatever these are: to what would otherwise be refused.
	Forward map[uint16]netip.AddrPort
}

// Options for Start.
type Options struct {
	// Memory bounds what instances' data may take in the gateway, all together, in
	// bytes. Default: 256 MiB.
	Memory int64
	// Report, if not nil, is called with the reason each time the process has ended
	// before Close, and a new one was started or could not be. It must return soon.
	Report func(error)
}
