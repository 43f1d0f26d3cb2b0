//go:build amd64 || arm64

package gateway

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// The system calls that the process needs: memory, threads and signals of Go and of the C
// library, descriptors that it has, sockets of the internet, and questions about routes.
var calls = append(oldCalls, []uint32{
	unix.SYS_BRK, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MINCORE, unix.SYS_GETRANDOM,

	unix.SYS_FUTEX, unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_GETPID, unix.SYS_GETTID,
	unix.SYS_SET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER, unix.SYS_EXIT, unix.SYS_EXIT_GROUP,
	unix.SYS_NANOSLEEP, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_CLOCK_GETTIME, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME, unix.SYS_TIMER_DELETE, unix.SYS_SETITIMER,
	unix.SYS_SIGALTSTACK, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK, unix.SYS_RT_SIGRETURN, unix.SYS_RESTART_SYSCALL,

	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREAD64, unix.SYS_CLOSE, unix.SYS_FCNTL,
	unix.SYS_FSTAT, unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_PIPE2, unix.SYS_EVENTFD2, unix.SYS_PPOLL,
	unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,

	unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_SHUTDOWN, unix.SYS_GETSOCKNAME, unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT,
	unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
}...)

// socketType is the part of a socket's type that is no flag.
const socketType = 0xf

// processFilter allows these calls, and some with the arguments that the process has for
// them. It is for the calling process alone.
func processFilter() ([]byte, error) {
	self := uint32(os.Getpid())
	own := confine.Only(confine.Argument(0), confine.Deny, self)
	executable := confine.Unless(confine.If(confine.Deny, confine.Argument(2).Has(unix.PROT_EXEC)))
	rulings := map[uint32]confine.Ruling{
		unix.SYS_MMAP: executable, unix.SYS_MPROTECT: executable,
		// Threads, and no processes. Of clone3 the flags cannot be seen.
		unix.SYS_CLONE: {
			Cases:     []confine.Case{confine.If(confine.Allow, confine.Argument(0).Has(unix.CLONE_THREAD))},
			Otherwise: confine.Deny,
		},
		unix.SYS_CLONE3: {Otherwise: confine.Absent},
		unix.SYS_KILL:   own, unix.SYS_TGKILL: own,
		unix.SYS_SOCKET: {Otherwise: confine.Refuse(unix.EAFNOSUPPORT), Cases: []confine.Case{
			confine.If(confine.Allow, confine.Argument(0).Is(unix.AF_NETLINK), confine.Argument(2).Is(unix.NETLINK_ROUTE)),
			confine.If(confine.Refuse(unix.EAFNOSUPPORT), confine.Argument(0).IsNot(unix.AF_INET), confine.Argument(0).IsNot(unix.AF_INET6)),
			confine.If(confine.Allow, confine.Argument(1).Masked(socketType).Is(unix.SOCK_STREAM)),
			confine.If(confine.Allow, confine.Argument(1).Masked(socketType).Is(unix.SOCK_DGRAM)),
		}},
		unix.SYS_SETSOCKOPT: confine.Unless(
			confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_FILTER)),
			confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_BPF)),
			confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_TCP), confine.Argument(2).Is(unix.TCP_ULP)),
		),
	}
	for _, number := range calls {
		rulings[number] = confine.Ruling{Otherwise: confine.Allow}
	}
	return confine.Filter(rulings)
}
