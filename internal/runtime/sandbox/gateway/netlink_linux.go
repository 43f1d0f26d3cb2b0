package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A netlinkMessage is a request to the kernel about interfaces and routes
// (rtnetlink(7)). The libraries there are would each bring a few thousand lines
// for the five requests that are made here.
type netlinkMessage []byte

// newNetlinkMessage begins a request of a type, such as RTM_NEWLINK, with its fixed
// part.
func newNetlinkMessage[T any](kind uint16, flags uint16, fixed *T) netlinkMessage {
	header := make([]byte, unix.SizeofNlMsghdr)
	binary.NativeEndian.PutUint16(header[4:], kind)
	binary.NativeEndian.PutUint16(header[6:], unix.NLM_F_REQUEST|flags)
	return append(header, unsafe.Slice((*byte)(unsafe.Pointer(fixed)), unsafe.Sizeof(*fixed))...)
}

// attribute returns a type, a length and a value, padded.
func attribute(kind uint16, value []byte) []byte {
	length := unix.SizeofRtAttr + len(value)
	b := binary.NativeEndian.AppendUint16(nil, uint16(length))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, (4-length%4)%4)...)
}

func uint32Bytes(v uint32) []byte { return binary.NativeEndian.AppendUint32(nil, v) }

func (m *netlinkMessage) add(kind uint16, value []byte) {
	*m = append(*m, attribute(kind, value)...)
}

// A netlink is a connection to the kernel for the network namespace of the thread
// that opened it.
type netlink struct{ fd int }

func openNetlink() (netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return netlink{}, fmt.Errorf("talk to the kernel about networks: %w", err)
	}
	return netlink{fd}, nil
}

func (n netlink) close() { unix.Close(n.fd) }

// ask sends one request and returns the answer without its header; nothing if it
// is an acknowledgement.
func (n netlink) ask(m netlinkMessage) (kind uint16, answer []byte, err error) {
	binary.NativeEndian.PutUint32(m, uint32(len(m)))
	if err := unix.Sendto(n.fd, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, nil, err
	}
	buffer := make([]byte, 8<<10)
	size, _, err := unix.Recvfrom(n.fd, buffer, 0)
	if err != nil {
		return 0, nil, err
	}
	if size < unix.SizeofNlMsghdr+4 {
		return 0, nil, errors.New("the kernel's answer is cut off")
	}
	kind, answer = binary.NativeEndian.Uint16(buffer[4:]), buffer[unix.SizeofNlMsghdr:size]
	if kind == unix.NLMSG_ERROR {
		if errno := -int32(binary.NativeEndian.Uint32(answer)); errno != 0 {
			return 0, nil, unix.Errno(errno)
		}
		answer = nil
	}
	return kind, answer, nil
}

// do sends one request that is only acknowledged.
func (n netlink) do(m netlinkMessage) error {
	_, _, err := n.ask(m)
	return err
}

// index finds an interface by its name.
func (n netlink) index(name string) (int32, error) {
	m := newNetlinkMessage(unix.RTM_GETLINK, 0, &unix.IfInfomsg{})
	m.add(unix.IFLA_IFNAME, append([]byte(name), 0))
	_, answer, err := n.ask(m)
	if err != nil {
		return 0, err
	}
	if len(answer) < unix.SizeofIfInfomsg {
		return 0, errors.New("the kernel's answer is cut off")
	}
	return int32(binary.NativeEndian.Uint32(answer[4:])), nil
}

// setUp brings an interface up, with these further flags.
func (n netlink) setUp(index int32, flags uint32) error {
	flags |= unix.IFF_UP
	return n.do(newNetlinkMessage(unix.RTM_NEWLINK, unix.NLM_F_ACK, &unix.IfInfomsg{Index: index, Flags: flags, Change: flags}))
}

// setMTU takes bytes.
func (n netlink) setMTU(index int32, mtu uint32) error {
	m := newNetlinkMessage(unix.RTM_NEWLINK, unix.NLM_F_ACK, &unix.IfInfomsg{Index: index})
	m.add(unix.IFLA_MTU, uint32Bytes(mtu))
	return n.do(m)
}

// silence keeps the kernel from giving an interface an IPv6 address of its own
// accord, and from sending packets about it, which would look like an instance's.
func (n netlink) silence(index int32) error {
	const addrGenMode, none = 8, 1 // IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE
	m := newNetlinkMessage(unix.RTM_NEWLINK, unix.NLM_F_ACK, &unix.IfInfomsg{Index: index})
	m.add(unix.IFLA_AF_SPEC, attribute(unix.AF_INET6, attribute(addrGenMode, []byte{none})))
	err := n.do(m)
	if errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return nil // this kernel has no IPv6
	}
	return err
}

func (n netlink) addAddress(index int32, address netip.Addr, bits uint8) error {
	m := newNetlinkMessage(unix.RTM_NEWADDR, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE,
		&unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: bits, Index: uint32(index)})
	m.add(unix.IFA_LOCAL, address.AsSlice())
	m.add(unix.IFA_ADDRESS, address.AsSlice())
	return n.do(m)
}

// routeAll sends by an interface what is for no other.
func (n netlink) routeAll(index int32, gateway netip.Addr) error {
	m := newNetlinkMessage(unix.RTM_NEWROUTE, unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_REPLACE,
		&unix.RtMsg{Family: unix.AF_INET, Table: unix.RT_TABLE_MAIN, Protocol: unix.RTPROT_BOOT, Type: unix.RTN_UNICAST})
	m.add(unix.RTA_GATEWAY, gateway.AsSlice())
	m.add(unix.RTA_OIF, uint32Bytes(uint32(index)))
	return n.do(m)
}
