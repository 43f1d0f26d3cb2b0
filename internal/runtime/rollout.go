package runtime

import (
	"context"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rollout"
)

// openRollouts makes what drives releases. It ends before what runs functions: a hook
// that is cut off is run anew by the next node.
func (r *Runtime) openRollouts() {
	r.rollouts = rollout.New(rollout.Options{
		Put:      r.store.PutRecord,
		Lease:    func(ctx context.Context, name string) (rollout.Lease, error) { return r.store.Lease(ctx, name) },
		Invoker:  r.invoke,
		Observer: r.observer,
		Log:      r.log,
	})
	r.onClose(func(context.Context) { r.rollouts.Close() })
}
