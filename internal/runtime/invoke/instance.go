package invoke

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// A phase is where an instance is in its life.
//
//	initialising --/next--> ready <--/next-- answered
//	     |                    |                 ^
//	     |                  event               |
//	     |                    v                 |
//	     |                 running --/response, /error, answer too large
//	     |
//	     +--/init/error, exit, kill, from every phase--> ended
//
// A runtime that asks for its event again while it runs one gets the same one:
// the connection may have broken.
type phase int

const (
	// initialising: the process runs and has not asked for an event.
	initialising phase = iota
	// ready: it has asked for an event, and there is none for it.
	ready
	// running: it has an event and has not answered.
	running
	// answered: it has answered and not asked for another event.
	answered
	// ended: it failed to initialise, ended, or is being killed. Nothing that it
	// asks for is granted.
	ended
)

// phaseNames are how Lambda calls them in InvalidStateTransition errors.
var phaseNames = [...]string{"RuntimeInit", "RuntimeReady", "RuntimeRunning", "RuntimeResponseSent", "RuntimeEnded"}

func (p phase) String() string { return phaseNames[p] }

// An instance is one execution environment of one version. What the function
// does through the Runtime API, what the pool wants of it, timeouts and its end
// come from different goroutines; mu puts them in order, and is never held while
// calling the pool.
type instance struct {
	id      string
	memory  int
	out     *output
	events  instanceEvents
	created time.Time
	// provisioned is true if it was started for nobody that waits.
	provisioned bool
	// box may be read once started is closed; the Runtime API answers nothing before.
	// Instead unstarted is closed if there never is a box.
	box                sandbox.Instance
	started, unstarted chan struct{}

	// subject is the function as its extensions are told.
	subject    subject
	extensions extensions

	mu    sync.Mutex
	phase phase
	// poll is the pending /next; nil if there is none.
	poll *rawhttp.Later
	// current is the invocation that is running or answered.
	current *invocation
	// wasReady tells whether it ever was, and initTook how long it was initialising;
	// both may be read once initialised is closed. fresh is true until the first event.
	wasReady bool
	initTook time.Duration
	fresh    bool
	// initFailure is what the runtime said in /init/error.
	initFailure *functionError
	// leaving is true once the instance was told to end: a /next stays open then, since
	// it is by SIGTERM that the processes learn of it.
	leaving bool
	// trace is that of the last invocation; empty before the first.
	trace string
	// gathering is nil unless the instance is asked for its version's compile cache.
	gathering *gathering
	// reading is true while the body of an answer comes in; there is only one.
	reading bool

	// initialised is closed when phase is not initialising any more.
	initialised chan struct{}
	// gone is closed when the processes are gone and all they wrote is in the log.
	gone chan struct{}

	// wasted bounds what the instance has the runtime do in vain.
	wasted *rate.Limiter
	// room is for the heads of requests.
	room rawhttp.Room

	// place belongs to the pool.
	place place

	peak   int64
	peakAt time.Time
}

// instanceEvents are what an instance tells its pool. A function may call the
// Runtime API from many connections at once, so that they may come in any order.
type instanceEvents interface {
	// onAnswer: the current invocation was answered, the instance will soon be ready.
	onAnswer(*instance)
	// onReady: the instance can take an event, the first time or again.
	onReady(*instance)
	// onEnd: the instance was ready once, and will never take an event again. Called
	// once.
	onEnd(*instance)
	// onDefect: serving the instance's Runtime API panicked.
	onDefect(reason any)
}

func newInstance(id string, memory int, out *output, events instanceEvents) *instance {
	return &instance{
		id: id, memory: memory, out: out, events: events,
		created: time.Now(), fresh: true, started: make(chan struct{}), unstarted: make(chan struct{}),
		initialised: make(chan struct{}), gone: make(chan struct{}), wasted: newWaste(),
	}
}

// begin connects the instance with its processes.
func (i *instance) begin(box sandbox.Instance) {
	i.box = box
	close(i.started)
}

// abandon ends an instance that has no processes, and will have none.
func (i *instance) abandon() {
	i.gathering.failed()
	close(i.unstarted)
}

// run sees the instance through, from begin to when its processes are gone.
func (i *instance) run() {
	<-i.box.Done()
	i.mu.Lock()
	inv, before := i.current, i.phase
	i.current = nil
	i.enter(ended)
	i.mu.Unlock()
	if before != ended && before != initialising {
		i.events.onEnd(i)
	}
	if before == running {
		failure := exited(i.box.Exit())
		inv.answer(outcome{failure: &failure})
	}
	if inv != nil {
		<-inv.answered
		i.finish(inv)
	}
	if !i.wasReady {
		i.gathering.failed()
	}
	close(i.gone)
}

// enter changes the phase. mu is held.
func (i *instance) enter(p phase) {
	if i.phase == initialising && p != initialising {
		i.initTook = time.Since(i.created)
		i.wasReady = p == ready
		i.tellInit(i.wasReady)
		close(i.initialised)
	}
	i.phase = p
	if p != ended {
		return
	}
	i.extensions.end()
	if i.poll != nil {
		i.poll.Drop()
		i.poll = nil
	}
}

// invoke gives the instance an event. It returns false if the instance is not
// ready, because it has just ended.
func (i *instance) invoke(inv *invocation) bool {
	i.mu.Lock()
	if i.phase != ready {
		i.mu.Unlock()
		return false
	}
	if i.fresh && inv.started.IsZero() && i.initTook > 0 {
		inv.init = Initialization{Began: i.created, Took: i.initTook, Pooled: i.box.Prepared(), Provisioned: i.provisioned}
	}
	i.fresh = false
	if inv.started.IsZero() { // else its time ran while it waited for a second start
		inv.started = time.Now()
	}
	i.enter(running)
	i.current, i.trace = inv, inv.traceID
	i.out.start(inv)
	inv.timer = time.AfterFunc(time.Until(inv.started.Add(inv.timeout)), func() { i.timeOut(inv) })
	poll := i.poll
	i.poll = nil
	i.mu.Unlock()
	i.extensions.dispatch(inv)
	i.tellStart(inv)
	if poll != nil {
		inv.handTo(poll)
	}
	return true
}

// maxPrompt is the largest event, in bytes, that surely fits into a connection's
// buffer: whoever invokes must not have to wait for the function to read.
const maxPrompt = 8 << 10

// handTo answers a pending /next. If its client is gone, it will ask again.
func (inv *invocation) handTo(poll *rawhttp.Later) {
	answer := inv.event()
	if len(answer.Body) <= maxPrompt {
		_ = poll.Reply(answer)
		return
	}
	go func() { _ = poll.Reply(answer) }()
}

// timeOut ends the instance if the invocation has taken its time and is not
// finished.
func (i *instance) timeOut(inv *invocation) {
	i.mu.Lock()
	if i.current != inv || i.phase == ended {
		i.mu.Unlock()
		return
	}
	unanswered := i.phase == running
	i.enter(ended)
	i.mu.Unlock()
	i.events.onEnd(i)
	if unanswered {
		failure := timedOut(inv.timeout)
		inv.answer(outcome{failure: &failure})
	}
	i.reset()
}

// end shuts the instance down, whatever it does. An invocation that has no answer
// gets err.
func (i *instance) end(err error) {
	i.mu.Lock()
	before, inv := i.phase, i.current
	i.poll, i.leaving = nil, true
	i.enter(ended)
	i.mu.Unlock()
	if before == running {
		inv.answer(outcome{err: err})
	}
	if before != ended && before != initialising {
		i.events.onEnd(i)
	}
	i.shutDown()
}

// giveUp kills the instance if it is still initialising, and tells whether it was.
func (i *instance) giveUp() bool {
	i.mu.Lock()
	if i.phase != initialising {
		i.mu.Unlock()
		return false
	}
	i.enter(ended)
	i.mu.Unlock()
	i.box.Kill()
	return true
}

// beginAnswer allows the reading of an answer to the invocation of that id, or
// says what is wrong with it.
func (i *instance) beginAnswer(id string) *apiError {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.current == nil || i.current.id != id:
		return errInvalidRequestID
	case i.phase != running || i.reading:
		return invalidTransition(i.phase, "RuntimeInvocationResponse")
	}
	i.reading = true
	return nil
}

// endAnswer ends what beginAnswer began: with the outcome, or with nil if the
// answer did not arrive whole and may come again.
func (i *instance) endAnswer(o *outcome) *apiError {
	i.mu.Lock()
	i.reading = false
	if o == nil {
		i.mu.Unlock()
		return nil
	}
	if i.phase != running { // a timeout, or the end, came first
		defer i.mu.Unlock()
		return invalidTransition(i.phase, "RuntimeInvocationResponse")
	}
	i.enter(answered)
	inv := i.current
	i.mu.Unlock()
	i.events.onAnswer(i)
	inv.answer(*o)
	return nil
}

// beginInitError allows the reading of an /init/error, or says what is wrong
// with it.
func (i *instance) beginInitError() *apiError {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.phase != initialising || i.reading {
		return invalidTransition(i.phase, "RuntimeInitError")
	}
	i.reading = true
	return nil
}

// endInitError ends what beginInitError began: with what the runtime says of
// its failure, or with nil if that did not arrive whole.
func (i *instance) endInitError(failure *functionError) *apiError {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reading = false
	if failure == nil {
		return nil
	}
	if i.phase != initialising {
		return invalidTransition(i.phase, "RuntimeInitError")
	}
	i.initFailure = failure
	i.enter(ended)
	// It is about to exit by itself, after its last words.
	time.AfterFunc(initErrorGrace, i.box.Kill)
	return nil
}

// initErrorGrace is how long a runtime may live on after /init/error.
const initErrorGrace = time.Second

// ask returns the event for a /next that has one already, or why there will be
// none. With neither, the request is answered later.
func (i *instance) ask(r *rawhttp.Request) (*invocation, *apiError) {
	i.extensions.settle()
	i.mu.Lock()
	before := i.phase
	switch before {
	case running:
		defer i.mu.Unlock()
		return i.current, nil
	case answered:
		if !i.finishCurrent() {
			defer i.mu.Unlock()
			return nil, i.refuse(r)
		}
	case ended:
		defer i.mu.Unlock()
		return nil, i.refuse(r)
	case initialising, ready:
	}
	replaced := i.poll // its connection broke, or the runtime confuses itself
	i.poll = r.Later()
	i.enter(ready)
	i.mu.Unlock()
	if replaced != nil {
		invalidTransition(ready, ready.String()).reply(replaced)
		i.waste(1)
	}
	if before == initialising {
		i.box.Initialized()
		if i.gathering != nil {
			i.gathering.settle()
		}
	}
	if before != ready {
		i.events.onReady(i)
	}
	return nil, nil
}

// refuse says why there will be no event for a /next. mu is held.
func (i *instance) refuse(r *rawhttp.Request) *apiError {
	if i.leaving {
		r.Later()
		return nil
	}
	return invalidTransition(i.phase, ready.String())
}

// finishCurrent ends the log of the invocation that was answered, before the
// next one's begins. mu is held, and let go of meanwhile: the phase stays, so that
// a timeout still finds the invocation. It returns false if something else
// finishes it, or has done so.
func (i *instance) finishCurrent() bool {
	inv := i.current
	i.mu.Unlock()
	<-inv.answered
	i.box.SyncOutput()
	i.mu.Lock()
	if i.phase != answered || i.current != inv {
		return false
	}
	i.current = nil
	i.finish(inv)
	return true
}

// finish writes the end of an invocation's log.
func (i *instance) finish(inv *invocation) {
	inv.timer.Stop()
	inv.tail = i.out.end(report(inv, i.memory, i.memoryPeak())...)
	i.tellEnd(inv, i.peak)
	close(inv.finished)
}

// peakInterval is how often the peak is read at most: it costs a system call or
// two, and only ever grows.
const peakInterval = 250 * time.Millisecond

// memoryPeak is called by one goroutine at a time: an instance finishes one
// invocation after the other.
func (i *instance) memoryPeak() int64 {
	if now := time.Now(); now.Sub(i.peakAt) >= peakInterval {
		i.peak, i.peakAt = max(i.peak, i.box.MemoryPeak()), now
	}
	return i.peak
}
