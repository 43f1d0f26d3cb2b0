package sandbox

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A guardedListener lets in only connections that a given user of this host
// has opened. As each instance's user is its own, another instance that finds
// the port gets nowhere.
type guardedListener struct {
	*net.TCPListener
	uid int
}

func (l guardedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.TCPListener.AcceptTCP()
		if err != nil {
			return nil, err
		}
		uid, err := peerUser(c)
		if err == nil && uid == l.uid {
			return c, nil
		}
		c.Close()
	}
}

// Of linux/inet_diag.h and linux/sock_diag.h.
const (
	sockDiagByFamily = 20
	diagRequestSize  = 56
	diagUserOffset   = 64 // idiag_uid within struct inet_diag_msg
)

// peerUser asks the kernel who owns the other end of a connection over IPv4
// within this host: sock_diag(7), as "ss -e" does.
func peerUser(c *net.TCPConn) (int, error) {
	// What is this end's remote address is the other end's own.
	source, ok1 := c.RemoteAddr().(*net.TCPAddr)
	destination, ok2 := c.LocalAddr().(*net.TCPAddr)
	if !ok1 || !ok2 || source.IP.To4() == nil || destination.IP.To4() == nil {
		return 0, fmt.Errorf("the connection from %v is not over IPv4", c.RemoteAddr())
	}
	request := make([]byte, unix.SizeofNlMsghdr+diagRequestSize)
	header := (*unix.NlMsghdr)(unsafe.Pointer(&request[0]))
	*header = unix.NlMsghdr{Len: uint32(len(request)), Type: sockDiagByFamily, Flags: unix.NLM_F_REQUEST}
	// struct inet_diag_req_v2: family, protocol, extensions, padding, states, and then
	// struct inet_diag_sockid: ports, addresses, interface, cookie.
	body := request[unix.SizeofNlMsghdr:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(body[4:], ^uint32(0))
	binary.BigEndian.PutUint16(body[8:], uint16(source.Port))
	binary.BigEndian.PutUint16(body[10:], uint16(destination.Port))
	copy(body[12:], source.IP.To4())
	copy(body[28:], destination.IP.To4())
	binary.NativeEndian.PutUint64(body[48:], ^uint64(0)) // any cookie

	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	defer unix.Close(s)
	if err := unix.Sendto(s, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, os.NewSyscallError("sendto", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return 0, os.NewSyscallError("recvfrom", err)
	}
	if n < unix.SizeofNlMsghdr+diagUserOffset+4 || binary.NativeEndian.Uint16(answer[4:]) != sockDiagByFamily {
		return 0, fmt.Errorf("the kernel does not know the connection from %v", c.RemoteAddr())
	}
	return int(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr+diagUserOffset:])), nil
}

func guard(l *net.TCPListener, uid int) net.Listener { return guardedListener{l, uid} }
