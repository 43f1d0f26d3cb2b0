package gateway

import (
	"encoding/binary"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// openPair makes two Ethernet interfaces that are connected with each other, and
// returns a packet socket on the second. The instance has no capability to use
// that one, and the kernel takes no notice of what arrives there: frames are
// addressed to the first, since without ARP they carry the sender's own address.
func openPair(kernel netlink, name string) (*os.File, uint32, error) {
	peer := name + "p"
	if err := kernel.addPair(name, peer); err != nil {
		return nil, 0, fmt.Errorf("make a pair of network interfaces: %w", err)
	}
	index, err := kernel.index(peer)
	if err == nil {
		err = kernel.silence(index)
	}
	if err == nil {
		err = kernel.setMTU(index, mtu)
	}
	if err == nil {
		err = kernel.setUp(index, unix.IFF_NOARP)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("set up the network interface %s: %w", peer, err)
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("make a packet socket: %w", err)
	}
	var protocol [2]byte
	binary.BigEndian.PutUint16(protocol[:], unix.ETH_P_IP)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(protocol[:]), Ifindex: int(index)}); err != nil {
		unix.Close(fd)
		return nil, 0, fmt.Errorf("bind a packet socket: %w", err)
	}
	for _, option := range []int{
		// As with TUN devices, checksums are left out.
		unix.PACKET_VNET_HDR,
		// The kernel connects an interface with its queue some time after it has come up, and
		// until then loses what is sent.
		unix.PACKET_QDISC_BYPASS,
	} {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, option, 1); err != nil {
			unix.Close(fd)
			return nil, 0, fmt.Errorf("set an option of a packet socket: %w", err)
		}
	}
	// A few of the largest packets must fit; the kernel lowers it to its own limit.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 1<<20); err != nil {
		unix.Close(fd)
		return nil, 0, fmt.Errorf("size a packet socket: %w", err)
	}
	return os.NewFile(uintptr(fd), "packet socket"), unix.IFF_NOARP, nil
}

// addPair makes a pair of connected interfaces.
func (n netlink) addPair(name, peer string) error {
	const infoPeer = 1 // VETH_INFO_PEER
	theirs := newNetlinkMessage(0, 0, &unix.IfInfomsg{})[unix.SizeofNlMsghdr:]
	theirs.add(unix.IFLA_IFNAME, append([]byte(peer), 0))
	m := newNetlinkMessage(unix.RTM_NEWLINK, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL, &unix.IfInfomsg{})
	m.add(unix.IFLA_IFNAME, append([]byte(name), 0))
	m.add(unix.IFLA_LINKINFO, append(
		attribute(unix.IFLA_INFO_KIND, []byte("veth")),
		attribute(unix.IFLA_INFO_DATA, attribute(infoPeer, theirs))...,
	))
	return n.do(m)
}
