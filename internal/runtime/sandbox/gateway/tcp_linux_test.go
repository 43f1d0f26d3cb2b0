package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestAHundredMegabytesComeBackAsTheyWere(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	g := testGateway(t, Options{}, "", 0)
	for kind, make := range interfaces {
		t.Run(kind, func(t *testing.T) {
			s := newSpace(t, make)
			s.connect(g, forward(server))
			conn := s.mustDial(inside)
			sent, received := sha256.New(), sha256.New()
			go func() {
				io.CopyN(io.MultiWriter(conn, sent), rand.Reader, 100<<20)
				conn.CloseWrite()
			}()
			n, err := io.Copy(received, conn)
			if err != nil || n != 100<<20 {
				t.Fatalf("%d bytes came back: %v", n, err)
			}
			if string(sent.Sum(nil)) != string(received.Sum(nil)) {
				t.Error("what came back is not what was sent")
			}
		})
	}
}

func TestEachSideCanEndItsHalfFirst(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	heard := make(chan string, 1)
	server := serve(t, func(c *net.TCPConn) {
		// The host's side ends first, and still listens.
		c.Write([]byte("goodbye"))
		c.CloseWrite()
		b, _ := io.ReadAll(c)
		heard <- string(b)
	})
	s.connect(g, forward(server))
	conn := s.mustDial(inside)
	if b, err := io.ReadAll(conn); err != nil || string(b) != "goodbye" {
		t.Errorf("read %q: %v", b, err)
	}
	conn.Write([]byte("you too"))
	conn.CloseWrite()
	if got := <-heard; got != "you too" {
		t.Errorf("the host's side heard %q", got)
	}
	eventually(t, "the connection is over", func() bool { return stats(t, g).Connections == 0 })
}

func TestARefusedConnectionIsRefused(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := netip.MustParseAddrPort(l.Addr().String())
	l.Close()
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(closed))
	if _, err := s.dial("tcp", inside); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("connecting to a port where nobody listens: %v", err)
	}
}

func TestAnUnreachableAddressIsSaidToBe(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	// No host routes this to anywhere: to connect fails at once.
	s.connect(g, forward(netip.MustParseAddrPort("255.255.255.255:80")))
	began := time.Now()
	_, err := s.dial("tcp", inside)
	if !errors.Is(err, syscall.EHOSTUNREACH) && !errors.Is(err, syscall.ENETUNREACH) {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}

func TestAResetGoesThrough(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	t.Run("from the host's side", func(t *testing.T) {
		server := serve(t, func(c *net.TCPConn) {
			c.Read(make([]byte, 1))
			c.SetLinger(0)
		})
		s := newSpace(t, tunDevice)
		s.connect(g, forward(server))
		conn := s.mustDial(inside)
		conn.Write([]byte("x"))
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the instance sees %v", err)
		}
	})
	t.Run("from the instance", func(t *testing.T) {
		seen := make(chan error, 1)
		server := serve(t, func(c *net.TCPConn) {
			c.Write([]byte("x"))
			_, err := c.Read(make([]byte, 1))
			seen <- err
		})
		s := newSpace(t, tunDevice)
		s.connect(g, forward(server))
		conn := s.mustDial(inside)
		conn.Read(make([]byte, 1))
		conn.SetLinger(0)
		conn.Close()
		if err := <-seen; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the host's side sees %v", err)
		}
	})
	t.Run("when the instance is removed", func(t *testing.T) {
		seen := make(chan error, 1)
		server := serve(t, func(c *net.TCPConn) {
			c.Write([]byte("x"))
			_, err := c.Read(make([]byte, 1))
			seen <- err
		})
		s := newSpace(t, tunDevice)
		s.connect(g, forward(server))
		conn := s.mustDial(inside)
		conn.Read(make([]byte, 1))
		g.Remove(s.id)
		if err := <-seen; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the host's side sees %v", err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the instance sees %v", err)
		}
	})
}

// Who does not read keeps the other side from writing, and the gateway from keeping
// what was written.
func TestWhoDoesNotReadStopsWhoWrites(t *testing.T) {
	release := make(chan struct{})
	var once sync.Once
	t.Cleanup(func() { once.Do(func() { close(release) }) })
	received := make(chan int64, 1)
	server := serve(t, func(c *net.TCPConn) {
		<-release
		n, _ := io.Copy(io.Discard, c)
		received <- n
	})
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	conn := s.mustDial(inside)
	var sent int64
	for chunk := make([]byte, 1<<20); ; {
		conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := conn.Write(chunk)
		sent += int64(n)
		if err != nil {
			break
		}
		if sent > 256<<20 {
			t.Fatal("256 MB were taken that nobody has read")
		}
	}
	once.Do(func() { close(release) })
	conn.CloseWrite()
	if n := <-received; n != sent {
		t.Errorf("%d bytes were sent, and %d received", sent, n)
	}
}

// What an instance has not read goes on counting as its connection's, also when both
// sides have sent their last byte.
func TestWhatIsNotReadCounts(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) {
		c.Write(make([]byte, 512<<10))
		c.CloseWrite()
		io.Copy(io.Discard, c)
	})
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	conn := s.mustDial(inside)
	conn.SetReadBuffer(4 << 10)
	conn.CloseWrite()
	conn.Read(make([]byte, 1))
	// Another connection comes and goes meanwhile.
	s.works(inside)
	eventually(t, "the other is over", func() bool { return stats(t, g).Connections < 2 })
	if got := stats(t, g).Connections; got != 1 {
		t.Errorf("%d connections are counted", got)
	}
	if n, err := io.Copy(io.Discard, conn); err != nil || n != 512<<10-1 {
		t.Errorf("read %d bytes more: %v", n, err)
	}
	eventually(t, "the connection is over", func() bool { return stats(t, g).Connections == 0 })
}

func TestManyConnectionsAtOnce(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	const many = 300
	var conns []*net.TCPConn
	for range many {
		conns = append(conns, s.mustDial(inside))
	}
	if got := stats(t, g); got.Connections != many || got.Stacks != 1 {
		t.Errorf("there are %d connections in %d stacks", got.Connections, got.Stacks)
	}
	var group sync.WaitGroup
	for _, c := range conns {
		group.Go(func() {
			for range 20 {
				b := make([]byte, 1000)
				rand.Read(b)
				c.Write(b)
				back := make([]byte, len(b))
				if _, err := io.ReadFull(c, back); err != nil || string(back) != string(b) {
					t.Errorf("what was sent did not come back: %v", err)
					return
				}
			}
			c.Close()
		})
	}
	group.Wait()
	eventually(t, "the connections are over", func() bool { return stats(t, g).Connections == 0 })
	eventually(t, "their descriptors are free", func() bool { return stats(t, g).Descriptors == 0 })
}

func TestAnInstanceHasNoMoreConnectionsThanItMay(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) })
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	for range maxConnections {
		s.mustDial(inside)
	}
	fd := -1
	s.in(func() {
		fd, _ = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		unix.Connect(fd, &unix.SockaddrInet4{Addr: Address.As4(), Port: 8080})
	})
	defer unix.Close(fd)
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if n, err := unix.Poll(poll, 300); err != nil || n != 0 {
		t.Errorf("one more was answered: %v", err)
	}
}

func TestPythonFetchesAPage(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) {
		c.Read(make([]byte, 4096))
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
	})
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	out, err := s.output(python(t, "import urllib.request; print(urllib.request.urlopen('http://"+inside+"/').read().decode(), end='')"))
	if err != nil || out != "hello" {
		t.Errorf("%q: %v", out, err)
	}
}
