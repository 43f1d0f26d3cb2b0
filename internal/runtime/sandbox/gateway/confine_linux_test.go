//go:build amd64 || arm64

package gateway

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// confinedName is the argument zero of this program when it is confined as the process is,
// and tells what it still can do.
const confinedName = "gateway-test-confined"

func init() {
	if os.Args[0] != confinedName {
		return
	}
	try := func(what string, err error) {
		if err == nil {
			fmt.Println("possible:", what)
		}
	}
	if abi, _ := confine.LandlockABI(); abi > 0 {
		tryFiles(try)
	}
	if err := restrictCalls(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	if confine.FilterMissing() == "" {
		tryFiles(try)
		tryCalls(try)
	}
	if err := serveConfined(os.Args[1]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("fine")
	os.Exit(0)
}

func tryFiles(try func(what string, err error)) {
	for _, path := range []string{"/etc/passwd", "/etc/hosts", "/proc/self/environ", "/", "/dev/null"} {
		_, err := os.Open(path)
		try("open "+path, err)
	}
	try("write a file", os.WriteFile("/tmp/gateway-test-evil", []byte("x"), 0o600))
	try("make a folder", os.Mkdir("/tmp/gateway-test-evil-folder", 0o700))
	try("execute a program", exec.Command("/bin/sh", "-c", "exit").Run())
}

func tryCalls(try func(what string, err error)) {
	_, err := os.Open("/proc/self/exe")
	try("open its own program", err)
	_, err = syscall.ForkExec("/proc/self/exe", []string{"x"}, &syscall.ProcAttr{})
	try("execute its own program", err)
	for name, kind := range map[string][2]int{
		"local": {unix.AF_UNIX, unix.SOCK_STREAM}, "packet": {unix.AF_PACKET, unix.SOCK_RAW}, "raw": {unix.AF_INET, unix.SOCK_RAW},
		"hypervisor's": {unix.AF_VSOCK, unix.SOCK_STREAM},
	} {
		_, err := unix.Socket(kind[0], kind[1], 0)
		try("make a "+name+" socket", err)
	}
	_, err = net.Listen("tcp4", "127.0.0.1:0")
	try("listen", err)
	_, err = unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	try("have memory that can be executed", err)
	try("signal others", unix.Kill(os.Getppid(), 0))
	try("trace others", unix.PtraceAttach(os.Getppid()))
	try("make namespaces", unix.Unshare(unix.CLONE_NEWUSER))
	try("have a bigger limit", unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 10, Max: 10}))
}

// serveConfined does what the process's work takes: threads, memory, timers, connections.
func serveConfined(address string) error {
	var all sync.WaitGroup
	failed := make(chan error, 64)
	for range cap(failed) {
		all.Go(func() {
			runtime.LockOSThread() // a thread each
			c, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address)
			if err != nil {
				failed <- err
				return
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // it is open
			const size = 1 << 20
			go c.Write(make([]byte, size)) //nolint:errcheck // reading shows it
			if _, err := io.ReadFull(c, make([]byte, size)); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	runtime.GC()
	select {
	case err := <-failed:
		return err
	case <-time.After(time.Millisecond):
	}
	if !isHosts(netip.MustParseAddr("127.0.0.1")) || isHosts(netip.MustParseAddr("169.254.169.254")) {
		return fmt.Errorf("routes are not told")
	}
	return nil
}

func TestTheProcessIsConfinedAndWorks(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{confinedName, server.String()}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, w, w
	err = startWithoutPrivileges(cmd)
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, readErr := io.ReadAll(r)
	err = cmd.Wait()
	if strings.TrimSpace(string(out)) != "fine" || err != nil || readErr != nil {
		t.Errorf("%s: %v %v", out, err, readErr)
	}
	for _, left := range []string{"/tmp/gateway-test-evil", "/tmp/gateway-test-evil-folder"} {
		os.Remove(left)
	}
}

// What the process cannot look up it is told.
func TestTheProcessLearnsOfChanges(t *testing.T) {
	g := testGateway(t, Options{}, "nameserver 127.0.0.2\n", testNameServer(t))
	s := newSpace(t, tunDevice)
	const name = "gateway-test.invalid"
	listener := &net.TCPListener{}
	host, ok := hostAddress(t)
	if ok {
		l, err := net.Listen("tcp4", net.JoinHostPort(host.String(), "0"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		listener = l.(*net.TCPListener) //nolint:errcheck // it is one
		s.connect(g, Policy{Servers: []string{net.JoinHostPort(name, fmt.Sprint(addrPort(l.Addr()).Port()))}})
	} else {
		s.connect(g, Policy{})
	}
	if got, err := s.lookup("udp", "10-1-2-3.example.org."); err == nil {
		t.Errorf("a server that is not there says %v", got)
	}
	path := g.resolvConf.path
	if err := os.WriteFile(path+".new", []byte("nameserver 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new server is asked", func() bool {
		got, err := s.lookup("udp", "10-1-2-3.example.org.")
		return err == nil && fmt.Sprint(got) == "[10.1.2.3]"
	})
	if !ok {
		return
	}
	address := listener.Addr().String()
	if _, err := s.dial("tcp", address); err == nil {
		t.Error("a port is open of which it is not known whose it is")
	}
	g.names.learn(name, []netip.Addr{netip.MustParseAddr("192.0.2.7")})
	eventually(t, "the name's address is known", func() bool {
		_, err := s.dial("tcp", address)
		return err == nil
	})
}
