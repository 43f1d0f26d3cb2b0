package gateway

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// A wire is the instance's end of a link that has no kernel at it: what is sent may
// be anything.
type wire struct {
	fd       int
	instance *instance
}

func newWire(t testing.TB, p Policy) *wire {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f, err := compile(p, isHosts, nil)
	if err != nil {
		t.Fatal(err)
	}
	i, err := newInstance(pair[0], f, newResolver(nil), &budget{maxDescriptors: 1000, maxMemory: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		i.close()
		unix.Close(pair[1])
	})
	return &wire{pair[1], i}
}

// send sends a packet in a frame.
func (w *wire) send(packet []byte) {
	unix.Write(w.fd, append(make([]byte, offloadHeader+ethernetHeader), packet...))
	// Nobody waits for what comes back; the gateway's frames are lost when there is no room.
	var b [bufferSize]byte
	unix.Recvfrom(w.fd, b[:], unix.MSG_DONTWAIT)
}

// segment is a TCP packet with these flags, and whatever options fit.
func segment(to string, from, port uint16, sequence, acknowledged uint32, flags byte, options, payload []byte) []byte {
	options = options[:len(options)/4*4]
	options = options[:min(len(options), 40)]
	b := make([]byte, tcpHeader, tcpHeader+len(options)+len(payload))
	binary.BigEndian.PutUint16(b, from)
	binary.BigEndian.PutUint16(b[2:], port)
	binary.BigEndian.PutUint32(b[4:], sequence)
	binary.BigEndian.PutUint32(b[8:], acknowledged)
	b[12], b[13] = byte((tcpHeader+len(options))/4<<4), flags
	binary.BigEndian.PutUint16(b[14:], 65535)
	return sent(protocolTCP, to, append(append(b, options...), payload...))
}

// accepts tells whether the gateway still accepts a connection.
func (w *wire) accepts(t *testing.T) {
	t.Helper()
	const syn, synAck, rst = 0x02, 0x12, 0x04
	from := uint16(40000 + rand.N(20000))
	unix.SetsockoptTimeval(w.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 30})
	unix.Write(w.fd, append(make([]byte, offloadHeader+ethernetHeader), segment("192.0.0.1", from, 8080, 1, 0, syn, nil, nil)...))
	var b [bufferSize]byte
	for {
		n, err := unix.Read(w.fd, b[:])
		if err != nil {
			t.Fatalf("a connection gets no answer any more: %v", err)
		}
		p := b[offloadHeader+ethernetHeader : n]
		if p[9] == protocolTCP && binary.BigEndian.Uint16(p[ipHeader+2:]) == from && p[ipHeader+13]&synAck == synAck {
			w.send(segment("192.0.0.1", from, 8080, 2, 0, rst, nil, nil))
			return
		}
	}
}

// Whatever an instance's kernel might send, had it been taken over: the gateway goes
// on.
func TestPacketsOfAHostileKernelHarmNobody(t *testing.T) {
	server := serve(t, func(c *net.TCPConn) { io.Copy(c, c) })
	w := newWire(t, Policy{Forward: map[uint16]netip.AddrPort{8080: server}})
	r := rand.New(rand.NewPCG(1, 2))
	bytes := func(most int) []byte {
		b := make([]byte, r.IntN(most))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return b
	}
	for range 20_000 {
		switch r.IntN(8) {
		case 0:
			w.send(bytes(100))
		case 1:
			w.send(sent(byte(r.Uint32()), "192.0.0.1", bytes(100)))
		case 2:
			b := sent(protocolTCP, "192.0.0.1", bytes(100))
			b[r.IntN(len(b))] = byte(r.Uint32())
			w.send(b)
		default:
			w.send(segment("192.0.0.1", uint16(30000+r.IntN(30)), 8080, r.Uint32N(100), r.Uint32(), byte(r.Uint32()), bytes(41), bytes(200)))
		}
	}
	w.accepts(t)
}

func FuzzSegmentsOfAHostileKernel(f *testing.F) {
	server := serve(f, func(c *net.TCPConn) { io.Copy(c, c) })
	w := newWire(f, Policy{Forward: map[uint16]netip.AddrPort{8080: server}})
	f.Add(uint32(1), uint32(0), byte(2), []byte{2, 4, 5, 180, 4, 2, 8, 10}, []byte("data"))
	f.Add(uint32(1), uint32(0), byte(0x12), []byte{5, 10, 0, 0, 0, 1, 0, 0, 0, 9, 1, 1}, []byte{})
	f.Fuzz(func(_ *testing.T, sequence, acknowledged uint32, flags byte, options, payload []byte) {
		w.send(segment("192.0.0.1", 30000, 8080, sequence, acknowledged, flags, options, payload[:min(len(payload), 60000)]))
	})
}
