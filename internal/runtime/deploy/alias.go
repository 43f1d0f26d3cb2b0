package deploy

import (
	"maps"
	"reflect"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// SetAlias makes or changes an alias of a function beside "live". Such an alias does
// not belong to the stack: a release under way does not stand in its way, and the
// stack's revision stays.
func SetAlias(r *store.Record, ref stack.AliasRef, alias stack.Alias) (*store.Record, error) {
	f, versions, err := function(r, ref.Function)
	if err != nil {
		return nil, err
	}
	alias = alias.WithDefaults()
	if problems := stack.ValidateAlias(ref, alias); len(problems) > 0 {
		return nil, failure(Invalid, "the alias %q of function %q of stack %q: %v", ref.Name, ref.Function, ref.Stack, problems[0])
	}
	for _, number := range slices.Sorted(maps.Keys(alias.Routing)) {
		if _, ok := versions.Version(number); !ok {
			return nil, missingVersion(ref, number, f, versions)
		}
	}
	next := besideStack(r)
	named := next.Functions[ref.Function]
	if named.Aliases == nil {
		named.Aliases = map[string]stack.Alias{}
	}
	if before, ok := named.Aliases[ref.Name]; ok && reflect.DeepEqual(before, alias) {
		next.Since = r.Since
	}
	named.Aliases[ref.Name] = alias
	return next, nil
}

// DeleteAlias removes an alias beside "live". What it pointed at stays until the next
// deployment prunes it.
func DeleteAlias(r *store.Record, ref stack.AliasRef) (*store.Record, error) {
	_, versions, err := function(r, ref.Function)
	if err != nil {
		return nil, err
	}
	if _, ok := versions.Aliases[ref.Name]; !ok {
		return nil, failure(NotFound, "function %q of stack %q has no alias %q", ref.Function, ref.Stack, ref.Name)
	}
	next := besideStack(r)
	delete(next.Functions[ref.Function].Aliases, ref.Name)
	return next, nil
}

// besideStack returns a copy for a change that is none of the stack itself.
func besideStack(r *store.Record) *store.Record {
	next := r.Clone()
	next.Since = r.StackRevision()
	return next
}

// missingVersion says why an alias cannot point at a version: it was never published,
// or it is gone.
func missingVersion(ref stack.AliasRef, number int, f stack.Function, versions *store.FunctionRecord) error {
	const alias = "the alias %q cannot point at version %d of function %q of stack %q, "
	if number > versions.LastVersion {
		return failure(Invalid, alias+"which was not published yet: the newest is version %d",
			ref.Name, number, ref.Function, ref.Stack, versions.LastVersion)
	}
	return failure(Invalid, alias+"which is gone: %d versions are kept (keep_versions), and those that an alias points at",
		ref.Name, number, ref.Function, ref.Stack, f.KeepVersions)
}

// AliasStatus is an alias as the API tells of it; ingress is where the world reaches the
// runtime.
func AliasStatus(ref stack.AliasRef, alias stack.Alias, ingress string) stack.AliasStatus {
	status := stack.AliasStatus{Alias: alias, ARN: stack.QualifiedARN(ref.Stack, ref.Function, ref.Name), State: stack.Ready}
	if alias.URL != nil {
		status.FunctionURL = functionAddress(ref.Stack, ref.Function, ingress) + ":" + ref.Name + "/"
	}
	return status
}
