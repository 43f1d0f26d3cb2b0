package gateway

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// One instance that sends as much as it can does not keep another from its work,
// nor make the gateway grow.
func TestAFloodIsTheFloodersOwnProblem(t *testing.T) {
	echo := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	datagrams := echoDatagrams(t)
	blackHole := netip.MustParseAddrPort("192.0.2.1:9") // documentation's; nobody answers
	floods := map[string]func(fd int, i int) error{
		"connections": func(_, i int) error {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			err = unix.Connect(fd, &unix.SockaddrInet4{Addr: Address.As4(), Port: 8080 + i%2})
			if err == unix.EINPROGRESS {
				return nil
			}
			return err
		},
		"datagrams": func(fd, i int) error {
			err := unix.Sendto(fd, []byte("x"), 0, &unix.SockaddrInet4{Addr: [4]byte{198, 51, 100, byte(i)}, Port: 1 + i%60000})
			if err == unix.ENOBUFS || err == unix.EAGAIN || err == unix.EHOSTUNREACH || err == unix.ECONNREFUSED || err == unix.ENETUNREACH {
				return nil // which is what a flood gets
			}
			return err
		},
	}
	for what, flood := range floods {
		t.Run(what, func(t *testing.T) {
			g := testGateway(t, Options{}, "", 0)
			bad, good := newSpace(t, tunDevice), newSpace(t, tunDevice)
			bad.connect(g, Policy{Forward: map[uint16]netip.AddrPort{8080: blackHole, 8081: echo}})
			good.connect(g, Policy{Forward: map[uint16]netip.AddrPort{8080: echo, 8081: datagrams}})
			done := make(chan struct{})
			go func() {
				defer close(done)
				bad.in(func() {
					fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
					if err != nil {
						t.Error(err)
						return
					}
					defer unix.Close(fd)
					for i := range 100_000 {
						if err := flood(fd, i); err != nil {
							t.Errorf("after %d: %v", i, err)
							return
						}
					}
				})
			}()
			worked := 0
			var most Stats
			for flooding := true; flooding; worked++ {
				select {
				case <-done:
					flooding = false
				default:
				}
				good.works(inside)
				if now := stats(t, g); now.Heap > most.Heap {
					most = now
				}
			}
			now := stats(t, g)
			t.Logf("the other did its work %d times; %d MB at most; %d connections, %d flows at the end", worked, most.Heap>>20, now.Connections, now.Flows)
			if most.Heap > 128<<20 {
				t.Errorf("the gateway grew to %d MB", most.Heap>>20)
			}
			if now.Connections > maxConnections+1 || now.Flows > maxFlows+1 {
				t.Errorf("there are %d connections and %d flows", now.Connections, now.Flows)
			}
			g.Remove(bad.id)
			eventually(t, "what the flood took is free again", func() bool { return stats(t, g).Descriptors <= 1 })
		})
	}
}

// works makes a connection and exchanges something on it.
func (s *space) works(address string) {
	s.t.Helper()
	var err error
	s.in(func() {
		var conn net.Conn
		if conn, err = net.DialTimeout("tcp", address, patience); err != nil {
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		if _, err = io.WriteString(conn, "hello"); err == nil {
			_, err = io.ReadFull(conn, make([]byte, 5))
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// Adding and removing at the same time, with traffic, is the ordinary case.
func TestInstancesComeAndGo(t *testing.T) {
	echo := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	g := testGateway(t, Options{}, "", 0)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			s := newSpace(t, tunDevice)
			for range 10 {
				s.connect(g, forward(echo))
				s.works(inside)
				g.Remove(s.id)
			}
		})
	}
	group.Wait()
	if got := stats(t, g); got.Instances != 0 {
		t.Errorf("%d instances are left", got.Instances)
	}
	eventually(t, "everything is free again", func() bool { return stats(t, g).Descriptors == 0 })
}
