package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// testNameServer knows addresses of names under example.org, by what comes before it:
// "10-0-0-1.example.org". Over UDP it says of "long.example.org" that the answer is
// too long. Each answer comes after some that were forged. It returns its port.
func testNameServer(t testing.TB) int {
	t.Helper()
	var packets net.PacketConn
	var l net.Listener
	for packets == nil { // the same port twice
		var err error
		if l, err = net.Listen("tcp4", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if packets, err = net.ListenPacket("udp4", l.Addr().String()); err != nil {
			l.Close()
			packets = nil
		}
	}
	t.Cleanup(func() {
		l.Close()
		packets.Close()
	})
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := packets.ReadFrom(b)
			if err != nil {
				return
			}
			answer := nameAnswer(b[:n], false)
			for _, f := range forged(answer) {
				packets.WriteTo(f, from)
			}
			packets.WriteTo(answer, from)
		}
	}()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for {
					query, err := readMessage(c)
					if err != nil {
						return
					}
					writeMessage(c, nameAnswer(query, true))
				}
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port //nolint:errcheck // it is one
}

// forged are answers as somebody else would send them who hopes that they are taken:
// with another id, to another question, to none.
func forged(answer []byte) (all [][]byte) {
	var m dnsmessage.Message
	if m.Unpack(answer) != nil {
		return nil
	}
	m.Answers = []dnsmessage.Resource{{
		Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1},
		Body:   &dnsmessage.AResource{A: [4]byte{6, 6, 6, 6}},
	}}
	pack := func() {
		b, _ := m.Pack()
		all = append(all, b)
	}
	m.ID++
	pack()
	m.ID--
	asked := m.Questions
	m.Questions = []dnsmessage.Question{{Name: dnsmessage.MustNewName("other.example.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}
	pack()
	m.Questions = nil
	pack()
	m.Questions, m.Response = asked, false
	pack()
	return append(all, nil, []byte("nonsense"))
}

func nameAnswer(query []byte, tcp bool) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	q := m.Questions[0]
	first, _, _ := strings.Cut(q.Name.String(), ".")
	count := 1
	if first == "long" {
		first, count = "10-0-0-1", 500
		if !tcp {
			m.Truncated, count = true, 0
		}
	}
	address, err := netip.ParseAddr(strings.ReplaceAll(first, "-", "."))
	switch {
	case err != nil || !strings.HasSuffix(q.Name.String(), ".example.org."):
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		for range count {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: address.As4()},
			})
		}
	}
	b, _ := m.Pack()
	return b
}

// lookup asks as a program in the namespace does.
func (s *space) lookup(network, name string) ([]string, error) {
	r := &net.Resolver{PreferGo: true, Dial: func(_ context.Context, asked, _ string) (net.Conn, error) {
		if network != "" {
			asked = network
		}
		return s.dial(asked, "192.0.0.1:53")
	}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	addresses, err := r.LookupNetIP(ctx, "ip4", name)
	var all []string
	for _, a := range addresses {
		all = append(all, a.String())
	}
	return all, err
}

func TestNamesAreResolvedByTheHostsServers(t *testing.T) {
	g := testGateway(t, Options{}, "nameserver 127.0.0.1\n", testNameServer(t))
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	for _, network := range []string{"udp", "tcp"} {
		if got, err := s.lookup(network, "10-1-2-3.example.org."); err != nil || fmt.Sprint(got) != "[10.1.2.3]" {
			t.Errorf("over %s: %v, %v", network, got, err)
		}
		var dns *net.DNSError
		if got, err := s.lookup(network, "nobody.example.org."); !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("over %s, of a name that there is not: %v, %v", network, got, err)
		}
	}
	if got, err := s.lookup("", "long.example.org."); err != nil || len(got) != 500 {
		t.Errorf("of an answer that takes TCP, %d addresses: %v", len(got), err)
	}
}

func TestWhenNoServerAnswersTheInstanceIsTold(t *testing.T) {
	gone, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := gone.LocalAddr().(*net.UDPAddr).Port //nolint:errcheck // it is one
	gone.Close()
	g := testGateway(t, Options{}, "nameserver 127.0.0.1\n", port)
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	conn, err := s.dial("udp", "192.0.0.1:53")
	if err != nil {
		t.Fatal(err)
	}
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 4711}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("a.example.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}
	b, err := query.Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(b)
	answer, err := readDatagram(conn)
	if err != nil {
		t.Fatal(err)
	}
	var m dnsmessage.Message
	if err := m.Unpack(answer); err != nil || m.ID != 4711 || m.RCode != dnsmessage.RCodeServerFailure || len(m.Questions) != 1 {
		t.Errorf("%+v: %v", m, err)
	}
}

// A name is no way around the filter: what counts is where it leads.
func TestANameThatLeadsToARefusedAddressIsRefused(t *testing.T) {
	g := testGateway(t, Options{}, "nameserver 127.0.0.1\n", testNameServer(t))
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	for _, name := range []string{"169-254-169-254.example.org.", "0-0-0-0.example.org."} {
		got, err := s.lookup("udp", name)
		if err != nil || len(got) != 1 {
			t.Fatalf("%v, %v", got, err)
		}
		if name == "0-0-0-0.example.org." {
			got[0] = "0.0.0.1" // the kernel takes the other for the instance's own
		}
		if _, err := s.dial("tcp", net.JoinHostPort(got[0], "80")); err == nil {
			t.Errorf("%s can be connected to", name)
		}
	}
}

func TestNonsenseIsNotForwarded(t *testing.T) {
	r := newResolver(nil)
	response := dnsmessage.Message{Header: dnsmessage.Header{Response: true}}
	b, err := response.Pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string][]byte{
		"nothing": nil, "a response": b, "no question": make([]byte, 12), "text": []byte("GET / HTTP/1.1\r\n\r\n"), "too long": make([]byte, 5000),
	} {
		if _, err := r.answer(t.Context(), "udp", query); !errors.Is(err, errNoQuery) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzDNSMessages(f *testing.F) {
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 1}, Questions: []dnsmessage.Question{{
		Name: dnsmessage.MustNewName("10-0-0-1.example.org."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET,
	}}}
	b, err := query.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, nameAnswer(b, false))
	r := newResolver(nil)
	r.conf = resolvConf{}
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	f.Fuzz(func(t *testing.T, query, answer []byte) {
		if got, err := r.answer(canceled, "udp", query); err == nil {
			var m dnsmessage.Message
			if err := m.Unpack(got); err != nil || !m.Response {
				t.Errorf("the answer to a query is none: %v", err)
			}
		}
		answers(answer, 1, dnsmessage.Question{})
		_, err := readMessage(strings.NewReader(string(answer)))
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
	})
}
