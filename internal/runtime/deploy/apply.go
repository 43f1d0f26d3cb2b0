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

// Apply returns the record that makes the stack what s says, and which versions
// are new in it, by function. Old is the record it is to replace, nil if there
// is none; sizeOf tells the size of a package in bytes, given its CodeSHA256.
//
// A function gets a new version if none of its versions has the hash of its
// configuration; "live" then points at the one that has. So what was deleted or
// moved behind a deployment's back is as it should be after the next, and where
// nothing is to be done, the result equals old.
//
// Secrets that were sent become the function's. Where none were sent and the
// secrets' version is unchanged, they stay.
//
// A stack that is new, or new after a deletion, is another incarnation, and its
// creation is finished: a caller that wants it otherwise sets it.
func Apply(old *store.Record, s stack.Stack, now time.Time, sizeOf func(sha string) int64) (*store.Record, []Published) {
	next := begin(old, s.Name, now)
	before := next.Stack.Functions
	next.Stack = s.WithDefaults()
	var published []Published
	for _, name := range s.FunctionNames() {
		f := next.Stack.Functions[name]
		f.Secrets = secrets(before[name], f)
		next.Stack.Functions[name] = f

		versions := next.Functions[name]
		if versions == nil {
			versions = &store.FunctionRecord{}
			next.Functions[name] = versions
		}
		number := current(f, versions)
		if number == 0 {
			number = publish(versions, f, now, sizeOf)
			published = append(published, Published{name, number})
		}
		versions.Live = stack.RouteTo(number)
		prune(versions, f.KeepVersions)
	}
	for name, versions := range next.Functions {
		if _, stays := next.Stack.Functions[name]; !stays {
			next.Functions[name] = retired(versions)
		}
	}
	return next, published
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
	next.Format = store.RecordFormat
	if next.Functions == nil {
		next.Functions = map[string]*store.FunctionRecord{}
	}
	return next
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

// prune removes all but the newest versions; what "live" points at stays.
func prune(versions *store.FunctionRecord, keep int) {
	old := max(0, len(versions.Versions)-keep)
	i := -1
	versions.Versions = slices.DeleteFunc(versions.Versions, func(v store.VersionRecord) bool {
		i++
		_, live := versions.Live[v.Number]
		return i < old && !live
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
		Format:      store.RecordFormat,
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
