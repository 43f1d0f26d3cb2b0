package trigger

import (
	"context"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
)

// invocations are those that requests began: a client's going away does not end
// them.
type invocations struct {
	invoker invoke.Invoker
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	running int
	idle    chan struct{} // closed when running is 0; nil when nobody waits for it
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

// start invokes a function and returns where the outcome will be.
func (i *invocations) start(r invoke.Request) <-chan outcome {
	result := make(chan outcome, 1)
	i.mu.Lock()
	i.running++
	i.mu.Unlock()
	go func() {
		response, err := i.invoker.Invoke(i.ctx, r)
		result <- outcome{response, err}
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.running--; i.running == 0 && i.idle != nil {
			close(i.idle)
			i.idle = nil
		}
	}()
	return result
}

// close waits for what runs until ctx ends, and cancels it then. It does not stop
// new ones from beginning: they are of requests that the listener took before it
// was closed.
func (i *invocations) close(ctx context.Context) {
	defer i.cancel()
	i.mu.Lock()
	if i.running == 0 {
		i.mu.Unlock()
		return
	}
	if i.idle == nil {
		i.idle = make(chan struct{})
	}
	idle := i.idle
	i.mu.Unlock()
	select {
	case <-idle:
	case <-ctx.Done():
		i.cancel()
		<-idle
	}
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
