package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A shimClient is the runtime's end of a shim.
type shimClient struct {
	conn conn
	// lacking says which measures the host does not allow, and why.
	lacking map[string]string
	// end is closed to end the shim's process, gone once it has ended.
	end, gone chan struct{}

	mu       sync.Mutex
	last     uint64
	launches map[uint64]*shimLaunch
}

// A shimLaunch is the runtime's end of a box in the shim.
type shimLaunch struct {
	shim    *shimClient
	id      uint64
	answers chan shimAnswer
	// asking is held by who waits for one of sockets.
	asking  sync.Mutex
	sockets chan shimAnswer
	// extensionEnded, if not nil, is told of extensions' ends, counted from 0. Guarded
	// by shim.mu.
	extensionEnded func(extension int, status syscall.WaitStatus)

	// exited is closed when nothing of it runs any more. status is how its program
	// ended, unless the shim has died with it, which is lost.
	exited chan struct{}
	status syscall.WaitStatus
	lost   bool
}

type shimAnswer struct {
	event       shimEvent
	descriptors map[descriptor]int
}

// namespaceKind is what a shim is cloned into.
type namespaceKind int

const (
	noNamespaces namespaceKind = iota
	// userNamespaces are for who is not root: the shim has all rights in a user
	// namespace, and none outside.
	userNamespaces
	rootNamespaces
)

// functionUID is the user instances have where they cannot have one each.
const functionUID = 993

// startShim starts one. others, if not nil, are the ids of userNamespaces besides the
// runtime's own user.
func startShim(kind namespaceKind, others *subordinates, config shimConfig) (*shimClient, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the shim's socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "shim socket")
	defer theirs.Close()
	c, err := newConn(pair[0])
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{shimName}
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if kind != noNamespaces {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS
	}
	if kind == userNamespaces {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		if others == nil {
			cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: functionUID, HostID: os.Geteuid(), Size: 1}}
			cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: functionUID, HostID: os.Getegid(), Size: 1}}
		}
		// Who is not root in the namespace would lose its capabilities on execution.
		cmd.SysProcAttr.AmbientCaps = []uintptr{
			unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_DAC_OVERRIDE, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW,
		}
		if others != nil { // whose processes the shim starts and ends
			cmd.SysProcAttr.AmbientCaps = append(cmd.SysProcAttr.AmbientCaps, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL)
		}
	}
	s := &shimClient{
		conn: c, end: make(chan struct{}), gone: make(chan struct{}),
		launches: map[uint64]*shimLaunch{},
	}
	if err := cmd.Start(); err != nil {
		c.Close()
		return nil, explainStart(kind, err)
	}
	go s.attend(cmd)
	var ready shimEvent
	if others != nil {
		err = others.mapInto(cmd.Process.Pid) // it waits for its configuration
	}
	if err == nil {
		err = c.send(config)
	}
	if err == nil {
		_, err = c.receive(&ready)
	}
	switch {
	case err != nil:
	case ready.Error != "":
		err = errors.New(ready.Error)
	case ready.Kind != eventReady:
		err = fmt.Errorf("the shim begins with %q", ready.Kind)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	s.lacking = ready.Lacking
	go s.receive()
	return s, nil
}

// explainStart says what it means that a shim cannot be started so.
func explainStart(kind namespaceKind, err error) error {
	switch {
	case kind == rootNamespaces && errors.Is(err, unix.EPERM):
		return errors.New("this process may not make namespaces (that takes CAP_SYS_ADMIN)")
	case kind == userNamespaces && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL)):
		return errors.New("this host allows no user namespaces")
	}
	return fmt.Errorf("start the shim: %w", err)
}

// attend sees to the end of the process.
func (s *shimClient) attend(cmd *exec.Cmd) {
	<-s.end
	s.conn.send(shimRequest{Kind: requestBye}) //nolint:errcheck // it may have ended
	cmd.Process.Kill()                         //nolint:errcheck // as above
	cmd.Wait()                                 //nolint:errcheck // how it ended is of no interest
	s.conn.Close()
	close(s.gone)
}

// close ends the shim and with it every instance.
func (s *shimClient) close() {
	s.mu.Lock()
	select {
	case <-s.end:
	default:
		close(s.end)
	}
	s.mu.Unlock()
	<-s.gone
}

// dead tells whether the shim can start nothing any more.
func (s *shimClient) dead() bool {
	select {
	case <-s.end:
		return true
	default:
		return false
	}
}

// receive hands the shim's events on, until it is gone.
func (s *shimClient) receive() {
	for {
		var e shimEvent
		descriptors, err := s.conn.receive(&e)
		if err != nil {
			break
		}
		s.mu.Lock()
		l := s.launches[e.Launch]
		var extensionEnded func(int, syscall.WaitStatus)
		if l != nil {
			extensionEnded = l.extensionEnded
		}
		s.mu.Unlock()
		if l == nil || len(e.Passed) != len(descriptors) {
			closeAll(descriptors)
			continue
		}
		passed := map[descriptor]int{}
		for i, name := range e.Passed {
			passed[name] = descriptors[i]
		}
		switch e.Kind {
		case eventPrepared, eventStarted, eventFailed:
			l.answers <- shimAnswer{e, passed}
		case eventSocket:
			l.sockets <- shimAnswer{e, passed}
		case eventExtension:
			if extensionEnded != nil {
				extensionEnded(e.Extension-1, syscall.WaitStatus(e.Status))
			}
		case eventExited:
			l.status = syscall.WaitStatus(e.Status)
			close(l.exited)
			s.mu.Lock()
			delete(s.launches, e.Launch)
			s.mu.Unlock()
		}
	}
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, l := range s.launches {
		delete(s.launches, id)
		l.lost = true
		close(l.exited)
	}
}

// notExecuted is why the kernel would not execute a program.
type notExecuted syscall.Errno

func (e notExecuted) Error() string { return syscall.Errno(e).Error() }

// An extensionFailed is that an extension could not be executed.
type extensionFailed struct {
	extension int // counted from 0
	cause     notExecuted
}

func (e extensionFailed) Error() string { return e.cause.Error() }

var errShimGone = errors.New("the sandbox's shim has ended")

// begin begins a launch, which the caller must end: by discard, or by the end of what
// runs in it, and then by free.
func (s *shimClient) begin() (*shimLaunch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead() {
		return nil, errShimGone
	}
	s.last++
	// Two answers, and a failure that came meanwhile.
	l := &shimLaunch{
		shim: s, id: s.last, answers: make(chan shimAnswer, 3), sockets: make(chan shimAnswer, 1), exited: make(chan struct{}),
	}
	s.launches[l.id] = l
	return l, nil
}

// prepare asks for what the request says and returns the descriptors of it, which are
// the caller's. After an error the launch is discarded already.
func (l *shimLaunch) prepare(ctx context.Context, r prepareRequest, descriptors ...int) (map[descriptor]int, error) {
	return l.ask(ctx, shimRequest{Kind: requestPrepare, Launch: l.id, Prepare: &r}, descriptors...)
}

// assign is like prepare.
func (l *shimLaunch) assign(ctx context.Context, r assignRequest, descriptors ...int) (map[descriptor]int, error) {
	return l.ask(ctx, shimRequest{Kind: requestAssign, Launch: l.id, Assign: &r}, descriptors...)
}

func (l *shimLaunch) ask(ctx context.Context, r shimRequest, descriptors ...int) (map[descriptor]int, error) {
	if err := l.shim.conn.send(r, descriptors...); err != nil {
		if r.Kind == requestPrepare {
			l.forget()
		}
		l.discard()
		return nil, fmt.Errorf("ask the shim for an instance: %w", err)
	}
	select {
	case <-ctx.Done():
		l.discard()
		return nil, ctx.Err()
	case <-l.exited:
		select {
		case answer := <-l.answers: // which came before
			return answer.descriptors, answer.err()
		default:
			return nil, errShimGone
		}
	case answer := <-l.answers:
		return answer.descriptors, answer.err()
	}
}

// socket returns a TCP socket in the network of the launch, which must have one of its
// own; it is the caller's.
func (l *shimLaunch) socket() (int, error) {
	l.asking.Lock()
	defer l.asking.Unlock()
	if err := l.shim.conn.send(shimRequest{Kind: requestSocket, Launch: l.id}); err != nil {
		return -1, fmt.Errorf("ask the shim for a socket: %w", err)
	}
	var answer shimAnswer
	select {
	case answer = <-l.sockets:
	case <-l.exited:
		select {
		case answer = <-l.sockets: // which came before
		default:
			return -1, errInstanceOver
		}
	}
	if answer.event.Error != "" {
		return -1, errors.New(answer.event.Error)
	}
	fd, ok := answer.descriptors[passedSocket]
	if !ok {
		return -1, errors.New("the shim sent no socket")
	}
	return fd, nil
}

// onExtension has f told of extensions' ends. f must not wait.
func (l *shimLaunch) onExtension(f func(extension int, status syscall.WaitStatus)) {
	l.shim.mu.Lock()
	defer l.shim.mu.Unlock()
	l.extensionEnded = f
}

// forget takes back a launch of which the shim does not know.
func (l *shimLaunch) forget() {
	s := l.shim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.launches[l.id] == l {
		delete(s.launches, l.id)
		close(l.exited)
	}
}

func (a shimAnswer) err() error {
	switch cause := notExecuted(a.event.Errno); {
	case a.event.Kind != eventFailed:
		return nil
	case a.event.Extension != 0 && cause != 0:
		return extensionFailed{a.event.Extension - 1, cause}
	case cause != 0:
		return cause
	}
	return errors.New(a.event.Error)
}

// discard ends whatever there is of the launch, and returns when nothing is left.
func (l *shimLaunch) discard() {
	l.shim.conn.send(shimRequest{Kind: requestDiscard, Launch: l.id}) //nolint:errcheck // it has ended then
	<-l.exited
	for {
		select {
		case late := <-l.answers:
			for _, fd := range late.descriptors {
				unix.Close(fd)
			}
		default:
			return
		}
	}
}

// free lets the shim use again what the launch had. Nothing that was passed may be
// open any more.
func (l *shimLaunch) free() {
	l.shim.conn.send(shimRequest{Kind: requestFree, Launch: l.id}) //nolint:errcheck // it has ended then
}
