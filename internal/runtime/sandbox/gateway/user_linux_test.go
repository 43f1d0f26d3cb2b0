package gateway

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// Arguments zero of this program when it plays an ordinary user's runtime, and that
// one's instance, in a user namespace and a network namespace.
const (
	userName  = "gateway-test-user"
	guestName = "gateway-test-guest"
)

func init() {
	var play func() error
	switch os.Args[0] {
	case userName:
		play = playUser
	case guestName:
		play = playGuest
	default:
		return
	}
	if err := play(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("fine")
	os.Exit(0)
}

func TestAnOrdinaryUsersInstancesHaveANetwork(t *testing.T) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{userName}
	cmd.Dir = "/"
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyUID, Gid: nobodyUID}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "fine" {
		t.Errorf("%s: %v", out, err)
	}
}

// playUser starts a gateway and a guest, and gives the one to the other.
func playUser() error {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go io.Copy(c, c)
		}
	}()
	g, err := Start(Options{})
	if err != nil {
		return err
	}
	defer g.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	theirs := os.NewFile(uintptr(pair[1]), "socket")
	ours, err := newPeer(pair[0])
	if err != nil {
		return err
	}
	guest := exec.Command("/proc/self/exe")
	guest.Args = []string{guestName}
	guest.ExtraFiles = []*os.File{theirs}
	var out strings.Builder
	guest.Stdout, guest.Stderr = &out, &out
	guest.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	if err := guest.Start(); err != nil {
		return err
	}
	theirs.Close()
	talk := func() error {
		var said string
		fd, err := ours.receive(&said)
		if err != nil {
			return err
		}
		tun := os.NewFile(uintptr(fd), "interface")
		defer tun.Close()
		if err := g.Add("guest", tun, forward(netip.MustParseAddrPort(l.Addr().String()))); err != nil {
			return err
		}
		return ours.send("go on", -1)
	}
	err = talk()
	ours.Close()
	if waitErr := guest.Wait(); err != nil || waitErr != nil {
		return fmt.Errorf("%w; the guest: %w: %s", err, waitErr, out.String())
	}
	return nil
}

func playGuest() error {
	runtime.LockOSThread()
	user, err := newPeer(processDescriptor)
	if err != nil {
		return err
	}
	tun, err := NewTUN("tun0")
	if err != nil {
		return err
	}
	if err := user.send("here it is", int(tun.Fd())); err != nil {
		return err
	}
	var said string
	if _, err := user.receive(&said); err != nil {
		return err
	}
	conn, err := net.DialTimeout("tcp", inside, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	go io.CopyN(conn, zeros{}, 10<<20)
	if _, err := io.CopyN(io.Discard, conn, 10<<20); err != nil {
		return err
	}
	if _, err := net.DialTimeout("tcp", "169.254.169.254:80", patience); !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("connecting to a metadata service: %w", err)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
