package gateway

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// NewTUN gives the calling thread's network namespace its way out: an interface of
// that name with InstanceAddress and the default route. It returns the interface's
// other end, for Gateway.Add. The goroutine must be locked to its thread, which
// must not be in the host's network namespace, and needs CAP_NET_ADMIN and
// CAP_NET_RAW in the user namespace that owns it. A TUN device is gone when the last
// copy of its descriptor is closed; either kind is with the namespace.
//
// Where /dev/net/tun cannot be opened, which is only a matter of its mode or of
// whether it is there, the interface is one end of a pair, and the descriptor a
// packet socket on the other; a gateway can tell them apart.
func NewTUN(name string) (*os.File, error) {
	if len(name) == 0 || len(name) >= unix.IFNAMSIZ-1 { // room for the other end's name
		return nil, fmt.Errorf("%q is no name of a network interface; it takes 1 to %d characters", name, unix.IFNAMSIZ-2)
	}
	kernel, err := openNetlink()
	if err != nil {
		return nil, err
	}
	defer kernel.close()
	file, flags, err := openTUN(name)
	if errors.Is(err, errNoDevice) {
		file, flags, err = openPair(kernel, name)
	}
	if err != nil {
		return nil, err
	}
	if err := configure(kernel, name, flags); err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// LoopbackUp brings the loopback interface of the calling thread's network
// namespace up: in a new one it is down.
func LoopbackUp() error {
	kernel, err := openNetlink()
	if err != nil {
		return err
	}
	defer kernel.close()
	const loopback = 1 // the first interface of any namespace
	if err := kernel.setUp(loopback, 0); err != nil {
		return fmt.Errorf("bring the loopback interface up: %w", err)
	}
	return nil
}

// errNoDevice means that TUN devices are out of reach.
var errNoDevice = errors.New("no TUN device")

func openTUN(name string) (*os.File, uint32, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %w", errNoDevice, err)
	}
	request, err := unix.NewIfreq(name)
	if err != nil {
		unix.Close(fd)
		return nil, 0, fmt.Errorf("name a TUN device: %w", err)
	}
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		unix.Close(fd)
		return nil, 0, fmt.Errorf("make a TUN device: %w", err)
	}
	// Nobody looks at the checksums of what does not leave the machine.
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4); err != nil {
		unix.Close(fd)
		return nil, 0, fmt.Errorf("keep a TUN device from computing checksums: %w", err)
	}
	return os.NewFile(uintptr(fd), "/dev/net/tun"), 0, nil
}

// configure is the same for both kinds.
func configure(kernel netlink, name string, flags uint32) error {
	index, err := kernel.index(name)
	if err == nil {
		err = kernel.silence(index)
	}
	if err == nil {
		err = kernel.setMTU(index, mtu)
	}
	if err == nil {
		err = kernel.setUp(index, flags)
	}
	if err == nil {
		err = kernel.addAddress(index, InstanceAddress, prefixBits)
	}
	if err == nil {
		err = kernel.routeAll(index, Address)
	}
	if err != nil {
		return fmt.Errorf("set up the network interface %s: %w", name, err)
	}
	return nil
}
