// Package runtime is Tidegate's own target: a server that stacks live on.
//
// It puts the rooms together: the store keeps what is deployed, its directory
// tells every change to what serves stacks (invoke, which runs functions, and the
// triggers, which feed them), and the API is how all of it is reached.
package runtime

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/api"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/observe"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rollout"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
)

// A Runtime is one node. Everything it has begun is in closers, newest last.
type Runtime struct {
	config Config
	log    *slog.Logger

	management, ingress net.Listener
	ready               Ready

	store     *store.Store
	sandbox   sandbox.Sandbox
	languages *language.Registry
	metrics   *telemetry.Metrics
	traces    *telemetry.Traces
	logs      *telemetry.Logs
	meter     *telemetry.Meter
	invoke    *invoke.Service
	observer  *observe.Observer
	rollouts  *rollout.Driver
	triggers  *trigger.Triggers
	api       *api.Server
	// draining ends when the runtime has been asked to end.
	draining context.Context
	drain    context.CancelFunc

	closers []func(context.Context)
}

// closeTimeout is how long the store may take for the last log lines.
const closeTimeout = 5 * time.Second

// New makes everything ready to serve: connections are accepted, and wait for
// Run. Its errors are sentences for the operator, and leave nothing behind.
func New(ctx context.Context, config Config) (*Runtime, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	r := &Runtime{config: config, log: config.Log}
	r.draining, r.drain = context.WithCancel(context.Background())
	if err := r.open(ctx); err != nil {
		r.close(context.WithoutCancel(ctx))
		return nil, err
	}
	return r, nil
}

// Ready tells where the runtime listens.
func (r *Runtime) Ready() Ready { return r.ready }

// open begins the parts, each after those it needs.
func (r *Runtime) open(ctx context.Context) (err error) {
	for _, step := range []func(context.Context) error{
		r.openListeners,
		r.openStore,
		r.openSandbox,
		r.openLogs,
		r.openMeter,
		r.openServices,
		r.begin,
		r.startHousekeeping,
		r.announce,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runtime) openListeners(context.Context) (err error) {
	if r.management, err = listen("--listen", r.config.Listen); err != nil {
		return err
	}
	r.onClose(func(context.Context) { _ = r.management.Close() })
	if r.ingress, err = listen("--ingress", r.config.Ingress); err != nil {
		return err
	}
	r.onClose(func(context.Context) { _ = r.ingress.Close() })
	if portOf(r.ingress) == sandbox.RuntimeAPIPort {
		return fmt.Errorf("--ingress %s: port %d is the Runtime API's within instances, which reach the ingress at its port; choose another", r.config.Ingress, sandbox.RuntimeAPIPort)
	}
	r.ready = Ready{
		Endpoint: localURL(r.management),
		Ingress:  r.config.ingressURL(r.ingress),
		PID:      os.Getpid(),
	}
	return nil
}

func (r *Runtime) openStore(ctx context.Context) (err error) {
	r.store, err = store.Open(ctx, store.Options{
		Dir:             r.config.DataDir,
		NATSURL:         r.config.NATSURL,
		NATSCredentials: r.config.NATSCredentials,
		Replicas:        r.config.Replicas,
		Log:             r.log,
	})
	if err != nil {
		return err
	}
	r.onClose(func(context.Context) {
		if err := r.store.Close(); err != nil {
			r.log.Error("closing the store failed", "error", err)
		}
	})
	return nil
}

func (r *Runtime) openSandbox(ctx context.Context) (err error) {
	r.sandbox, err = sandbox.New(ctx, sandbox.Options{
		Dir:        filepath.Join(r.store.Dir(), "instances"),
		Mode:       sandbox.Mode(r.config.Isolation),
		OCIRuntime: r.config.OCIRuntime,
		PoolWindow: r.config.PoolWindow,
		// Management is not for functions, and neither is the store.
		Ports:   []uint16{uint16(portOf(r.management))},
		Servers: r.config.natsServers(),
		Log:     r.log,
	})
	if err != nil {
		return fmt.Errorf("--isolation: %w", err)
	}
	r.onClose(func(context.Context) {
		if err := r.sandbox.Close(); err != nil {
			r.log.Error("cleaning up after instances failed", "error", err)
		}
	})
	if missing := r.sandbox.Isolation().Missing; len(missing) > 0 {
		r.log.Warn("functions are isolated only in part on this host", "missing", strings.Join(missing, "; "))
	}
	return nil
}

func (r *Runtime) openLogs(ctx context.Context) (err error) {
	if r.traces, err = telemetry.NewTraces(ctx, r.config.Version, r.store.NodeID()); err != nil {
		return err
	}
	r.onClose(r.closeTraces)
	r.metrics = telemetry.NewMetrics()
	if pooling, ok := r.sandbox.(sandbox.Pooling); ok {
		r.metrics.Pooled(pooling.Pooled)
	}
	r.logs, err = telemetry.NewLogs(ctx, telemetry.LogsOptions{
		JetStream: r.store.JetStream(),
		Replicas:  r.store.Replicas(),
		Metrics:   r.metrics,
		Log:       r.log,
	})
	if err != nil {
		return err
	}
	r.onClose(func(ctx context.Context) {
		// What functions wrote last is worth a moment more than they had.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		if err := r.logs.Close(ctx); err != nil {
			r.log.Warn("closing the functions' logs failed", "error", err)
		}
	})
	return nil
}

// instancesIngress is the ingress as instances reach it. It serves once the API is
// open, before which there are no instances.
func (r *Runtime) instancesIngress() *sandbox.Ingress {
	var once sync.Once
	var handler http.Handler
	return &sandbox.Ingress{
		Port: portOf(r.ingress),
		// Functions are on this machine, whatever the world calls it.
		URL: localURL(r.ingress),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
			once.Do(func() { handler = r.api.Ingress() })
			handler.ServeHTTP(w, request)
		}),
	}
}

// closeTraces sends the last spans.
func (r *Runtime) closeTraces(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if err := r.traces.Close(ctx); err != nil {
		r.log.Warn("the last traces could not be sent", "error", err)
	}
}

// compiledDir is where compile caches are kept. There are none with an OCI runtime: each
// container has another user, for whom Node reads no other's cache.
func (r *Runtime) compiledDir() string {
	if sandbox.Mode(r.config.Isolation) == sandbox.ModeOCI {
		return ""
	}
	return filepath.Join(r.store.Dir(), "compiled")
}

// openServices makes what serves stacks. None of it knows a stack yet.
func (r *Runtime) openServices(ctx context.Context) (err error) {
	r.languages, err = language.New(ctx, language.Options{
		Dir:          filepath.Join(r.store.Dir(), "languages"),
		Interpreters: r.config.Interpreters,
		Log:          r.log,
	})
	if err != nil {
		return err
	}
	access := api.NewAccess(r.store.ManagementToken(), r.store.SigningKey(), r.store.Directory().Stack)
	ingressURL := func() string { return r.ready.Ingress }
	r.invoke, err = invoke.New(ctx, invoke.Options{
		Store:     r.store,
		Sandbox:   r.sandbox,
		Languages: r.languages,
		Logs:      r.logs,
		Metrics:   r.metrics,
		Traces:    r.traces,
		Meter:     r.meter,
		Ingress:   r.instancesIngress(),
		Environment: func(stack, incarnation, function string) map[string]string {
			return map[string]string{
				"TIDEGATE_ENDPOINT": sandbox.Endpoint,
				"TIDEGATE_TOKEN":    access.FunctionToken(stack, incarnation, function),
			}
		},
		CompiledDir:     r.compiledDir(),
		MaxConcurrency:  r.config.MaxConcurrency,
		IdleTimeout:     r.config.IdleTimeout,
		AsyncRetryDelay: r.config.AsyncRetryDelay,
		Log:             r.log,
	})
	if err != nil {
		return err
	}
	r.onClose(r.closeObserver) // when the last invocation was counted
	r.onClose(r.invoke.Close)
	if err := r.openObserver(ctx); err != nil {
		return err
	}
	r.triggers = trigger.New(trigger.Env{
		Store:      r.store,
		Invoker:    r.invoke,
		Authorize:  access.Authorize,
		Log:        r.log,
		IngressURL: ingressURL,
		Metrics:    r.metrics.Registry(),
		Traces:     r.traces,
	})
	r.onClose(r.triggers.Close)
	r.invoke.SetQueues(r.triggers.Queues)
	r.openRollouts()
	r.api = api.New(api.Options{
		Store:    r.store,
		Invoker:  r.invoke,
		Access:   access,
		Triggers: r.triggers,
		Logs:     r.logs,
		Usage:    r.meter,
		Seen:     r.observer.Seen,
		Metrics:  r.metrics.Handler(),
		Runtimes: runtimes{r.languages},
		Host: api.Host{
			Version:        r.config.Version,
			Architecture:   architecture(),
			Isolation:      r.sandbox.Isolation(),
			MaxConcurrency: r.config.MaxConcurrency,
		},
		IngressURL: ingressURL,
		Log:        r.log,
		Draining:   r.draining,
		Now:        time.Now,
	})
	return nil
}

// begin brings every stack into effect on this node. Functions come before the
// triggers that invoke them, and go after them.
func (r *Runtime) begin(ctx context.Context) error {
	directory := r.store.Directory()
	directory.OnChange(r.invoke.OnChange)
	directory.OnChange(r.triggers.Reconcile)
	directory.OnChange(r.rollouts.OnChange)
	if err := directory.Start(ctx); err != nil {
		return err
	}
	if err := r.invoke.Start(ctx); err != nil {
		return err
	}
	if err := r.triggers.Start(ctx); err != nil {
		return err
	}
	r.rollouts.Start()
	return nil
}

// announce writes the files by which others find the runtime.
func (r *Runtime) announce(context.Context) (err error) {
	if r.ready.TokenFile, err = r.config.TokenFile(r.ready.Endpoint); err != nil {
		return err
	}
	if err := writeTokenFile(r.ready.TokenFile, r.store.ManagementToken()); err != nil {
		return err
	}
	if r.config.ReadyFile == "" {
		return nil
	}
	r.onClose(func(context.Context) { _ = os.Remove(r.config.ReadyFile) })
	return writeReadyFile(r.config.ReadyFile, r.ready)
}

// Run serves until ctx ends, then lets what runs finish within the drain
// timeout, and closes everything. It returns an error if a listener failed.
func (r *Runtime) Run(ctx context.Context) error {
	r.log.Info("serving", "version", r.config.Version, "node", r.store.NodeID())
	servers := []server{
		r.newFront(newServer(r.api.Management(), r.log)),
		newServer(r.api.Ingress(), r.log),
	}
	failed := make(chan error, len(servers))
	for i, l := range []net.Listener{r.management, r.ingress} {
		go func() { failed <- serve(servers[i], l) }()
	}
	var err error
	select {
	case <-ctx.Done():
		r.log.Info("ending: what runs may finish", "within", r.config.DrainTimeout)
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.config.DrainTimeout)
	defer cancel()
	r.drain()
	var all sync.WaitGroup
	for _, server := range servers {
		all.Go(func() { shutdown(ending, server) })
	}
	// Triggers stop taking events while requests finish, not after.
	all.Go(func() { r.triggers.Close(ending) })
	all.Wait()
	r.close(ending)
	return err
}

func (r *Runtime) onClose(f func(context.Context)) { r.closers = append(r.closers, f) }

// close ends the parts, newest first; what they wait for ends with ctx.
func (r *Runtime) close(ctx context.Context) {
	r.drain()
	for _, closer := range slices.Backward(r.closers) {
		closer(ctx)
	}
	r.closers = nil
}

// runtimes is the host's languages as the API sees them.
type runtimes struct{ *language.Registry }

func (r runtimes) Check(runtime string) error {
	_, err := r.Find(runtime)
	return err
}

// architecture is the host's, as Lambda names it.
func architecture() string {
	if goruntime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}
