package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// privateKey is where a resource's private state keeps what was seen.
const privateKey = "seen"

// seen is what a plan needs to know of the target beyond the attributes. It is
// kept beside the state, out of the user's sight.
type seen struct {
	// Revision that an update is for.
	Revision string `json:"revision"`
	// Versions that exist: function -> Config.Hash -> number. A function whose hash is
	// among them will not get a new version.
	Versions map[string]map[string]int `json:"versions"`
	// Creates is set only in the plan of a new stack: what it will be, as
	// stackResource.identity. If the stack takes the place of another, the deletion of
	// that one sees it as well.
	Creates string `json:"creates,omitempty"`
	// Manifests of the code before and after a release that is under way.
	Manifests manifests `json:"manifests,omitempty"`
}

type privateGetter interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateSetter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// remember keeps what was seen of a deployment.
func remember(ctx context.Context, private privateSetter, d *stack.Deployment, m manifests) diag.Diagnostics {
	s := seen{Revision: d.Revision, Versions: map[string]map[string]int{}, Manifests: m}
	for name, f := range d.Functions {
		numbers := map[string]int{}
		for _, v := range f.Versions {
			numbers[v.Hash] = v.Number
		}
		s.Versions[name] = numbers
	}
	return s.keep(ctx, private)
}

// keep replaces what was kept before.
func (s seen) keep(ctx context.Context, private privateSetter) diag.Diagnostics {
	raw, err := json.Marshal(s)
	if err != nil {
		return diag.Diagnostics{diag.NewErrorDiagnostic("Cannot keep what was seen of the stack", err.Error())}
	}
	return private.SetKey(ctx, privateKey, raw)
}

// recall returns nothing for a state of before there was any.
func recall(ctx context.Context, private privateGetter) (s seen, diags diag.Diagnostics) {
	raw, diags := private.GetKey(ctx, privateKey)
	if raw == nil || diags.HasError() {
		return seen{}, diags
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return seen{}, diags // Written by another version: plan as if nothing had been seen.
	}
	return s, diags
}
