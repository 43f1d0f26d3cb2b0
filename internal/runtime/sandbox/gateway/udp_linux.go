package gateway

import (
	"bytes"
	"container/list"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

// A flow is what one socket of an instance exchanges with one address over UDP,
// through a socket of the host that is connected to it, so that nobody else's
// datagrams come back.
type flow struct {
	key  flowKey
	conn *net.UDPConn
	raw  syscall.RawConn
	// used is when something went either way, in Unix nanoseconds; answered, whether
	// anything came back.
	used     atomic.Int64
	answered atomic.Bool
	place    *list.Element
}

type flowKey struct {
	from uint16
	to   netip.AddrPort
}

// How long a flow lives without a datagram; most are one question and one answer.
const (
	flowUnanswered = 30 * time.Second
	flowIdle       = 2 * time.Minute
)

// flows are an instance's.
type flows struct {
	instance *instance
	rate     *rate.Limiter

	mu     sync.Mutex
	closed bool
	known  map[flowKey]*flow
	order  list.List // of *flow, in the order of the instance's last datagrams
}

// receiveUDP takes a datagram of the instance.
func (i *instance) receiveUDP(p packet) {
	from, port := p.ports()
	to := netip.AddrPortFrom(p.to, port)
	payload := p.data[udpHeader:]
	if to == netip.AddrPortFrom(Address, dnsPort) {
		i.forward("udp", bytes.Clone(payload), func(answer []byte) { i.datagram(to, from, answer) })
		return
	}
	key := flowKey{from, to}
	f := i.flows.find(key)
	if f == nil {
		place, verdict := i.filter.decide(to)
		if verdict != allowed {
			i.refuse(p, codeProhibited)
			return
		}
		var err error
		if f, err = i.flows.open(key, place); err != nil {
			if code, ok := unreachableCode(err); ok {
				i.reply(protocolICMP, unreachable(p.whole, code))
			}
			i.inVain()
			return
		}
	}
	f.used.Store(time.Now().UnixNano())
	var err error
	f.raw.Write(func(fd uintptr) bool { //nolint:errcheck // of a closed one the datagram is lost
		_, err = unix.Write(int(fd), payload)
		return true // what the host has no room for is lost
	})
	if code, ok := unreachableCode(err); ok {
		i.reply(protocolICMP, unreachable(p.whole, code))
	}
}

// datagram sends one to the instance.
func (i *instance) datagram(from netip.AddrPort, to uint16, payload []byte) {
	if len(payload) > mtu-ipHeader-udpHeader {
		return
	}
	var headers [ipHeader + udpHeader]byte
	putUDP(headers[:], from, to, len(payload))
	i.reply(protocolUDP, headers[:], payload)
}

// find returns a flow that exists, and counts it as used.
func (s *flows) find(key flowKey) *flow {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.known[key]
	if f != nil {
		s.order.MoveToBack(f.place)
	}
	return f
}

// errNoRoom means that a datagram is dropped.
var errNoRoom = errors.New("too many flows")

// open makes a flow; if there are as many as may be, in the place of the one that the
// instance has used least recently.
func (s *flows) open(key flowKey, place netip.AddrPort) (*flow, error) {
	if !s.rate.Allow() {
		return nil, errNoRoom
	}
	s.mu.Lock()
	var oldest *flow
	if s.order.Len() >= maxFlows {
		oldest = s.order.Front().Value.(*flow) //nolint:errcheck // nothing else is in it
	}
	s.mu.Unlock()
	if oldest != nil {
		s.end(oldest)
	}
	if !s.instance.account.flow() {
		return nil, errNoRoom
	}
	conn, err := dialUDP(place)
	if err != nil {
		s.instance.account.endFlow()
		return nil, err
	}
	raw, err := conn.SyscallConn()
	f := &flow{key: key, conn: conn, raw: raw}
	f.used.Store(time.Now().UnixNano())
	s.mu.Lock()
	if err != nil || s.closed {
		s.mu.Unlock()
		conn.Close()
		s.instance.account.endFlow()
		return nil, errNoRoom
	}
	s.known[key], f.place = f, s.order.PushBack(f)
	s.mu.Unlock()
	s.instance.start(func() { s.answers(f) })
	return f, nil
}

// dialUDP makes a socket of the host that is connected. Not to broadcast addresses:
// Go allows sockets that, and the kernel alone knows which these are.
func dialUDP(to netip.AddrPort) (*net.UDPConn, error) {
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		controlErr := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 0)
		})
		return errors.Join(controlErr, err)
	}}
	conn, err := dialer.Dial("udp4", to.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil //nolint:errcheck // Dial of udp4 returns nothing else
}

// answers brings back what comes, until nothing has for a while.
func (s *flows) answers(f *flow) {
	defer s.end(f)
	for {
		idle := flowUnanswered
		if f.answered.Load() {
			idle = flowIdle
		}
		until := time.Unix(0, f.used.Load()).Add(idle)
		if !time.Now().Before(until) {
			return
		}
		f.conn.SetReadDeadline(until) //nolint:errcheck // reading says so
		err := s.answer(f)
		code, told := unreachableCode(err)
		switch {
		case told:
			s.instance.reply(protocolICMP, unreachable(headersTo(protocolUDP, f.key.from, f.key.to, 0), code))
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded):
			return
		}
	}
}

// answer brings one datagram.
func (s *flows) answer(f *flow) error {
	var n int
	var failed error
	var buffer *[bufferSize]byte
	err := f.raw.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[bufferSize]byte)
		n, failed = readFD(fd, buffer[:])
		if failed == unix.EAGAIN {
			buffers.Put(buffer)
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	defer buffers.Put(buffer)
	if failed != nil {
		return failed
	}
	f.answered.Store(true)
	f.used.Store(time.Now().UnixNano())
	s.instance.datagram(f.key.to, f.key.from, buffer[:n])
	return nil
}

// end forgets a flow. Ending it again does nothing.
func (s *flows) end(f *flow) {
	s.mu.Lock()
	known := s.known[f.key] == f
	if known {
		delete(s.known, f.key)
		s.order.Remove(f.place)
	}
	s.mu.Unlock()
	if known {
		f.conn.Close()
		s.instance.account.endFlow()
	}
}

func (s *flows) close() {
	s.mu.Lock()
	s.closed = true
	var all []*flow
	for _, f := range s.known {
		all = append(all, f)
	}
	s.mu.Unlock()
	for _, f := range all {
		s.end(f)
	}
}

// unreachableCode is how ICMP says that a destination cannot be reached, if that is
// what an error of the host means.
func unreachableCode(err error) (code uint8, ok bool) {
	switch {
	case errors.Is(err, unix.ECONNREFUSED):
		return codePort, true
	case errors.Is(err, unix.ENETUNREACH):
		return codeNetwork, true
	case errors.Is(err, unix.EHOSTUNREACH), errors.Is(err, unix.EHOSTDOWN):
		return codeHost, true
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return codeProhibited, true // the host's own rules
	}
	return 0, false
}
