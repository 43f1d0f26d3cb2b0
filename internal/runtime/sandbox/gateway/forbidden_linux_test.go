package gateway

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hostAddress is one of the host's addresses that is not its loopback's; false if it
// has none.
func hostAddress(t *testing.T) (netip.Addr, bool) {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && p.Addr().IsGlobalUnicast() {
			return p.Addr(), true
		}
	}
	return netip.Addr{}, false
}

func TestForbiddenDestinationsAreRefusedAtOnce(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{Ports: []uint16{7420}, Servers: []string{"192.0.2.7:4222", "127.0.0.1:4333", "no.such.name.invalid:4444"}})
	forbidden := map[string]string{
		"a metadata service":             "169.254.169.254:80",
		"this network":                   "0.0.0.1:80",
		"the gateway":                    "192.0.0.1:22",
		"another address of the link":    "192.0.0.3:80",
		"a reserved address":             "240.0.0.1:80",
		"the runtime's server":           "192.0.2.7:4222",
		"a server of an unknown name":    "192.0.2.8:4444",
		"the same, written as IPv6":      "[::ffff:169.254.169.254]:80",
		"Azure's channel to its machine": "168.63.129.16:80",
	}
	if host, ok := hostAddress(t); ok {
		forbidden["the runtime's port"] = net.JoinHostPort(host.String(), "7420")
		forbidden["a server on the host"] = net.JoinHostPort(host.String(), "4333")
		// Other ports of the host are open.
		open, err := net.Listen("tcp4", net.JoinHostPort(host.String(), "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer open.Close()
		if _, err := s.dial("tcp", open.Addr().String()); err != nil {
			t.Errorf("another port of the host: %v", err)
		}
	}
	for what, to := range forbidden {
		if _, err := s.dial("tcp", to); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("TCP to %s: %v", what, err)
		}
		conn, err := s.dial("udp", to)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte("x"))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("UDP to %s: %v", what, err)
		}
	}
	for what, to := range map[string]string{"IPv6 loopback": "[::1]:80", "IPv6": "[2001:db8::1]:80", "multicast": "224.0.0.251:80", "broadcast": "255.255.255.255:80"} {
		if _, err := s.dial("tcp", to); err == nil {
			t.Errorf("%s can be connected to", what)
		}
	}
}

// What an instance's loopback interface has is its own.
func TestTheHostsLoopbackIsNotTheInstances(t *testing.T) {
	server := serve(t, func(*net.TCPConn) {})
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	if _, err := s.dial("tcp", server.String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting to the host's %s: %v", server, err)
	}
}

func TestInstancesDoNotReachEachOther(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	one, other := newSpace(t, tunDevice), newSpace(t, tunDevice)
	one.connect(g, Policy{})
	other.connect(g, Policy{})
	var l net.Listener
	var err error
	one.in(func() { l, err = net.Listen("tcp4", "192.0.0.2:0") })
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := other.dial("tcp", l.Addr().String()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the same address in another's namespace: %v", err)
	}
	if _, err := other.dial("tcp", "192.0.0.4:"+strconv.Itoa(l.Addr().(*net.TCPAddr).Port)); !errors.Is(err, syscall.ECONNREFUSED) { //nolint:errcheck // it is one
		t.Errorf("a neighbouring address: %v", err)
	}
}

func TestWhatIsTheHostsIsAskedOfItsKernel(t *testing.T) {
	addresses := map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "255.255.255.255": true, "::1": true, "192.0.2.1": false}
	if a, ok := hostAddress(t); ok {
		addresses[a.String()] = true
	}
	for address, want := range addresses {
		if got := isHosts(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is the host's: %t", address, got)
		}
	}
}

// ping sends an echo request, as programs may without privileges.
const ping = `
import socket, sys, struct
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
s.settimeout(10)
body = struct.pack("!BBHHH", 8, 0, 0, 7, 1)
n = sum(struct.unpack("!4H", body)); n = (n & 0xffff) + (n >> 16)
s.sendto(body[:2] + struct.pack("!H", ~n & 0xffff) + body[4:], (sys.argv[1], 0))
print(s.recv(100)[20:22].hex(), end="")
`

func TestOnlyTheGatewayAnswersAnEcho(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	for kind, make := range interfaces {
		s := newSpace(t, make)
		s.connect(g, Policy{})
		for to, want := range map[string]string{"192.0.0.1": "0000", "8.8.8.8": "030d"} {
			out, err := s.output(python(t, ping, to))
			if err != nil || strings.TrimSpace(out) != want {
				t.Errorf("%s: %s answers %s: %v", kind, to, out, err)
			}
		}
	}
}
