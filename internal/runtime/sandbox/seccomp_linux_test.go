//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// machine runs a filter as the kernel does.
func machine(t *testing.T, disk bool) func(architecture, number uint32, arguments ...uint64) verdict {
	t.Helper()
	filter, err := functionFilter(disk)
	if err != nil {
		t.Fatal(err)
	}
	var raw []bpf.RawInstruction
	for at := 0; at < len(filter); at += 8 {
		raw = append(raw, bpf.RawInstruction{
			Op: binary.LittleEndian.Uint16(filter[at:]), Jt: filter[at+2], Jf: filter[at+3], K: binary.LittleEndian.Uint32(filter[at+4:]),
		})
	}
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatal("the filter does not disassemble")
	}
	return func(architecture, number uint32, arguments ...uint64) verdict {
		data := make([]byte, 64)
		binary.LittleEndian.PutUint32(data, number)
		binary.LittleEndian.PutUint32(data[architectureOffset:], architecture)
		for n, a := range arguments {
			binary.LittleEndian.PutUint64(data[argumentsOffset+8*n:], a)
		}
		return run(t, program, data)
	}
}

// run is what the package bpf has too, but that is big-endian, as packets are.
func run(t *testing.T, program []bpf.Instruction, data []byte) verdict {
	t.Helper()
	var a uint32
	for at := 0; at < len(program); at++ {
		switch i := program[at].(type) {
		case bpf.LoadAbsolute:
			a = binary.LittleEndian.Uint32(data[i.Off:])
		case bpf.ALUOpConstant:
			a &= i.Val
		case bpf.Jump:
			at += int(i.Skip)
		case bpf.JumpIf:
			holds := map[bpf.JumpTest]bool{
				bpf.JumpEqual: a == i.Val, bpf.JumpNotEqual: a != i.Val, bpf.JumpGreaterOrEqual: a >= i.Val, bpf.JumpLessThan: a < i.Val,
				bpf.JumpBitsSet: a&i.Val != 0, bpf.JumpBitsNotSet: a&i.Val == 0, bpf.JumpGreaterThan: a > i.Val, bpf.JumpLessOrEqual: a <= i.Val,
			}[i.Cond]
			if holds {
				at += int(i.SkipTrue)
			} else {
				at += int(i.SkipFalse)
			}
		case bpf.RetConstant:
			return verdict(i.Val)
		default:
			t.Fatalf("an instruction that filters have no use for: %v", i)
		}
	}
	t.Fatal("the filter has no verdict")
	return 0
}

func TestTheFilterRulesByNumberAndArguments(t *testing.T) {
	const high = 1 << 32
	for name, c := range map[string]struct {
		number    uint32
		arguments []uint64
		want      verdict
	}{
		"read":                         {unix.SYS_READ, nil, allow},
		"execute":                      {unix.SYS_EXECVE, nil, allow},
		"the last that is known":       {lastCall, nil, absent},
		"one the kernel gets later":    {lastCall + 1, nil, absent},
		"x32":                          {1 << 30, nil, absent},
		"minus one":                    {0xffffffff, nil, absent},
		"clone3":                       {unix.SYS_CLONE3, nil, absent},
		"fork":                         {unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, allow},
		"a thread":                     {unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		"a user namespace":             {unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, deny},
		"a network namespace":          {unix.SYS_CLONE, []uint64{high | unix.CLONE_NEWNET}, deny},
		"unshare":                      {unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWUSER}, deny},
		"setns":                        {unix.SYS_SETNS, nil, deny},
		"ptrace":                       {unix.SYS_PTRACE, nil, deny},
		"bpf":                          {unix.SYS_BPF, nil, deny},
		"perf":                         {unix.SYS_PERF_EVENT_OPEN, nil, deny},
		"userfaultfd":                  {unix.SYS_USERFAULTFD, nil, deny},
		"io_uring":                     {unix.SYS_IO_URING_SETUP, nil, deny},
		"asynchronous io":              {unix.SYS_IO_SETUP, nil, deny},
		"keys":                         {unix.SYS_KEYCTL, nil, deny},
		"mount":                        {unix.SYS_MOUNT, nil, deny},
		"the new mount":                {unix.SYS_FSOPEN, nil, deny},
		"a module":                     {unix.SYS_FINIT_MODULE, nil, deny},
		"another's memory":             {unix.SYS_PROCESS_VM_READV, nil, deny},
		"another's descriptor":         {unix.SYS_PIDFD_GETFD, nil, deny},
		"a filter of its own":          {unix.SYS_SECCOMP, nil, deny},
		"a file by its handle":         {unix.SYS_OPEN_BY_HANDLE_AT, nil, deny},
		"typing":                       {unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, deny},
		"typing, with more bits":       {unix.SYS_IOCTL, []uint64{0, high | unix.TIOCSTI}, deny},
		"the size of a terminal":       {unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}, allow},
		"tcp":                          {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK, 0}, allow},
		"udp":                          {unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP}, allow},
		"a raw socket":                 {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, deny},
		"multipath tcp":                {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, refuse(unix.EPROTONOSUPPORT)},
		"sctp":                         {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_SEQPACKET, 132}, refuse(unix.ESOCKTNOSUPPORT)},
		"packets":                      {unix.SYS_SOCKET, []uint64{unix.AF_PACKET, unix.SOCK_RAW, 0}, refuse(unix.EAFNOSUPPORT)},
		"the hypervisor":               {unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, refuse(unix.EAFNOSUPPORT)},
		"the kernel's ciphers":         {unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, refuse(unix.EAFNOSUPPORT)},
		"addresses and routes":         {unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, allow},
		"netfilter":                    {unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, refuse(unix.EPROTONOSUPPORT)},
		"a local socket":               {unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET, 0}, allow},
		"a pair":                       {unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, allow},
		"a pair of tipc":               {unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, unix.SOCK_STREAM, 0}, refuse(unix.EAFNOSUPPORT)},
		"keep-alive":                   {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_SOCKET, unix.SO_KEEPALIVE}, allow},
		"a socket's filter":            {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}, deny},
		"26 of another level":          {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_TCP, unix.SO_ATTACH_FILTER}, allow},
		"an upper layer":               {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_TCP, unix.TCP_ULP}, deny},
		"a thread's name":              {unix.SYS_PRCTL, []uint64{unix.PR_SET_NAME}, allow},
		"a filter by prctl":            {unix.SYS_PRCTL, []uint64{unix.PR_SET_SECCOMP, 2}, refuse(unix.EINVAL)},
		"a core's other half":          {unix.SYS_PRCTL, []uint64{unix.PR_SCHED_CORE, 1}, refuse(unix.EINVAL)},
		"core dumps":                   {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 0x1000}, pretend},
		"core dumps, high address":     {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 7 * high}, pretend},
		"reading the limit of dumps":   {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 0, 0x1000}, allow},
		"fewer files":                  {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_NOFILE, 0x1000}, allow},
		"core dumps by setrlimit":      {unix.SYS_SETRLIMIT, []uint64{unix.RLIMIT_CORE, 0x1000}, pretend},
		"which personality":            {unix.SYS_PERSONALITY, []uint64{0xffffffff}, allow},
		"no randomised addresses":      {unix.SYS_PERSONALITY, []uint64{0x40000}, deny},
		"all disks":                    {unix.SYS_SYNC, nil, pretend},
		"a file's disk, without disks": {unix.SYS_FSYNC, nil, pretend},
	} {
		if got := machine(t, false)(architecture, c.number, c.arguments...); got != c.want {
			t.Errorf("%s: %#x, not %#x", name, got, c.want)
		}
	}
	if got := machine(t, true)(architecture, unix.SYS_FSYNC); got != allow {
		t.Errorf("a file's disk: %#x, not %#x", got, allow)
	}
	if got := machine(t, false)(unix.AUDIT_ARCH_ARM, unix.SYS_READ); got != kill {
		t.Errorf("another architecture: %#x, not %#x", got, kill)
	}
}

// Every number has exactly the ruling that it was given: the search goes astray nowhere.
func TestTheFilterAllowsWhatIsListed(t *testing.T) {
	filter := machine(t, true)
	listed := map[uint32]bool{}
	for _, calls := range [][]uint32{fileCalls, eventCalls, processCalls, signalCalls, memoryCalls, timeCalls, networkCalls, ipcCalls, ownCalls} {
		for _, number := range calls {
			if listed[number] {
				t.Errorf("the call %d is listed twice", number)
			}
			if _, ok := examined[number]; ok {
				t.Errorf("the call %d is listed and examined", number)
			}
			listed[number] = true
		}
	}
	for number := range uint32(2 * lastCall) {
		if _, ok := examined[number]; ok || number == unix.SYS_FSYNC || number == unix.SYS_FDATASYNC || number == unix.SYS_SYNC_FILE_RANGE {
			continue
		}
		if got := filter(architecture, number); (got == allow) != listed[number] {
			t.Errorf("the call %d: %#x", number, got)
		}
	}
}
