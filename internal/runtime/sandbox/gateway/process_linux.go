package gateway

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

// processName is the argument zero of a gateway's process, which is this program
// again.
const processName = "tidegate-network"

// A process that was started as a gateway becomes one here, before main: were it
// left to main, a test binary that forgets would run its tests once more.
func init() {
	if len(os.Args) == 0 || os.Args[0] != processName {
		return
	}
	if err := runProcess(); err != nil {
		fmt.Fprintln(os.Stderr, "network gateway:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// A process is the gateway. It ends when its connection to the runtime does, which
// the kernel closes however the runtime has died.
type process struct {
	peer     peer
	resolver *resolver
	known    known
	budget   budget

	mu        sync.Mutex
	instances map[string]*instance
}

func runProcess() error {
	c, err := newPeer(processDescriptor)
	if err != nil {
		return err
	}
	p := &process{peer: c, instances: map[string]*instance{}}
	var config configuration
	if _, err := c.receive(&config); err != nil {
		return err
	}
	err = p.setUp(config)
	answer := response{}
	if err != nil {
		answer.Error = err.Error()
	}
	if sendErr := c.send(answer, -1); err != nil || sendErr != nil {
		return sendErr
	}
	go p.doze()
	for {
		var r request
		descriptor, err := c.receive(&r)
		if err != nil {
			return nil // the runtime has gone
		}
		p.handle(r, descriptor)
	}
}

func (p *process) setUp(config configuration) error {
	// The runtime decides when to end, also where a service manager tells all processes.
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	limit, err := raiseDescriptors()
	if err != nil {
		return err
	}
	if err := becomeNobody(config.UIDs); err != nil {
		return err
	}
	// Two thirds for data; the rest is what the collector needs to keep up.
	debug.SetMemoryLimit(config.Memory)
	p.budget.maxMemory = config.Memory / 3 * 2
	p.budget.maxDescriptors = limit
	// A stack has a goroutine for each.
	runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), 8))
	p.resolver = newResolver(nil)
	p.resolver.port = config.DNSPort
	p.learn(config.Known)
	return restrictCalls()
}

// restrictCalls puts the filter on, if this kernel has them.
func restrictCalls() error {
	if confine.FilterMissing() != "" {
		return nil
	}
	filter, err := processFilter()
	if err != nil {
		return err
	}
	return confine.PutOn(filter)
}

// learn takes notice of what the runtime knows.
func (p *process) learn(k knowledge) {
	p.resolver.set(k.ResolvConf)
	p.known.learn(k.Names)
}

// raiseDescriptors allows as many as this process may have, and returns how many are
// for connections and flows.
func raiseDescriptors() (int64, error) {
	const most, others = 1 << 20, 64
	limit := unix.Rlimit{Cur: most, Max: most}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("read the limit of descriptors: %w", err)
		}
		limit.Cur = limit.Max
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			return 0, fmt.Errorf("raise the limit of descriptors: %w", err)
		}
	}
	// Each instance takes one besides.
	return int64(limit.Cur)*3/4 - others, nil
}

// becomeNobody gives up root's user, and with it every capability. The first user
// that this user namespace knows is taken.
func becomeNobody(uids []int) error {
	// Others of the same user may not look into this process.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("keep other processes out of the network gateway: %w", err)
	}
	var err error
	for _, uid := range uids {
		err = errors.Join(syscall.Setgroups(nil), syscall.Setresgid(uid, uid, uid), syscall.Setresuid(uid, uid, uid))
		if err == nil {
			return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) // a change of user resets it
		}
	}
	if errors.Is(err, unix.EINVAL) { // there are no others in a small container; root is none outside
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		err = unix.Capset(&header, &none[0])
	}
	if err != nil {
		return fmt.Errorf("give up root's privileges in the network gateway: %w", err)
	}
	return nil
}

// handle does what the runtime asks for.
func (p *process) handle(r request, descriptor int) {
	answer := response{Number: r.Number}
	var err error
	switch {
	case r.Add != "":
		err = p.add(r, descriptor)
	case r.Know != nil:
		p.learn(*r.Know)
	case r.Remove != "":
		if i := p.take(r.Remove); i != nil {
			// Others need not wait for it.
			go func() {
				i.close()
				p.peer.send(answer, -1) //nolint:errcheck // if the runtime is gone, receiving says so
			}()
			return
		}
	default:
		answer.Stats = p.stats()
	}
	if err != nil {
		answer.Error = err.Error()
	}
	p.peer.send(answer, -1) //nolint:errcheck // as above
}

func (p *process) add(r request, descriptor int) error {
	if descriptor < 0 {
		return fmt.Errorf("instance %s comes without its network interface", r.Add)
	}
	f, err := compile(r.Policy, isHosts, p.known.addresses)
	if err != nil {
		unix.Close(descriptor)
		return err
	}
	i, err := newInstance(descriptor, f, p.resolver, &p.budget)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.instances[r.Add]; ok {
		go i.close()
		return fmt.Errorf("instance %s has a network interface already", r.Add)
	}
	p.instances[r.Add] = i
	return nil
}

func (p *process) take(id string) *instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.instances[id]
	delete(p.instances, id)
	return i
}

func (p *process) all() []*instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*instance, 0, len(p.instances))
	for _, i := range p.instances {
		all = append(all, i)
	}
	return all
}

// doze has instances that are silent give back what they do not need.
func (p *process) doze() {
	for now := range time.Tick(silence / 3) {
		for _, i := range p.all() {
			i.rest(now)
		}
	}
}

func (p *process) stats() Stats {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	s := Stats{Heap: int64(memory.HeapAlloc), Descriptors: p.budget.descriptors.Load(), MaxDescriptors: p.budget.maxDescriptors}
	for _, i := range p.all() {
		s.Instances++
		s.Connections += i.account.connections.Load()
		s.Flows += i.account.flows.Load()
		i.stackMu.Lock()
		if i.stack != nil {
			s.Stacks++
		}
		i.stackMu.Unlock()
	}
	return s
}
