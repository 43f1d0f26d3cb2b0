package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// The system-call filter and Landlock cannot be put on the thread that forks, which has
// to do what they forbid, and Go runs nothing of ours between fork and exec. So what a
// fork executes is the launcher, a program of a few hundred bytes: it puts both on itself
// and then executes the function's program in its place, with the same arguments and
// environment. It has no code of the function's in it, and is gone before there is any.

// Descriptors of the launcher. The function's program gets neither.
const (
	launcherReport  = 3 // where it says why it could not execute the program
	launcherRuleset = 4 // the Landlock ruleset, if there is Landlock
)

// A launcher starts programs. It may be used by any thread of the process, in whatever
// namespaces that is, provided that /proc is mounted there.
type launcher struct {
	program  int // the descriptor of the program
	landlock bool
}

// newLauncher writes the launcher to a file, which must be on a file system that allows
// execution. disk says what functionFilter is to be told.
func newLauncher(file string, disk bool) (*launcher, error) {
	c, err := newConfinement(disk)
	if err != nil {
		return nil, err
	}
	program, err := launcherProgram(c.filter, c.landlock)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, program, 0o555); err != nil {
		return nil, fmt.Errorf("write the launcher: %w", err)
	}
	fd, err := unix.Open(file, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the launcher: %w", err)
	}
	return &launcher{program: fd, landlock: c.landlock}, nil
}

// fork starts argv[0] from the calling thread. The attributes' files are the first three
// descriptors; ruleset is what landlockRuleset returned. The process exists when fork
// returns; executed then waits until it is the program, and must be called. Its error is
// a bare errno if the kernel would not execute argv[0]. Either way the process has to be
// waited for.
func (l *launcher) fork(argv []string, attributes *syscall.ProcAttr, ruleset int) (pid int, executed func() error, err error) {
	if l.landlock != (ruleset >= 0) {
		return 0, nil, errors.New("the launcher and the Landlock ruleset do not fit")
	}
	var report [2]int
	if err := unix.Pipe2(report[:], unix.O_CLOEXEC); err != nil {
		return 0, nil, fmt.Errorf("make the launcher's pipe: %w", err)
	}
	defer unix.Close(report[1])
	attributes.Files = append(attributes.Files[:launcherReport:launcherReport], uintptr(report[1]))
	if l.landlock {
		attributes.Files = append(attributes.Files, uintptr(ruleset))
	}
	// In the child, ForkExec moves some descriptors to numbers just above the highest of
	// these, whatever is there.
	beyond := int(slices.Max(attributes.Files)) + 4*len(attributes.Files)
	program, err := unix.FcntlInt(uintptr(l.program), unix.F_DUPFD_CLOEXEC, beyond)
	if err != nil {
		unix.Close(report[0])
		return 0, nil, fmt.Errorf("open the launcher once more: %w", err)
	}
	defer unix.Close(program)
	pid, err = syscall.ForkExec(fmt.Sprintf("/proc/self/fd/%d", program), argv, attributes)
	if err != nil {
		unix.Close(report[0])
		return 0, nil, err
	}
	return pid, func() error { return readLauncherReport(report[0]) }, nil
}

// The steps of the launcher that can fail.
const (
	launcherLandlock = iota + 1
	launcherFilter
	launcherExecute
)

// readLauncherReport reads to the end, which is where the launcher becomes the program.
func readLauncherReport(fd int) error {
	defer unix.Close(fd)
	var report [8]byte
	for {
		n, err := unix.Read(fd, report[:])
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return fmt.Errorf("read the launcher's report: %w", err)
		case n == 0:
			return nil
		case n < len(report):
			return errors.New("the launcher's report is cut off")
		}
		break
	}
	errno := unix.Errno(binary.NativeEndian.Uint32(report[4:]))
	switch binary.NativeEndian.Uint32(report[:]) {
	case launcherLandlock:
		return fmt.Errorf("put Landlock on the instance: %w", errno)
	case launcherFilter:
		return fmt.Errorf("put the system-call filter on the instance: %w", errno)
	}
	return errno
}
