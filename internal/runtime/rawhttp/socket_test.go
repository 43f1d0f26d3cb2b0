package rawhttp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// connected returns both ends of a TCP connection.
func connected(t *testing.T) (one, other *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []net.Conn{a, b} {
		_ = c.SetDeadline(time.Now().Add(patience))
		t.Cleanup(func() { c.Close() })
	}
	return a.(*net.TCPConn), b.(*net.TCPConn)
}

func TestQuickWritesWaitForWhoReadsAndQuickReadsForWhoWrites(t *testing.T) {
	from, to := connected(t)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // more than the kernel keeps
	wrote := make(chan error, 1)
	go func() {
		n, err := quick(from).Write(sent)
		if err == nil && n != len(sent) {
			err = io.ErrShortWrite
		}
		from.Close()
		wrote <- err
	}()
	got, err := io.ReadAll(quick(to)) // which ends with io.EOF alone
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d of %d bytes came: %v", len(got), len(sent), err)
	}
	if err := <-wrote; err != nil {
		t.Errorf("the writer is told %v", err)
	}
}

func TestAQuickReadEndsWithItsConnection(t *testing.T) {
	c, _ := connected(t)
	read := make(chan error, 1)
	go func() {
		_, err := quick(c).Read(make([]byte, 1))
		read <- err
	}()
	c.Close()
	if err := <-read; !errors.Is(err, net.ErrClosed) {
		t.Errorf("the reader is told %v", err)
	}
}

func TestAQuickWriteToWhoIsGoneFails(t *testing.T) {
	c, other := connected(t)
	_ = other.SetLinger(0)
	other.Close()
	var err error
	for err == nil { // the first may be under way before the reset is noticed
		_, err = quick(c).Write([]byte("x"))
	}
	if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the writer is told %v", err)
	}
}

func TestWhatIsNoSocketIsUsedAsItIs(t *testing.T) {
	c, _ := net.Pipe()
	defer c.Close()
	if quick(c) != io.ReadWriter(c) {
		t.Error("it is not")
	}
}
