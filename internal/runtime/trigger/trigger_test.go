package trigger

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// testStart is when the fake clocks begin.
var testStart = time.Date(2020, 3, 12, 19, 3, 58, 390_000_000, time.UTC)

// openStore opens an embedded store in a folder of the test's.
func openStore(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// fakeInvoker is the function side.
type fakeInvoker struct {
	mu       sync.Mutex
	requests []invoke.Request
	// handle answers; nil means null.
	handle func(ctx context.Context, r invoke.Request) (invoke.Response, error)
}

func (f *fakeInvoker) Invoke(ctx context.Context, r invoke.Request) (invoke.Response, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	handle := f.handle
	f.mu.Unlock()
	if handle == nil {
		return invoke.Response{Payload: []byte("null"), ExecutedVersion: "1"}, nil
	}
	return handle(ctx, r)
}

func (f *fakeInvoker) InvokeAsync(ctx context.Context, r invoke.Request) error {
	_, err := f.Invoke(ctx, r)
	return err
}

// seen returns what was invoked so far.
func (f *fakeInvoker) seen() []invoke.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]invoke.Request(nil), f.requests...)
}

// answering is a function that always returns the same.
func answering(payload string) *fakeInvoker {
	return &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) {
		return invoke.Response{Payload: []byte(payload), ExecutedVersion: "1"}, nil
	}}
}

// failing is a function that cannot be invoked.
func failing(err error) *fakeInvoker {
	return &fakeInvoker{handle: func(context.Context, invoke.Request) (invoke.Response, error) {
		return invoke.Response{}, err
	}}
}

// throttledError is what an invoker answers when a function's limit is reached.
var throttledError = &invoke.Error{
	Status: 429, Type: "TooManyRequestsException", Message: "Rate Exceeded.",
	Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
}

// allowAll authorizes everything.
func allowAll(*http.Request, string, string) error { return nil }

// recordOf is a record of a stack with that trigger and a function "f".
func recordOf(name string, trigger stack.Trigger) *store.Record {
	return &store.Record{
		Stack: stack.Stack{
			Name: name, Trigger: trigger,
			Functions: map[string]stack.Function{"f": stack.NewFunction()},
		},
		Incarnation: "1",
		Revision:    1,
	}
}

// patience is how long a test waits for what must happen, on a machine with other
// things to do.
const patience = 2 * time.Minute

// eventually waits for a condition that other goroutines bring about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s did not happen", what)
		}
	}
}
