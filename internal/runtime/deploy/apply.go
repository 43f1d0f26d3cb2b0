package deploy

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Published is a version that a deployment made.
type Published struct {
	Function string
	Version  int
}

// publishAll adds to the record those versions of the stack's functions that it lacks,
// and returns the number of each function's version.
func publishAll(next *store.Record, s stack.Stack, now time.Time, sizeOf func(string) int64) (map[string]int, []Published) {
	numbers := map[string]int{}
	var published []Published
	for _, name := range s.FunctionNames() {
		versions := next.Functions[name]
		if versions == nil {
			versions = &store.FunctionRecord{}
			next.Functions[name] = versions
		}
		f := s.Functions[name]
		numbers[name] = current(f, versions)
		if numbers[name] == 0 {
			numbers[name] = publish(versions, f, now, sizeOf)
			published = append(published, Published{name, numbers[name]})
		}
	}
	return numbers, published
}

// complete makes the record's stack s, with these versions live, and removes what it
// needs no more.
func complete(next *store.Record, s stack.Stack, live map[string]int) {
	next.Stack = s
	for name, number := range live {
		next.Functions[name].Live = stack.RouteTo(number)
	}
	tidy(next)
}

// tidy prunes versions, and retires functions that the stack does not have.
func tidy(next *store.Record) {
	for name, versions := range next.Functions {
		if f, stays := next.Stack.Functions[name]; stays {
			prune(versions, f.KeepVersions)
		} else {
			next.Functions[name] = retired(versions)
		}
	}
}

// begin returns a record to build on: a copy of old, or of a new incarnation.
func begin(old *store.Record, name string, now time.Time) *store.Record {
	next := &store.Record{}
	if old != nil {
		next = old.Clone()
	}
	if old == nil || old.Deleted {
		next.Deleted = false
		next.Creation = stack.CreationFinished
		// The revision of the tombstone alone is new after every deletion; the time
		// makes it so where there never was one.
		next.Incarnation = fmt.Sprintf("%x-%x", next.Revision, now.UnixNano())
	}
	if next.Functions == nil {
		next.Functions = map[string]*store.FunctionRecord{}
	}
	return next
}

// withSecrets returns the stack with the secrets that its functions are to have, given
// those that there are.
func withSecrets(s stack.Stack, before map[string]stack.Function) stack.Stack {
	s.Functions = maps.Clone(s.Functions)
	for name, f := range s.Functions {
		f.Secrets = secrets(before[name], f)
		s.Functions[name] = f
	}
	return s
}

// secrets returns what the function's secrets are to be.
func secrets(before, f stack.Function) map[string]string {
	if len(f.Secrets) == 0 && f.SecretsVersion == before.SecretsVersion {
		return before.Secrets
	}
	return f.Secrets
}

// current returns the number of the version that is the function's
// configuration as it is, 0 if there is none.
func current(f stack.Function, versions *store.FunctionRecord) int {
	hash := f.Hash()
	for _, v := range slices.Backward(versions.Versions) {
		if v.Hash == hash {
			return v.Number
		}
	}
	return 0
}

// publish freezes the function into a version and returns its number.
func publish(versions *store.FunctionRecord, f stack.Function, now time.Time, sizeOf func(string) int64) int {
	versions.LastVersion++
	versions.Versions = append(versions.Versions, store.VersionRecord{
		Version: stack.Version{
			Number:   versions.LastVersion,
			Hash:     f.Hash(),
			Config:   f.Config,
			CodeSize: sizeOf(f.CodeSHA256),
			Created:  now.UTC(),
		},
		Secrets: maps.Clone(f.Secrets),
	})
	return versions.LastVersion
}

// prune removes all but the newest versions; what an alias points at stays.
func prune(versions *store.FunctionRecord, keep int) {
	old := max(0, len(versions.Versions)-keep)
	i := -1
	versions.Versions = slices.DeleteFunc(versions.Versions, func(v store.VersionRecord) bool {
		i++
		return i < old && versions.UsedBy(v.Number) == ""
	})
}

// retired is what stays of a function that is gone: that its numbers are taken.
func retired(versions *store.FunctionRecord) *store.FunctionRecord {
	return &store.FunctionRecord{LastVersion: versions.LastVersion}
}

// Tombstone returns what stays of a stack that is deleted: which numbers its
// functions' versions had.
func Tombstone(r *store.Record) *store.Record {
	tombstone := &store.Record{
		Format:      r.Format,
		Stack:       stack.Stack{Name: r.Stack.Name},
		Incarnation: r.Incarnation,
		Functions:   map[string]*store.FunctionRecord{},
		Deleted:     true,
		Revision:    r.Revision,
	}
	for name, versions := range r.Functions {
		tombstone.Functions[name] = retired(versions)
	}
	return tombstone
}
