package gateway

import (
	"net/netip"

	"golang.org/x/sys/unix"
)

// isHosts asks the kernel whether packets to an address would stay on this host. To
// ask each time is as cheap as a list would be (few flows need it), and is true also
// of an address that came a moment ago, and of routes that make whole networks
// local. When in doubt it is: the caller refuses.
func isHosts(address netip.Addr) bool {
	address = address.Unmap()
	if !address.Is4() {
		return address.IsLoopback() || address.IsUnspecified()
	}
	kernel, err := openNetlink()
	if err != nil {
		return true
	}
	defer kernel.close()
	m := newNetlinkMessage(unix.RTM_GETROUTE, 0, &unix.RtMsg{Family: unix.AF_INET, Dst_len: 32})
	m.add(unix.RTA_DST, address.AsSlice())
	kind, answer, err := kernel.ask(m)
	switch {
	case err == unix.ENETUNREACH, err == unix.EHOSTUNREACH, err == unix.EACCES:
		return false // a connection fails the same way
	case err != nil, kind != unix.RTM_NEWROUTE, len(answer) < unix.SizeofRtMsg:
		return true
	}
	const typeOffset = 7 // of rtm_type in struct rtmsg
	return answer[typeOffset] != unix.RTN_UNICAST
}
