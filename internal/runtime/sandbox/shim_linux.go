package sandbox

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// shimName is the argument zero of a shim, which is this program again.
const shimName = "tidegate-shim"

// shimDescriptor is the shim's end of the pair.
const shimDescriptor = 3

// A process that a sandbox started as its shim becomes one here, before main.
// Were it left to main to call this, a test binary that forgets to would run its
// tests once more in every shim.
func init() {
	if os.Args[0] != shimName {
		return
	}
	// What starts an instance throws its thread away afterwards, for the thread has
	// gone into the instance's namespaces. Go cannot throw the main thread away, so
	// that the main goroutine, which never does this, keeps it for itself.
	runtime.LockOSThread()
	if err := runShim(); err != nil {
		fmt.Fprintln(os.Stderr, "sandbox shim:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A shim stands between the runtime and the instances, one for all of them. It
// is the first process of a pid namespace, so that when it ends for whatever
// reason, the kernel ends every instance. And it ends with the runtime: their
// connection tells, which the kernel closes however the runtime has died. What the
// runtime then could not remove from the host, the shim removes.
//
// For each instance it takes a fresh thread, moves it into namespaces, builds
// the root, gives up privileges and forks; the child inherits it all, and the
// thread is thrown away. That takes a millisecond or two, where executing this
// program once more per instance would take ten, and a resident copy of it
// megabytes.
type shim struct {
	conn     conn
	config   shimConfig
	root     *commonRoot // nil without namespaces
	null     int
	launcher *launcher
	// launching bounds how many instances are started at a time: more would not be
	// faster, and each takes a thread.
	launching chan struct{}

	// forking is held from before a fork until the child is in running, so that its
	// end is never seen first.
	forking sync.Mutex
	ending  bool          // nothing may be forked any more
	running map[int]*pair // by the process ids of both
	forked  chan struct{} // tells the reaper that there is a child again
}

// A pair is the two processes the shim starts for an instance.
type pair struct {
	launch uint64
	// init is the first process of the pid namespace; with it ends every other. 0
	// without namespaces.
	init int
	// function is the program itself; 0 if it was never started.
	function int
	status   syscall.WaitStatus
	// left is how many of the two have not ended.
	left int
}

func runShim() error {
	c, err := newConn(shimDescriptor)
	if err != nil {
		return err
	}
	s := &shim{conn: c, running: map[int]*pair{}, forked: make(chan struct{}, 1), launching: make(chan struct{}, 2*runtime.GOMAXPROCS(0))}
	if _, err := c.receive(&s.config); err != nil {
		return err
	}
	if err := s.setUp(); err != nil {
		return c.send(shimEvent{Kind: eventReady, Error: err.Error()})
	}
	c.send(shimEvent{Kind: eventReady}) //nolint:errcheck // if the runtime is gone, receiving says so
	go s.reap()
	for {
		var r launchRequest
		descriptors, err := c.receive(&r)
		switch {
		case err != nil:
			s.bury()
			return nil
		case r.Bye:
			return nil
		case s.config.Namespaces:
			go func() {
				s.launching <- struct{}{}
				defer func() { <-s.launching }()
				s.launch(r, descriptors)
			}()
		default:
			// A child gets its parent-death signal when the thread that forked it ends.
			// This one lives as long as the shim.
			s.launch(r, descriptors)
		}
	}
}

func (s *shim) setUp() error {
	// The runtime decides when to end, also where a service manager tells all processes
	// at once. To ignore the signals would make instances ignore them too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// Whoever started the runtime may have left descriptors open in it by mistake.
	// None of them is an instance's.
	if err := unix.CloseRange(shimDescriptor, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep open descriptors from instances (Linux 5.11 can): %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open /dev/null: %w", err)
	}
	s.null = null
	if err := limitResources(); err != nil {
		return err
	}
	if !s.config.Namespaces {
		// This thread forks every instance, and they inherit it.
		if err := refusePrivileges(); err != nil {
			return err
		}
		s.launcher, err = newLauncher(filepath.Join(s.config.Dir, "launcher"), true)
		return err
	}
	if s.root, err = newCommonRoot(s.config.RootDir, s.config); err != nil {
		return err
	}
	if s.launcher, err = newLauncher(filepath.Join(s.config.RootDir, "launcher"), false); err != nil {
		return err
	}
	return s.rehearse()
}

// maxOpenFiles is Lambda's limit on file descriptors per execution environment.
const maxOpenFiles = 1024

// coreLimit is in bytes. It allows no core dump, and, as the kernel has it, none is given
// to the host's handler of crashes either: with a limit of 0 that would get it, and keep
// what a function had in memory (core(5)).
const coreLimit = 1

// limitResources sets what every instance inherits.
func limitResources() error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_NOFILE: maxOpenFiles, unix.RLIMIT_CORE: coreLimit} {
		var now unix.Rlimit
		if err := unix.Getrlimit(resource, &now); err != nil {
			return fmt.Errorf("read a resource limit: %w", err)
		}
		limit = min(limit, now.Max)
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit}); err != nil {
			return fmt.Errorf("set a resource limit: %w", err)
		}
	}
	return nil
}

// rehearse does what a launch does up to the fork, to learn now what the host
// does not allow.
func (s *shim) rehearse() error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		var p pair
		tmp, err := s.isolate(launchRequest{Root: &rootSpec{Task: s.config.RootDir, TmpMB: 1}}, &p)
		if err == nil {
			unix.Close(tmp)
		}
		s.abandon(&p)
		failed <- err
	}()
	return <-failed
}

// launch starts one instance and reports it. With namespaces the calling
// goroutine must end after it, and must not be the main one.
func (s *shim) launch(r launchRequest, descriptors []int) {
	defer closeAll(descriptors)
	fail := func(err error) {
		event := shimEvent{Kind: eventFailed, Launch: r.Launch, Error: err.Error()}
		switch errno, ok := err.(syscall.Errno); { //nolint:errorlint // a wrapped one is of something else
		case !ok:
		case errno == syscall.EAGAIN, errno == syscall.ENOMEM, errno == syscall.EMFILE, errno == syscall.ENFILE:
			event.Error = "start a process: " + err.Error() // the host's fault, not the program's
		default:
			event.Errno = int(errno)
		}
		s.conn.send(event) //nolint:errcheck // if the runtime is gone, so is this process
	}
	if len(descriptors) == 0 || r.CgroupFD && len(descriptors) < 2 || len(r.Argv) == 0 {
		fail(fmt.Errorf("the launch request is incomplete"))
		return
	}
	tmp := -1
	p := &pair{launch: r.Launch}
	if s.config.Namespaces {
		runtime.LockOSThread() // and never unlocked: the thread is thrown away
		var err error
		if tmp, err = s.isolate(r, p); err != nil {
			s.abandon(p)
			fail(err)
			return
		}
		defer unix.Close(tmp)
	}

	pidfd := -1
	attributes := &syscall.ProcAttr{
		Dir:   r.Dir,
		Env:   r.Env,
		Files: []uintptr{uintptr(s.null), uintptr(descriptors[0]), uintptr(descriptors[0])},
		Sys:   &syscall.SysProcAttr{Setsid: true, PidFD: &pidfd},
	}
	if !s.config.Namespaces {
		attributes.Sys.Pdeathsig = syscall.SIGKILL
	}
	if r.UID != 0 {
		attributes.Sys.Credential = &syscall.Credential{Uid: uint32(r.UID), Gid: uint32(r.UID)}
	}
	if r.CgroupFD {
		attributes.Sys.UseCgroupFD, attributes.Sys.CgroupFD = true, descriptors[1]
	}
	rules := rootLandlock
	if !s.config.Namespaces {
		rules = r.Landlock
	}
	ruleset, err := landlockRuleset(rules)
	if err != nil {
		s.abandon(p)
		fail(err)
		return
	}
	defer closeAll(openOnly(ruleset))
	s.forking.Lock()
	defer s.forking.Unlock()
	if s.ending {
		return
	}
	pid, executed, err := s.fork(r, attributes, ruleset)
	if err == nil {
		err = executed()
	}
	if err != nil {
		closeAll(openOnly(pidfd))
		s.abandon(p)
		fail(err)
		return
	}
	p.function = pid
	s.watch(pid, p)
	passed := []int{pidfd}
	if tmp >= 0 {
		passed = append(passed, tmp)
	}
	s.conn.send(shimEvent{Kind: eventStarted, Launch: r.Launch}, passed...) //nolint:errcheck // as above
	unix.Close(pidfd)
}

// fork starts the program from the calling thread. Without namespaces that is
// one that goes on living, so that it leaves the instance's cgroups again, before
// anybody can see the instance end and kill what is in them.
func (s *shim) fork(r launchRequest, attributes *syscall.ProcAttr, ruleset int) (int, func() error, error) {
	if !s.config.Namespaces {
		defer joinCgroups(s.config.CgroupTasks) //nolint:errcheck // they were joinable when the shim was started
		if err := joinCgroups(r.CgroupTasks); err != nil {
			return 0, nil, err
		}
	}
	return s.launcher.fork(r.Argv, attributes, ruleset)
}

// bury ends every instance and removes what a runtime that has died left on the
// host.
func (s *shim) bury() {
	s.forking.Lock()
	s.ending = true
	for pid := range s.running {
		syscall.Kill(pid, syscall.SIGKILL) //nolint:errcheck // it may have ended
	}
	s.forking.Unlock()
	if s.config.Namespaces {
		syscall.Kill(-1, syscall.SIGKILL) //nolint:errcheck // all in this pid namespace, if there are any
	} else {
		for _, group := range s.config.Groups {
			killGroup(group)
		}
		killMarked(s.config.Dir)
	}
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			break
		}
	}
	if s.config.Namespaces {
		unix.Unmount(s.config.RootDir, unix.MNT_DETACH) //nolint:errcheck // removing the folder fails then
	}
	// What stays, if anything does, the next runtime removes.
	for _, group := range s.config.Groups {
		removeOwnersGroup(group)
	}
	os.RemoveAll(s.config.Dir) //nolint:errcheck // as above
}

// watch has the reaper look after a child. s.forking is held.
func (s *shim) watch(pid int, p *pair) {
	s.running[pid] = p
	p.left++
	select {
	case s.forked <- struct{}{}:
	default:
	}
}

// abandon ends what was started for an instance that could not be.
func (s *shim) abandon(p *pair) {
	if p.init != 0 {
		syscall.Kill(p.init, syscall.SIGKILL) //nolint:errcheck // it may have ended
	}
}

// reap waits for children, and reports instances of which nothing is left.
func (s *shim) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch err {
		case nil:
			s.forking.Lock()
			if p, ok := s.running[pid]; ok {
				delete(s.running, pid)
				s.ended(pid, p, status)
			}
			s.forking.Unlock()
		case syscall.ECHILD:
			<-s.forked
		}
	}
}

// ended takes notice of the end of one of the two. s.forking is held.
func (s *shim) ended(pid int, p *pair, status syscall.WaitStatus) {
	p.left--
	if pid == p.function {
		p.status = status
		// With the first process the kernel ends all others of the namespace, before it
		// lets that be reaped. Without one, what stayed in the function's process group
		// ends here, and the rest is the runtime's to find.
		if p.left > 0 {
			syscall.Kill(p.init, syscall.SIGKILL) //nolint:errcheck // it may have ended
		} else if p.init == 0 {
			syscall.Kill(-pid, syscall.SIGKILL) //nolint:errcheck // the group may be empty
		}
	}
	if p.left == 0 && p.function != 0 {
		s.conn.send(shimEvent{Kind: eventExited, Launch: p.launch, Status: uint32(p.status)}) //nolint:errcheck // as above
	}
}

// isolate moves the calling thread to where the instance is to run: cgroups,
// namespaces, root, no privileges to gain. It returns a descriptor of the
// instance's /tmp.
func (s *shim) isolate(r launchRequest, p *pair) (tmp int, err error) {
	if err := joinCgroups(r.CgroupTasks); err != nil {
		return -1, err
	}
	mountpoints, err := s.root.prepare(r.Root)
	if err != nil {
		return -1, err
	}
	if err := unix.Unshare(unix.CLONE_FS | instanceNamespaces); err != nil {
		return -1, fmt.Errorf("make namespaces: %w", err)
	}
	mounted, err := s.startInit(p)
	if err != nil {
		return -1, err
	}
	uid := r.UID
	if uid == 0 {
		uid = s.config.UID
	}
	if tmp, err = s.root.enter(r.Root, mountpoints, uid, mounted); err != nil {
		return -1, err
	}
	if err := giveUpPrivileges(); err != nil {
		unix.Close(tmp)
		return -1, err
	}
	return tmp, nil
}

// startInit starts the first process of the pid namespace the calling thread has
// made, see init_linux.go. The function returned waits until /proc is mounted.
func (s *shim) startInit(p *pair) (mounted func() error, err error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("make a pipe: %w", err)
	}
	defer unix.Close(pipe[1])
	s.forking.Lock()
	defer s.forking.Unlock()
	if s.ending {
		unix.Close(pipe[0])
		return nil, errors.New("the runtime is gone")
	}
	p.init, err = syscall.ForkExec(s.root.init, []string{"proc", s.root.readOnly + "/proc"}, &syscall.ProcAttr{
		Env: []string{}, Files: []uintptr{uintptr(s.null), uintptr(pipe[1]), uintptr(s.null)},
	})
	if err != nil {
		unix.Close(pipe[0])
		// Not the bare errno, which would be taken for the function's program's.
		return nil, fmt.Errorf("start the instance's first process: %w", err)
	}
	s.watch(p.init, p)
	return func() error {
		defer unix.Close(pipe[0])
		var errno [1]byte
		if n, err := unix.Read(pipe[0], errno[:]); n != 1 {
			return fmt.Errorf("the instance's first process ended early: %w", errors.Join(err, io.ErrUnexpectedEOF))
		}
		if errno[0] != 0 {
			return fmt.Errorf("mount /proc: %w", syscall.Errno(errno[0]))
		}
		return nil
	}, nil
}

// instanceNamespaces are each instance's own. The user namespace, if there is
// one, is the shim's; the network is the host's.
const instanceNamespaces = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// joinCgroups moves the calling thread, and so its children to come.
func joinCgroups(tasks []string) error {
	for _, file := range tasks {
		if err := os.WriteFile(file, []byte("0"), 0); err != nil {
			return fmt.Errorf("join the instance's cgroup: %w", err)
		}
	}
	return nil
}

// giveUpPrivileges sees to it that nothing the thread executes has or gains any.
// The thread keeps its own capabilities: it must still change the user.
func giveUpPrivileges() error {
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for capability := uintptr(0); ; capability++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if err == unix.EINVAL { // beyond the last
			break
		}
		if err != nil {
			return fmt.Errorf("drop capabilities: %w", err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	sets[0].Inheritable, sets[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &sets[0]); err != nil {
		return fmt.Errorf("make capabilities not inheritable: %w", err)
	}
	return refusePrivileges()
}

// refusePrivileges makes setuid programs and the like ordinary ones for what this
// thread executes.
func refusePrivileges() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}
