//go:build amd64 || arm64

package sandbox

import (
	"maps"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// functionFilter returns the filter that functions get. With disk false, all that a
// function can write to is in memory: asking for it to be written to disk has nothing to
// do, and is not to make the host's disks do something.
func functionFilter(disk bool) ([]byte, error) {
	rulings := map[uint32]confine.Ruling{}
	for _, calls := range [][]uint32{
		fileCalls, eventCalls, processCalls, signalCalls, memoryCalls, timeCalls, networkCalls, ipcCalls, ownCalls,
	} {
		for _, number := range calls {
			rulings[number] = confine.Ruling{Otherwise: confine.Allow}
		}
	}
	// Calls that libraries try first, and do without where they are not known.
	for _, number := range []uint32{
		// Its flags are in memory, where a filter cannot look for namespaces.
		unix.SYS_CLONE3,
		unix.SYS_CACHESTAT, unix.SYS_STATMOUNT, unix.SYS_LISTMOUNT, unix.SYS_LISTNS, unix.SYS_LSM_GET_SELF_ATTR,
		unix.SYS_LSM_SET_SELF_ATTR, unix.SYS_LSM_LIST_MODULES, unix.SYS_FILE_GETATTR, unix.SYS_FILE_SETATTR,
		unix.SYS_OPEN_TREE_ATTR, unix.SYS_RSEQ_SLICE_YIELD, unix.SYS_MEMFD_SECRET,
	} {
		rulings[number] = confine.Ruling{Otherwise: confine.Absent}
	}
	syncing := confine.Ruling{Otherwise: confine.Pretend}
	// The whole host's disks, in any case.
	rulings[unix.SYS_SYNC], rulings[unix.SYS_SYNCFS] = syncing, syncing
	if disk {
		syncing = confine.Ruling{Otherwise: confine.Allow}
	}
	rulings[unix.SYS_FSYNC], rulings[unix.SYS_FDATASYNC], rulings[unix.SYS_SYNC_FILE_RANGE] = syncing, syncing, syncing
	maps.Copy(rulings, examined)
	return confine.Filter(rulings)
}

// namespaceFlags are those of clone(2). CLONE_NEWTIME is none: clone has signals there.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// socketType is the part of a socket's type that is no flag.
const socketType = 0xf

// examined are the calls that depend on their arguments.
var examined = map[uint32]confine.Ruling{
	// A namespace of one's own comes with the capabilities that reach most of the kernel.
	unix.SYS_CLONE: confine.Unless(confine.If(confine.Deny, confine.Argument(0).Has(namespaceFlags))),

	// Whoever shares the terminal of whoever started the runtime could type there.
	unix.SYS_IOCTL: confine.Unless(
		confine.If(confine.Deny, confine.Argument(1).Is(unix.TIOCSTI)),
		confine.If(confine.Deny, confine.Argument(1).Is(unix.TIOCLINUX)),
	),

	// The internet, processes of the same instance, and of netlink only what lists
	// addresses and routes. Not: the hypervisor's host (AF_VSOCK, which has no
	// namespaces), the kernel's ciphers (AF_ALG), packets, buses, and the many protocols
	// that nobody uses and the kernel would load a module for.
	unix.SYS_SOCKET: {Otherwise: confine.Refuse(unix.EAFNOSUPPORT), Cases: []confine.Case{
		confine.If(confine.Allow, confine.Argument(0).Is(unix.AF_UNIX)),
		confine.If(confine.Allow, confine.Argument(0).Is(unix.AF_NETLINK), confine.Argument(2).Is(unix.NETLINK_ROUTE)),
		confine.If(confine.Refuse(unix.EPROTONOSUPPORT), confine.Argument(0).Is(unix.AF_NETLINK)),
		confine.If(confine.Refuse(unix.EAFNOSUPPORT), confine.Argument(0).IsNot(unix.AF_INET), confine.Argument(0).IsNot(unix.AF_INET6)),
		confine.If(confine.Deny, confine.Argument(1).Masked(socketType).Is(unix.SOCK_RAW)),
		confine.If(confine.Refuse(unix.ESOCKTNOSUPPORT), confine.Argument(1).Masked(socketType).IsNot(unix.SOCK_STREAM), confine.Argument(1).Masked(socketType).IsNot(unix.SOCK_DGRAM)),
		confine.If(confine.Allow, confine.Argument(2).Is(0)),
		confine.If(confine.Allow, confine.Argument(2).Is(unix.IPPROTO_TCP)),
		confine.If(confine.Allow, confine.Argument(2).Is(unix.IPPROTO_UDP)),
		confine.If(confine.Allow, confine.Argument(2).Is(unix.IPPROTO_ICMP)),
		confine.If(confine.Allow, confine.Argument(2).Is(unix.IPPROTO_ICMPV6)),
		confine.If(confine.Refuse(unix.EPROTONOSUPPORT)),
	}},
	unix.SYS_SOCKETPAIR: confine.Only(confine.Argument(0), confine.Refuse(unix.EAFNOSUPPORT), unix.AF_UNIX),

	// Programs in the kernel take memory that is not counted as the function's, and of
	// which the host has only so much: when it is used up, nobody gets a filter like this
	// one any more. TCP's upper layers are bugs without use.
	unix.SYS_SETSOCKOPT: confine.Unless(
		confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_FILTER)),
		confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_BPF)),
		confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_REUSEPORT_CBPF)),
		confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_SOCKET), confine.Argument(2).Is(unix.SO_ATTACH_REUSEPORT_EBPF)),
		confine.If(confine.Deny, confine.Argument(1).Is(unix.SOL_TCP), confine.Argument(2).Is(unix.TCP_ULP)),
	),
	unix.SYS_PRCTL: confine.Unless(
		confine.If(confine.Refuse(unix.EINVAL), confine.Argument(0).Is(unix.PR_SET_SECCOMP)),
		// A cookie keeps everybody else's tasks off the other half of a core.
		confine.If(confine.Refuse(unix.EINVAL), confine.Argument(0).Is(unix.PR_SCHED_CORE)),
	),

	// A limit of one byte keeps the kernel from starting the host's handler of crashes for
	// a function (limitResources); a limit of none does not.
	unix.SYS_SETRLIMIT: confine.Unless(confine.If(confine.Pretend, confine.Argument(0).Is(unix.RLIMIT_CORE))),
	unix.SYS_PRLIMIT64: confine.Unless(
		confine.If(confine.Pretend, confine.Argument(1).Is(unix.RLIMIT_CORE), confine.Argument(2).IsNot(0)),
		confine.If(confine.Pretend, confine.Argument(1).Is(unix.RLIMIT_CORE), confine.Argument(2).Upper().IsNot(0)),
	),

	// Linux's own, or which it is.
	unix.SYS_PERSONALITY: confine.Only(confine.Argument(0), confine.Deny, 0, 0xffffffff),
}

var fileCalls = append(oldFileCalls, []uint32{
	unix.SYS_READ, unix.SYS_WRITE, unix.SYS_PREAD64, unix.SYS_PWRITE64, unix.SYS_READV, unix.SYS_WRITEV, unix.SYS_PREADV,
	unix.SYS_PWRITEV, unix.SYS_PREADV2, unix.SYS_PWRITEV2, unix.SYS_OPENAT, unix.SYS_OPENAT2, unix.SYS_CLOSE,
	unix.SYS_CLOSE_RANGE, unix.SYS_LSEEK, unix.SYS_FSTAT, unix.SYS_NEWFSTATAT, unix.SYS_STATX, unix.SYS_STATFS,
	unix.SYS_FSTATFS, unix.SYS_FACCESSAT, unix.SYS_FACCESSAT2, unix.SYS_GETDENTS64, unix.SYS_READLINKAT, unix.SYS_MKDIRAT,
	unix.SYS_MKNODAT, unix.SYS_UNLINKAT, unix.SYS_RENAMEAT, unix.SYS_RENAMEAT2, unix.SYS_LINKAT, unix.SYS_SYMLINKAT,
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_TRUNCATE, unix.SYS_FTRUNCATE, unix.SYS_FALLOCATE, unix.SYS_FADVISE64, unix.SYS_READAHEAD, unix.SYS_DUP,
	unix.SYS_DUP3, unix.SYS_FCNTL, unix.SYS_FLOCK, unix.SYS_PIPE2, unix.SYS_SPLICE, unix.SYS_TEE, unix.SYS_SENDFILE,
	unix.SYS_COPY_FILE_RANGE, unix.SYS_GETCWD, unix.SYS_CHDIR, unix.SYS_FCHDIR, unix.SYS_UMASK,
	unix.SYS_GETXATTR, unix.SYS_LGETXATTR, unix.SYS_FGETXATTR, unix.SYS_LISTXATTR, unix.SYS_LLISTXATTR, unix.SYS_FLISTXATTR,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR,
	unix.SYS_FREMOVEXATTR, unix.SYS_GETXATTRAT, unix.SYS_SETXATTRAT, unix.SYS_LISTXATTRAT, unix.SYS_REMOVEXATTRAT,
	unix.SYS_MEMFD_CREATE,
}...)

// eventCalls are without io_setup and io_uring_setup: the one has a limit that the whole
// host shares, the other is a second way into the kernel, past this filter.
var eventCalls = append(oldEventCalls, []uint32{
	unix.SYS_PPOLL, unix.SYS_PSELECT6, unix.SYS_EPOLL_CREATE1, unix.SYS_EPOLL_CTL, unix.SYS_EPOLL_PWAIT,
	unix.SYS_EPOLL_PWAIT2, unix.SYS_EVENTFD2, unix.SYS_SIGNALFD4, unix.SYS_TIMERFD_CREATE, unix.SYS_TIMERFD_SETTIME,
	unix.SYS_TIMERFD_GETTIME, unix.SYS_INOTIFY_INIT1, unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_INOTIFY_RM_WATCH,
}...)

// processCalls are without those that look into another process, or change it.
var processCalls = append(oldProcessCalls, []uint32{
	unix.SYS_EXECVE, unix.SYS_EXECVEAT, unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_WAIT4, unix.SYS_WAITID,
	unix.SYS_GETPID, unix.SYS_GETPPID, unix.SYS_GETTID, unix.SYS_GETPGID, unix.SYS_SETPGID, unix.SYS_GETSID, unix.SYS_SETSID,
	unix.SYS_SET_TID_ADDRESS, unix.SYS_SET_ROBUST_LIST, unix.SYS_GET_ROBUST_LIST, unix.SYS_RSEQ, unix.SYS_MEMBARRIER,
	unix.SYS_FUTEX, unix.SYS_FUTEX_WAITV, unix.SYS_FUTEX_WAKE, unix.SYS_FUTEX_WAIT, unix.SYS_FUTEX_REQUEUE,
	unix.SYS_SCHED_YIELD, unix.SYS_SCHED_GETAFFINITY, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_GETPARAM,
	unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_GETSCHEDULER, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_GETATTR,
	unix.SYS_SCHED_SETATTR, unix.SYS_SCHED_GET_PRIORITY_MAX, unix.SYS_SCHED_GET_PRIORITY_MIN, unix.SYS_SCHED_RR_GET_INTERVAL,
	unix.SYS_GETPRIORITY, unix.SYS_SETPRIORITY, unix.SYS_IOPRIO_GET, unix.SYS_IOPRIO_SET, unix.SYS_GETCPU,
	unix.SYS_GETRLIMIT, unix.SYS_GETRUSAGE, unix.SYS_SYSINFO, unix.SYS_UNAME, unix.SYS_PIDFD_OPEN,
	// Without capabilities a process becomes who it is already.
	unix.SYS_CAPGET, unix.SYS_CAPSET, unix.SYS_GETUID, unix.SYS_GETEUID, unix.SYS_GETGID, unix.SYS_GETEGID, unix.SYS_GETGROUPS,
	unix.SYS_GETRESUID, unix.SYS_GETRESGID, unix.SYS_SETUID, unix.SYS_SETGID, unix.SYS_SETREUID, unix.SYS_SETREGID,
	unix.SYS_SETRESUID, unix.SYS_SETRESGID, unix.SYS_SETGROUPS, unix.SYS_SETFSUID, unix.SYS_SETFSGID,
}...)

var signalCalls = []uint32{
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_TGKILL, unix.SYS_PIDFD_SEND_SIGNAL, unix.SYS_RT_SIGACTION, unix.SYS_RT_SIGPROCMASK,
	unix.SYS_RT_SIGPENDING, unix.SYS_RT_SIGSUSPEND, unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_RT_SIGQUEUEINFO,
	unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_RT_SIGRETURN, unix.SYS_SIGALTSTACK, unix.SYS_RESTART_SYSCALL,
}

// memoryCalls are with executable memory, which every just-in-time compiler needs, and
// without userfaultfd, with which one stops the kernel in the middle of something.
var memoryCalls = []uint32{
	unix.SYS_BRK, unix.SYS_MMAP, unix.SYS_MPROTECT, unix.SYS_MUNMAP, unix.SYS_MREMAP, unix.SYS_MADVISE, unix.SYS_MSYNC,
	unix.SYS_MINCORE, unix.SYS_MLOCK, unix.SYS_MLOCK2, unix.SYS_MUNLOCK, unix.SYS_MLOCKALL, unix.SYS_MUNLOCKALL,
	unix.SYS_PKEY_ALLOC, unix.SYS_PKEY_FREE, unix.SYS_PKEY_MPROTECT, unix.SYS_MSEAL, unix.SYS_MAP_SHADOW_STACK,
	unix.SYS_GET_MEMPOLICY, unix.SYS_GETRANDOM,
}

var timeCalls = append(oldTimeCalls, []uint32{
	unix.SYS_CLOCK_GETTIME, unix.SYS_CLOCK_GETRES, unix.SYS_CLOCK_NANOSLEEP, unix.SYS_NANOSLEEP, unix.SYS_GETTIMEOFDAY,
	unix.SYS_TIMES, unix.SYS_GETITIMER, unix.SYS_SETITIMER, unix.SYS_TIMER_CREATE, unix.SYS_TIMER_SETTIME,
	unix.SYS_TIMER_GETTIME, unix.SYS_TIMER_GETOVERRUN, unix.SYS_TIMER_DELETE,
}...)

var networkCalls = []uint32{
	unix.SYS_BIND, unix.SYS_CONNECT, unix.SYS_LISTEN, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_GETSOCKNAME,
	unix.SYS_GETPEERNAME, unix.SYS_GETSOCKOPT, unix.SYS_SENDTO, unix.SYS_RECVFROM, unix.SYS_SENDMSG, unix.SYS_RECVMSG,
	unix.SYS_SENDMMSG, unix.SYS_RECVMMSG, unix.SYS_SHUTDOWN,
}

// ipcCalls reach what is in the instance's ipc namespace.
var ipcCalls = []uint32{
	unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_SHMDT, unix.SYS_SHMCTL, unix.SYS_SEMGET, unix.SYS_SEMOP, unix.SYS_SEMTIMEDOP,
	unix.SYS_SEMCTL, unix.SYS_MSGGET, unix.SYS_MSGSND, unix.SYS_MSGRCV, unix.SYS_MSGCTL, unix.SYS_MQ_OPEN, unix.SYS_MQ_UNLINK,
	unix.SYS_MQ_TIMEDSEND, unix.SYS_MQ_TIMEDRECEIVE, unix.SYS_MQ_NOTIFY, unix.SYS_MQ_GETSETATTR,
}

// ownCalls restrict whoever makes them.
var ownCalls = []uint32{
	unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF,
}
