//go:build amd64 || arm64

package sandbox

import (
	"maps"

	"golang.org/x/sys/unix"
)

// lastCall is the highest number of a system call that this version has an opinion of.
const lastCall = unix.SYS_RSEQ_SLICE_YIELD

// functionFilter returns the filter that functions get. With disk false, all that a
// function can write to is in memory: asking for it to be written to disk has nothing to
// do, and is not to make the host's disks do something.
func functionFilter(disk bool) ([]byte, error) {
	rulings := map[uint32]ruling{}
	for _, calls := range [][]uint32{
		fileCalls, eventCalls, processCalls, signalCalls, memoryCalls, timeCalls, networkCalls, ipcCalls, ownCalls,
	} {
		for _, number := range calls {
			rulings[number] = ruling{otherwise: allow}
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
		rulings[number] = ruling{otherwise: absent}
	}
	syncing := ruling{otherwise: pretend}
	// The whole host's disks, in any case.
	rulings[unix.SYS_SYNC], rulings[unix.SYS_SYNCFS] = syncing, syncing
	if disk {
		syncing = ruling{otherwise: allow}
	}
	rulings[unix.SYS_FSYNC], rulings[unix.SYS_FDATASYNC], rulings[unix.SYS_SYNC_FILE_RANGE] = syncing, syncing, syncing
	maps.Copy(rulings, examined)
	return seccompFilter(architecture, rulings)
}

// namespaceFlags are those of clone(2). CLONE_NEWTIME is none: clone has signals there.
const namespaceFlags = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// socketType is the part of a socket's type that is no flag.
const socketType = 0xf

// examined are the calls that depend on their arguments.
var examined = map[uint32]ruling{
	// A namespace of one's own comes with the capabilities that reach most of the kernel.
	unix.SYS_CLONE: unless(rulingCase{[]condition{argument(0).has(namespaceFlags)}, deny}),

	// Whoever shares the terminal of whoever started the runtime could type there.
	unix.SYS_IOCTL: unless(
		rulingCase{[]condition{argument(1).is(unix.TIOCSTI)}, deny},
		rulingCase{[]condition{argument(1).is(unix.TIOCLINUX)}, deny},
	),

	// The internet, processes of the same instance, and of netlink only what lists
	// addresses and routes. Not: the hypervisor's host (AF_VSOCK, which has no
	// namespaces), the kernel's ciphers (AF_ALG), packets, buses, and the many protocols
	// that nobody uses and the kernel would load a module for.
	unix.SYS_SOCKET: {otherwise: refuse(unix.EAFNOSUPPORT), cases: []rulingCase{
		{[]condition{argument(0).is(unix.AF_UNIX)}, allow},
		{[]condition{argument(0).is(unix.AF_NETLINK), argument(2).is(unix.NETLINK_ROUTE)}, allow},
		{[]condition{argument(0).is(unix.AF_NETLINK)}, refuse(unix.EPROTONOSUPPORT)},
		{[]condition{argument(0).isNot(unix.AF_INET), argument(0).isNot(unix.AF_INET6)}, refuse(unix.EAFNOSUPPORT)},
		{[]condition{argument(1).masked(socketType).is(unix.SOCK_RAW)}, deny},
		{[]condition{argument(1).masked(socketType).isNot(unix.SOCK_STREAM), argument(1).masked(socketType).isNot(unix.SOCK_DGRAM)}, refuse(unix.ESOCKTNOSUPPORT)},
		{[]condition{argument(2).is(0)}, allow},
		{[]condition{argument(2).is(unix.IPPROTO_TCP)}, allow},
		{[]condition{argument(2).is(unix.IPPROTO_UDP)}, allow},
		{[]condition{argument(2).is(unix.IPPROTO_ICMP)}, allow},
		{[]condition{argument(2).is(unix.IPPROTO_ICMPV6)}, allow},
		{nil, refuse(unix.EPROTONOSUPPORT)},
	}},
	unix.SYS_SOCKETPAIR: only(argument(0), refuse(unix.EAFNOSUPPORT), unix.AF_UNIX),

	// Programs in the kernel take memory that is not counted as the function's, and of
	// which the host has only so much: when it is used up, nobody gets a filter like this
	// one any more. TCP's upper layers are bugs without use.
	unix.SYS_SETSOCKOPT: unless(
		rulingCase{[]condition{argument(1).is(unix.SOL_SOCKET), argument(2).is(unix.SO_ATTACH_FILTER)}, deny},
		rulingCase{[]condition{argument(1).is(unix.SOL_SOCKET), argument(2).is(unix.SO_ATTACH_BPF)}, deny},
		rulingCase{[]condition{argument(1).is(unix.SOL_SOCKET), argument(2).is(unix.SO_ATTACH_REUSEPORT_CBPF)}, deny},
		rulingCase{[]condition{argument(1).is(unix.SOL_SOCKET), argument(2).is(unix.SO_ATTACH_REUSEPORT_EBPF)}, deny},
		rulingCase{[]condition{argument(1).is(unix.SOL_TCP), argument(2).is(unix.TCP_ULP)}, deny},
	),
	unix.SYS_PRCTL: unless(
		rulingCase{[]condition{argument(0).is(unix.PR_SET_SECCOMP)}, refuse(unix.EINVAL)},
		// A cookie keeps everybody else's tasks off the other half of a core.
		rulingCase{[]condition{argument(0).is(unix.PR_SCHED_CORE)}, refuse(unix.EINVAL)},
	),

	// A limit of one byte keeps the kernel from starting the host's handler of crashes for
	// a function (limitResources); a limit of none does not.
	unix.SYS_SETRLIMIT: unless(rulingCase{[]condition{argument(0).is(unix.RLIMIT_CORE)}, pretend}),
	unix.SYS_PRLIMIT64: unless(
		rulingCase{[]condition{argument(1).is(unix.RLIMIT_CORE), argument(2).isNot(0)}, pretend},
		rulingCase{[]condition{argument(1).is(unix.RLIMIT_CORE), argument(2).upper().isNot(0)}, pretend},
	),

	// Linux's own, or which it is.
	unix.SYS_PERSONALITY: only(argument(0), deny, 0, 0xffffffff),
}

func (c condition) upper() condition { c.high = true; return c }

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
