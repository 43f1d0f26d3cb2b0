package sandbox

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
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
// the root and gives up privileges. That takes a millisecond or two, where executing
// this program once more per instance would take ten, and a resident copy of it
// megabytes. All this is of no function yet, so that the thread may park there until
// there is one for it. Then it mounts the function's own, and forks: the child
// inherits it all, and the thread is thrown away.
type shim struct {
	conn   conn
	config shimConfig
	root   *commonRoot // nil without namespaces
	null   int
	// confinement is every process's.
	confinement *confinement
	// capabilities is how many there are.
	capabilities int
	// userNamespaces is true if instances get one each.
	userNamespaces bool
	// boxes are the launches the runtime has not freed. Only the main goroutine uses
	// them.
	boxes map[uint64]*box
	// launching bounds how many instances are worked on at a time: more would not be
	// faster.
	launching chan struct{}

	slotsMu sync.Mutex
	slots   map[networkKind][]*slot // free ones

	// forking is held from before a fork until the child is in running, so that its
	// end is never seen first.
	forking sync.Mutex
	ending  bool          // nothing may be forked any more
	running map[int]*box  // by the process ids of all children
	forked  chan struct{} // tells the reaper that there is a child again
}

func runShim() error {
	c, err := newConn(shimDescriptor)
	if err != nil {
		return err
	}
	s := &shim{
		conn: c, running: map[int]*box{}, boxes: map[uint64]*box{}, slots: map[networkKind][]*slot{}, forked: make(chan struct{}, 1),
		launching: make(chan struct{}, 2*runtime.GOMAXPROCS(0)), capabilities: countCapabilities(),
	}
	if _, err := c.receive(&s.config); err != nil {
		return err
	}
	lacking, err := s.setUp()
	if err != nil {
		return c.send(shimEvent{Kind: eventReady, Error: err.Error()})
	}
	s.tell(shimEvent{Kind: eventReady, Lacking: lacking})
	go s.reap()
	for {
		var r shimRequest
		descriptors, err := c.receive(&r)
		if err != nil {
			s.bury()
			return nil
		}
		if r.Kind == requestBye {
			return nil
		}
		s.serve(r, descriptors)
	}
}

// tell sends an event. If the runtime is gone, so will be this process.
func (s *shim) tell(e shimEvent, passed ...int) {
	if err := s.conn.send(e, passed...); err != nil && e.Kind != eventFailed {
		s.conn.send(shimEvent{Kind: eventFailed, Launch: e.Launch, Error: err.Error()}) //nolint:errcheck // see above
	}
}

// serve does what the runtime asks for. The main goroutine calls it.
func (s *shim) serve(r shimRequest, descriptors []int) {
	b := s.boxes[r.Launch]
	switch {
	case r.Kind == requestPrepare && r.Prepare != nil && len(descriptors) > 0 && (!r.Prepare.CgroupFD || len(descriptors) > 1):
		s.prepare(r, descriptors)
	case r.Kind == requestAssign && r.Assign != nil && b != nil:
		s.assign(b, *r.Assign, descriptors)
	case r.Kind == requestSocket && b != nil && b.slot != nil:
		s.socket(r.Launch, b.slot)
	case r.Kind == requestDiscard && b != nil:
		s.discard(b)
	case r.Kind == requestFree && b != nil:
		delete(s.boxes, r.Launch)
		if b.slot != nil {
			s.giveSlot(b.slot)
		}
	default:
		closeAll(descriptors)
		s.tell(shimEvent{Kind: eventFailed, Launch: r.Launch, Error: fmt.Sprintf("the %s request is incomplete", r.Kind)})
	}
}

func (s *shim) prepare(r shimRequest, descriptors []int) {
	b := &box{shim: s, launch: r.Launch, request: *r.Prepare, output: descriptors[0], cgroup: -1}
	if r.Prepare.CgroupFD {
		b.cgroup = descriptors[1]
	}
	s.boxes[r.Launch] = b
	if s.config.Namespaces {
		b.work = make(chan assignment, 1)
		go b.inhabit()
		return
	}
	// A child gets its parent-death signal when the thread that forked it ends. This
	// one lives as long as the shim.
	if _, err := b.prepare(); err != nil {
		b.fail(0, err)
		b.close()
		b.discarded = true
	}
}

func (s *shim) assign(b *box, r assignRequest, descriptors []int) {
	if b.assigned || b.discarded {
		closeAll(descriptors)
		return
	}
	b.assigned = true
	a := assignment{assignRequest: r, outputs: descriptors}
	switch {
	case len(descriptors) < len(r.Extensions):
		a.err = errors.New("the assign request lacks outputs of extensions")
	case s.config.Namespaces:
		go func() {
			a.trees, a.err = s.root.take(b.request, r)
			b.work <- a
		}()
		return
	}
	if s.config.Namespaces {
		b.work <- a
		return
	}
	b.assign(a)
	b.close()
}

// socket makes a socket in the network of a launch.
func (s *shim) socket(launch uint64, in *slot) {
	fd, err := socketIn(in.fd)
	if err != nil {
		s.tell(shimEvent{Kind: eventSocket, Launch: launch, Error: err.Error()})
		return
	}
	defer unix.Close(fd)
	s.tell(shimEvent{Kind: eventSocket, Launch: launch, Passed: []descriptor{passedSocket}}, fd)
}

// discard ends the box however far it has come.
func (s *shim) discard(b *box) {
	first := !b.assigned && !b.discarded
	b.discarded = true
	switch {
	case !first:
		b.end()
	case s.config.Namespaces:
		close(b.work)
	default:
		b.end()
		b.close()
	}
}

func (s *shim) setUp() (lacking map[string]string, err error) {
	// The runtime decides when to end, also where a service manager tells all processes
	// at once. To ignore the signals would make instances ignore them too.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	// Whoever started the runtime may have left descriptors open in it by mistake.
	// None of them is an instance's.
	if err := unix.CloseRange(shimDescriptor, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("keep open descriptors from instances (Linux 5.11 can): %w", err)
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/null: %w", err)
	}
	s.null = null
	if s.confinement, err = newConfinement(!s.config.Namespaces); err != nil {
		return nil, err
	}
	if !s.config.Namespaces {
		// This thread forks every instance, and they inherit it.
		return nil, refusePrivileges()
	}
	lacking = map[string]string{}
	reason, err := s.rehearseUsers()
	if err != nil {
		return nil, fmt.Errorf("instances cannot have a user of their own: %w", err)
	}
	if reason != nil {
		lacking[userNamespace] = reason.Error()
	}
	if s.root, err = newCommonRoot(s.config.RootDir, s.config, s.userNamespaces); err != nil {
		return nil, err
	}
	for _, network := range []networkKind{hostNetwork, loopbackNetwork, gatewayNetwork} {
		err := s.rehearse(network)
		switch {
		case err == nil:
		case network == hostNetwork:
			return nil, err
		case network == loopbackNetwork:
			lacking[networkNamespace] = err.Error()
			return lacking, nil
		default:
			lacking[outgoing] = err.Error()
		}
	}
	return lacking, nil
}

// inThread calls f in a thread that is thrown away.
func inThread(f func() error) error {
	failed := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		failed <- f()
	}()
	return <-failed
}

// rehearse does what preparing a launch does, to learn now what the host does not
// allow.
func (s *shim) rehearse(network networkKind) error {
	if network == gatewayNetwork && !s.config.TUN {
		return errors.New("no gateway runs")
	}
	// Its end is nothing to report.
	b := &box{shim: s, cgroup: -1, gone: true, request: prepareRequest{Root: &rootSpec{}, Network: network}}
	err := inThread(func() error {
		l, tmp, err := b.isolate()
		l.close()
		closeAll(openOnly(tmp))
		return err
	})
	b.end()
	if b.slot != nil {
		s.giveSlot(b.slot)
	}
	return err
}

// rehearseUsers finds out whether instances can have their users, and user namespaces:
// reason is why not the latter.
func (s *shim) rehearseUsers() (reason, err error) {
	s.userNamespaces = true
	if reason = s.rehearseUser(); reason == nil {
		return nil, nil
	}
	s.userNamespaces = false
	return reason, s.rehearseUser()
}

func (s *shim) rehearseUser() error {
	uid := functionUID
	switch {
	case s.config.FirstUID != 0:
		uid = s.config.FirstUID
	case s.config.Nested:
		uid = 0
	}
	list := &steps{}
	if err := s.changeUser(list, uid); err != nil {
		return err
	}
	list.quit()
	return inThread(func() error {
		pid, pidfd, err := list.fork(-1)
		if err == nil {
			unix.Close(pidfd)
			syscall.Wait4(pid, nil, 0, nil) //nolint:errcheck // it has ended
		}
		return err
	})
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
	s.leaveCgroups()
	if s.config.Containers != nil {
		s.config.Containers.deleteAll()
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

// leaveCgroups moves the threads that are parked in cgroups v1 out of them.
func (s *shim) leaveCgroups() {
	for _, tasks := range s.config.CgroupTasks {
		procs := tasks[:len(tasks)-len("tasks")] + "cgroup.procs"
		os.WriteFile(procs, []byte("0"), 0) //nolint:errcheck // the groups cannot be removed then
	}
}

// watch has the reaper look after a child. s.forking is held.
func (s *shim) watch(pid int, b *box) {
	s.running[pid] = b
	b.left++
	select {
	case s.forked <- struct{}{}:
	default:
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
			if b, ok := s.running[pid]; ok {
				delete(s.running, pid)
				s.ended(pid, b, status)
			}
			s.forking.Unlock()
		case syscall.ECHILD:
			<-s.forked
		}
	}
}

// ended takes notice of the end of a child. s.forking is held.
func (s *shim) ended(pid int, b *box, status syscall.WaitStatus) {
	b.left--
	if pid == b.program {
		b.status = status
		b.over = true
		b.kill()
	}
	for i, extension := range b.extensions {
		if pid == extension {
			s.tell(shimEvent{Kind: eventExtension, Launch: b.launch, Extension: i + 1, Status: uint32(status)})
		}
	}
	s.settle(b)
}

// settle reports the box's end when that has come. s.forking is held.
func (s *shim) settle(b *box) {
	if b.idle && b.over && b.left == 0 && !b.gone {
		b.gone = true
		s.tell(shimEvent{Kind: eventExited, Launch: b.launch, Status: uint32(b.status)})
	}
}

// startInit starts the first process of the pid namespace the calling thread has
// made, see init_linux.go. The function returned waits until /proc is mounted.
func (s *shim) startInit(b *box) (mounted func() error, err error) {
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
	b.init, err = syscall.ForkExec(s.root.init, []string{"proc", s.root.readOnly + "/proc"}, &syscall.ProcAttr{
		Env: []string{}, Files: []uintptr{uintptr(s.null), uintptr(pipe[1]), uintptr(s.null)},
	})
	if err != nil {
		unix.Close(pipe[0])
		// Not the bare errno, which would be taken for the function's program's.
		return nil, fmt.Errorf("start the instance's first process: %w", err)
	}
	s.watch(b.init, b)
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
