package sandbox

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/gateway"
)

// wayOutName is the network interface that leads to the gateway.
const wayOutName = "eth0"

// A slot is a network namespace, used for one instance at a time. To make and remove
// one costs the kernel more than all else an instance needs, so that they are used
// again: an instance cannot change them, and what it had open in one is closed with
// it.
type slot struct {
	fd int
}

// maxSlots is how many network namespaces are kept for instances to come.
const maxSlots = 64

// listeners are descriptors, or -1.
type listeners struct{ api, ingress int }

// takeSlot returns a slot that is free, or nil.
func (s *shim) takeSlot() *slot {
	s.slotsMu.Lock()
	defer s.slotsMu.Unlock()
	if len(s.slots) == 0 {
		return nil
	}
	last := len(s.slots) - 1
	taken := s.slots[last]
	s.slots = s.slots[:last]
	return taken
}

// giveSlot takes a slot back in which nothing is open any more.
func (s *shim) giveSlot(used *slot) {
	s.slotsMu.Lock()
	defer s.slotsMu.Unlock()
	if len(s.slots) < maxSlots {
		s.slots = append(s.slots, used)
		return
	}
	unix.Close(used.fd)
}

// connect moves the calling thread into a network namespace, and opens there what the
// instance is to reach.
func (b *box) connect() (listeners, error) {
	for {
		reused := b.shim.takeSlot()
		if reused == nil {
			break
		}
		l, err := b.enterSlot(reused)
		if err == nil {
			return l, nil
		}
		unix.Close(reused.fd) // something is not as it was
		b.slot = nil
	}
	made, err := newSlot()
	if err != nil {
		return listeners{-1, -1}, err
	}
	return b.enterSlot(made)
}

// newSlot moves the calling thread into a new network namespace.
func newSlot() (*slot, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	if err := gateway.LoopbackUp(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &slot{fd: fd}, nil
}

// enterSlot moves the calling thread into the slot, which is then the box's.
func (b *box) enterSlot(into *slot) (l listeners, err error) {
	l = listeners{-1, -1}
	defer func() {
		if err != nil {
			closeAll(openOnly(l.api, l.ingress, b.tun))
			l, b.tun = listeners{-1, -1}, -1
		}
	}()
	b.slot = into
	if err = unix.Setns(into.fd, unix.CLONE_NEWNET); err != nil {
		return l, fmt.Errorf("enter a network namespace: %w", err)
	}
	if l.api, err = listenLoopback(runtimeAPIPort); err != nil {
		return l, err
	}
	if port := b.request.IngressPort; port != 0 {
		if l.ingress, err = listenLoopback(port); err != nil {
			return l, err
		}
	}
	if b.request.Network == gatewayNetwork {
		if b.tun, err = openWayOut(); err != nil {
			return l, err
		}
	}
	return l, nil
}

// listenLoopback opens a listener in the calling thread's network namespace.
func listenLoopback(port int) (fd int, err error) {
	defer func() {
		if err != nil {
			unix.Close(fd)
			fd, err = -1, fmt.Errorf("listen on port %d in the instance's network: %w", port, err)
		}
	}()
	if fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
		return fd, err
	}
	// An instance that was there before may have left connections that still wait.
	if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return fd, err
	}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return fd, err
	}
	return fd, unix.Listen(fd, unix.SOMAXCONN)
}

// openWayOut gives the calling thread's network namespace its way out, and returns the
// descriptor that is for the gateway.
func openWayOut() (int, error) {
	file, err := gateway.NewTUN(wayOutName)
	if err != nil {
		return -1, err
	}
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	// File.Fd would make it a blocking one.
	err = errors.Join(raw.Control(func(own uintptr) { fd, err = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }), err)
	if err != nil {
		return -1, fmt.Errorf("take the network interface's descriptor: %w", err)
	}
	return fd, nil
}
