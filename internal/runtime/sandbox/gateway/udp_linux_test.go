package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"
)

// echoDatagrams answers every datagram with itself.
func echoDatagrams(t testing.TB) netip.AddrPort {
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
			conn.WriteTo(b[:n], from)
		}
	}()
	return netip.MustParseAddrPort(conn.LocalAddr().String())
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
			for _, size := range []int{0, 1, 1500, 9000, 65000} {
				b := make([]byte, size)
				for i := range b {
					b[i] = byte(i * size)
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
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
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	conn.Write([]byte("anybody there?"))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the instance sees %v", err)
	}
}

// Of more flows than there may be, those that are used go on.
func TestTheFlowThatIsUsedLeastMakesRoom(t *testing.T) {
	server := echoDatagrams(t)
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	exchange := func(conn net.Conn, text string) {
		t.Helper()
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		conn.Write([]byte(text))
		back := make([]byte, 100)
		if n, err := conn.Read(back); err != nil || string(back[:n]) != text {
			t.Fatalf("%q came back: %v", back[:n], err)
		}
	}
	kept, err := s.dial("udp", inside)
	if err != nil {
		t.Fatal(err)
	}
	for i := range maxFlows + 100 {
		conn, err := s.dial("udp", inside)
		if err != nil {
			t.Fatal(err)
		}
		exchange(conn, fmt.Sprint("flow ", i))
		conn.Close()
		exchange(kept, fmt.Sprint("kept ", i))
	}
	if got := stats(t, g); got.Flows > maxFlows {
		t.Errorf("there are %d flows", got.Flows)
	}
	g.Remove(s.id)
	eventually(t, "the flows are over", func() bool { return stats(t, g).Descriptors == 0 })
}
