package gateway

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// sent is a packet as an instance sends it.
func sent(protocol uint8, to string, data []byte) []byte {
	b := make([]byte, ipHeader+len(data))
	putIP(b, InstanceAddress, protocol, len(b))
	destination := netip.MustParseAddr(to).As4()
	copy(b[16:], destination[:])
	copy(b[ipHeader:], data)
	return b
}

func datagram(payload string) []byte {
	b := make([]byte, udpHeader, udpHeader+len(payload))
	binary.BigEndian.PutUint16(b, 1000)
	binary.BigEndian.PutUint16(b[2:], 53)
	binary.BigEndian.PutUint16(b[4:], uint16(udpHeader+len(payload)))
	return append(b, payload...)
}

func changed(b []byte, at int, to ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], to)
	return b
}

func TestOnlyWholePacketsOfTheInstanceAreLookedAt(t *testing.T) {
	good := sent(protocolUDP, "10.0.0.1", datagram("hello"))
	p, ok := parse(append(bytes.Clone(good), "padding"...))
	if !ok || p.protocol != protocolUDP || p.to.String() != "10.0.0.1" || string(p.data[udpHeader:]) != "hello" {
		t.Fatalf("%+v, %t", p, ok)
	}
	if from, to := p.ports(); from != 1000 || to != 53 {
		t.Errorf("ports %d and %d", from, to)
	}
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"cut off":               good[:len(good)-1],
		"shorter than a header": good[:ipHeader-1],
		"IPv6":                  changed(good, 0, 6<<4|5),
		"options":               changed(good, 0, 4<<4|6),
		"length too small":      changed(good, 2, 0, ipHeader-1),
		"first fragment":        changed(good, 6, 0x20, 0),
		"later fragment":        changed(good, 6, 0, 1),
		"another's address":     changed(good, 12, 192, 0, 0, 3),
		"the host's loopback":   changed(good, 12, 127, 0, 0, 1),
		"UDP length too large":  changed(good, ipHeader+4, 0, 200),
		"UDP length too small":  changed(good, ipHeader+4, 0, 7),
		"TCP without a header":  sent(protocolTCP, "10.0.0.1", make([]byte, tcpHeader-1)),
		"ICMP without a header": sent(protocolICMP, "10.0.0.1", make([]byte, icmpHeader-1)),
	} {
		if _, ok := parse(b); ok {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestAnEchoIsAnsweredAndNothingElse(t *testing.T) {
	echo := append([]byte{icmpEcho, 0, 0, 0, 1, 2, 3, 4}, "payload"...)
	p, _ := parse(sent(protocolICMP, "192.0.0.1", echo))
	reply := echoReply(p)
	if reply == nil || checksum(reply[:ipHeader]) != 0 || checksum(reply[ipHeader:]) != 0 {
		t.Fatalf("the reply % x has a wrong checksum", reply)
	}
	if reply[ipHeader] != icmpEchoReply || string(reply[ipHeader+icmpHeader:]) != "payload" {
		t.Errorf("reply % x", reply)
	}
	for _, kind := range []byte{icmpEchoReply, icmpUnreachable, 5, 13} {
		p, _ := parse(sent(protocolICMP, "192.0.0.1", changed(echo, 0, kind)))
		if echoReply(p) != nil {
			t.Errorf("ICMP type %d was answered", kind)
		}
	}
}

func FuzzPacketsOfInstancesHarmNobody(f *testing.F) {
	f.Add(sent(protocolUDP, "10.0.0.1", datagram("hello")))
	f.Add(sent(protocolTCP, "10.0.0.1", make([]byte, tcpHeader)))
	f.Add(sent(protocolICMP, "192.0.0.1", []byte{icmpEcho, 0, 0, 0, 1, 2, 3, 4}))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parse(b)
		if !ok {
			return
		}
		if len(p.whole) > len(b) || len(p.data) > len(p.whole) {
			t.Fatal("a packet is longer than what was read")
		}
		if p.protocol == protocolTCP || p.protocol == protocolUDP {
			p.ports()
		}
		for _, answer := range [][]byte{unreachable(p.whole, codeProhibited), echoReply(p)} {
			if answer == nil {
				continue
			}
			if checksum(answer[:ipHeader]) != 0 || checksum(answer[ipHeader:]) != 0 || int(binary.BigEndian.Uint16(answer[2:])) != len(answer) {
				t.Errorf("the answer % x is no packet", answer)
			}
		}
	})
}
