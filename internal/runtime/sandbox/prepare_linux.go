package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// A prepared sandbox has all of an instance that is of no function. It is assigned to
// one, or discarded; both once.
type prepared struct {
	host  *host
	class class
	// id is unique among this host's.
	id      string
	network networkKind
	launch  *shimLaunch
	uid     int    // 0 if it has none of its own
	dir     string // of the instance's own on the host, or empty
	group   group
	// listener is the Runtime API's, and address how the instance reaches it. local is its
	// listener on localRuntimeAPI; nil without one.
	listener, local net.Listener
	address         string
	ingress         net.Listener // nil without one
	// waiting is for the interpreter that is started already; nil without one.
	waiting *waiting
	// output is what the tree writes, and writeEnd where.
	output, writeEnd *os.File
	// tmp and pidfd are descriptors, or -1.
	tmp, pidfd int
	leave      func() // ends the connection to the gateway
	// pooled is true if it was prepared before it was asked for. settled ends the time
	// in which its instance counts as starting; both are known once it is taken.
	pooled  bool
	settled func()
}

// classOf is what a sandbox for the spec is to be prepared by. What is kept from the
// host's files by Landlock alone cannot be started before it is known what it may read.
func (h *host) classOf(spec Spec) class {
	c := classOf(spec)
	if h.namespace == noNamespaces {
		c.Warm = nil
	}
	return c
}

// prepare makes everything an instance of the class has. What could not be made is an
// error, and nothing is left behind. The context bounds the making.
func (h *host) prepare(ctx context.Context, c class) (_ *prepared, err error) {
	if err := h.enter(); err != nil {
		return nil, err
	}
	defer h.starting.Done()
	p := &prepared{host: h, class: c, id: strconv.FormatUint(h.prepared.Add(1), 10), tmp: -1, pidfd: -1, settled: func() {}}
	if err := p.make(ctx); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

func (p *prepared) make(ctx context.Context) (err error) {
	h := p.host
	shim, err := h.liveShim()
	if err != nil {
		return err
	}
	if p.network, err = h.networkFor(p.class.Network); err != nil {
		return err
	}
	if h.users != nil {
		if p.uid, err = h.users.take(); err != nil {
			return err
		}
	}
	if h.namespace == noNamespaces {
		dir := filepath.Join(h.dir, p.id)
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
		p.dir = dir
	}
	if p.group, err = h.groups.create(p.id); err != nil {
		return err
	}
	if p.network == hostNetwork {
		if err := p.listen(); err != nil {
			return err
		}
	}
	if p.output, p.writeEnd, err = os.Pipe(); err != nil {
		return err
	}
	if p.launch, err = shim.begin(); err != nil {
		return err
	}
	request := p.request()
	descriptors := append([]int{int(p.writeEnd.Fd())}, p.group.join(&request)...)
	passed, err := p.launch.prepare(ctx, request, descriptors...)
	p.writeEnd.Close()
	p.writeEnd = nil
	if err != nil {
		return err
	}
	return p.receive(passed)
}

// listen opens the Runtime API's listener in the host's network, where other
// instances could find it, so that it lets in only the instance's user.
func (p *prepared) listen() error {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("listen for the instance's Runtime API: %w", err)
	}
	p.listener, p.address = guard(listener, p.user()), listener.Addr().String()
	p.wait()
	return nil
}

// wait has whatever is started warm find somebody at the Runtime API's address. The
// bootstraps that are started so prefer the local one.
func (p *prepared) wait() {
	switch {
	case p.class.Warm == nil:
	case p.local != nil:
		p.waiting = awaitAssignment(p.local)
		p.local = p.waiting
	default:
		p.waiting = awaitAssignment(p.listener)
		p.listener = p.waiting
	}
}

// listeners are the Runtime API's.
func (p *prepared) listeners() []net.Listener {
	if p.local == nil {
		return []net.Listener{p.listener}
	}
	return []net.Listener{p.listener, p.local}
}

// user is the instance's, on the host.
func (p *prepared) user() int {
	switch {
	case p.uid != 0:
		return p.uid
	case p.host.namespace == rootNamespaces:
		return functionUID
	}
	return os.Geteuid()
}

// request says what the shim is to prepare.
func (p *prepared) request() prepareRequest {
	r := prepareRequest{Network: p.network}
	if p.uid != 0 || p.host.namespace == rootNamespaces {
		r.UID = p.user()
	}
	if p.host.namespace != noNamespaces {
		r.Root = &rootSpec{Runtime: p.class.RuntimeDir, Readable: p.class.Readable}
	}
	if p.network == gatewayNetwork {
		r.IngressPort = p.class.IngressPort
	}
	if p.network != hostNetwork {
		p.address = net.JoinHostPort("127.0.0.1", strconv.Itoa(RuntimeAPIPort))
	}
	if p.class.Warm != nil {
		warm := p.program(*p.class.Warm, Spec{RuntimeDir: p.class.RuntimeDir})
		if p.dir != "" {
			warm.Dir = p.dir // where the package is, nobody knows yet
		}
		r.Warm = &warm
	}
	return r
}

// receive takes over what the shim has passed.
func (p *prepared) receive(passed map[descriptor]int) (err error) {
	wayOut := -1
	for name, fd := range passed {
		switch name {
		case passedTmp:
			p.tmp = fd
		case passedProcess:
			p.pidfd = fd
		case passedWayOut:
			wayOut = fd
		case passedAPI:
			p.listener, err = takeListener(fd, err)
		case passedLocal:
			p.local, err = takeListener(fd, err)
		case passedIngress:
			p.ingress, err = takeListener(fd, err)
		default:
			unix.Close(fd)
		}
	}
	if err == nil && wayOut >= 0 {
		p.leave, err = p.host.enterGateway(p.id, wayOut)
		wayOut = -1
	}
	closeAll(openOnly(wayOut))
	switch {
	case err != nil:
		return err
	case p.listener == nil:
		return errors.New("the shim sent no listener for the Runtime API")
	}
	if p.network != hostNetwork {
		p.wait()
	}
	return nil
}

// takeListener takes a descriptor over, also if there was an error before.
func takeListener(fd int, before error) (net.Listener, error) {
	f := os.NewFile(uintptr(fd), "listener")
	defer f.Close()
	if before != nil {
		return nil, before
	}
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("take a listener of the instance's network: %w", err)
	}
	return l, nil
}

// rests is closed when its interpreter has loaded itself, if it has one.
func (p *prepared) rests() <-chan struct{} {
	if p.waiting == nil {
		return resting
	}
	return p.waiting.asked
}

var resting = func() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// ended is closed when the sandbox has ended by itself.
func (p *prepared) ended() <-chan struct{} { return p.launch.exited }

// discard ends it; nothing is left of it when discard returns.
func (p *prepared) discard() {
	if p.launch != nil {
		p.launch.discard()
	}
	p.release()
	if p.output != nil {
		p.output.Close()
	}
}

// release gives back everything but the output. No process of it is left.
func (p *prepared) release() {
	closeAll(openOnly(p.tmp, p.pidfd))
	if p.writeEnd != nil {
		p.writeEnd.Close()
	}
	for _, l := range []net.Listener{p.listener, p.local, p.ingress} {
		if l != nil {
			l.Close()
		}
	}
	if p.leave != nil {
		p.leave()
	}
	if p.launch != nil {
		p.launch.free()
	}
	log := p.host.options.Log.With("sandbox", p.id)
	if p.group != nil {
		if err := p.group.remove(); err != nil {
			log.Warn("the instance's cgroup could not be removed", "error", err)
		}
	}
	if p.dir != "" {
		if err := os.RemoveAll(p.dir); err != nil {
			log.Warn("the instance's folder could not be removed", "error", err)
		}
	}
	if p.uid != 0 {
		p.host.users.give(p.uid)
	}
}
