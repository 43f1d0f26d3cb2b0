package sandbox

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A child of syscall.ForkExec can do what Go foresees before it executes its
// program, and nothing else; above all, it can enter no user namespace from
// within a root that is not its parent's. So an instance's process is forked
// here, and makes the system calls of a list: they end with the execution.
//
// The list is also where what an instance may not do is put on it: the thread
// that forks must still be able to do all of it.

// A step is a system call of a new process. Its layout is known to fork_*.s.
type step struct {
	number    uintptr
	arguments [6]uintptr
	flags     uintptr
	errno     uintptr // set if it failed
}

const (
	// stepMayFail goes on if the call fails.
	stepMayFail = 1 << iota
	// stepKeeps keeps the result, and stepUses takes the kept one as the call's first
	// argument.
	stepKeeps
	stepUses
)

// steps are a new process's system calls, in order.
type steps struct {
	list []step
	// names say what each step is, for the error if it fails.
	names []string
	// kept is what arguments point at.
	kept []any
}

// cloneArguments is the kernel's struct clone_args, as it was first (Linux 5.7).
type cloneArguments struct {
	flags, pidfd uint64
	_            [2]uint64 // where to store the child's thread id
	exitSignal   uint64
	_            [5]uint64 // stack, thread-local storage, wanted process ids
	cgroup       uint64
}

const cloneClearSignalHandlers = 0x100000000

// call appends a system call. What its arguments point at is given to keep.
func (s *steps) call(name string, number uintptr, arguments ...uintptr) {
	s.flagged(0, name, number, arguments...)
}

func (s *steps) flagged(flags uintptr, name string, number uintptr, arguments ...uintptr) {
	next := step{number: number, flags: flags}
	copy(next.arguments[:], arguments)
	s.list = append(s.list, next)
	s.names = append(s.names, name)
}

// keep returns the address of a value that steps point at, and keeps the value
// until the process has made them.
func keep[T any](s *steps, value *T) uintptr {
	s.kept = append(s.kept, value)
	return uintptr(unsafe.Pointer(value))
}

// text returns the address of a string that ends with a NUL.
func (s *steps) text(value string) (uintptr, error) {
	b, err := unix.BytePtrFromString(value)
	if err != nil {
		return 0, err
	}
	return keep(s, b), nil
}

// texts returns the address of a list of strings.
func (s *steps) texts(values []string) (uintptr, error) {
	list := make([]*byte, len(values)+1)
	for i, value := range values {
		b, err := unix.BytePtrFromString(value)
		if err != nil {
			return 0, err
		}
		list[i] = b
	}
	s.kept = append(s.kept, list)
	return uintptr(unsafe.Pointer(&list[0])), nil
}

// write appends the writing of a file that must exist.
func (s *steps) write(name, path, content string) error {
	file, err := s.text(path)
	if err != nil {
		return err
	}
	b := []byte(content)
	s.kept = append(s.kept, b)
	here := unix.AT_FDCWD
	s.flagged(stepKeeps, name, unix.SYS_OPENAT, uintptr(here), file, unix.O_WRONLY|unix.O_CLOEXEC)
	s.flagged(stepUses, name, unix.SYS_WRITE, 0, uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	s.flagged(stepUses, name, unix.SYS_CLOSE)
	return nil
}

// execute appends the execution of a program, which is the last step.
func (s *steps) execute(argv, env []string) error {
	path, err := s.text(argv[0])
	if err != nil {
		return err
	}
	arguments, err := s.texts(argv)
	if err != nil {
		return err
	}
	environment, err := s.texts(env)
	if err != nil {
		return err
	}
	s.call("", unix.SYS_EXECVE, path, arguments, environment)
	return nil
}

// quit appends the process's end in place of an execution.
func (s *steps) quit() { s.call("end", unix.SYS_EXIT_GROUP) }

// A stepError is a step that failed. Where it was the execution, that is a bare
// errno.
type stepError struct {
	name  string
	errno syscall.Errno
}

func (e stepError) Error() string { return e.name + ": " + e.errno.Error() }
func (e stepError) Unwrap() error { return e.errno }

// fork starts a process that makes the steps, in the cgroup v2 if that is not
// negative. It is gone again if there is an error, and else the caller's to wait
// for. Forks are the caller's to do one at a time.
func (s *steps) fork(cgroup int) (pid, pidfd int, err error) {
	var fd int32 = -1
	clone := &cloneArguments{
		flags: unix.CLONE_VM | unix.CLONE_VFORK | unix.CLONE_PIDFD | cloneClearSignalHandlers,
		pidfd: uint64(uintptr(unsafe.Pointer(&fd))), exitSignal: uint64(unix.SIGCHLD),
	}
	if cgroup >= 0 {
		clone.flags |= unix.CLONE_INTO_CGROUP
		clone.cgroup = uint64(cgroup)
	}
	// A signal's handler would run in the child on its parent's memory.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, before unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^all.Val[i]
	}
	syscall.ForkLock.Lock()
	defer syscall.ForkLock.Unlock()
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &before); err != nil {
		return 0, -1, fmt.Errorf("block signals: %w", err)
	}
	id, errno := forkSteps(clone, unsafe.Sizeof(*clone), &s.list[0])
	maskErr := unix.PthreadSigmask(unix.SIG_SETMASK, &before, nil)
	runtime.KeepAlive(s)
	runtime.KeepAlive(clone)
	if errno != 0 {
		return 0, -1, stepError{"start a process", syscall.Errno(errno)}
	}
	for i, step := range s.list {
		if step.errno != 0 {
			err = stepError{s.names[i], syscall.Errno(step.errno)}
			if step.number == unix.SYS_EXECVE {
				err = syscall.Errno(step.errno)
			}
		}
	}
	if err == nil {
		err = maskErr
	}
	if err != nil {
		unix.Close(int(fd))
		for {
			if _, waitErr := syscall.Wait4(int(id), nil, 0, nil); waitErr != syscall.EINTR {
				break
			}
		}
		return 0, -1, err
	}
	return int(id), int(fd), nil
}
