package deploy

import (
	"fmt"
	"maps"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// UpdateFunction changes a function's $LATEST and publishes nothing: what is
// live stays. Secrets are kept as by Apply.
func UpdateFunction(r *store.Record, name string, f stack.Function) (*store.Record, error) {
	before, _, err := function(r, name)
	if err != nil {
		return nil, err
	}
	if err := settled(r, fmt.Sprintf("function %q", name)); err != nil {
		return nil, err
	}
	next := r.Clone()
	f.Secrets = secrets(before, f)
	next.Stack.Functions[name] = f
	next.Stack = next.Stack.WithDefaults()
	return next, nil
}

// DeleteFunction removes a function and its versions. Bindings to it stay, and
// fail until the function is deployed again.
func DeleteFunction(r *store.Record, name string) (*store.Record, error) {
	if _, _, err := function(r, name); err != nil {
		return nil, err
	}
	if err := settled(r, fmt.Sprintf("function %q", name)); err != nil {
		return nil, err
	}
	next := r.Clone()
	delete(next.Stack.Functions, name)
	if versions := next.Functions[name]; versions != nil {
		next.Functions[name] = retired(versions)
	}
	return next, nil
}

// DeleteVersion removes one version that no alias points at.
func DeleteVersion(r *store.Record, name string, number int) (*store.Record, error) {
	_, versions, err := function(r, name)
	if err != nil {
		return nil, err
	}
	if _, ok := versions.Version(number); !ok {
		return nil, noVersion(r, name, number)
	}
	if err := settled(r, fmt.Sprintf("the versions of function %q", name)); err != nil {
		return nil, err
	}
	if alias := versions.UsedBy(number); alias != "" {
		return nil, failure(InUse, "version %d of function %q of stack %q cannot be deleted: the alias %q points at it",
			number, name, r.Stack.Name, alias)
	}
	next := r.Clone()
	f := next.Functions[name]
	f.Versions = slices.DeleteFunc(f.Versions, func(v store.VersionRecord) bool { return v.Number == number })
	return next, nil
}

// SetLive points the alias "live" of a function at one version, or splits it
// between two. An empty routing removes the alias.
func SetLive(r *store.Record, name string, routing stack.Routing) (*store.Record, error) {
	_, versions, err := function(r, name)
	if err != nil {
		return nil, err
	}
	if err := settled(r, fmt.Sprintf("the alias %q of function %q", stack.AliasLive, name)); err != nil {
		return nil, err
	}
	if len(routing) == 0 {
		return withLive(r, name, nil), nil
	}
	if err := routing.Validate(); err != nil {
		return nil, failure(Invalid, "the alias %q of function %q of stack %q: %v", stack.AliasLive, name, r.Stack.Name, err)
	}
	for _, number := range slices.Sorted(maps.Keys(routing)) {
		if _, ok := versions.Version(number); !ok {
			return nil, noVersion(r, name, number)
		}
	}
	return withLive(r, name, maps.Clone(routing)), nil
}

func withLive(r *store.Record, name string, routing stack.Routing) *store.Record {
	next := r.Clone()
	if versions := next.Functions[name]; versions != nil {
		versions.Live = routing
	}
	return next
}

func noVersion(r *store.Record, function string, number int) error {
	return failure(NotFound, "function %q of stack %q has no version %d", function, r.Stack.Name, number)
}
