// Package trigger turns what happens outside into invocations of a stack's
// functions: HTTP requests, messages, points in time. One file, or a few, per
// trigger; all of them see functions through invoke.Invoker alone.
package trigger

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Trigger serves every stack of one kind on this node. The order of calls is:
// its constructor, Mount, Reconcile for every stack that exists, Start, Reconcile
// for every change, Close. Reconcile runs at the same time for different stacks,
// never for the same.
type Trigger interface {
	// Kind of the stacks it serves. Function URLs serve every kind and answer
	// stack.KindNone.
	Kind() stack.Kind
	// Mount adds its handlers to the ingress listener.
	Mount(mux *http.ServeMux)
	// Reconcile makes what the trigger has of a stack what the new record says. Old
	// is what it returned nil for last, nil if the stack is new to this node; new is
	// nil when the stack is gone. Stacks of other kinds are ignored. What it makes in
	// the store it makes idempotently, since every node reconciles every stack. It is
	// a store.ChangeFunc: after an error the store's directory calls it again.
	Reconcile(ctx context.Context, old, new *store.Record) error
	// Start begins what needs to know every stack: it removes what stacks that were
	// deleted while no node ran have left behind.
	Start(ctx context.Context) error
	// Components tells the state of what the trigger owns for the stack, by
	// component: stack.Ready or what is wrong. Empty for other kinds. The names are
	// those of stack.Stack.Components, neither more nor fewer: plans rely on it.
	Components(ctx context.Context, r *store.Record) map[string]string
	// Close stops taking events, and waits for those being handled until the
	// context ends; then their invocations are cancelled.
	Close(ctx context.Context)
}

// Env is what triggers need of the rest of the runtime. Every field is required
// unless it says otherwise.
type Env struct {
	Store   *store.Store
	Invoker invoke.Invoker
	// Authorize decides on requests that need a token.
	Authorize Authorizer
	// Clock is the time; nil means the system's.
	Clock Clock
	// Log may be nil: nothing is logged.
	Log *slog.Logger
	// IngressURL is where the world reaches the ingress listener, such as
	// "http://127.0.0.1:7421"; functions learn scheme and port from it. It is asked
	// for at each use, because the port may be known only once the listener is open.
	// Nil means the listener's own address.
	IngressURL func() string
	// Traces of queues' batches; nil means none.
	Traces *telemetry.Traces
	// Metrics takes the triggers' collectors; nil means none are kept.
	Metrics prometheus.Registerer
}

// An Authorizer decides whether the request's bearer token may do the action
// ("sqs:SendMessage") on the resource. It returns nil if so, an error that wraps
// ErrUnauthenticated if there is no valid token, and any other error, a sentence
// for the client, if the token does not suffice.
type Authorizer func(r *http.Request, action, resourceARN string) error

// ErrUnauthenticated says that a request has no token, or none that is valid.
var ErrUnauthenticated = errors.New("a valid bearer token is required")

// withDefaults fills the optional fields.
func (e Env) withDefaults() Env {
	if e.Clock == nil {
		e.Clock = SystemClock{}
	}
	if e.Log == nil {
		e.Log = slog.New(slog.DiscardHandler)
	}
	if e.Metrics == nil {
		e.Metrics = prometheus.NewRegistry()
	}
	return e
}

// stackOf is the name of the stack that a change is of.
func stackOf(old, new *store.Record) string {
	if new != nil {
		return new.Stack.Name
	}
	return old.Stack.Name
}

// Triggers is one of each kind.
type Triggers struct {
	HTTPAPIs     *HTTPAPIs
	FunctionURLs *FunctionURLs
	Queues       *Queues
	Schedules    *Schedules
}

// New returns one trigger of each kind. It starts nothing.
func New(env Env) *Triggers {
	env = env.withDefaults()
	queues := NewQueues(env)
	return &Triggers{
		HTTPAPIs:     NewHTTPAPIs(env),
		FunctionURLs: NewFunctionURLs(env),
		Queues:       queues,
		Schedules:    NewSchedules(env, queues),
	}
}

// All lists the triggers.
func (t *Triggers) All() []Trigger {
	return []Trigger{t.HTTPAPIs, t.FunctionURLs, t.Queues, t.Schedules}
}

// Mount adds every trigger's handlers to the ingress listener.
func (t *Triggers) Mount(mux *http.ServeMux) {
	for _, each := range t.All() {
		each.Mount(mux)
	}
}

// Reconcile reconciles a stack with every trigger. Its errors, all of them, name
// the stack.
func (t *Triggers) Reconcile(ctx context.Context, old, new *store.Record) error {
	var errs []error
	for _, each := range t.All() {
		errs = append(errs, each.Reconcile(ctx, old, new))
	}
	return errors.Join(errs...)
}

// Start starts every trigger, once every stack was reconciled.
func (t *Triggers) Start(ctx context.Context) error {
	var errs []error
	for _, each := range t.All() {
		errs = append(errs, each.Start(ctx))
	}
	return errors.Join(errs...)
}

// Components joins what every trigger says of the stack.
func (t *Triggers) Components(ctx context.Context, r *store.Record) map[string]string {
	all := map[string]string{}
	for _, each := range t.All() {
		for name, state := range each.Components(ctx, r) {
			all[name] = state
		}
	}
	return all
}

// Close closes every trigger, all at the same time.
func (t *Triggers) Close(ctx context.Context) {
	done := make(chan struct{})
	all := t.All()
	for _, each := range all {
		go func() {
			each.Close(ctx)
			done <- struct{}{}
		}()
	}
	for range all {
		<-done
	}
}
