package trigger

import (
	"context"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// invocations are those that a trigger began and that nobody else keeps track
// of: a client's going away does not end them.
type invocations struct {
	invoker invoke.Invoker
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

// An outcome is what came of an invocation.
type outcome struct {
	response invoke.Response
	err      error
}

func newInvocations(invoker invoke.Invoker) *invocations {
	ctx, cancel := context.WithCancel(context.Background())
	return &invocations{invoker: invoker, ctx: ctx, cancel: cancel}
}

// errClosing is what an invocation comes to that begins while the node stops.
var errClosing = &invoke.Error{Status: 503, Type: "ServiceException", Message: "This node is stopping; try again."}

// start invokes a function and returns where the outcome will be.
func (i *invocations) start(r invoke.Request) <-chan outcome {
	result := make(chan outcome, 1)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.closed {
		result <- outcome{err: errClosing}
		return result
	}
	i.running.Go(func() {
		response, err := i.invoker.Invoke(i.ctx, r)
		result <- outcome{response, err}
	})
	return result
}

// close begins nothing new, waits for what runs until ctx ends, and cancels it
// then.
func (i *invocations) close(ctx context.Context) {
	i.mu.Lock()
	i.closed = true
	i.mu.Unlock()
	waitOrCancel(ctx, &i.running, i.cancel)
}

// waitOrCancel waits for a group; when ctx ends it cancels what the group does
// and waits on.
func waitOrCancel(ctx context.Context, group *sync.WaitGroup, cancel context.CancelFunc) {
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	cancel()
	<-done
}
