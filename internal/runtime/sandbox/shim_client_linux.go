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
	// end is closed to end the shim's process, gone once it has ended.
	end, gone chan struct{}

	mu       sync.Mutex
	launches uint64
	waiting  map[uint64]chan launchResult
	exits    map[uint64]chan syscall.WaitStatus
}

type launchResult struct {
	event       shimEvent
	descriptors []int
}

// A launched is a process the shim started.
type launched struct {
	pidfd int
	tmp   int // -1 without a root of its own
	// exit gives the status once; it is closed without one if the shim has died, and
	// every instance with it.
	exit <-chan syscall.WaitStatus
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

func startShim(kind namespaceKind, config shimConfig) (*shimClient, error) {
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
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: functionUID, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: functionUID, HostID: os.Getegid(), Size: 1}}
		// Who is not root in the namespace would lose its capabilities on execution.
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP, unix.CAP_DAC_OVERRIDE}
	}
	s := &shimClient{
		conn: c, end: make(chan struct{}), gone: make(chan struct{}),
		waiting: map[uint64]chan launchResult{}, exits: map[uint64]chan syscall.WaitStatus{},
	}
	if err := cmd.Start(); err != nil {
		c.Close()
		return nil, explainStart(kind, err)
	}
	go s.attend(cmd)
	var ready shimEvent
	if err = c.send(config); err == nil {
		_, err = c.receive(&ready)
	}
	if err == nil && ready.Error != "" {
		err = errors.New(ready.Error)
	}
	if err != nil {
		s.close()
		return nil, err
	}
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
	s.conn.send(launchRequest{Bye: true}) //nolint:errcheck // it may have ended
	cmd.Process.Kill()                    //nolint:errcheck // as above
	cmd.Wait()                            //nolint:errcheck // how it ended is of no interest
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
		switch e.Kind {
		case eventStarted, eventFailed:
			waiting, ok := s.waiting[e.Launch]
			delete(s.waiting, e.Launch)
			if e.Kind == eventFailed {
				delete(s.exits, e.Launch)
			}
			if ok {
				waiting <- launchResult{e, descriptors}
			} else { // given up; it must not run
				for _, fd := range descriptors[:min(1, len(descriptors))] {
					unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) //nolint:errcheck // it may have ended
				}
				closeAll(descriptors)
			}
		case eventExited:
			if exit, ok := s.exits[e.Launch]; ok {
				delete(s.exits, e.Launch)
				exit <- syscall.WaitStatus(e.Status)
				close(exit)
			}
		}
		s.mu.Unlock()
	}
	s.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for launch, waiting := range s.waiting {
		delete(s.waiting, launch)
		close(waiting)
	}
	for launch, exit := range s.exits {
		delete(s.exits, launch)
		close(exit)
	}
}

// notExecuted is why the kernel would not execute the function's program.
type notExecuted syscall.Errno

func (e notExecuted) Error() string { return syscall.Errno(e).Error() }

var errShimGone = errors.New("the sandbox's shim has ended")

// launch starts a process.
func (s *shimClient) launch(ctx context.Context, r launchRequest, descriptors ...int) (launched, error) {
	result := make(chan launchResult, 1)
	exit := make(chan syscall.WaitStatus, 1)
	s.mu.Lock()
	if s.dead() {
		s.mu.Unlock()
		return launched{}, errShimGone
	}
	s.launches++
	r.Launch = s.launches
	s.waiting[r.Launch], s.exits[r.Launch] = result, exit
	s.mu.Unlock()
	giveUp := func() {
		s.mu.Lock()
		delete(s.waiting, r.Launch)
		s.mu.Unlock()
	}
	if err := s.conn.send(r, descriptors...); err != nil {
		giveUp()
		return launched{}, fmt.Errorf("ask the shim for an instance: %w", err)
	}
	select {
	case <-ctx.Done():
		giveUp()
		return launched{}, ctx.Err()
	case r, ok := <-result:
		switch {
		case !ok:
			return launched{}, errShimGone
		case r.event.Errno != 0:
			return launched{}, notExecuted(r.event.Errno)
		case r.event.Kind == eventFailed:
			return launched{}, errors.New(r.event.Error)
		case len(r.descriptors) == 0:
			return launched{}, errors.New("the shim sent no descriptor of the process")
		}
		l := launched{pidfd: r.descriptors[0], tmp: -1, exit: exit}
		if len(r.descriptors) > 1 {
			l.tmp = r.descriptors[1]
		}
		return l, nil
	}
}
