package rollout

import (
	"context"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
)

// An Observer counts what happens to the versions that a release moves between, on
// all nodes. There is one on each node; see internal/runtime/observe.
type Observer interface {
	// Watch counts on this node for the release that is under way in a stack. It is
	// called, on every node, whenever the stack's record changed; what it knows already
	// changes nothing. Counts begin with each step of the release, as Since tells. A
	// release that has ended is no longer watched, as with Forget. It returns at once.
	Watch(stack, incarnation string, r release.Release)
	// Forget ends the watching of a stack, whose release has ended or which is gone, and
	// removes what all nodes have written of it. It returns at once.
	Forget(stack string)
	// Seen is what all nodes have counted since the release's step began, those that
	// have died meanwhile included, and this one until now.
	Seen(ctx context.Context, stack string, r release.Release) (release.Seen, error)
}
