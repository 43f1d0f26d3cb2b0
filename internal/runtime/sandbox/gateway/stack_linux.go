package gateway

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// A tcpStack ends the TCP connections of one instance: gVisor's network stack with
// one interface, which takes every destination for its own address.
type tcpStack struct {
	stack    *stack.Stack
	endpoint *linkEndpoint
	attempts attempts
}

// nic is the only interface's id.
const nic = 1

func newTCPStack(i *instance) *tcpStack {
	s := &tcpStack{
		stack: stack.New(stack.Options{
			NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol},
			TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocolCUBIC},
		}),
		endpoint: &linkEndpoint{link: i.link},
	}
	// None of these can fail: the stack is new, the values are within its bounds.
	s.stack.CreateNIC(nic, s.endpoint)
	s.stack.SetPromiscuousMode(nic, true)
	s.stack.SetSpoofing(nic, true)
	s.stack.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}})
	noDelay := tcpip.TCPDelayEnabled(false)
	// Buffers have the sizes they are given; this lets a window become as large as the
	// largest.
	grows := tcpip.TCPModerateReceiveBufferOption(true)
	// Between two kernels of one machine nothing is late, so that nothing old comes back.
	wait := tcpip.TCPTimeWaitTimeoutOption(100 * time.Millisecond)
	retries := tcpip.TCPSynRetriesOption(3)
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: minGrant, Max: maxGrant}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: minGrant, Max: maxGrant}
	for _, option := range []tcpip.SettableTransportProtocolOption{&noDelay, &grows, &wait, &retries, &receive, &send} {
		s.stack.SetTransportProtocolOption(tcp.ProtocolNumber, option)
	}
	forwarder := tcp.NewForwarder(s.stack, minGrant, maxDialing, func(r *tcp.ForwarderRequest) {
		i.connect(s, r)
	})
	s.stack.SetTransportProtocolHandler(tcp.ProtocolNumber, func(id stack.TransportEndpointID, p *stack.PacketBuffer) bool {
		if segment := header.TCP(p.TransportHeader().Slice()); segment.Flags().Contains(header.TCPFlagSyn) {
			s.attempts.note(id, segment.SequenceNumber())
		}
		return forwarder.HandlePacket(id, p)
	})
	return s
}

// receive takes a packet of the instance, which it copies.
func (s *tcpStack) receive(b []byte) {
	p := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	defer p.DecRef()
	if dispatcher := s.endpoint.dispatcher.Load(); dispatcher != nil {
		(*dispatcher).DeliverNetworkPacket(header.IPv4ProtocolNumber, p)
	}
}

// abort resets all connections.
func (s *tcpStack) abort() {
	for _, e := range s.stack.RegisteredEndpoints() {
		e.Abort()
	}
}

// attempts remembers the sequence numbers of the latest attempts to connect: an ICMP
// message that one has failed must name it.
type attempts struct {
	mu   sync.Mutex
	next int
	list [maxDialing]attempt
}

type attempt struct {
	id       stack.TransportEndpointID
	sequence uint32
}

func (a *attempts) note(id stack.TransportEndpointID, sequence uint32) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list[a.next] = attempt{id, sequence}
	a.next = (a.next + 1) % len(a.list)
}

func (a *attempts) sequence(id stack.TransportEndpointID) (uint32, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for back := 1; back <= len(a.list); back++ {
		if x := a.list[(a.next-back+len(a.list))%len(a.list)]; x.id == id {
			return x.sequence, true
		}
	}
	return 0, false
}

// destination is where a connection was to go.
func destination(id stack.TransportEndpointID) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4(id.LocalAddress.As4()), id.LocalPort)
}

// A linkEndpoint is an instance's link as the stack knows it.
type linkEndpoint struct {
	link       *link
	dispatcher atomic.Pointer[stack.NetworkDispatcher]
}

var _ stack.LinkEndpoint = (*linkEndpoint)(nil)

func (e *linkEndpoint) WritePackets(packets stack.PacketBufferList) (int, tcpip.Error) {
	sent := 0
	for _, p := range packets.AsSlice() {
		if accepts(p) {
			e.later(p)
			sent++
			continue
		}
		if err := e.link.write(uint8(p.TransportProtocolNumber), p.AsSlices()...); err != nil {
			return sent, &tcpip.ErrNoBufferSpace{} // as if lost: it is sent again
		}
		sent++
	}
	return sent, nil
}

// accepts tells whether a packet accepts a connection.
func accepts(p *stack.PacketBuffer) bool {
	segment := header.TCP(p.TransportHeader().Slice())
	return p.TransportProtocolNumber == tcp.ProtocolNumber && len(segment) >= header.TCPMinimumSize && segment.Flags().Contains(header.TCPFlagSyn)
}

// later writes a packet after the stack has let go of the connection. The instance's
// kernel answers while it is written; to an answer that finds the connection held, the
// stack comes back again and again, which took half of its time.
func (e *linkEndpoint) later(p *stack.PacketBuffer) {
	packet := p.ToView()
	go func() {
		defer packet.Release()
		e.link.write(protocolTCP, packet.AsSlice()) //nolint:errcheck // lost, it is sent again
	}()
}

func (e *linkEndpoint) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		e.dispatcher.Store(nil)
		return
	}
	e.dispatcher.Store(&d)
}

func (e *linkEndpoint) IsAttached() bool { return e.dispatcher.Load() != nil }

// Capabilities: between the instance's kernel and the stack is no wire.
func (*linkEndpoint) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload | stack.CapabilityTXChecksumOffload
}

func (*linkEndpoint) MTU() uint32                             { return mtu }
func (*linkEndpoint) SetMTU(uint32)                           {}
func (*linkEndpoint) MaxHeaderLength() uint16                 { return 0 }
func (*linkEndpoint) LinkAddress() tcpip.LinkAddress          { return "" }
func (*linkEndpoint) SetLinkAddress(tcpip.LinkAddress)        {}
func (*linkEndpoint) Wait()                                   {}
func (*linkEndpoint) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }
func (*linkEndpoint) AddHeader(*stack.PacketBuffer)           {}
func (*linkEndpoint) ParseHeader(*stack.PacketBuffer) bool    { return true }
func (*linkEndpoint) Close()                                  {}
func (*linkEndpoint) SetOnCloseAction(func())                 {}
