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
	kind networkKind
	fd   int
	// wayOut is the other end of its network interface; -1 without one.
	wayOut int
}

func (s *slot) close() { closeAll(openOnly(s.fd, s.wayOut)) }

// maxSlots is how many network namespaces of a kind are kept for instances to come.
const maxSlots = 64

// listeners are descriptors, or -1.
type listeners struct{ api, local, ingress int }

var noListeners = listeners{-1, -1, -1}

func (l listeners) close() { closeAll(openOnly(l.api, l.local, l.ingress)) }

// takeSlot returns a slot that is free, or nil.
func (s *shim) takeSlot(kind networkKind) *slot {
	s.slotsMu.Lock()
	defer s.slotsMu.Unlock()
	free := s.slots[kind]
	if len(free) == 0 {
		return nil
	}
	last := len(free) - 1
	s.slots[kind] = free[:last]
	return free[last]
}

// giveSlot takes a slot back in which nothing is open any more.
func (s *shim) giveSlot(used *slot) {
	s.slotsMu.Lock()
	defer s.slotsMu.Unlock()
	if len(s.slots[used.kind]) < maxSlots {
		s.slots[used.kind] = append(s.slots[used.kind], used)
		return
	}
	go used.close() // which takes the kernel tens of milliseconds
}

// connect moves the calling thread into a network namespace, and opens there what the
// instance is to reach.
func (b *box) connect() (l listeners, err error) {
	for {
		reused := b.shim.takeSlot(b.request.Network)
		if reused == nil {
			break
		}
		if err = unix.Setns(reused.fd, unix.CLONE_NEWNET); err == nil {
			if l, err = b.listen(); err == nil {
				b.slot = reused
				return l, nil
			}
		}
		go reused.close() // something is not as it was
	}
	if b.slot, err = newSlot(b.request.Network); err != nil {
		return noListeners, err
	}
	return b.listen()
}

// newSlot moves the calling thread into a new network namespace.
func newSlot(kind networkKind) (_ *slot, err error) {
	made := &slot{kind: kind, fd: -1, wayOut: -1}
	defer func() {
		if err != nil {
			made.close()
		}
	}()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	if made.fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open the network namespace: %w", err)
	}
	if err := gateway.LoopbackUp(); err != nil {
		return nil, err
	}
	if kind == gatewayNetwork {
		if made.wayOut, err = openWayOut(); err != nil {
			return nil, err
		}
	}
	return made, nil
}

// listen opens what the instance reaches on its loopback interface, in the calling
// thread's network namespace.
func (b *box) listen() (l listeners, err error) {
	l = noListeners
	if l.api, err = listenLoopback(RuntimeAPIPort); err != nil {
		return l, err
	}
	if port := b.request.IngressPort; port != 0 {
		if l.ingress, err = listenLoopback(port); err != nil {
			unix.Close(l.api)
			return noListeners, err
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
