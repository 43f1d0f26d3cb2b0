//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func init() {
	programs["network"] = attackNetwork
	programs["first"] = func([]string) { attackTheFirstProcess() }
}

// attackNetwork changes its network where it can, and connects to what it is told of.
func attackNetwork(addresses []string) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	must(err)
	interfaces, err := net.Interfaces()
	must(err)
	for _, i := range interfaces {
		request, err := unix.NewIfreq(i.Name)
		must(err)
		request.SetUint16(0)
		reached("take the interface "+i.Name+" down", errnoOf(unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, request)))
		request.SetUint32(9000)
		reached("change the size of packets of "+i.Name, errnoOf(unix.IoctlIfreq(s, unix.SIOCSIFMTU, request)))
		for what, kind := range map[string]uint16{"add an address": unix.RTM_NEWADDR, "remove addresses": unix.RTM_DELADDR} {
			// struct ifaddrmsg, then the attribute IFA_LOCAL.
			body := []byte{unix.AF_INET, 24, 0, 0}
			body = binary.NativeEndian.AppendUint32(body, uint32(i.Index))
			body = append(body, 8, 0, unix.IFA_LOCAL, 0, 10, 9, 8, 7)
			reached(what, routeMessage(kind, body))
		}
	}
	// struct rtmsg: every IPv4 route of the main table.
	reached("remove the routes", routeMessage(unix.RTM_DELROUTE, []byte{unix.AF_INET, 0, 0, 0, unix.RT_TABLE_MAIN, 0, 0, 0, 0, 0, 0, 0}))
	for _, address := range addresses {
		c, err := net.DialTimeout("tcp", address, 2*time.Second)
		if err != nil {
			continue
		}
		// Who merely accepts may be the gateway, which has not found anybody yet.
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		_, _ = c.Write([]byte("GET / HTTP/1.0\r\n\r\n"))
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			fmt.Println("possible: talk to", address)
		}
		c.Close()
	}
	fmt.Println("attacked")
}

// routeMessage asks the kernel for a change of the network, and returns its answer.
func routeMessage(kind uint16, body []byte) syscall.Errno {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return errnoOf(err)
	}
	defer unix.Close(s)
	message := binary.NativeEndian.AppendUint32(nil, uint32(unix.SizeofNlMsghdr+len(body)))
	message = binary.NativeEndian.AppendUint16(message, kind)
	message = binary.NativeEndian.AppendUint16(message, unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE)
	message = append(append(message, make([]byte, 8)...), body...)
	if err := unix.Sendto(s, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return errnoOf(err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil || n < unix.SizeofNlMsghdr+4 {
		return unix.EIO
	}
	return syscall.Errno(-int32(binary.NativeEndian.Uint32(answer[unix.SizeofNlMsghdr:])))
}

func TestTheNetworkIsAsItWasMade(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason := h.lacking[networkNamespace]; reason != "" {
		t.Logf("instances share the host's network: %s", reason)
		return
	}
	// A server of the host's that answers everybody it hears of.
	greeting := func(network, address string) (listening string) {
		l, err := net.Listen(network, address)
		if err != nil {
			return ""
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = c.Write([]byte("hello"))
				c.Close()
			}
		}()
		return l.Addr().String()
	}
	addresses := []string{greeting("tcp4", "127.0.0.1:0"), greeting("tcp4", "127.0.0.2:0")}
	if six := greeting("tcp6", "[::1]:0"); six != "" {
		addresses = append(addresses, six)
	}
	if c, err := net.Dial("tcp4", addresses[0]); err != nil {
		t.Fatal(err)
	} else {
		c.Close()
	}
	for _, network := range []string{"", NetworkNone} {
		t.Run("network "+network, func(t *testing.T) {
			goesOn := neighbour(t, h)
			startWith(t, h, func(s *Spec) { s.Network = network }, "network", addresses...).notPossible()
			goesOn()
		})
	}
	// What an instance listens on is nobody else's.
	if c, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", RuntimeAPIPort)); err == nil {
		c.Close()
		t.Errorf("port %d, the instances' Runtime API's, is open on the host", RuntimeAPIPort)
	}
}

// attackTheFirstProcess looks for a way into the process that is not the function's.
func attackTheFirstProcess() {
	for _, file := range []string{"exe", "mem", "environ", "maps", "root/etc/passwd", "cwd/etc/passwd", "fd/0", "fd/1", "auxv", "syscall", "stack", "map_files", "task/1/mem"} {
		for _, how := range []int{unix.O_RDONLY, unix.O_WRONLY} {
			fd, err := unix.Open("/proc/1/"+file, how|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
			if err != nil {
				continue
			}
			if _, err := unix.Read(fd, make([]byte, 1)); err == nil || how == unix.O_WRONLY {
				fmt.Println("possible: open /proc/1/"+file, how)
			}
			unix.Close(fd)
		}
	}
	if exe, err := os.Readlink("/proc/1/exe"); err == nil {
		fmt.Println("possible: see where the first process comes from:", exe)
	}
	if err := syscall.Kill(1, unix.SIGKILL); err == nil {
		// Signals without a handler do not reach the first process of a namespace.
		if _, err := os.Stat("/proc/1"); errors.Is(err, os.ErrNotExist) {
			fmt.Println("possible: kill the first process")
		}
	}
	fmt.Println("attacked")
}

func TestTheFirstProcessIsOutOfReach(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("this host has no namespaces: %v", h.Isolation().Missing)
		return
	}
	start(t, h, "first").notPossible()
}
