package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// A box is one launch in the shim: what was prepared, and later the processes.
type box struct {
	shim   *shim
	launch uint64
	// request is what it was prepared by, and output where its program writes.
	request prepareRequest
	output  int
	cgroup  int // descriptor of the cgroup v2 folder, or -1
	slot    *slot
	// landlock is as in assignRequest.
	landlock []confine.Rule
	// work is what the parked thread waits for; closed to discard. nil without
	// namespaces.
	work chan assignment
	// assigned and discarded are for the main goroutine.
	assigned, discarded bool

	// What follows is guarded by shim.forking.

	// init is the first process of the pid namespace; with it ends every other. 0
	// without namespaces.
	init int
	// program is the function's own; 0 as long as it is not started.
	program    int
	extensions []int
	status     syscall.WaitStatus
	// left is how many of the shim's children among them have not ended.
	left int
	// idle is true when what was asked for last is answered, over when nothing more is
	// started for it, gone when its end was reported.
	idle, over, gone bool
}

// An assignment is an assignRequest with what must be had from outside the
// instance's root.
type assignment struct {
	assignRequest
	outputs []int
	trees   []tree
	err     error
}

// inhabit prepares the box, and parks until it is assigned or discarded. The calling
// goroutine must end after it, and must not be the main one.
func (b *box) inhabit() {
	runtime.LockOSThread() // and never unlocked: the thread is thrown away
	defer b.close()
	s := b.shim
	s.launching <- struct{}{}
	tmp, err := b.prepare()
	<-s.launching
	if tmp >= 0 {
		defer unix.Close(tmp)
	}
	if err != nil {
		b.fail(0, err)
		return
	}
	work, ok := <-b.work
	if !ok {
		b.end()
		return
	}
	s.launching <- struct{}{}
	defer func() { <-s.launching }()
	b.assign(work)
}

// close closes what the box was given, which is not needed once everything is started.
func (b *box) close() { closeAll(openOnly(b.output, b.cgroup)) }

// prepare makes what is of no function and reports it.
func (b *box) prepare() (tmp int, err error) {
	tmp = -1
	var passed []int
	var names []descriptor
	pass := func(name descriptor, fd int) {
		names, passed = append(names, name), append(passed, fd)
	}
	if b.shim.config.Namespaces {
		listeners, isolated, err := b.isolate()
		defer listeners.close()
		tmp = isolated
		if err != nil {
			return tmp, err
		}
		pass(passedTmp, tmp)
		wayOut := -1
		if b.slot != nil {
			wayOut = b.slot.wayOut
		}
		for name, fd := range map[descriptor]int{passedAPI: listeners.api, passedLocal: listeners.local, passedIngress: listeners.ingress, passedWayOut: wayOut} {
			if fd >= 0 {
				pass(name, fd)
			}
		}
	}
	if b.request.Warm != nil {
		pidfd, err := b.start(*b.request.Warm, b.output, func(pid int) { b.program = pid })
		if err != nil {
			return tmp, err
		}
		defer unix.Close(pidfd)
		pass(passedProcess, pidfd)
	}
	b.shim.tell(shimEvent{Kind: eventPrepared, Launch: b.launch, Passed: names}, passed...)
	b.settle(false)
	return tmp, nil
}

// assign makes the box the function's: mounts, starts, reports.
func (b *box) assign(a assignment) {
	defer closeAll(a.outputs)
	defer closeTrees(a.trees)
	b.shim.forking.Lock()
	b.idle = false
	b.shim.forking.Unlock()
	b.landlock = a.Landlock
	err := a.err
	if err == nil && b.shim.config.Namespaces {
		err = b.shim.root.assign(a)
	}
	if err != nil {
		b.fail(0, err)
		return
	}
	for i, extension := range a.Extensions {
		pidfd, err := b.start(extension, a.outputs[i], func(pid int) { b.extensions = append(b.extensions, pid) })
		if err != nil {
			b.fail(i+1, err)
			return
		}
		unix.Close(pidfd)
	}
	if a.Program == nil {
		b.shim.tell(shimEvent{Kind: eventStarted, Launch: b.launch})
		b.settle(true)
		return
	}
	pidfd, err := b.start(*a.Program, b.output, func(pid int) { b.program = pid })
	if err != nil {
		b.fail(0, err)
		return
	}
	defer unix.Close(pidfd)
	b.shim.tell(shimEvent{Kind: eventStarted, Launch: b.launch, Passed: []descriptor{passedProcess}}, pidfd)
	b.settle(true)
}

// start starts a process of the instance from the calling thread. started is told
// its id before anybody can see its end.
func (b *box) start(p programRequest, output int, started func(pid int)) (pidfd int, err error) {
	s := b.shim
	rules := rootLandlock
	if !s.config.Namespaces {
		rules = b.landlock
	}
	ruleset, err := confine.Ruleset(rules)
	if err != nil {
		return -1, err
	}
	defer closeAll(openOnly(ruleset))
	list, err := s.steps(b, p, output, ruleset)
	if err != nil {
		return -1, err
	}
	s.forking.Lock()
	defer s.forking.Unlock()
	if s.ending || b.over {
		return -1, errors.New("the instance is over already")
	}
	if !s.config.Namespaces {
		// This thread goes on living, so that it leaves the instance's cgroups again,
		// before anybody can see the instance end and kill what is in them.
		defer joinCgroups(s.config.CgroupTasks) //nolint:errcheck // they were joinable when the shim was started
		if err := joinCgroups(b.request.CgroupTasks); err != nil {
			return -1, err
		}
	}
	pid, pidfd, err := list.fork(b.cgroup)
	if err != nil {
		return -1, err
	}
	started(pid)
	s.watch(pid, b)
	return pidfd, nil
}

// settle takes notice of that the runtime has its answer, and nothing more is started
// if that is over. What has ended meanwhile is reported now.
func (b *box) settle(over bool) {
	s := b.shim
	s.forking.Lock()
	defer s.forking.Unlock()
	b.idle = true
	b.over = b.over || over
	s.settle(b)
}

// fail reports why the box cannot be prepared or assigned, and ends it.
func (b *box) fail(extension int, err error) {
	event := shimEvent{Kind: eventFailed, Launch: b.launch, Extension: extension, Error: err.Error()}
	switch errno, ok := err.(syscall.Errno); { //nolint:errorlint // a wrapped one is of something else
	case !ok:
	case errno == syscall.EAGAIN, errno == syscall.ENOMEM, errno == syscall.EMFILE, errno == syscall.ENFILE:
		event.Error = "start a process: " + err.Error() // the host's fault, not the program's
	default:
		event.Errno = int(errno)
	}
	b.shim.tell(event)
	b.end()
}

// end ends every process of the box, and has its end reported when none is left.
func (b *box) end() {
	s := b.shim
	s.forking.Lock()
	defer s.forking.Unlock()
	b.idle, b.over = true, true
	b.kill()
	s.settle(b)
}

// kill kills what was started. shim.forking is held.
func (b *box) kill() {
	if b.init != 0 {
		// With the first process the kernel ends all others of the namespace, before it
		// lets that be reaped.
		if _, ok := b.shim.running[b.init]; ok {
			syscall.Kill(b.init, syscall.SIGKILL) //nolint:errcheck // it may have ended
		}
		return
	}
	for _, pid := range append(slices.Clone(b.extensions), b.program) {
		if pid != 0 {
			// What stayed in its process group ends here, and the rest is the runtime's to
			// find.
			syscall.Kill(-pid, syscall.SIGKILL) //nolint:errcheck // the group may be empty
		}
	}
}

// isolate moves the calling thread to where the instance is to run: cgroups,
// namespaces, root, no privileges to gain. It returns the listeners of the network
// namespace and a descriptor of the instance's /tmp; those that are not there are -1.
func (b *box) isolate() (l listeners, tmp int, err error) {
	s := b.shim
	l = noListeners
	if err := joinCgroups(b.request.CgroupTasks); err != nil {
		return l, -1, err
	}
	mountpoints, err := s.root.prepare(b.request.Root)
	if err != nil {
		return l, -1, err
	}
	if b.request.Network != hostNetwork {
		if l, err = b.connect(); err != nil {
			return l, -1, err
		}
	}
	if err := unix.Unshare(unix.CLONE_FS | instanceNamespaces); err != nil {
		return l, -1, fmt.Errorf("make namespaces: %w", err)
	}
	mounted, err := s.startInit(b)
	if err != nil {
		return l, -1, err
	}
	if b.request.Network != hostNetwork {
		if l.local, err = s.root.listenLocally(b.launch); err != nil {
			return l, -1, err
		}
	}
	uid := b.request.UID
	if uid == 0 {
		uid = s.config.UID
	}
	if tmp, err = s.root.enter(mountpoints, uid, mounted); err != nil {
		return l, -1, err
	}
	return l, tmp, giveUpPrivileges()
}

// instanceNamespaces are each instance's own, besides the network's, which is
// entered, and the user's, which is made with each process.
const instanceNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP
