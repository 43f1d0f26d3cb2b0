package provider

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// What a failed create leaves in the state, Terraform holds for damaged: it plans to
// destroy it and to create it anew, and a provider cannot have it otherwise. But a
// stack is known by its name, and a create goes on from an unfinished one. So where
// the two halves of a replacement are of the same stack, the first leaves to the
// second what is unfinished: nothing that was made is made again.
//
// For the same reason a deletion spares a stack that this very process has created:
// then Terraform has turned the halves round (create_before_destroy), or the stack
// went from one resource to another.

// A handover knows what deletions and creations of one apply leave to each other.
type handover struct {
	mu sync.Mutex
	// created are the names of stacks that were created, or taken over.
	created map[string]bool
	// left are the states of unfinished stacks that a deletion has left, by name.
	left map[string]tftypes.Value
}

func newHandover() *handover {
	return &handover{created: map[string]bool{}, left: map[string]tftypes.Value{}}
}

// leave notes an unfinished stack that was not deleted.
func (h *handover) leave(name string, state tftypes.Value) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.left[name] = state
}

// take returns the state of an unfinished stack that was left, if one was.
func (h *handover) take(name string) (tftypes.Value, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	state, ok := h.left[name]
	delete(h.left, name)
	return state, ok
}

func (h *handover) create(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.created[name] = true
}

func (h *handover) hasCreated(name string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.created[name]
}

// spares tells whether a deletion has to leave the stack alone.
func (r *stackResource) spares(ctx context.Context, req resource.DeleteRequest, diags *diag.Diagnostics) bool {
	prior := r.prior(req.State.Raw)
	if r.data.handover.hasCreated(prior.Name) {
		diags.AddWarning(subject("Not deleted: stack", prior.Name),
			"This apply has created it, or taken it over, as another resource or as the replacement of this one. It stays.")
		return true
	}
	planned, bad := recall(ctx, req.Private)
	if bad.HasError() || planned.Creates == "" || planned.Creates != r.identity(req.State.Raw) {
		return false
	}
	d, err := r.data.target.Read(ctx, prior)
	if err != nil || d.Creation != stack.CreationUnfinished || d.Stack.Trigger.Kind() != r.kind.kind {
		return false // If it cannot be read, the deletion says why.
	}
	r.data.handover.leave(prior.Name, req.State.Raw)
	return true
}

// identity is what cannot change of a stack in a plan or state; "" while it is not
// known.
func (r *stackResource) identity(v tftypes.Value) string {
	attributes := fields(v)
	parts := map[string]any{}
	for _, name := range append([]string{"name"}, r.kind.replaced...) {
		if attributes[name].IsNull() || !attributes[name].IsKnown() {
			return ""
		}
		parts[name] = tree(attributes[name])
	}
	raw, err := json.Marshal(parts)
	if err != nil {
		return ""
	}
	return string(raw)
}
