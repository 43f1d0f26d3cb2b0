package gateway

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownUID is the user of the process where the runtime is root's. By systemd's list
// of user ids (https://systemd.io/UIDS-GIDS) nobody else uses it, and instances' are
// below. Where a user namespace does not have it, it is nobodyUID.
const (
	ownUID    = 0x78000000
	nobodyUID = 65534
)

var errProcessGone = errors.New("the network gateway's process has ended")

// A client is the runtime's end of one process.
type client struct {
	cmd  *exec.Cmd
	peer peer
	// gone is closed when the process has ended, and end says how.
	gone chan struct{}
	end  string

	mu      sync.Mutex
	number  uint64
	waiting map[uint64]chan response // nil once the process is gone
}

func startProcess(c configuration) (*client, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make the network gateway's socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "gateway socket")
	ours, err := newPeer(pair[0])
	if err != nil {
		theirs.Close()
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{processName}
	cmd.Env = []string{}
	cmd.Dir = "/"
	// Opened here, for the thread that starts it can open nothing.
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		theirs.Close()
		ours.Close()
		return nil, fmt.Errorf("start the network gateway: %w", err)
	}
	defer null.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = null, null, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs} // processDescriptor
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = startWithoutPrivileges(cmd)
	theirs.Close() // or the end of theirs would not show
	if err != nil {
		ours.Close()
		return nil, fmt.Errorf("start the network gateway: %w", err)
	}
	p := &client{cmd: cmd, peer: ours, gone: make(chan struct{}), waiting: map[uint64]chan response{}}
	configured := make(chan response, 1)
	p.waiting[0] = configured
	go p.receive()
	if err = p.peer.send(c, -1); err == nil {
		_, err = p.await(configured)
	}
	if err != nil {
		p.kill()
		<-p.gone
		return nil, err
	}
	return p, nil
}

// startWithoutPrivileges starts a process from a thread that has given up what a
// process inherits, and that is thrown away.
func startWithoutPrivileges(cmd *exec.Cmd) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		err := giveUpPrivileges()
		if err == nil {
			err = cmd.Start()
		}
		started <- err
	}()
	return <-started
}

// giveUpPrivileges is for the calling thread and what it executes: nothing there
// gains any, and the few that remain go with root's user (see becomeNobody).
func giveUpPrivileges() error {
	// Whoever started the runtime may have left descriptors open in it by mistake.
	// Those that are meant to be inherited are copied.
	if err := unix.CloseRange(processDescriptor, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keep open descriptors from it (Linux 5.11 can): %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for capability := uintptr(0); ; capability++ {
		if capability == unix.CAP_SETUID || capability == unix.CAP_SETGID || capability == unix.CAP_SYS_RESOURCE {
			continue
		}
		switch err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); {
		case errors.Is(err, unix.EINVAL): // beyond the last
			return restrictFiles()
		case errors.Is(err, unix.EPERM): // this process has none to drop
			return restrictFiles()
		case err != nil:
			return fmt.Errorf("drop capabilities: %w", err)
		}
	}
}

// receive hands responses on until there are no more, and takes notice of the end.
func (p *client) receive() {
	for {
		var r response
		descriptor, err := p.peer.receive(&r)
		if err != nil {
			break
		}
		if descriptor >= 0 { // it has none to send
			unix.Close(descriptor)
		}
		p.mu.Lock()
		waiting, ok := p.waiting[r.Number]
		delete(p.waiting, r.Number)
		p.mu.Unlock()
		if ok {
			waiting <- r
		}
	}
	p.kill()
	p.cmd.Wait() //nolint:errcheck // see below
	p.end = strings.TrimSpace(p.cmd.ProcessState.String())
	p.peer.Close()
	p.mu.Lock()
	for _, waiting := range p.waiting {
		close(waiting)
	}
	p.waiting = nil
	p.mu.Unlock()
	close(p.gone)
}

func (p *client) kill() { p.cmd.Process.Kill() } //nolint:errcheck // it may have ended

// send asks, and returns where the answer comes.
func (p *client) send(r request, descriptor int) (<-chan response, error) {
	answer := make(chan response, 1)
	p.mu.Lock()
	if p.waiting == nil {
		p.mu.Unlock()
		return nil, errProcessGone
	}
	p.number++
	r.Number = p.number
	p.waiting[r.Number] = answer
	p.mu.Unlock()
	err := p.peer.send(r, descriptor)
	if err == nil {
		return answer, nil
	}
	p.mu.Lock()
	delete(p.waiting, r.Number)
	p.mu.Unlock()
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, unix.ENOTCONN) || errors.Is(err, os.ErrClosed) {
		err = errProcessGone
	}
	return nil, fmt.Errorf("ask the network gateway: %w", err)
}

// await waits for an answer.
func (p *client) await(answer <-chan response) (response, error) {
	r, ok := <-answer
	switch {
	case !ok:
		return r, errProcessGone
	case r.Error != "":
		return r, errors.New(r.Error)
	}
	return r, nil
}

func (p *client) call(r request, descriptor int) (response, error) {
	answer, err := p.send(r, descriptor)
	if err != nil {
		return response{}, err
	}
	return p.await(answer)
}
