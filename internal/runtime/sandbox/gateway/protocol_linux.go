package gateway

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// The runtime and the gateway's process talk over a pair of sequenced-packet
// sockets: one JSON value per packet, and with a request to add an instance its
// interface beside it. The first packet is the configuration. Each packet is
// answered by one, in any order.

// maxMessage bounds a packet, in bytes.
const maxMessage = 64 << 10

// processDescriptor is the process's end of the pair.
const processDescriptor = 3

// A configuration is what the process is told first.
type configuration struct {
	// Memory is Options.Memory.
	Memory int64
	// UIDs are the users to become, the first that there is; none to stay what it is.
	UIDs []int
	// Known is what the process has to know at first.
	Known knowledge
	// ResolvConf is the file with the host's DNS servers, which the runtime reads, DNSPort
	// their port.
	ResolvConf string `json:"-"`
	DNSPort    int
}

type request struct {
	// Number is repeated by the response. 0 is the configuration's.
	Number uint64
	// Know is what has changed of what the process has to know.
	Know *knowledge `json:",omitempty"`
	// Add or Remove is the instance's id. With none of the three, statistics are asked for.
	Add    string `json:",omitempty"`
	Policy Policy
	Remove string `json:",omitempty"`
}

type response struct {
	Number uint64
	Error  string `json:",omitempty"`
	Stats  Stats
}

// Stats say what a gateway has to do at the moment.
type Stats struct {
	// Instances, and how many of them have a TCP stack.
	Instances, Stacks int
	// Connections over TCP and flows over UDP.
	Connections, Flows int64
	// Heap is what the process's data takes, in bytes.
	Heap int64
	// Descriptors are for connections and flows: those in use, and the most there can be.
	Descriptors, MaxDescriptors int64
}

// A peer is one end of the pair. Packets may be sent from any goroutine.
type peer struct{ *net.UnixConn }

// newPeer takes the descriptor over.
func newPeer(fd int) (peer, error) {
	f := os.NewFile(uintptr(fd), "gateway socket")
	defer f.Close()
	c, err := net.FileConn(f)
	if err != nil {
		return peer{}, err
	}
	unixConn, ok := c.(*net.UnixConn)
	if !ok {
		c.Close()
		return peer{}, fmt.Errorf("descriptor %d is no unix socket", fd)
	}
	return peer{unixConn}, nil
}

// send sends a value, and a descriptor unless it is -1.
func (p peer) send(value any, descriptor int) error {
	b, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("a message to the network gateway takes %d bytes; at most %d fit", len(b), maxMessage)
	}
	var rights []byte
	if descriptor >= 0 {
		rights = unix.UnixRights(descriptor)
	}
	_, _, err = p.WriteMsgUnix(b, rights, nil)
	return err
}

// receive fills value and returns the descriptor that came with it, the caller's to
// close, or -1.
func (p peer) receive(value any) (descriptor int, err error) {
	b := make([]byte, maxMessage)
	rights := make([]byte, unix.CmsgSpace(4))
	n, rightsN, flags, _, err := p.ReadMsgUnix(b, rights)
	if err != nil {
		return -1, err
	}
	descriptor, err = descriptorOf(rights[:rightsN])
	if err == nil && flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		err = fmt.Errorf("a message of the network gateway was cut off")
	}
	if err == nil {
		err = json.Unmarshal(b[:n], value)
	}
	if err != nil && descriptor >= 0 {
		unix.Close(descriptor)
		descriptor = -1
	}
	return descriptor, err
}

func descriptorOf(rights []byte) (int, error) {
	if len(rights) == 0 {
		return -1, nil
	}
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return -1, fmt.Errorf("a message of the network gateway has no single descriptor")
	}
	descriptors, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(descriptors) != 1 {
		return -1, fmt.Errorf("a message of the network gateway has no single descriptor")
	}
	return descriptors[0], nil
}
