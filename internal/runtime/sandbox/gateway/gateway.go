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

// mtu is of the link between instance and gateway, in bytes: the largest IPv4
// packet there is, because nothing is between the two that would have to split it.
// The MTUs of the world are the host's business.
const mtu = 65535
