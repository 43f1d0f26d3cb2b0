//go:build amd64 || arm64

package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// machine runs a filter as the kernel does.
func machine(t *testing.T, disk bool) func(architecture, number uint32, arguments ...uint64) confine.Verdict {
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
	return func(architecture, number uint32, arguments ...uint64) confine.Verdict {
		data := make([]byte, 64)
		binary.LittleEndian.PutUint32(data, number)
		binary.LittleEndian.PutUint32(data[4:], architecture)
		for n, a := range arguments {
			binary.LittleEndian.PutUint64(data[16+8*n:], a)
		}
		return run(t, program, data)
	}
}

// run is what the package bpf has too, but that is big-endian, as packets are.
func run(t *testing.T, program []bpf.Instruction, data []byte) confine.Verdict {
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
			return confine.Verdict(i.Val)
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
		want      confine.Verdict
	}{
		"read":                         {unix.SYS_READ, nil, confine.Allow},
		"execute":                      {unix.SYS_EXECVE, nil, confine.Allow},
		"the last that is known":       {confine.LastCall, nil, confine.Absent},
		"one the kernel gets later":    {confine.LastCall + 1, nil, confine.Absent},
		"x32":                          {1 << 30, nil, confine.Absent},
		"minus one":                    {0xffffffff, nil, confine.Absent},
		"clone3":                       {unix.SYS_CLONE3, nil, confine.Absent},
		"fork":                         {unix.SYS_CLONE, []uint64{uint64(unix.SIGCHLD)}, confine.Allow},
		"a thread":                     {unix.SYS_CLONE, []uint64{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, confine.Allow},
		"a user namespace":             {unix.SYS_CLONE, []uint64{unix.CLONE_NEWUSER | uint64(unix.SIGCHLD)}, confine.Deny},
		"a network namespace":          {unix.SYS_CLONE, []uint64{high | unix.CLONE_NEWNET}, confine.Deny},
		"unshare":                      {unix.SYS_UNSHARE, []uint64{unix.CLONE_NEWUSER}, confine.Deny},
		"setns":                        {unix.SYS_SETNS, nil, confine.Deny},
		"ptrace":                       {unix.SYS_PTRACE, nil, confine.Deny},
		"bpf":                          {unix.SYS_BPF, nil, confine.Deny},
		"perf":                         {unix.SYS_PERF_EVENT_OPEN, nil, confine.Deny},
		"userfaultfd":                  {unix.SYS_USERFAULTFD, nil, confine.Deny},
		"io_uring":                     {unix.SYS_IO_URING_SETUP, nil, confine.Deny},
		"asynchronous io":              {unix.SYS_IO_SETUP, nil, confine.Deny},
		"keys":                         {unix.SYS_KEYCTL, nil, confine.Deny},
		"mount":                        {unix.SYS_MOUNT, nil, confine.Deny},
		"the new mount":                {unix.SYS_FSOPEN, nil, confine.Deny},
		"a module":                     {unix.SYS_FINIT_MODULE, nil, confine.Deny},
		"another's memory":             {unix.SYS_PROCESS_VM_READV, nil, confine.Deny},
		"another's descriptor":         {unix.SYS_PIDFD_GETFD, nil, confine.Deny},
		"a filter of its own":          {unix.SYS_SECCOMP, nil, confine.Deny},
		"a file by its handle":         {unix.SYS_OPEN_BY_HANDLE_AT, nil, confine.Deny},
		"typing":                       {unix.SYS_IOCTL, []uint64{0, unix.TIOCSTI}, confine.Deny},
		"typing, with more bits":       {unix.SYS_IOCTL, []uint64{0, high | unix.TIOCSTI}, confine.Deny},
		"the size of a terminal":       {unix.SYS_IOCTL, []uint64{0, unix.TIOCGWINSZ}, confine.Allow},
		"tcp":                          {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC | unix.SOCK_NONBLOCK, 0}, confine.Allow},
		"udp":                          {unix.SYS_SOCKET, []uint64{unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP}, confine.Allow},
		"a raw socket":                 {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP}, confine.Deny},
		"multipath tcp":                {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP}, confine.Refuse(unix.EPROTONOSUPPORT)},
		"sctp":                         {unix.SYS_SOCKET, []uint64{unix.AF_INET, unix.SOCK_SEQPACKET, 132}, confine.Refuse(unix.ESOCKTNOSUPPORT)},
		"packets":                      {unix.SYS_SOCKET, []uint64{unix.AF_PACKET, unix.SOCK_RAW, 0}, confine.Refuse(unix.EAFNOSUPPORT)},
		"the hypervisor":               {unix.SYS_SOCKET, []uint64{unix.AF_VSOCK, unix.SOCK_STREAM, 0}, confine.Refuse(unix.EAFNOSUPPORT)},
		"the kernel's ciphers":         {unix.SYS_SOCKET, []uint64{unix.AF_ALG, unix.SOCK_SEQPACKET, 0}, confine.Refuse(unix.EAFNOSUPPORT)},
		"addresses and routes":         {unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE}, confine.Allow},
		"netfilter":                    {unix.SYS_SOCKET, []uint64{unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER}, confine.Refuse(unix.EPROTONOSUPPORT)},
		"a local socket":               {unix.SYS_SOCKET, []uint64{unix.AF_UNIX, unix.SOCK_SEQPACKET, 0}, confine.Allow},
		"a pair":                       {unix.SYS_SOCKETPAIR, []uint64{unix.AF_UNIX, unix.SOCK_STREAM, 0}, confine.Allow},
		"a pair of tipc":               {unix.SYS_SOCKETPAIR, []uint64{unix.AF_TIPC, unix.SOCK_STREAM, 0}, confine.Refuse(unix.EAFNOSUPPORT)},
		"keep-alive":                   {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_SOCKET, unix.SO_KEEPALIVE}, confine.Allow},
		"a socket's filter":            {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}, confine.Deny},
		"26 of another level":          {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_TCP, unix.SO_ATTACH_FILTER}, confine.Allow},
		"an upper layer":               {unix.SYS_SETSOCKOPT, []uint64{3, unix.SOL_TCP, unix.TCP_ULP}, confine.Deny},
		"a thread's name":              {unix.SYS_PRCTL, []uint64{unix.PR_SET_NAME}, confine.Allow},
		"a filter by prctl":            {unix.SYS_PRCTL, []uint64{unix.PR_SET_SECCOMP, 2}, confine.Refuse(unix.EINVAL)},
		"a core's other half":          {unix.SYS_PRCTL, []uint64{unix.PR_SCHED_CORE, 1}, confine.Refuse(unix.EINVAL)},
		"core dumps":                   {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 0x1000}, confine.Pretend},
		"core dumps, high address":     {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 7 * high}, confine.Pretend},
		"reading the limit of dumps":   {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_CORE, 0, 0x1000}, confine.Allow},
		"fewer files":                  {unix.SYS_PRLIMIT64, []uint64{0, unix.RLIMIT_NOFILE, 0x1000}, confine.Allow},
		"core dumps by setrlimit":      {unix.SYS_SETRLIMIT, []uint64{unix.RLIMIT_CORE, 0x1000}, confine.Pretend},
		"which personality":            {unix.SYS_PERSONALITY, []uint64{0xffffffff}, confine.Allow},
		"no randomised addresses":      {unix.SYS_PERSONALITY, []uint64{0x40000}, confine.Deny},
		"all disks":                    {unix.SYS_SYNC, nil, confine.Pretend},
		"a file's disk, without disks": {unix.SYS_FSYNC, nil, confine.Pretend},
	} {
		if got := machine(t, false)(confine.Architecture, c.number, c.arguments...); got != c.want {
			t.Errorf("%s: %#x, not %#x", name, got, c.want)
		}
	}
	if got := machine(t, true)(confine.Architecture, unix.SYS_FSYNC); got != confine.Allow {
		t.Errorf("a file's disk: %#x, not %#x", got, confine.Allow)
	}
	if got := machine(t, false)(unix.AUDIT_ARCH_ARM, unix.SYS_READ); got != confine.Kill {
		t.Errorf("another architecture: %#x, not %#x", got, confine.Kill)
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
	for number := range uint32(2 * confine.LastCall) {
		if _, ok := examined[number]; ok || number == unix.SYS_FSYNC || number == unix.SYS_FDATASYNC || number == unix.SYS_SYNC_FILE_RANGE {
			continue
		}
		if got := filter(confine.Architecture, number); (got == confine.Allow) != listed[number] {
			t.Errorf("the call %d: %#x", number, got)
		}
	}
}
