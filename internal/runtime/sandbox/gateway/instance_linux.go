package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/time/rate"
)

// An instance is one network namespace's other end. Until something comes from it,
// it is a descriptor and a goroutine that waits; from the first packet of a
// connection on it has a TCP stack of its own, so that no instance's packets meet
// another's, and it loses it again when it has been silent for a while.
type instance struct {
	link    *link
	filter  *filter
	names   *resolver
	account account

	ctx    context.Context // ends with it
	cancel context.CancelFunc
	// life is held while it is seen whether it has ended, and counted to running, which
	// are its goroutines but for the one that reads; that closes read at its end.
	life    sync.Mutex
	running sync.WaitGroup
	read    chan struct{}

	flows     *flows
	questions chan struct{}

	// refusals bounds the packets that lead nowhere; refused is how many of those that were
	// granted are left.
	refusals *rate.Limiter
	refused  int

	// stackMu is held while the stack is used to receive, made or thrown away.
	stackMu sync.Mutex
	stack   *tcpStack // nil while there is none
	used    time.Time
}

func newInstance(fd int, f *filter, r *resolver, b *budget) (*instance, error) {
	l, err := newLink(fd)
	if err != nil {
		return nil, err
	}
	// What is waiting was sent before the interface was this instance's.
	l.drain()
	i := &instance{link: l, filter: f, names: r, account: account{all: b}, questions: make(chan struct{}, maxQuestions), read: make(chan struct{})}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	i.refusals = rate.NewLimiter(maxRefused, maxRefused)
	i.flows = &flows{instance: i, known: map[flowKey]*flow{}, rate: rate.NewLimiter(newFlows, newFlows)}
	go i.run()
	return i, nil
}

// enter counts the calling goroutine to the instance's, unless it has ended.
func (i *instance) enter() bool {
	i.life.Lock()
	defer i.life.Unlock()
	if i.ctx.Err() != nil {
		return false
	}
	i.running.Add(1)
	return true
}

func (i *instance) start(f func()) {
	if i.enter() {
		go func() {
			defer i.running.Done()
			f()
		}()
	}
}

// close ends everything of the instance. Its connections are reset at both ends, and
// when it returns, its interface is used no more.
func (i *instance) close() {
	i.life.Lock()
	i.cancel()
	i.life.Unlock()
	i.stackMu.Lock()
	s := i.stack
	i.stack = nil
	i.stackMu.Unlock()
	if s != nil {
		s.abort()
	}
	i.flows.close()
	i.link.close()
	<-i.read
	go func() {
		// Who waits for the instance to complete a connection does so for some seconds yet,
		// and needs the stack for it.
		i.running.Wait()
		if s != nil {
			s.stack.Destroy()
		}
	}()
}

func (i *instance) run() {
	defer close(i.read)
	for {
		err := i.link.read(i.handle)
		if err != nil && !errors.Is(err, unix.ENOBUFS) && !errors.Is(err, unix.ENOMEM) {
			// The interface is gone, or this end of it is closed.
			i.cancel()
			return
		}
	}
}

// handle takes one packet of the instance. It is called by one goroutine and never
// waits for anybody but the instance itself, if that sends too much in vain.
func (i *instance) handle(b []byte) {
	p, ok := parse(b)
	if !ok {
		i.inVain()
		return
	}
	switch p.protocol {
	case protocolTCP:
		i.receiveTCP(p)
	case protocolUDP:
		i.receiveUDP(p)
	case protocolICMP:
		switch reply := echoReply(p); {
		case reply == nil:
			i.inVain()
		case p.to != Address:
			i.refuse(p, codeProhibited)
		default:
			i.reply(protocolICMP, reply)
		}
	default:
		i.refuse(p, codeProhibited)
	}
}

// maxRefused is how many packets may be refused in a second, and at once; refusedTogether
// of them are granted at a time, since each rest ends with a thread's being woken.
const (
	maxRefused      = 1000
	refusedTogether = 100
)

// refuse tells the instance that a packet led nowhere. Of an instance that goes on sending
// such packets nothing is read for a while: what it sends meanwhile its own kernel throws
// away, in the instance's time.
func (i *instance) refuse(p packet, code uint8) {
	i.reply(protocolICMP, unreachable(p.whole, code))
	i.inVain()
}

// inVain counts a packet that led nowhere.
func (i *instance) inVain() {
	if i.refused == 0 {
		i.refused = refusedTogether
		_ = i.refusals.WaitN(i.ctx, refusedTogether) // it fails if the instance ends
	}
	i.refused--
}

// reply sends a packet to the instance. If that fails it is lost, as packets are.
func (i *instance) reply(protocol uint8, pieces ...[]byte) { i.link.write(protocol, pieces...) } //nolint:errcheck // see above

// receiveTCP hands a packet to the stack.
func (i *instance) receiveTCP(p packet) {
	i.stackMu.Lock()
	defer i.stackMu.Unlock()
	if i.stack == nil {
		if i.ctx.Err() != nil {
			return
		}
		i.stack = newTCPStack(i)
	}
	i.used = time.Now()
	i.stack.receive(p.whole)
}

// silence is after how long without a connection a stack is thrown away.
const silence = 30 * time.Second

// rest throws the stack away if nobody needs it.
func (i *instance) rest(now time.Time) {
	i.stackMu.Lock()
	var s *tcpStack
	if i.stack != nil && i.account.connections.Load() == 0 && now.Sub(i.used) > silence {
		s, i.stack = i.stack, nil
	}
	i.stackMu.Unlock()
	if s != nil {
		s.stack.Destroy()
	}
}

// forward resolves one question, unless too many are being.
func (i *instance) forward(protocol string, query []byte, use func(answer []byte)) {
	select {
	case i.questions <- struct{}{}:
	default:
		return // the instance asks again
	}
	i.start(func() {
		defer func() { <-i.questions }()
		if answer, err := i.names.answer(i.ctx, protocol, query); err == nil {
			use(answer)
		}
	})
}
