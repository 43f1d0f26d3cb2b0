package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A socket belongs to the network namespace in which it was made, wherever it is
// connected. So whoever may enter an instance's network makes one there, and the
// runtime, which as an ordinary user may not, connects it.

// errInstanceOver is what becomes of a connection to an instance that has ended.
var errInstanceOver = errors.New("the instance has ended")

// visits are the connections to an instance that are being made. They end before its
// network can be another's.
type visits struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu   sync.Mutex
	over bool
	open sync.WaitGroup
}

func newVisits() *visits {
	v := &visits{}
	v.ctx, v.cancel = context.WithCancel(context.Background())
	return v
}

// connect makes a socket and connects it to a port.
func (v *visits) connect(ctx context.Context, port int, socket func() (int, error)) (net.Conn, error) {
	v.mu.Lock()
	if v.over {
		v.mu.Unlock()
		return nil, errInstanceOver
	}
	v.open.Add(1)
	v.mu.Unlock()
	defer v.open.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(v.ctx, cancel)()
	fd, err := socket()
	if err != nil {
		return nil, err
	}
	return connectSocket(ctx, fd, port)
}

// end waits until nothing is being made any more. None is from now on.
func (v *visits) end() {
	v.mu.Lock()
	v.over = true
	v.mu.Unlock()
	v.cancel()
	v.open.Wait()
}

// connectSocket connects a socket that does not block, which it takes over.
func connectSocket(ctx context.Context, fd, port int) (net.Conn, error) {
	address := [4]byte{127, 0, 0, 1}
	failed := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp4", Addr: &net.TCPAddr{IP: address[:], Port: port}, Err: os.NewSyscallError("connect", err)}
	}
	if ctx.Err() != nil {
		unix.Close(fd)
		return nil, ctx.Err()
	}
	err := unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: address})
	f := os.NewFile(uintptr(fd), "socket in an instance's network")
	defer f.Close()
	if err == unix.EINPROGRESS {
		err = await(ctx, f)
	}
	if err != nil {
		return nil, failed(err)
	}
	return net.FileConn(f)
}

// await waits until a socket is connected.
func await(ctx context.Context, f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { f.SetDeadline(time.Unix(1, 0)) })() //nolint:errcheck // a socket has deadlines
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		errno, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
		switch {
		case err != nil:
			failed = err
		case errno != 0:
			failed = unix.Errno(errno)
		default:
			_, unconnected := unix.Getpeername(int(fd))
			return unconnected == nil
		}
		return true
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(failed, err)
}

// socketIn makes a socket in a network namespace.
func socketIn(namespace int) (fd int, err error) {
	err = inThread(func() error {
		if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("enter the instance's network: %w", err)
		}
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fmt.Errorf("make a socket in the instance's network: %w", err)
		}
		return nil
	})
	return fd, err
}

var (
	_ dialler = (*instance)(nil)
	_ dialler = (*container)(nil)
)

func (i *instance) dial(ctx context.Context, port int) (net.Conn, error) {
	if i.prepared.network == hostNetwork {
		return dialHost(ctx, port)
	}
	return i.visits.connect(ctx, port, i.prepared.launch.socket)
}

func (c *container) dial(ctx context.Context, port int) (net.Conn, error) {
	return c.visits.connect(ctx, port, func() (int, error) { return socketIn(c.slot.fd) })
}
