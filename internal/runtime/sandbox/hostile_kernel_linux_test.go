//go:build amd64 || arm64

package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

func init() {
	programs["kernel"] = func([]string) { attackKernel(); attackSockets(); attackProcSys(); fmt.Println("attacked") }
	programs["ipc"] = attackIPC
	programs["core-dump"] = func([]string) { dumpCore() }
	programs["environment"] = func([]string) { growEnvironment() }
}

// A reached system call is one that the kernel began to do: it found fault with the
// arguments, not with who makes it. Behind a filter none is.
func reached(what string, errno syscall.Errno) {
	switch errno {
	case 0:
		fmt.Println("possible:", what)
	case unix.EPERM, unix.ENOSYS, unix.EACCES, unix.EAFNOSUPPORT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT:
	default:
		fmt.Println("reached:", what, errno)
	}
}

// attackKernel makes the system calls that are a way out, or a way to harm the host, if
// only one of them works.
func attackKernel() {
	runtime.LockOSThread()
	null, err := unix.BytePtrFromString("/")
	must(err)
	kind, err := unix.BytePtrFromString("tmpfs")
	must(err)
	path, name := uintptr(unsafe.Pointer(null)), uintptr(unsafe.Pointer(kind))
	var space [4096]byte
	memory := uintptr(unsafe.Pointer(&space[0]))
	here := unix.AT_FDCWD
	at := uintptr(here)
	first := uintptr(0)
	if fd, err := unix.PidfdOpen(1, 0); err == nil {
		first = uintptr(fd)
	}
	for what, call := range map[string][7]uintptr{
		"io_uring":                      {unix.SYS_IO_URING_SETUP, 1, memory},
		"asynchronous input and output": {unix.SYS_IO_SETUP, 1 << 16, memory},
		"a program in the kernel":       {unix.SYS_BPF, 0, memory, 128},
		"faults handled by itself":      {unix.SYS_USERFAULTFD, 0},
		"read its keyring":              {unix.SYS_KEYCTL, 0, ^uintptr(2), 1},
		"add a key":                     {unix.SYS_ADD_KEY, name, name, memory, 1, ^uintptr(2)},
		"ask for a key":                 {unix.SYS_REQUEST_KEY, name, name, 0, ^uintptr(2)},
		"measure performance":           {unix.SYS_PERF_EVENT_OPEN, memory, 0, ^uintptr(0), ^uintptr(0), 0},
		"a user namespace":              {unix.SYS_UNSHARE, unix.CLONE_NEWUSER},
		"a network namespace":           {unix.SYS_UNSHARE, unix.CLONE_NEWNET},
		"a mount namespace":             {unix.SYS_UNSHARE, unix.CLONE_NEWNS},
		"a file system":                 {unix.SYS_FSOPEN, name, 0},
		"a copy of the mounts":          {unix.SYS_OPEN_TREE, at, path, unix.OPEN_TREE_CLONE},
		"move a mount":                  {unix.SYS_MOVE_MOUNT, at, path, at, path, 0},
		"change a mount":                {unix.SYS_MOUNT_SETATTR, at, path, 0, memory, 32},
		"list mounts":                   {unix.SYS_LISTMOUNT, memory, memory, 1, 0},
		"change the root":               {unix.SYS_PIVOT_ROOT, path, path},
		"trace the first process":       {unix.SYS_PTRACE, unix.PTRACE_SEIZE, 1, 0, 0},
		"be traced":                     {unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0, 0},
		"read another's memory":         {unix.SYS_PROCESS_VM_READV, 1, memory, 1, memory, 1, 0},
		"write another's memory":        {unix.SYS_PROCESS_VM_WRITEV, 1, memory, 1, memory, 1, 0},
		"advise on another's memory":    {unix.SYS_PROCESS_MADVISE, first, memory, 1, unix.MADV_COLD, 0},
		"take another's descriptor":     {unix.SYS_PIDFD_GETFD, first, 0, 0},
		"compare processes":             {unix.SYS_KCMP, 1, 1, 0, 0, 0},
		"a filter of its own":           {unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, memory},
		"a filter of its own by prctl":  {unix.SYS_PRCTL, unix.PR_SET_SECCOMP, 1},
		"a file by its handle":          {unix.SYS_OPEN_BY_HANDLE_AT, at, memory, 0},
		"a file's handle":               {unix.SYS_NAME_TO_HANDLE_AT, at, path, memory, memory, 0},
		"the kernel's messages":         {unix.SYS_SYSLOG, 10, memory, 1},
		"quotas":                        {unix.SYS_QUOTACTL, 0, path, 0, memory},
		"swap":                          {unix.SYS_SWAPON, path, 0},
		"accounting":                    {unix.SYS_ACCT, 0},
		"a module":                      {unix.SYS_INIT_MODULE, memory, 16, memory},
		"remove a module":               {unix.SYS_DELETE_MODULE, name, 0},
		"another kernel":                {unix.SYS_KEXEC_LOAD, 0, 0, memory, 0},
		"watch a file system":           {unix.SYS_FANOTIFY_INIT, 0, 0},
		"move memory":                   {unix.SYS_MOVE_PAGES, 1, 0, 0, 0, 0, 0},
		"addresses that are not random": {unix.SYS_PERSONALITY, 0x40000},
		"hang up the terminal":          {unix.SYS_VHANGUP},
		"memory that is secret":         {unix.SYS_MEMFD_SECRET, 0},
		"the host's name":               {unix.SYS_SETHOSTNAME, memory, 4},
		"the host's domain":             {unix.SYS_SETDOMAINNAME, memory, 4},
		"the host's time":               {unix.SYS_SETTIMEOFDAY, memory, 0},
		"type in the terminal":          {unix.SYS_IOCTL, 0, unix.TIOCSTI, memory},
		"type in the terminal, 64 bits": {unix.SYS_IOCTL, 0, 1<<32 | unix.TIOCSTI, memory},
		"lock the other half of a core": {unix.SYS_PRCTL, unix.PR_SCHED_CORE, 1, 0, 0, 0},
		"a namespace by clone3":         {unix.SYS_CLONE3, memory, 88},
		"a system call of another ABI":  {1<<30 | unix.SYS_GETPID},
		"a system call that is none":    {5000},
		"run in the foreground":         {unix.SYS_SCHED_SETSCHEDULER, 0, 1 /* SCHED_FIFO */, uintptr(unsafe.Pointer(&[2]int32{1}))},
	} {
		_, _, errno := unix.RawSyscall6(call[0], call[1], call[2], call[3], call[4], call[5], call[6])
		if call[0] == unix.SYS_PRCTL && errno == unix.EINVAL {
			errno = unix.EPERM // what the filter says
		}
		reached(what, errno)
	}
	for _, kind := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup", "time"} {
		for _, process := range []string{"1", "self"} {
			fd, err := unix.Open("/proc/"+process+"/ns/"+kind, unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				continue
			}
			_, _, errno := unix.RawSyscall(unix.SYS_SETNS, uintptr(fd), 0, 0)
			reached("enter the "+kind+" namespace of "+process, errno)
		}
	}
	child, _, errno := unix.RawSyscall6(unix.SYS_CLONE, unix.CLONE_NEWUSER|uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && child == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	reached("a user namespace by clone", errno)
}

// attackSockets asks for every kind of socket that is not the internet's or local.
func attackSockets() {
	for family := unix.AF_AX25; family < unix.AF_MAX; family++ {
		if family == unix.AF_INET6 || family == unix.AF_NETLINK {
			continue
		}
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_SEQPACKET} {
			_, err := unix.Socket(family, kind, 0)
			reached(fmt.Sprintf("a socket of family %d, type %d", family, kind), errnoOf(err))
		}
	}
	for protocol := unix.NETLINK_ROUTE + 1; protocol < 32; protocol++ {
		_, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, protocol)
		reached(fmt.Sprintf("netlink %d", protocol), errnoOf(err))
	}
	for _, protocol := range []int{unix.IPPROTO_ICMP, unix.IPPROTO_RAW, unix.IPPROTO_TCP} {
		for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
			_, err := unix.Socket(family, unix.SOCK_RAW, protocol)
			reached("a raw socket", errnoOf(err))
		}
	}
	for _, protocol := range []int{unix.IPPROTO_MPTCP, unix.IPPROTO_SCTP, unix.IPPROTO_UDPLITE, unix.IPPROTO_DCCP} {
		for _, kind := range []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, 6 /* SOCK_DCCP */} {
			_, err := unix.Socket(unix.AF_INET, kind, protocol)
			reached(fmt.Sprintf("protocol %d", protocol), errnoOf(err))
		}
	}
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	must(err)
	for _, option := range []int{unix.SO_ATTACH_FILTER, unix.SO_ATTACH_BPF, unix.SO_ATTACH_REUSEPORT_CBPF, unix.SO_ATTACH_REUSEPORT_EBPF} {
		err := unix.SetsockoptInt(s, unix.SOL_SOCKET, option, 0)
		reached("a socket's filter", errnoOf(err))
	}
	reached("TCP's upper layer", errnoOf(unix.SetsockoptString(s, unix.SOL_TCP, unix.TCP_ULP, "tls")))
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	if err != nil && !errors.As(err, &errno) {
		errno = unix.EIO
	}
	return errno
}

// attackProcSys looks for a setting of the kernel's that it could write.
func attackProcSys() {
	for _, dir := range []string{"/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/driver"} {
		_ = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return nil
			}
			if fd, err := unix.Open(path, unix.O_WRONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err == nil {
				fmt.Println("possible: open for writing", path)
				unix.Close(fd)
			}
			return nil
		})
	}
	for _, file := range []string{"/proc/sysrq-trigger", "/proc/kcore", "/proc/kmsg", "/proc/kpagecount", "/proc/timer_list", "/proc/slabinfo", "/proc/vmallocinfo"} {
		if fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err == nil {
			fmt.Println("possible: read", file)
			unix.Close(fd)
		}
	}
}

// notPossible fails the test for what an attack printed.
func (r *running) notPossible() {
	r.t.Helper()
	r.says("attacked")
	filtered := confine.FilterMissing() == ""
	for line := range strings.Lines(r.output.String()) {
		if strings.HasPrefix(line, "possible: ") || filtered && strings.HasPrefix(line, "reached: ") {
			r.t.Error(strings.TrimSpace(line))
		}
	}
}

// A neighbour runs beside an attack. What is returned checks that it still does, and
// that the host can start another.
func neighbour(t *testing.T, h *host) (goesOn func()) {
	t.Helper()
	n := start(t, h, "term")
	n.says("ready")
	return func() {
		t.Helper()
		if said := start(t, h, "echo", "still", "there").says("still "); said != "there" {
			t.Errorf("an instance started afterwards said %q", said)
		}
		n.Terminate()
		if e := n.ended(); e.Code != 3 {
			t.Errorf("the function beside the attack ended so: %+v", e)
		}
	}
}

func TestTheKernelIsOutOfReach(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("this host has no namespaces: %v", h.Isolation().Missing)
		return
	}
	goesOn := neighbour(t, h)
	start(t, h, "kernel").notPossible()
	goesOn()
}

// System calls by the 32-bit way have other numbers, so that a filter that looks at the
// number alone would take one for another.
func TestSystemCallsOfAnotherArchitectureEndTheFunction(t *testing.T) {
	if runtime.GOARCH != "amd64" || confine.FilterMissing() != "" {
		return // there is no other way, or no filter
	}
	h := newSandbox(t, ModeAuto)
	program, err := staticProgram(nil, []byte{
		0xb8, 20, 0, 0, 0, // mov $20, %eax: getpid
		0xcd, 0x80, // int $0x80
		0x31, 0xff, // xor %edi, %edi
		0xb8, 231, 0, 0, 0, // mov $231, %eax: exit_group
		0x0f, 0x05, // syscall
	})
	if err != nil {
		t.Fatal(err)
	}
	i := startWith(t, h, func(s *Spec) {
		if err := os.WriteFile(filepath.Join(s.TaskDir, "old"), program, 0o755); err != nil {
			t.Fatal(err)
		}
		s.Argv = []string{Task + "/old"}
	}, "echo")
	// A kernel without 32-bit programs faults at the instruction.
	if e := i.ended(); e.Signal != "SIGSYS" && e.Signal != "SIGSEGV" {
		t.Errorf("exit is %+v", e)
	}
}

// attackIPC looks for what it is told of by name: an abstract socket of the host's and a
// System V segment. It passes the runtime a descriptor to close.
func attackIPC(args []string) {
	if c, err := net.Dial("unix", localRuntimeAPI); err == nil {
		if _, _, err := c.(*net.UnixConn).WriteMsgUnix([]byte("x"), unix.UnixRights(0), nil); err == nil {
			fmt.Println("possible: pass a descriptor to the runtime")
		}
	}
	if c, err := net.Dial("unix", args[0]); err == nil {
		fmt.Println("possible: connect to the abstract socket", c.RemoteAddr())
	}
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	must(err)
	if err := unix.Sendto(s, []byte("x"), 0, &unix.SockaddrUnix{Name: args[0] + "-datagrams"}); err == nil {
		fmt.Println("possible: send to the abstract socket")
	}
	var key int
	_, err = fmt.Sscan(args[1], &key)
	must(err)
	if _, err := unix.SysvShmGet(key, 0, 0); err == nil {
		fmt.Println("possible: find the shared memory")
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	must(err)
	for _, process := range processes {
		var pid int
		_, err := fmt.Sscan(filepath.Base(process), &pid)
		must(err)
		if pid != os.Getpid() && syscall.Kill(pid, 0) == nil {
			fmt.Println("possible: signal", pid)
		}
	}
	fmt.Println("attacked")
}

func TestNothingOfTheHostsIsReachedBySocketsSegmentsAndSignals(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		if abi, _ := confine.LandlockABI(); h.namespace == noNamespaces && abi < 6 {
			t.Logf("without namespaces this takes a later version of Landlock: %v", h.Isolation().Missing)
			return
		}
		name := "@tidegate-hostile-" + nextID()
		listener, err := net.Listen("unix", name)
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		datagrams, err := net.ListenPacket("unixgram", name+"-datagrams")
		if err != nil {
			t.Fatal(err)
		}
		defer datagrams.Close()
		key := os.Getpid()<<8 | 0x7d
		if h.namespace != noNamespaces {
			segment, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|0o666)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.SysvShmCtl(segment, unix.IPC_RMID, nil) //nolint:errcheck // nothing to be done
		}
		goesOn := neighbour(t, h)
		start(t, h, "ipc", name, fmt.Sprint(key)).notPossible()
		goesOn()
	})
}

// dumpCore tries to be allowed a core dump, and then gives reason for one.
func dumpCore() {
	for _, limit := range []uint64{0, 1 << 20} {
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: limit, Max: limit})
		_ = unix.Prlimit(0, unix.RLIMIT_CORE, &unix.Rlimit{Cur: limit, Max: limit}, nil)
	}
	var now unix.Rlimit
	must(unix.Getrlimit(unix.RLIMIT_CORE, &now))
	fmt.Println("limit", now.Cur, now.Max)
	must(os.Chdir(os.Getenv("TMPDIR")))
	must(unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0))
	self, err := os.Executable()
	must(err)
	crash := exec.Command(self)
	crash.Env = append(os.Environ(), programVariable+"=crash", "GOTRACEBACK=crash")
	fmt.Println("crash", crash.Run() != nil)
	files, err := os.ReadDir(".")
	must(err)
	fmt.Println("files", len(files))
}

// A limit of 1 byte is the one value by which the kernel starts no handler of core dumps
// either: core(5), "Piping core dumps to a program".
func TestACrashLeavesNothingOnTheHost(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := start(t, h, "core-dump")
		if limit := i.says("limit "); limit != "1 1" && confine.FilterMissing() == "" {
			t.Errorf("the limit of core dumps is %s", limit)
		}
		if i.says("crash ") != "true" || i.says("files ") != "0" {
			t.Errorf("the crash left a file: %s", i.output)
		}
	})
}

// growEnvironment starts itself with an environment that would not fit into memory.
func growEnvironment() {
	for megabytes := 1; megabytes <= 256; megabytes *= 2 {
		cmd := exec.Command("/bin/true")
		for n := range megabytes * 8 {
			cmd.Env = append(cmd.Env, fmt.Sprint("X", n, "=")+strings.Repeat("x", 127<<10))
		}
		if err := cmd.Run(); err != nil {
			fmt.Println("too long at", megabytes)
			ready()
			return
		}
	}
	fmt.Println("never too long")
}

func TestAHugeEnvironmentHurtsItsOwnerOnly(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	goesOn := neighbour(t, h)
	i := startWith(t, h, func(s *Spec) { s.Memory = 512 }, "environment")
	i.ended()
	if strings.Contains(i.output.String(), "never") {
		t.Error("an environment of 256 MB could be had")
	}
	goesOn()
	_, err := h.Start(t.Context(), Spec{
		ID: "huge", TaskDir: taskDir(t), Argv: []string{"/bin/true"}, Env: []string{"X=" + strings.Repeat("x", 1<<20)},
		Memory: 128, EphemeralStorage: 512, Output: &lines{changed: make(chan struct{})},
		RuntimeAPI: functionSpec("", "huge", nil, "echo").RuntimeAPI,
	})
	if err == nil {
		t.Error("an instance with a variable of 1 MB was started")
	}
}
