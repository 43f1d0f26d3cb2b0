package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// A link is the gateway's end of an instance's interface. Its methods may be called
// by any goroutine, read only by one at a time.
type link struct {
	file *os.File
	raw  syscall.RawConn
	// ethernet is true of a packet socket: packets have such a header, whose reverse goes
	// before all that is written. It is known once the instance has sent something.
	ethernet bool
	header   atomic.Pointer[[ethernetHeader]byte]
}

// Before each packet go, on both kinds of interface, what the kernel tells network
// cards (struct virtio_net_hdr), and on a packet socket an Ethernet header.
const (
	offloadHeader  = 10
	ethernetHeader = 14
)

// offload makes the first of them. Of a TCP packet it says that somebody else
// completes the checksum, so that neither side computes one.
func offload(b *[offloadHeader]byte, protocol uint8, before int) {
	if protocol != protocolTCP {
		return
	}
	const needsChecksum, checksumOffset = 1, 16
	b[0] = needsChecksum
	binary.NativeEndian.PutUint16(b[6:], uint16(before+ipHeader))
	binary.NativeEndian.PutUint16(b[8:], checksumOffset)
}

// newLink takes over what NewTUN has made.
func newLink(fd int) (*link, error) {
	var status unix.Stat_t
	err := unix.Fstat(fd, &status)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("use an instance's network interface: %w", err)
	}
	l := &link{ethernet: status.Mode&unix.S_IFMT == unix.S_IFSOCK}
	l.file = os.NewFile(uintptr(fd), "instance's interface")
	if l.raw, err = l.file.SyscallConn(); err != nil {
		l.file.Close()
		return nil, fmt.Errorf("use an instance's network interface: %w", err)
	}
	return l, nil
}

func (l *link) close() { l.file.Close() }

// read waits for a packet and hands it to use, which may not keep it. The error is
// for good.
func (l *link) read(use func([]byte)) error {
	var n int
	var failed error
	var buffer *[bufferSize]byte
	err := l.raw.Read(func(fd uintptr) bool {
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
	if packet := l.strip(buffer[:n]); packet != nil {
		use(packet)
	}
	return nil
}

// maxWaiting is more packets than an interface keeps. Who sends on while they are
// thrown away does so in vain, or is heard.
const maxWaiting = 2048

// drain throws away what is waiting.
func (l *link) drain() {
	buffer := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buffer)
	l.raw.Read(func(fd uintptr) bool { //nolint:errcheck // a closed one has nothing waiting
		for range maxWaiting {
			if _, err := readFD(fd, buffer[:]); err != nil {
				break
			}
		}
		return true
	})
}

// readFD reads once, whatever signals come.
func readFD(fd uintptr, b []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), b)
		if err != unix.EINTR {
			return max(n, 0), err
		}
	}
}

// strip takes off what is before a packet, and learns from it; nil is no packet.
func (l *link) strip(frame []byte) []byte {
	if len(frame) < offloadHeader {
		return nil
	}
	frame = frame[offloadHeader:]
	if !l.ethernet {
		return frame
	}
	if len(frame) < ethernetHeader {
		return nil
	}
	if l.header.Load() == nil {
		var header [ethernetHeader]byte
		copy(header[:6], frame[6:12]) // to whom it came from
		copy(header[6:12], frame[:6])
		header[12], header[13] = unix.ETH_P_IP>>8, unix.ETH_P_IP&0xff
		l.header.Store(&header)
	}
	return frame[ethernetHeader:]
}

// errNotReady means that the instance has not sent anything that could be answered.
var errNotReady = errors.New("the instance's Ethernet address is not known")

// write sends one packet, which may be in pieces. Of a TCP packet the checksum does not
// matter. What the kernel has no room for is lost.
func (l *link) write(protocol uint8, pieces ...[]byte) error {
	var first [offloadHeader]byte
	var all [8][]byte
	before := append(all[:0], first[:])
	if l.ethernet {
		header := l.header.Load()
		if header == nil {
			return errNotReady
		}
		offload(&first, protocol, ethernetHeader)
		before = append(before, header[:])
	} else {
		offload(&first, protocol, 0)
	}
	pieces = append(before, pieces...)
	var failed error
	err := l.raw.Write(func(fd uintptr) bool {
		for {
			if _, failed = unix.Writev(int(fd), pieces); failed != unix.EINTR {
				return true
			}
		}
	})
	if err != nil {
		return err
	}
	return failed
}
