package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// limitProcesses has the kernel itself count, where no cgroup does. It comes after the
// instance's user namespace is made: a limit set before would be one of all instances.
func limitProcesses(list *steps) {
	to := keep(list, &unix.Rlimit{Cur: maxProcesses, Max: maxProcesses})
	list.call("limit processes", unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NPROC, to, 0)
}

// processesCounted tells whether the kernel counts an instance's processes apart from all
// others: by a user that it has for itself, or, since Linux 5.14, by user namespace.
func processesCounted(ownUser, userNamespace bool) bool {
	return ownUser || userNamespace && kernelSince(5, 14)
}

func kernelSince(major, minor int) bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	var is [2]int
	if _, err := fmt.Sscanf(unix.ByteSliceToString(name.Release[:]), "%d.%d", &is[0], &is[1]); err != nil {
		return false
	}
	return is[0] > major || is[0] == major && is[1] >= minor
}
