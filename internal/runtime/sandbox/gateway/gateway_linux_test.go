package gateway

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What waits in an interface when it is given to the next instance does not become
// that one's.
func TestARecycledInterfaceForgetsWhatWasSent(t *testing.T) {
	heard := make(chan string, 10)
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go func() {
		b := make([]byte, 100)
		for {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			heard <- string(b[:n])
		}
	}()
	to := addrPort(conn.LocalAddr())
	g := testGateway(t, Options{}, "", 0)
	for kind, make := range interfaces {
		s := newSpace(t, make)
		send := func(text string) {
			out, err := s.dial("udp", inside)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(out, text)
		}
		s.connect(g, forward(to))
		send("first")
		if got := <-heard; got != "first" {
			t.Errorf("%s: heard %q", kind, got)
		}
		g.Remove(s.id)
		send("between")
		s.connect(g, forward(to))
		send("second")
		if got := <-heard; got != "second" {
			t.Errorf("%s: after it was given to another, heard %q", kind, got)
		}
	}
}

func TestAnIdChoosesOneInstance(t *testing.T) {
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	if err := g.Add(s.id, s.tun, Policy{}); err == nil {
		t.Error("an id was taken twice")
	}
	if err := g.Add("", s.tun, Policy{}); err == nil {
		t.Error("no id was taken")
	}
	if err := g.Add("another", nil, Policy{}); err == nil {
		t.Error("no interface was taken")
	}
	if err := g.Add("another", s.tun, Policy{Servers: []string{"nonsense"}}); err == nil {
		t.Error("a policy that says nothing was taken")
	}
	g.Remove("never seen")
	g.Close()
	if err := g.Add("late", s.tun, Policy{}); !errors.Is(err, errClosed) {
		t.Errorf("after Close: %v", err)
	}
	g.Remove(s.id)
	if err := g.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// The process has nothing that it does not need.
func TestTheProcessHasNoPrivileges(t *testing.T) {
	// Somebody left this open by mistake.
	leaked, err := syscall.Open("/", syscall.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(leaked)
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, Policy{})
	proc := fmt.Sprint("/proc/", g.PID())
	tasks, err := filepath.Glob(proc + "/task/*/status")
	if err != nil || len(tasks) < 2 {
		t.Fatalf("%d threads: %v", len(tasks), err)
	}
	for _, task := range tasks {
		status, err := os.ReadFile(task)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapAmb:\t0000000000000000"} {
			if !strings.Contains(string(status), want+"\n") {
				t.Errorf("%s is not so:\n%s", want, status)
			}
		}
		if os.Geteuid() == 0 {
			for _, want := range []string{fmt.Sprintf("Uid:\t%d\t%[1]d\t%[1]d\t%[1]d", ownUID), fmt.Sprintf("Gid:\t%d\t%[1]d\t%[1]d\t%[1]d", ownUID), "Groups:\t "} {
				if !strings.Contains(string(status), want+"\n") {
					t.Errorf("%q is not so:\n%s", want, status)
				}
			}
		}
	}
	descriptors, err := filepath.Glob(proc + "/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range descriptors {
		to, err := os.Readlink(d)
		if err != nil {
			continue // it is closed by now
		}
		known := strings.HasPrefix(to, "socket:") || strings.HasPrefix(to, "anon_inode:[event") || to == "/dev/null" || to == "/dev/net/tun" ||
			strings.HasPrefix(to, "/sys/fs/cgroup/") // Go's, which asks how many processors it may have
		if n := filepath.Base(d); !known && n != "2" {
			t.Errorf("descriptor %s is %s", n, to)
		}
	}
}

// When the process dies, another one takes over: connections are lost, the network
// is not.
func TestAnotherProcessTakesOver(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	told := make(chan error, 10)
	g := testGateway(t, Options{Report: func(err error) { told <- err }}, "", 0)
	old, young := newSpace(t, tunDevice), newSpace(t, tunDevice)
	old.connect(g, forward(server))
	conn := old.mustDial(inside)
	io.WriteString(conn, "x")
	conn.Read(make([]byte, 1))
	for range 2 {
		pid := g.PID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := <-told; err == nil || !strings.Contains(err.Error(), "killed") {
			t.Errorf("was told: %v", err)
		}
		eventually(t, "there is another process", func() bool { return g.PID() != 0 && g.PID() != pid })
		io.WriteString(conn, "y")
		if _, err := conn.Read(make([]byte, 1)); err == nil {
			t.Error("a connection of the process that died goes on")
		}
		old.works(inside)
		conn = old.mustDial(inside)
	}
	young.connect(g, forward(server))
	young.works(inside)
	if got := stats(t, g); got.Instances != 2 {
		t.Errorf("the process knows %d instances", got.Instances)
	}
}

// Between two processes there is no network, and none that is not filtered.
func TestWithoutAProcessThereIsNoNetwork(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	g := testGateway(t, Options{}, "", 0)
	s := newSpace(t, tunDevice)
	s.connect(g, forward(server))
	s.works(inside)
	g.Close()
	s.in(func() {
		if conn, err := net.DialTimeout("tcp", inside, 200*time.Millisecond); err == nil {
			conn.Close()
			t.Error("connected to somewhere")
		}
	})
}

// runtimeName is the argument zero of this program when it plays a runtime.
const runtimeName = "gateway-test-runtime"

func init() {
	if os.Args[0] != runtimeName {
		return
	}
	g, err := Start(Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(g.PID())
	select {}
}

func TestTheProcessEndsWithTheRuntime(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{runtimeName}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	cmd.Process.Kill()
	cmd.Wait()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process is gone", func() bool {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// A stack is made when it is needed, and not kept for ever.
func TestASilentInstanceGivesItsStackBack(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	s := newSpace(t, tunDevice)
	fd, err := duplicate(s.tun)
	if err != nil {
		t.Fatal(err)
	}
	f, err := compile(forward(server), isHosts, nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newInstance(fd, f, newResolver(nil), &budget{maxDescriptors: 100, maxMemory: 100 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer i.close()
	has := func() bool {
		i.stackMu.Lock()
		defer i.stackMu.Unlock()
		return i.stack != nil
	}
	if has() {
		t.Error("it has one before it has sent anything")
	}
	conn := s.mustDial(inside)
	i.rest(time.Now().Add(2 * silence))
	if !has() {
		t.Fatal("it has none though there is a connection")
	}
	conn.Close()
	eventually(t, "the connection is over", func() bool { return i.account.connections.Load() == 0 })
	i.rest(time.Now())
	if !has() {
		t.Error("it has none right after a connection")
	}
	i.rest(time.Now().Add(2 * silence))
	if has() {
		t.Error("it keeps it")
	}
	s.works(inside)
}
