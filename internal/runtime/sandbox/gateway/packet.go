package gateway

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

// Protocol numbers of IPv4.
const (
	protocolICMP = 1
	protocolTCP  = 6
	protocolUDP  = 17
)

// ICMP types, and codes of "destination unreachable" (RFC 792, RFC 1812).
const (
	icmpEchoReply   = 0
	icmpUnreachable = 3
	icmpEcho        = 8

	codeNetwork    = 0
	codeHost       = 1
	codePort       = 3
	codeProhibited = 13
)

const (
	ipHeader   = 20
	udpHeader  = 8
	tcpHeader  = 20
	icmpHeader = 8
)

// A packet is one IPv4 packet of an instance that has been looked at.
type packet struct {
	protocol uint8
	to       netip.Addr
	// whole is the packet without what may be behind it, data what follows its IP header.
	whole, data []byte
}

// parse looks at what an instance sent, and is false if nothing can or should come
// of it: what is no IPv4 packet, or cut off, or a fragment, or has options (nobody
// needs them, and some mean "go by another way"), or another's source address.
func parse(b []byte) (packet, bool) {
	if len(b) < ipHeader || b[0] != 4<<4|ipHeader/4 {
		return packet{}, false
	}
	length := int(binary.BigEndian.Uint16(b[2:]))
	const moreFragmentsAndOffset = 0x3fff
	if length < ipHeader || length > len(b) || binary.BigEndian.Uint16(b[6:])&moreFragmentsAndOffset != 0 {
		return packet{}, false
	}
	if netip.AddrFrom4([4]byte(b[12:16])) != InstanceAddress {
		return packet{}, false
	}
	p := packet{protocol: b[9], to: netip.AddrFrom4([4]byte(b[16:20])), whole: b[:length], data: b[ipHeader:length]}
	switch p.protocol {
	case protocolTCP:
		return p, len(p.data) >= tcpHeader
	case protocolUDP:
		return p, len(p.data) >= udpHeader && int(binary.BigEndian.Uint16(p.data[4:])) == len(p.data)
	case protocolICMP:
		return p, len(p.data) >= icmpHeader
	}
	return p, true
}

// ports returns source and destination of a TCP or UDP packet.
func (p packet) ports() (from, to uint16) {
	return binary.BigEndian.Uint16(p.data), binary.BigEndian.Uint16(p.data[2:])
}

// putIP writes the header of a packet to the instance.
func putIP(b []byte, from netip.Addr, protocol uint8, length int) {
	clear(b[:ipHeader])
	b[0] = 4<<4 | ipHeader/4
	binary.BigEndian.PutUint16(b[2:], uint16(length))
	const dontFragment = 0x4000
	binary.BigEndian.PutUint16(b[6:], dontFragment)
	b[8], b[9] = 64, protocol
	source, destination := from.As4(), InstanceAddress.As4()
	copy(b[12:], source[:])
	copy(b[16:], destination[:])
	binary.BigEndian.PutUint16(b[10:], checksum(b[:ipHeader]))
}

// putUDP writes the headers of a datagram to the instance, whose payload is sent
// behind them. It has no checksum, which means none (RFC 768): nothing on the way
// could damage it.
func putUDP(b []byte, from netip.AddrPort, to uint16, payload int) {
	putIP(b, from.Addr(), protocolUDP, ipHeader+udpHeader+payload)
	b = b[ipHeader:]
	binary.BigEndian.PutUint16(b, from.Port())
	binary.BigEndian.PutUint16(b[2:], to)
	binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+payload))
	binary.BigEndian.PutUint16(b[6:], 0)
}

// unreachable makes the answer to a packet of the instance that goes nowhere.
func unreachable(original []byte, code uint8) []byte {
	// So much of it must come back (RFC 792): the header, and 64 bits that name the
	// ports.
	original = original[:min(len(original), ipHeader+8)]
	b := make([]byte, ipHeader+icmpHeader+len(original))
	putIP(b, Address, protocolICMP, len(b))
	message := b[ipHeader:]
	message[0], message[1] = icmpUnreachable, code
	copy(message[icmpHeader:], original)
	binary.BigEndian.PutUint16(message[2:], checksum(message))
	return b
}

// headersTo makes the beginning of a packet that the instance has sent, for
// unreachable. The last 32 bits of it are a TCP sequence number, or of no interest.
func headersTo(protocol uint8, from uint16, to netip.AddrPort, sequence uint32) []byte {
	b := make([]byte, ipHeader+8)
	putIP(b, InstanceAddress, protocol, len(b))
	destination := to.Addr().As4()
	copy(b[16:], destination[:])
	binary.BigEndian.PutUint16(b[10:], 0)
	binary.BigEndian.PutUint16(b[10:], checksum(b[:ipHeader]))
	binary.BigEndian.PutUint16(b[ipHeader:], from)
	binary.BigEndian.PutUint16(b[ipHeader+2:], to.Port())
	binary.BigEndian.PutUint32(b[ipHeader+4:], sequence)
	return b
}

// echoReply makes the answer to an ICMP echo request, or nil if the packet is none.
func echoReply(p packet) []byte {
	if p.protocol != protocolICMP || p.data[0] != icmpEcho || p.data[1] != 0 {
		return nil
	}
	b := make([]byte, ipHeader+len(p.data))
	putIP(b, p.to, protocolICMP, len(b))
	message := b[ipHeader:]
	copy(message, p.data)
	message[0] = icmpEchoReply
	binary.BigEndian.PutUint16(message[2:], 0)
	binary.BigEndian.PutUint16(message[2:], checksum(message))
	return b
}

// checksum is the Internet's (RFC 1071).
func checksum(b []byte) uint16 {
	var sum uint32
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// bufferSize holds one packet with what goes before it, in bytes.
const bufferSize = 64 << 10

// buffers are of bufferSize. Whoever waits holds none.
var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}
