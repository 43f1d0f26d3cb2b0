package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A space is a network namespace that is connected to a gateway, as an instance's
// is: what it runs runs on a thread in there.
type space struct {
	t   testing.TB
	id  string
	tun *os.File
	run chan func()
}

// newSpace makes a namespace. make is NewTUN, or another way to an interface.
func newSpace(t testing.TB, make_ func() (*os.File, error)) *space {
	t.Helper()
	s := &space{t: t, run: make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			s.tun, err = make_()
		}
		if err == nil {
			err = LoopbackUp()
		}
		made <- err
		for f := range s.run {
			f()
		}
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(s.run)
		s.tun.Close()
	})
	return s
}

func tunDevice() (*os.File, error) { return NewTUN("tun0") }

// pair is what NewTUN makes where it cannot open /dev/net/tun.
func pair() (*os.File, error) {
	kernel, err := openNetlink()
	if err != nil {
		return nil, err
	}
	defer kernel.close()
	f, flags, err := openPair(kernel, "tun0")
	if err != nil {
		return nil, err
	}
	return f, configure(kernel, "tun0", flags)
}

// in runs f in the namespace.
func (s *space) in(f func()) {
	done := make(chan struct{})
	s.run <- func() {
		defer close(done)
		f()
	}
	<-done
}

// dial connects from the namespace.
func (s *space) dial(network, address string) (conn net.Conn, err error) {
	s.in(func() { conn, err = net.DialTimeout(network, address, patience) })
	if err == nil {
		conn.SetDeadline(time.Now().Add(2 * time.Minute)) // what waits longer has failed
		s.t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

// mustDial connects over TCP.
func (s *space) mustDial(address string) *net.TCPConn {
	s.t.Helper()
	conn, err := s.dial("tcp", address)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn.(*net.TCPConn) //nolint:errcheck // it is one
}

// output runs a program in the namespace and returns what it prints.
func (s *space) output(cmd *exec.Cmd) (string, error) {
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	var err error
	s.in(func() { err = cmd.Start() })
	if err == nil {
		err = cmd.Wait()
	}
	return out.String(), err
}

// python is a program in Python.
func python(t testing.TB, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(path, append([]string{"-I", "-c", program}, arguments...)...)
}

func addrPort(a net.Addr) netip.AddrPort { return netip.MustParseAddrPort(a.String()) }

func stats(t testing.TB, g *Gateway) Stats {
	t.Helper()
	s, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var spaces atomic.Int64

// connect adds the namespace to a gateway.
func (s *space) connect(g *Gateway, p Policy) {
	s.t.Helper()
	s.id = fmt.Sprintf("instance-%d", spaces.Add(1))
	if err := g.Add(s.id, s.tun, p); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { g.Remove(s.id) })
}

// testGateway starts a gateway. With a resolv.conf, its servers have that port.
func testGateway(t testing.TB, o Options, resolvConf string, port int) *Gateway {
	t.Helper()
	c := configuration{ResolvConf: resolvConfPath, DNSPort: dnsPort}
	if resolvConf != "" {
		// Not in a folder of the test's, where the gateway's user cannot look.
		dir, err := os.MkdirTemp("", "gateway-test-")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		c = configuration{ResolvConf: filepath.Join(dir, "resolv.conf"), DNSPort: port}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.ResolvConf, []byte(resolvConf), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	g, err := start(o, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

// serve listens on the host's loopback interface, and returns the address to which a
// policy must forward.
func serve(t testing.TB, handle func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				handle(c.(*net.TCPConn)) //nolint:errcheck // it is one
			}()
		}
	}()
	return addrPort(l.Addr())
}

// inside is where the namespaces see the port of a server.
const inside = "192.0.0.1:8080"

// forward is a policy by which they do.
func forward(to netip.AddrPort) Policy { return Policy{Forward: map[uint16]netip.AddrPort{8080: to}} }

var interfaces = map[string]func() (*os.File, error){"TUN device": tunDevice, "pair": pair}

// resident is what a process takes of the machine's memory, in bytes.
func resident(t testing.TB, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
