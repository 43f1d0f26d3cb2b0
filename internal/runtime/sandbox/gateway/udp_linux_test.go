package gateway

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// echoDatagrams answers every datagram with itself.
func echoDatagrams(t testing.TB) netip.AddrPort {
	t.Helper()
	return answerDatagrams(t, func(b []byte, _ net.Addr) []byte { return b })
}

// answerDatagrams listens on the host's loopback interface.
func answerDatagrams(t testing.TB, answer func([]byte, net.Addr) []byte) netip.AddrPort {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		b := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			conn.WriteTo(answer(b[:n], from), from)
		}
	}()
	return addrPort(conn.LocalAddr())
}

func TestDatagramsComeBack(t *testing.T) {
	server := echoDatagrams(t)
	g := testGateway(t, Options{}, "", 0)
	for kind, make_ := range interfaces {
		t.Run(kind, func(t *testing.T) {
			s := newSpace(t, make_)
			s.connect(g, forward(server))
			conn, err := s.dial("udp", inside)
			if err != nil {
				t.Fatal(err)
			}
			for _, size := range []int{0, 1, 1500, 9000, 65400} {
				b := make([]byte, size)
				for i := range b {
					b[i] = byte(i * size)
				}
				conn.SetDeadline(time.Now().Add(patience))
				conn.Write(b)
				back := make([]byte, 64<<10)
				n, err := conn.Read(back)
				if err != nil || string(back[:n]) != string(b) {
					t.Errorf("of %d bytes %d came back: %v", size, n, err)
				}
			}
			if got := stats(t, g); got.Stacks != 0 {
				t.Errorf("there are %d TCP stacks though nobody used TCP", got.Stacks)
			}
		})
	}
}

func TestADatagramToAClosedPortIsRefused(t *testing.T) {
	closed, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	to := netip.MustParseAddrPort(closed.LocalAddr().String())
	closed.Close()
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(to))
	conn, err := s.dial("udp", inside)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write([]byte("anybody there?"))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the instance sees %v", err)
	}
}

// Of more flows than there may be, those that are used go on.
func TestTheFlowThatIsUsedLeastMakesRoom(t *testing.T) {
	// The server says by which of the host's ports a datagram came.
	server := answerDatagrams(t, func(_ []byte, from net.Addr) []byte { return []byte(from.String()) })
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	exchange := func(conn net.Conn) string {
		t.Helper()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write([]byte("which port?"))
		back := make([]byte, 100)
		n, err := conn.Read(back)
		if err != nil {
			t.Fatal(err)
		}
		return string(back[:n])
	}
	kept, err := s.dial("udp", inside)
	if err != nil {
		t.Fatal(err)
	}
	was := exchange(kept)
	for range maxFlows + 100 {
		conn, err := s.dial("udp", inside)
		if err != nil {
			t.Fatal(err)
		}
		exchange(conn)
		conn.Close()
		if is := exchange(kept); is != was {
			t.Fatalf("the flow that is used comes from %s, and did from %s", is, was)
		}
	}
	if got := stats(t, g); got.Flows > maxFlows {
		t.Errorf("there are %d flows", got.Flows)
	}
	g.Remove(s.id)
	eventually(t, "the flows are over", func() bool { return stats(t, g).Descriptors == 0 })
}
