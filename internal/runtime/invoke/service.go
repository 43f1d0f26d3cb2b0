package invoke

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
)

// Store is what invoking needs of *store.Store.
type Store interface {
	JetStream() jetstream.JetStream
	// Replicas of streams.
	Replicas() int
	// Record is a stack as it is now, on whichever node it was changed.
	Record(ctx context.Context, name string) (*store.Record, error)
	// PackageDir returns the folder of the packages, unpacked one over the other.
	PackageDir(ctx context.Context, shas ...string) (string, error)
	// Share is this node's part of a limit for all nodes.
	Share(limit int) int
}

// Languages is what invoking needs of *language.Registry.
type Languages interface {
	Find(runtime string) (language.Language, error)
}

// Logs is what invoking needs of *telemetry.Logs.
type Logs interface {
	Append(telemetry.Group, telemetry.Entry)
	Remove(ctx context.Context, stack, incarnation, function string) error
	// Groups lists the functions that have lines, whether they exist or not.
	Groups(ctx context.Context) ([]telemetry.Group, error)
}

// Options for New. Store, Sandbox, Languages and Logs are required.
type Options struct {
	Store     Store
	Sandbox   sandbox.Sandbox
	Languages Languages
	Logs      Logs
	// Metrics of this node; nil means none are kept.
	Metrics *telemetry.Metrics
	// Meter counts what versions use; nil means that nobody does.
	Meter *telemetry.Meter
	// Traces of invocations; nil means none.
	Traces *telemetry.Traces
	// Ingress, if not nil, is what instances reach the runtime's ingress by.
	Ingress *sandbox.Ingress
	// Environment returns further variables of a function's environment, such as its
	// token. They win over the function's own. Nil means none.
	Environment func(stack, incarnation, function string) map[string]string
	// CompiledDir is a folder of the service's own, made if it is not there, for what
	// languages compile of functions' code. Empty means that none of it is kept.
	CompiledDir string
	// MaxConcurrency is the most invocations at once on all nodes, default 1000.
	MaxConcurrency int
	// IdleTimeout is how long an instance stays without an invocation, default 5m.
	IdleTimeout time.Duration
	// AsyncRetryDelay is the pause before an asynchronous invocation's first retry,
	// default 1m; it is twice as long before the second.
	AsyncRetryDelay time.Duration
	// Random numbers in [0, 1) choose between the versions of an alias; nil means
	// the usual ones.
	Random func() float64
	// Log gets the service's own messages; nil means none.
	Log *slog.Logger

	// asyncLease is how long after a node's death its events go to another.
	asyncLease time.Duration
}

func (o Options) withDefaults() Options {
	if o.Environment == nil {
		o.Environment = func(string, string, string) map[string]string { return nil }
	}
	if o.MaxConcurrency == 0 {
		o.MaxConcurrency = 1000
	}
	if o.IdleTimeout == 0 {
		o.IdleTimeout = 5 * time.Minute
	}
	if o.AsyncRetryDelay == 0 {
		o.AsyncRetryDelay = time.Minute
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.asyncLease == 0 {
		o.asyncLease = 15 * time.Second
	}
	return o
}

// A Service is one node's Invoker. The order of calls is: New, OnChange for every
// stack that exists, Start, OnChange for every change, Close. Invoke and
// InvokeAsync may be called all the while, Collect after Start.
type Service struct {
	opts   Options
	runner *runner
	async  *async

	mu sync.Mutex
	// leaving are functions that were removed, by stack, until nothing of them is
	// left in JetStream.
	leaving map[string][]*function
}

var _ Invoker = (*Service)(nil)

// New makes or finds the stream of asynchronous invocations. No function is
// known yet.
func New(ctx context.Context, opts Options) (*Service, error) {
	opts = opts.withDefaults()
	compiled, err := openCompiledDir(opts.CompiledDir)
	if err != nil {
		return nil, err
	}
	r := newRunner(opts)
	r.compiled = compiled
	a, err := newAsync(ctx, r)
	if err != nil {
		return nil, err
	}
	if opts.Metrics != nil {
		opts.Metrics.Registry().MustRegister(backlog{a})
	}
	return &Service{opts: opts, runner: r, async: a, leaving: map[string][]*function{}}, nil
}

// SetQueues tells where records for queues go. Until then they wait.
func (s *Service) SetQueues(q QueueSender) { s.async.setSender(q) }

// Start begins to handle asynchronous invocations, and removes what deleted
// functions have left. Every stack that exists has been told to OnChange.
func (s *Service) Start(ctx context.Context) error {
	return errors.Join(s.async.begin(ctx), s.collectLogs(ctx))
}

// Collect removes what deleted functions have left since Start: events that were
// accepted, and lines that were written, while the function was being deleted, and
// compile caches of versions that are no more.
// Call it now and then, on any node, after Start.
func (s *Service) Collect(ctx context.Context) error {
	return errors.Join(s.async.collect(ctx), s.collectLogs(ctx), s.runner.collectCompiled())
}

// collectLogs removes the logs of functions that are no more. A later stack of the
// same name would show them as its own.
func (s *Service) collectLogs(ctx context.Context) error {
	groups, err := s.opts.Logs.Groups(ctx)
	if err != nil {
		return err
	}
	known := s.async.known()
	var errs []error
	for _, g := range groups {
		n := queueName{g.Stack, g.Function, g.Incarnation}
		if known[n] {
			continue
		}
		exists, err := s.async.exists(ctx, n)
		if err == nil && !exists {
			err = s.opts.Logs.Remove(ctx, g.Stack, g.Incarnation, g.Function)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// OnChange is a store.ChangeFunc. It makes the stack's functions what the new
// record says. Invocations that run go on, also those of functions that are gone;
// asynchronous invocations of such functions are dropped, and so are their logs.
func (s *Service) OnChange(ctx context.Context, old, new *store.Record) error {
	name := ""
	switch {
	case new != nil:
		name = new.Stack.Name
	case old != nil:
		name = old.Stack.Name
	default:
		return errors.New("a change names neither an old record nor a new one")
	}
	added, removed := s.runner.apply(name, new)
	for _, f := range added {
		s.async.add(f)
	}
	return s.clear(ctx, name, removed)
}

// clear removes what functions leave in JetStream, those of earlier, failed calls
// included.
func (s *Service) clear(ctx context.Context, stack string, removed []*function) error {
	s.mu.Lock()
	leaving := append(s.leaving[stack], removed...)
	delete(s.leaving, stack)
	s.mu.Unlock()
	var failed []*function
	var errs []error
	for _, f := range leaving {
		if err := s.clearFunction(ctx, f); err != nil {
			failed, errs = append(failed, f), append(errs, err)
		}
	}
	if len(failed) > 0 {
		s.mu.Lock()
		s.leaving[stack] = failed
		s.mu.Unlock()
	}
	return errors.Join(errs...)
}

func (s *Service) clearFunction(ctx context.Context, f *function) error {
	if err := s.async.remove(ctx, f); err != nil {
		return err
	}
	if err := s.opts.Logs.Remove(ctx, f.stack, f.incarnation, f.name); err != nil {
		return err
	}
	s.opts.Metrics.Forget(f.stack, f.name)
	return nil
}

// Invoke implements Invoker.
func (s *Service) Invoke(ctx context.Context, req Request) (Response, error) {
	f, p, arn, err := s.admit(req)
	if err != nil {
		return Response{}, err
	}
	return s.runner.invoke(ctx, f, p, arn, req)
}

// admit finds what a request leads to, and gives it a place under the limits.
func (s *Service) admit(req Request) (f *function, p *pool, arn string, err *Error) {
	if err := req.check("RequestResponse", MaxSyncPayload); err != nil {
		return nil, nil, "", err
	}
	if f, p, arn, err = s.runner.lookUp(req.Function, req.Qualifier); err != nil {
		return nil, nil, "", err
	}
	if f.loops(req.TraceID) {
		return nil, nil, "", recursive(f)
	}
	if err := s.runner.limits.take(&f.quota); err != nil {
		f.throttle(p)
		return nil, nil, "", err
	}
	return f, p, arn, nil
}

// Go is Invoke for who does not wait: done is called once with what Invoke would return,
// before or after Go has returned, by whichever goroutine comes to know it first. That may
// be one that serves the instance: done is quick. LogTail and Sink are not for Go. Cancel is
// nil, or ends the waiting for an instance; done is called then, too.
func (s *Service) Go(req Request, done func(Response, error)) (cancel context.CancelFunc) {
	f, p, arn, err := s.admit(req)
	if err != nil {
		done(Response{}, err)
		return nil
	}
	return s.runner.start(f, p, arn, req, done)
}

// InvokeAsync implements Invoker.
func (s *Service) InvokeAsync(ctx context.Context, req Request) error {
	if s.async.taking.Err() != nil {
		return errClosing
	}
	return s.async.invoke(ctx, req)
}

// Resolve returns the version that an invocation now would run: a number or
// "$LATEST". Of an alias with two versions it is one of them. Errors are *Error.
func (s *Service) Resolve(function, qualifier string) (executedVersion string, err error) {
	_, p, _, notFound := s.runner.lookUp(function, qualifier)
	if notFound != nil {
		return "", notFound
	}
	return p.version.name, nil
}

// Close takes no more invocations, lets those that run go on until ctx ends, and
// then ends every instance. Asynchronous ones that are not done with go to
// another node, or wait for this one to come back.
func (s *Service) Close(ctx context.Context) {
	s.async.stopTaking()
	s.runner.drain(ctx)
	s.async.drain(ctx)
	s.async.close()
	s.runner.close()
}

// backlog collects how many asynchronous events wait, on all nodes together.
type backlog struct{ async *async }

var backlogDesc = prometheus.NewDesc("tidegate_async_backlog",
	"Asynchronous events that are queued or being handled, on all nodes.", []string{"stack", "function"}, nil)

var intakeDesc = prometheus.NewDesc("tidegate_async_intake",
	"Groups of asynchronous events that were accepted together and are not queued yet, on all nodes.", nil, nil)

// backlogTimeout is how long a scrape may wait for JetStream.
const backlogTimeout = 2 * time.Second

// Describe implements prometheus.Collector.
func (b backlog) Describe(descs chan<- *prometheus.Desc) {
	descs <- backlogDesc
	descs <- intakeDesc
}

// Collect implements prometheus.Collector.
func (b backlog) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(b.async.life, backlogTimeout)
	defer cancel()
	// Before the queues: what moves meanwhile is counted twice, and never not at all.
	intake, err := b.async.intake.waiting(ctx)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(intakeDesc, err)
		return
	}
	metrics <- prometheus.MustNewConstMetric(intakeDesc, prometheus.GaugeValue, float64(intake))
	counts, _, err := b.async.waiting(ctx)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(backlogDesc, fmt.Errorf("asynchronous backlog: %w", err))
		return
	}
	for n, count := range counts {
		metrics <- prometheus.MustNewConstMetric(backlogDesc, prometheus.GaugeValue, float64(count), n.stack, n.function)
	}
}
