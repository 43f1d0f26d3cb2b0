package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Gateway is the runtime's end of the gateway's process. Should that die, the
// instances have no network until a new one has taken their interfaces over, and
// their connections are reset; at no time do packets go another way, for there is
// none. Its methods may be called by any goroutine.
type Gateway struct {
	options Options
	// names and resolvConf are what the process is told of; forgetAll ends the former.
	names      *names
	resolvConf *confFile
	forgetAll  context.CancelFunc

	mu        sync.Mutex
	process   *client // nil while there is none
	instances map[string]*added
	closed    bool
	// changed is closed and replaced when process or closed has changed.
	changed chan struct{}
	done    chan struct{} // closed when nothing of it is left
}

type added struct {
	tun    int // a copy of the descriptor
	policy Policy
}

var errClosed = errors.New("the network gateway is closed")

// Start starts the process. As root it takes a user of its own.
func Start(o Options) (*Gateway, error) {
	return start(o, configuration{ResolvConf: resolvConfPath, DNSPort: dnsPort})
}

func start(o Options, c configuration) (*Gateway, error) {
	if o.Memory == 0 {
		o.Memory = 256 << 20
	}
	if o.Report == nil {
		o.Report = func(error) {}
	}
	c.Memory = o.Memory
	if os.Geteuid() == 0 {
		c.UIDs = []int{ownUID, nobodyUID}
	}
	g := &Gateway{
		options: o, resolvConf: &confFile{path: c.ResolvConf},
		instances: map[string]*added{}, changed: make(chan struct{}), done: make(chan struct{}),
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.forgetAll = cancel
	g.names = newNames(ctx, func(ctx context.Context, name string) ([]netip.Addr, error) {
		return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	})
	c.Known = g.knowledge()
	var err error
	if g.process, err = startProcess(c); err != nil {
		cancel()
		return nil, err
	}
	go g.attend(c)
	go g.inform()
	return g, nil
}

// Add gives an instance the network. The policy holds for as long as it is there; an
// id is given once at a time. What was waiting in the interface is lost. tun, as
// NewTUN made it, stays the caller's, who may close it or add it again for the next
// instance; a copy of it is kept here.
func (g *Gateway) Add(id string, tun *os.File, policy Policy) error {
	if id == "" {
		return errors.New("an instance without an id cannot have a network")
	}
	if _, err := compile(policy, nil, nil); err != nil {
		return err
	}
	g.watchNames(policy)
	ours, err := duplicate(tun)
	if err != nil {
		return fmt.Errorf("keep instance %s's network interface: %w", id, err)
	}
	g.mu.Lock()
	if _, ok := g.instances[id]; ok || g.closed {
		g.mu.Unlock()
		unix.Close(ours)
		if ok {
			return fmt.Errorf("instance %s has a network interface already", id)
		}
		return errClosed
	}
	a := &added{ours, policy}
	g.instances[id] = a
	process := g.process
	g.mu.Unlock()
	if process == nil {
		return nil // the next one is told of all there are
	}
	_, err = process.call(request{Add: id, Policy: policy}, ours)
	if err == nil || errors.Is(err, errProcessGone) {
		return nil // as above
	}
	g.forget(id)
	return err
}

// Remove takes the network from an instance and resets its connections. When it
// returns, nothing reads or writes its interface. Of an unknown id there is nothing
// to do.
func (g *Gateway) Remove(id string) {
	if process := g.forget(id); process != nil {
		process.call(request{Remove: id}, -1) //nolint:errcheck // if it has died, the interface is free as well
	}
}

func (g *Gateway) forget(id string) *client {
	g.mu.Lock()
	defer g.mu.Unlock()
	a, ok := g.instances[id]
	if !ok {
		return nil
	}
	delete(g.instances, id)
	unix.Close(a.tun)
	return g.process
}

// PID is the process's, or 0 while there is none.
func (g *Gateway) PID() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.process == nil {
		return 0
	}
	return g.process.cmd.Process.Pid
}

// Stats asks the process what it has to do.
func (g *Gateway) Stats() (Stats, error) {
	g.mu.Lock()
	process := g.process
	g.mu.Unlock()
	if process == nil {
		return Stats{}, errProcessGone
	}
	answer, err := process.call(request{}, -1)
	return answer.Stats, err
}

// Close ends the process, and with it every instance's network.
func (g *Gateway) Close() error {
	g.mu.Lock()
	if !g.closed {
		g.closed = true
		g.forgetAll()
		g.signal()
		if g.process != nil {
			g.process.kill()
		}
	}
	g.mu.Unlock()
	<-g.done
	return nil
}

// signal tells who waits for a change. g.mu is held.
func (g *Gateway) signal() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// attend starts another process when one has died.
func (g *Gateway) attend(c configuration) {
	defer close(g.done)
	wait := firstWait
	for {
		g.mu.Lock()
		process := g.process
		g.mu.Unlock()
		began := time.Now()
		<-process.gone
		if time.Since(began) > time.Minute {
			wait = firstWait
		}
		g.mu.Lock()
		g.process = nil
		closed := g.closed
		g.signal()
		g.mu.Unlock()
		if closed {
			break
		}
		g.options.Report(fmt.Errorf("the network gateway has ended (%s); instances' connections are lost", process.end))
		if wait = g.restart(c, wait); wait == 0 {
			break
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, a := range g.instances {
		unix.Close(a.tun)
		delete(g.instances, id)
	}
}

// How long to wait before another process is started, if one after the other dies.
const (
	firstWait = 10 * time.Millisecond
	lastWait  = 5 * time.Second
)

// restart tries until there is a process again, and returns how long to wait the next
// time; 0 if Close was called.
func (g *Gateway) restart(c configuration, wait time.Duration) time.Duration {
	for {
		g.mu.Lock()
		changed, closed := g.changed, g.closed
		g.mu.Unlock()
		if closed {
			return 0
		}
		select {
		case <-changed:
			continue
		case <-time.After(wait):
		}
		wait = min(2*wait, lastWait)
		c.Known = g.knowledge()
		process, err := startProcess(c)
		if err != nil {
			g.options.Report(err)
			continue
		}
		if g.handOver(process) {
			return wait
		}
		process.kill()
		<-process.gone
	}
}

// handOver gives a new process the instances there are. Those that come meanwhile add
// themselves.
func (g *Gateway) handOver(process *client) bool {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return false
	}
	g.process = process
	g.signal()
	// A request is sent, and an interface copied, before Remove can close it.
	for id, a := range g.instances {
		response, err := process.send(request{Add: id, Policy: a.policy}, a.tun)
		if err == nil {
			go process.await(response) //nolint:errcheck // it was right the first time
		}
	}
	g.mu.Unlock()
	return true
}

// duplicate copies the descriptor of a file. The copy is no os.File: one that makes a
// descriptor blocking, as Fd does, would do so in the process as well.
func duplicate(f *os.File) (int, error) {
	if f == nil {
		return -1, os.ErrInvalid
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	controlErr := raw.Control(func(theirs uintptr) {
		fd, err = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0)
	})
	return fd, errors.Join(controlErr, err)
}
