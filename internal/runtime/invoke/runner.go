package invoke

import (
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// startsPerCPU is how many instances may start at once, per CPU: enough to keep
// the processors busy while some wait for the disk, few enough that each gets on.
const startsPerCPU = 4

// A runner runs functions, synchronously: it knows what exists, keeps the limits,
// and has the instances.
type runner struct {
	opts   Options
	limits *limits
	// turns bound how many instances start at once.
	turns chan struct{}
	// compiled are the compile caches; nil if none are kept.
	compiled *compiledDir
	// changes gets a value when a function has changed.
	changes chan struct{}
	// life ends when no instance may start or live any more.
	life context.Context
	end  context.CancelFunc

	mu sync.RWMutex
	// functions by full name.
	functions map[string]*function
	// stacks has the same functions, by their stack's name.
	stacks map[string][]*function
	// closing refuses invocations.
	closing bool

	// running invocations, and instances that have processes.
	running, living sync.WaitGroup
}

func newRunner(opts Options) *runner {
	r := &runner{
		opts:      opts,
		limits:    newLimits(opts.MaxConcurrency, opts.Store.Share),
		turns:     make(chan struct{}, startsPerCPU*runtime.GOMAXPROCS(0)),
		changes:   make(chan struct{}, 1),
		functions: map[string]*function{},
		stacks:    map[string][]*function{},
	}
	r.life, r.end = context.WithCancel(context.Background())
	r.living.Add(1)
	go r.expect()
	return r
}

// apply makes the stack what the record says, and returns the functions that
// are new and those that are no more. A nil record removes the stack.
func (r *runner) apply(name string, rec *store.Record) (added, removed []*function) {
	var next []*function
	r.mu.RLock()
	old := r.stacks[name]
	r.mu.RUnlock()
	if rec != nil {
		for _, function := range rec.FunctionNames() {
			f := find(old, rec.Incarnation, function)
			if f == nil {
				f = newFunction(r, rec, function)
				added = append(added, f)
			}
			f.update(rec)
			next = append(next, f)
		}
	}
	for _, f := range old {
		if find(next, f.incarnation, f.name) == nil {
			removed = append(removed, f)
		}
	}
	r.mu.Lock()
	for _, f := range removed {
		// Not if it is another stack's, or another incarnation's, by now.
		if r.functions[f.full] == f {
			delete(r.functions, f.full)
		}
	}
	for _, f := range added {
		r.functions[f.full] = f
	}
	if len(next) == 0 {
		delete(r.stacks, name)
	} else {
		r.stacks[name] = next
	}
	r.mu.Unlock()
	for _, f := range removed {
		f.remove()
	}
	r.changed()
	return added, removed
}

func find(functions []*function, incarnation, name string) *function {
	for _, f := range functions {
		if f.name == name && f.incarnation == incarnation {
			return f
		}
	}
	return nil
}

// lookUp finds what a name and a qualifier lead to.
func (r *runner) lookUp(full, qualifier string) (*function, *pool, string, *Error) {
	r.mu.RLock()
	f := r.functions[full]
	r.mu.RUnlock()
	if f == nil {
		arn := stack.ARN{
			Partition: "aws", Service: "lambda", Region: stack.Region, Account: stack.Account,
			Resource: "function:" + full,
		}
		if qualifier != "" {
			arn.Resource += ":" + qualifier
		}
		return nil, nil, "", notFound(arn.String())
	}
	p, arn, err := f.route(qualifier, r.opts.Random)
	return f, p, arn, err
}

// invoke runs an invocation of the function for which limits have given a
// place. Once an instance has it, it runs to its end even if nobody waits.
func (r *runner) invoke(ctx context.Context, f *function, p *pool, arn string, req Request) (Response, error) {
	if !r.begin() {
		r.limits.release(&f.quota)
		return Response{}, errClosing
	}
	inv := f.newInvocation(p, arn, req)
	if req.Sink != nil {
		inv.stream = newStream()
	}
	r.run(ctx, p, inv)
	if req.Sink != nil {
		return inv.deliver(ctx, req.Sink, p.version.name)
	}
	done := inv.answered
	if inv.logTail {
		done = inv.finished
	}
	select {
	case <-done:
		return inv.response(p.version.name)
	case <-ctx.Done():
		return Response{}, asError(ctx.Err())
	}
}

// start is invoke for Service.Go.
func (r *runner) start(f *function, p *pool, arn string, req Request, done func(Response, error)) context.CancelFunc {
	if !r.begin() {
		r.limits.release(&f.quota)
		done(Response{}, errClosing)
		return nil
	}
	inv := f.newInvocation(p, arn, req)
	inv.done = done
	i, w := p.acquireOr(func(g grant) {
		if g.instance == nil || !g.instance.invoke(inv) {
			go r.bring(context.Background(), p, inv, g)
		}
	})
	switch {
	case i == nil:
		return func() {
			if p.forsake(w) {
				inv.refuse(context.Canceled)
			}
		}
	case !i.invoke(inv): // it ended by itself just now
		go r.run(context.Background(), p, inv)
	}
	return nil
}

// begin counts an invocation as running, unless the runner closes.
func (r *runner) begin() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.closing {
		return false
	}
	r.running.Add(1)
	return true
}

// run brings the invocation to an instance, or answers it with why it cannot.
func (r *runner) run(ctx context.Context, p *pool, inv *invocation) {
	i, err := p.acquire(ctx)
	r.bring(ctx, p, inv, grant{i, err})
}

// bring is run, with what was acquired first.
func (r *runner) bring(ctx context.Context, p *pool, inv *invocation, g grant) {
	for {
		i, err := g.instance, g.err
		var failure *initFailure
		if errors.As(err, &failure) && !failure.final {
			inv.started = time.Now()
			i, err = p.acquireAgain(ctx, inv.timeout)
		}
		switch {
		case err == nil:
			if i.invoke(inv) {
				return
			}
			// It ended by itself just now.
			g.instance, g.err = p.acquire(ctx)
		case errors.As(err, &failure):
			failure.fail(inv)
			return
		default:
			inv.refuse(err)
			return
		}
	}
}

// refuse ends an invocation that no instance got.
func (inv *invocation) refuse(err error) {
	inv.started = time.Now()
	inv.answer(outcome{err: asError(err)})
	close(inv.finished)
}

func (f *function) newInvocation(p *pool, arn string, req Request) *invocation {
	inv := &invocation{
		id:            req.ID,
		arn:           arn,
		payload:       req.Payload,
		clientContext: headerJSON(req.ClientContext),
		traceID:       req.TraceID,
		timeout:       p.version.config.Timeout.Std(),
		logTail:       req.LogTail,
		pool:          p,
		answered:      make(chan struct{}),
		finished:      make(chan struct{}),
	}
	p.tally.Begin()
	if inv.id == "" {
		inv.id = uuid.NewString()
	}
	if len(inv.payload) == 0 {
		inv.payload = []byte("{}")
	}
	if !strings.Contains(inv.traceID, "Root=") {
		root := newTraceID(time.Now(), randomBytes, p.version.config.Tracing == "active")
		inv.traceID = MergeTraces(root, inv.traceID)
	}
	f.beginSpan(inv, req)
	inv.traceID = f.descend(inv.traceID)
	return inv
}

func randomBytes(b []byte) { _, _ = crand.Read(b) } // never fails

// response is what the caller gets. The invocation is answered.
func (inv *invocation) response(version string) (Response, error) {
	o := inv.outcome
	if o.err != nil {
		return Response{}, o.err
	}
	r := Response{
		Payload: o.payload, ExecutedVersion: version, RequestID: inv.id,
		Duration: o.duration, Init: inv.init, ContentType: o.contentType,
	}
	if o.failure != nil {
		r.FunctionError = unhandled
	}
	if inv.logTail {
		r.LogTail = inv.tail
	}
	return r, nil
}

// asError makes any error an *Error.
func asError(err error) *Error {
	var known *Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{
			Status: http.StatusServiceUnavailable, Type: typeService,
			Message: "The caller stopped waiting for the function: " + err.Error() + ".",
		}
	}
	return serviceError("%s", err.Error())
}

// check tells what is wrong with a request's event and client context.
func (req Request) check(kind string, limit int) *Error {
	if len(req.Payload) > limit {
		return tooLarge(len(req.Payload), kind, limit)
	}
	for _, text := range [][]byte{req.Payload, req.ClientContext} {
		if len(text) > 0 && !json.Valid(text) {
			var value json.RawMessage
			return invalidContent(json.Unmarshal(text, &value))
		}
	}
	return nil
}

// turn waits for one of the turns to start an instance. The function returned
// gives it back; calling it again does nothing.
func (r *runner) turn() func() {
	select {
	case r.turns <- struct{}{}:
		return sync.OnceFunc(func() { <-r.turns })
	case <-r.life.Done():
		return func() {}
	}
}

// admit counts an instance that is about to get processes, unless the runner
// has ended.
func (r *runner) admit() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.life.Err() != nil {
		return false
	}
	r.living.Add(1)
	return true
}

// drain refuses further invocations, and waits for those that run until ctx
// ends. The rest are cut off with an error.
func (r *runner) drain(ctx context.Context) {
	r.mu.Lock()
	r.closing = true
	r.mu.Unlock()
	done := make(chan struct{})
	go func() {
		r.running.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// close ends every instance, and returns when none is left.
func (r *runner) close() {
	r.mu.Lock()
	r.end()
	r.mu.Unlock()
	r.living.Wait()
	r.running.Wait()
}
