//go:build !race

package rawhttp

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// A socket is a connection that is read and written by system calls of which Go's
// scheduler is not told. They never block, so that there is nothing for it to do. Told, it
// wakes a thread of its own, as soon as the process was at rest before: one that sees after
// calls that do block, and looks for them every 20 us for a while. With one invocation after
// another, that was a quarter of the processor time that one costs here.
type socket struct {
	in, out transfer
}

// quick returns what to read from the connection, and to write to it, a little at a time.
func quick(c net.Conn) io.ReadWriter {
	conn, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return c
	}
	s := &socket{
		in:  transfer{number: syscall.SYS_READ, wait: raw.Read},
		out: transfer{number: syscall.SYS_WRITE, wait: raw.Write, whole: true},
	}
	s.in.try, s.out.try = s.in.attempt, s.out.attempt
	return s
}

// Read implements io.Reader.
func (s *socket) Read(p []byte) (int, error) {
	n, err := s.in.run(p)
	if n == 0 && err == nil && len(p) > 0 {
		err = io.EOF
	}
	return n, err
}

// Write implements io.Writer.
func (s *socket) Write(p []byte) (int, error) { return s.out.run(p) }

// A transfer is a socket's one way. It is used by one goroutine at a time.
type transfer struct {
	// number of the system call.
	number uintptr
	// wait calls try, and again each time the socket is ready, until it returns true.
	wait func(try func(fd uintptr) bool) error
	// try is attempt, made a function once.
	try func(fd uintptr) bool
	// whole: it is not done before all of data is.
	whole bool

	data []byte
	done int
	err  error
}

func (t *transfer) run(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t.data, t.done, t.err = p, 0, nil
	err := t.wait(t.try)
	if err == nil {
		err = t.err
	}
	t.data = nil
	return t.done, err
}

// attempt returns false if the socket is not ready.
func (t *transfer) attempt(fd uintptr) bool {
	for {
		rest := t.data[t.done:]
		n, _, errno := syscall.RawSyscall(t.number, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)))
		switch errno {
		case 0:
			t.done += int(n)
			if !t.whole || t.done == len(t.data) {
				return true
			}
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.err = errno
			return true
		}
	}
}
