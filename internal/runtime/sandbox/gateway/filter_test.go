package gateway

import (
	"net/netip"
	"testing"
)

// The host of these tests has the addresses 10.1.2.3, 192.168.7.7 and whatever is in
// 10.9.0.0/16. Names of the runtime's servers are of nats.example and of
// nowhere.example, which cannot be resolved.
func testFilter(t testing.TB) *filter {
	t.Helper()
	hosts := func(a netip.Addr) bool {
		return a == netip.MustParseAddr("10.1.2.3") || a == netip.MustParseAddr("192.168.7.7") || netip.MustParsePrefix("10.9.0.0/16").Contains(a)
	}
	lookup := func(name string) ([]netip.Addr, bool) {
		switch name {
		case "nats.example":
			return []netip.Addr{netip.MustParseAddr("172.16.0.4"), netip.MustParseAddr("2001:db8::4")}, true
		case "127.0.0.1", "10.1.2.3", "172.16.0.9":
			return []netip.Addr{netip.MustParseAddr(name)}, true
		}
		return nil, false
	}
	f, err := compile(Policy{
		Ports:   []uint16{7420},
		Servers: []string{"nats.example:4222", "nowhere.example:4333", "127.0.0.1:4444", "10.1.2.3:4555", "172.16.0.9:4222"},
		Forward: map[uint16]netip.AddrPort{8080: netip.MustParseAddrPort("127.0.0.1:9999")},
	}, hosts, lookup)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestTheFilterDecidesByAddressAndPort(t *testing.T) {
	f := testFilter(t)
	for to, want := range map[string]verdict{
		// The world.
		"93.184.216.34:443": allowed, "10.0.0.1:5432": allowed, "172.16.0.4:80": allowed, "100.64.0.1:80": allowed,
		"[::ffff:93.184.216.34]:443": allowed,
		// The gateway itself.
		"192.0.0.1:53": nameServer, "192.0.0.1:80": refused, "192.0.0.1:8080": allowed, "192.0.0.2:80": refused,
		"192.0.0.192:80": refused, "192.0.1.1:80": allowed,
		// The host's loopback interface, unspecified, link-local, multicast, broadcast.
		"127.0.0.1:80": refused, "127.255.255.254:1": refused, "0.0.0.0:80": refused, "0.1.2.3:80": refused,
		"169.254.169.254:80": refused, "169.254.170.2:80": refused, "224.0.0.251:5353": refused, "239.255.255.250:1900": refused,
		"255.255.255.255:67": refused, "240.0.0.1:80": refused,
		// Metadata services at other addresses.
		"100.100.100.200:80": refused, "168.63.129.16:80": refused,
		// IPv6, whatever it stands for.
		"[::1]:80": refused, "[::]:80": refused, "[fe80::1]:80": refused, "[ff02::1]:80": refused, "[fd00:ec2::254]:80": refused,
		"[2001:db8::1]:443": refused, "[64:ff9b::7f00:1]:80": refused, "[2002:7f00:1::]:80": refused, "[::127.0.0.1]:80": refused,
		"[::ffff:127.0.0.1]:80": refused, "[::ffff:169.254.169.254]:80": refused, "[::ffff:10.1.2.3]:7420": refused,
		// The runtime's ports on the host's addresses, and nobody else's.
		"10.1.2.3:7420": refused, "192.168.7.7:7420": refused, "10.9.8.7:7420": refused, "10.1.2.3:7421": allowed, "10.2.2.2:7420": allowed,
		// The runtime's servers elsewhere.
		"172.16.0.4:4222": refused, "172.16.0.9:4222": refused, "172.16.0.5:4222": allowed, "172.16.0.4:4223": allowed,
		// A name that is not known may be any address.
		"172.16.0.5:4333": refused,
		// A server on the host answers on all its addresses.
		"10.1.2.3:4444": refused, "192.168.7.7:4555": refused, "10.9.1.1:4555": refused, "172.16.0.5:4555": allowed,
		// Port 0 is none.
		"93.184.216.34:0": refused,
	} {
		if _, got := f.decide(netip.MustParseAddrPort(to)); got != want {
			t.Errorf("%s: %d; want %d", to, got, want)
		}
	}
	if place, _ := f.decide(netip.MustParseAddrPort("192.0.0.1:8080")); place != netip.MustParseAddrPort("127.0.0.1:9999") {
		t.Errorf("the forwarded port leads to %s", place)
	}
}

func TestPoliciesThatSayNothingAreRefused(t *testing.T) {
	for name, p := range map[string]Policy{
		"no port":           {Servers: []string{"nats.example"}},
		"no host":           {Servers: []string{":4222"}},
		"port out of reach": {Servers: []string{"nats.example:70000"}},
		"port 0":            {Servers: []string{"nats.example:0"}},
		"forward to IPv6":   {Forward: map[uint16]netip.AddrPort{1: netip.MustParseAddrPort("[::1]:80")}},
		"forward nowhere":   {Forward: map[uint16]netip.AddrPort{1: {}}},
	} {
		if _, err := compile(p, nil, nil); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

// However an address is written, what may be reached is a public or private IPv4
// address, or what the policy forwards.
func FuzzTheFilterLetsNothingForbiddenThrough(f *testing.F) {
	f.Add([]byte{127, 0, 0, 1}, uint16(80))
	f.Add([]byte{10, 9, 0, 1}, uint16(7420))
	f.Add(netip.MustParseAddr("::ffff:169.254.169.254").AsSlice(), uint16(80))
	filter := testFilter(f)
	f.Fuzz(func(t *testing.T, address []byte, port uint16) {
		a, ok := netip.AddrFromSlice(address)
		if !ok {
			return
		}
		place, verdict := filter.decide(netip.AddrPortFrom(a, port))
		if verdict != allowed || a.Unmap() == Address {
			return
		}
		p := place.Addr()
		if !p.Is4() || p != a.Unmap() || place.Port() != port || p.IsLoopback() || p.IsUnspecified() || p.IsLinkLocalUnicast() || p.IsMulticast() ||
			p.As4()[0] == 0 || p.As4()[0] >= 240 {
			t.Errorf("%s, port %d, leads to %s", a, port, place)
		}
		if filter.hosts(p) && (port == 7420 || port == 4444 || port == 4555) {
			t.Errorf("%s is one of the runtime's own", place)
		}
	})
}
