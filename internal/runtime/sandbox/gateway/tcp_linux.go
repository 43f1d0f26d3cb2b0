package gateway

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// dialTimeout is how long the host tries; the instance's kernel tries longer, and
// each of its attempts begins another here.
const dialTimeout = 30 * time.Second

// connect makes the connection that an instance asks for. It connects from the host
// first, so that the instance sees what became of that: refused, unreachable, no
// answer.
func (i *instance) connect(s *tcpStack, r *tcp.ForwarderRequest) {
	if !i.enter() {
		r.Complete(false)
		return
	}
	defer i.running.Done()
	id := r.ID()
	to := destination(id)
	place, verdict := i.filter.decide(to)
	if verdict == refused {
		r.Complete(true)
		return
	}
	grant, ok := i.account.connect()
	if !ok {
		r.Complete(false) // it asks again
		return
	}
	defer i.account.disconnect(grant)
	if verdict == nameServer {
		i.serveNames(r)
		return
	}
	host, err := dialTCP(i.ctx, place, grant)
	if err != nil {
		code, told := unreachableCode(err)
		if sequence, ok := s.attempts.sequence(id); ok && told && code != codePort {
			i.reply(protocolICMP, unreachable(headersTo(protocolTCP, id.RemotePort, to, sequence), code))
		}
		r.Complete(told && code == codePort)
		return
	}
	var queue waiter.Queue
	end, failed := r.CreateEndpoint(&queue)
	r.Complete(false)
	if failed != nil {
		reset(host)
		return
	}
	end.SocketOptions().SetReceiveBufferSize(grant, true)
	end.SocketOptions().SetSendBufferSize(grant, true)
	c := &connection{instance: &side{end: end, queue: &queue}, host: host, chunk: min(grant, segmentSize)}
	c.relay(i.ctx)
}

// serveNames answers questions on a connection to the gateway itself.
func (i *instance) serveNames(r *tcp.ForwarderRequest) {
	var queue waiter.Queue
	end, err := r.CreateEndpoint(&queue)
	r.Complete(false)
	if err != nil {
		return
	}
	conn := gonet.NewTCPConn(&queue, end)
	defer conn.Close()
	i.names.serveTCP(i.ctx, conn)
}

func dialTCP(ctx context.Context, to netip.AddrPort, grant int64) (*net.TCPConn, error) {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 8,
	}}
	dialed, err := dialer.DialContext(ctx, "tcp4", to.String())
	if err != nil {
		return nil, err
	}
	conn := dialed.(*net.TCPConn) //nolint:errcheck // DialContext of tcp4 returns nothing else
	if grant < maxGrant/4 {
		// The host's kernel would else hold megabytes for each.
		conn.SetReadBuffer(int(grant))  //nolint:errcheck // it is then as large as it is
		conn.SetWriteBuffer(int(grant)) //nolint:errcheck // as above
	}
	return conn, nil
}

// reset ends a connection of the host so that the other side sees that it failed.
func reset(host *net.TCPConn) {
	host.SetLinger(0) //nolint:errcheck // it is then ended the ordinary way
	host.Close()
}

// segmentSize is what always fits into one packet behind the longest IP and TCP
// headers, in bytes.
const segmentSize = mtu - 80

// A connection is one of an instance to somewhere, which is two.
type connection struct {
	instance *side
	host     *net.TCPConn
	// chunk is how much is copied at a time, in bytes.
	chunk int64
}

// relay copies both ways until both have ended, or either fails: then the other side
// sees a reset as well.
func (c *connection) relay(ctx context.Context) {
	ctx, fail := context.WithCancelCause(ctx)
	stop := context.AfterFunc(ctx, func() {
		// Both directions wake up and end.
		c.instance.end.Abort()
		c.host.SetDeadline(time.Unix(1, 0)) //nolint:errcheck // it is open
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.fromHost(); err != nil {
			fail(err)
		}
	}()
	if err := c.fromInstance(); err != nil {
		fail(err)
	}
	<-done
	if !stop() { // something has failed
		reset(c.host)
		c.instance.end.Close()
		return
	}
	c.host.Close()
	c.instance.linger(ctx)
	fail(nil)
}

// fromInstance copies until the instance has sent its last byte, and says so to the
// host's side.
func (c *connection) fromInstance() error {
	wait, forget := c.instance.wake(waiter.ReadableEvents | waiter.EventHUp | waiter.EventErr)
	defer forget()
	for {
		err := c.copyToHost()
		switch {
		case err == nil:
		case errors.Is(err, errWouldBlock):
			<-wait
		case errors.Is(err, errEnd):
			return c.host.CloseWrite()
		default:
			return err
		}
	}
}

func (c *connection) copyToHost() error {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	n, err := c.instance.read(buffer[:c.chunk])
	if err != nil {
		return err
	}
	_, err = c.host.Write(buffer[:n])
	return err
}

// fromHost is the other direction.
func (c *connection) fromHost() error {
	raw, err := c.host.SyscallConn()
	if err != nil {
		return err
	}
	wait, forget := c.instance.wake(waiter.WritableEvents | waiter.EventHUp | waiter.EventErr)
	defer forget()
	for {
		var n int
		var failed error
		var buffer *[bufferSize]byte
		err := raw.Read(func(fd uintptr) bool {
			buffer = buffers.Get().(*[bufferSize]byte)
			n, failed = readFD(fd, buffer[:c.chunk])
			if failed == unix.EAGAIN {
				buffers.Put(buffer)
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		err = failed
		if err == nil {
			err = c.instance.write(buffer[:n], wait)
		}
		buffers.Put(buffer)
		switch {
		case err != nil:
			return err
		case n == 0:
			return c.instance.closeWrite()
		}
	}
}

// A side is the gateway's end of an instance's connection.
type side struct {
	end   tcpip.Endpoint
	queue *waiter.Queue
}

var (
	errWouldBlock = errors.New("nothing there yet")
	errEnd        = errors.New("the instance has sent its last byte")
)

// wake returns a channel that gets a value after each of the events. forget ends that.
func (s *side) wake(events waiter.EventMask) (wait <-chan struct{}, forget func()) {
	entry, wait := waiter.NewChannelEntry(events)
	s.queue.EventRegister(&entry)
	return wait, func() { s.queue.EventUnregister(&entry) }
}

// read takes what is there.
func (s *side) read(b []byte) (int, error) {
	into := tcpip.SliceWriter(b)
	result, err := s.end.Read(&into, tcpip.ReadOptions{})
	switch err.(type) {
	case nil:
		return result.Count, nil
	case *tcpip.ErrWouldBlock:
		return 0, errWouldBlock
	case *tcpip.ErrClosedForReceive:
		return 0, errEnd
	}
	return 0, errors.New(err.String())
}

// write waits until all of it is taken.
func (s *side) write(b []byte, wait <-chan struct{}) error {
	var from bytes.Reader
	for len(b) > 0 {
		from.Reset(b)
		n, err := s.end.Write(&from, tcpip.WriteOptions{})
		b = b[n:]
		switch err.(type) {
		case nil:
		case *tcpip.ErrWouldBlock:
			<-wait
		default:
			return errors.New(err.String())
		}
	}
	return nil
}

// lingering is how long an instance may take to read what came before the end, after
// it has sent its own last byte.
const lingering = 2 * time.Minute

// linger closes, and waits until the instance has read everything: so long what it has
// not read counts as the connection's.
func (s *side) linger(ctx context.Context) {
	wait, forget := s.wake(waiter.EventHUp)
	defer forget()
	s.end.Close()
	ctx, cancel := context.WithTimeout(ctx, lingering)
	defer cancel()
	for state := s.state(); state != tcp.StateClose && state != tcp.StateError; state = s.state() {
		select {
		case <-wait:
		case <-ctx.Done():
			s.end.Abort()
			return
		}
	}
}

func (s *side) state() tcp.EndpointState { return tcp.EndpointState(s.end.State()) }

func (s *side) closeWrite() error {
	if err := s.end.Shutdown(tcpip.ShutdownWrite); err != nil {
		return errors.New(err.String())
	}
	return nil
}
