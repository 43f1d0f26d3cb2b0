package store

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// RecordFormat is the newest format of records this program reads. Records are
// written in format 1, but for those of a stack with a release under way or with
// aliases beside "live": a program that knows nothing of them would lose them.
const (
	RecordFormat  = formatRelease
	formatRelease = 2
	formatPlain   = 1
)

// A Record is everything the runtime knows of one stack. It is one key-value
// entry, replaced by compare-and-set, so that a reader sees the old stack or
// the new one and never a mixture.
type Record struct {
	// Format it was read in. The store sets it when it writes.
	Format int `json:"format"`
	// Stack as deployed; Functions are each function's $LATEST, secrets included.
	Stack    stack.Stack    `json:"stack"`
	Creation stack.Creation `json:"creation"`
	// Incarnation is new with every creation: tokens and leftovers of a deleted
	// stack of the same name do not pass for this one's.
	Incarnation string `json:"incarnation"`
	// Functions by name; also those that were deleted, for their LastVersion.
	Functions map[string]*FunctionRecord `json:"functions"`
	// Release that is under way; nil if none is. The aliases of the functions that move
	// are what its Routing says.
	Release *release.Release `json:"release,omitempty"`
	// Pending is what the stack becomes when the release is finished, secrets included.
	// Until then Stack is what it was. Of Pending there is only what adds to that: its
	// candidate versions, its new functions, the permissions it adds.
	Pending *stack.Stack `json:"pending,omitempty"`
	// Repaired are functions of Stack whose alias was missing when the release began.
	Repaired []string `json:"repaired,omitempty"`
	// Releases that have ended, newest first.
	Releases []release.Release `json:"releases,omitempty"`
	// Deleted marks a tombstone, which keeps version numbers from being used again.
	Deleted bool `json:"deleted,omitempty"`
	// Since is the revision at which the stack itself was last changed, if nothing but
	// aliases beside "live" was since: they do not belong to the stack, and who saw it
	// before may change it still. 0 means Revision.
	Since uint64 `json:"since,omitempty"`

	// Revision of the key-value entry. Not stored in it.
	Revision uint64 `json:"-"`
}

// A FunctionRecord is what one function has published.
type FunctionRecord struct {
	// LastVersion is the highest number ever published.
	LastVersion int `json:"last_version"`
	// Versions that exist, oldest first.
	Versions []VersionRecord `json:"versions,omitempty"`
	// Live is the routing of the alias "live"; empty when the alias was deleted.
	Live stack.Routing `json:"live,omitempty"`
	// Aliases beside "live", by name.
	Aliases map[string]stack.Alias `json:"aliases,omitempty"`
}

// A VersionRecord is a version with the secrets that were frozen into it.
type VersionRecord struct {
	stack.Version
	Secrets map[string]string `json:"secrets,omitempty"`
}

// Version returns the version with that number.
func (f *FunctionRecord) Version(number int) (VersionRecord, bool) {
	for _, v := range f.Versions {
		if v.Number == number {
			return v, true
		}
	}
	return VersionRecord{}, false
}

// UsedBy returns the alias that points at a version, the first by name where several
// do; empty if none does.
func (f *FunctionRecord) UsedBy(number int) string {
	if _, ok := f.Live[number]; ok {
		return stack.AliasLive
	}
	for _, name := range slices.Sorted(maps.Keys(f.Aliases)) {
		if _, ok := f.Aliases[name].Routing[number]; ok {
			return name
		}
	}
	return ""
}

// StackRevision is the revision of the stack itself.
func (r *Record) StackRevision() uint64 { return cmp.Or(r.Since, r.Revision) }

// Clone returns a copy for a change of the stack itself.
func (r *Record) Clone() *Record {
	text, err := json.Marshal(r)
	c := new(Record)
	if err == nil {
		err = json.Unmarshal(text, c)
	}
	if err != nil {
		// Records come from JSON, or hold what does: there is none that cannot go
		// through it.
		panic(fmt.Sprintf("store: a record does not survive JSON: %v", err))
	}
	c.Revision, c.Since = r.Revision, 0
	return c
}

// Function returns the configuration ($LATEST) and the versions of one of the
// stack's functions, or of one that comes with the release under way.
func (r *Record) Function(name string) (stack.Function, *FunctionRecord, bool) {
	f, ok := r.Stack.Functions[name]
	if !ok && r.Pending != nil {
		f, ok = r.Pending.Functions[name]
	}
	if !ok || r.Deleted {
		return stack.Function{}, nil, false
	}
	versions := r.Functions[name]
	if versions == nil {
		versions = &FunctionRecord{}
	}
	return f, versions, true
}

// FunctionNames returns the names of all functions that exist, sorted: those of the
// stack, and those that come with the release under way.
func (r *Record) FunctionNames() []string {
	names := r.Stack.FunctionNames()
	if r.Pending != nil {
		names = append(names, r.Pending.FunctionNames()...)
		slices.Sort(names)
		names = slices.Compact(names)
	}
	return names
}

// Permissions returns what a function may do: while a release is under way, what its
// stable version needs and what its candidate needs.
func (r *Record) Permissions(function string) []stack.Permission {
	permissions := r.Stack.Functions[function].Permissions
	if r.Pending != nil {
		permissions = slices.Concat(permissions, r.Pending.Functions[function].Permissions)
	}
	return permissions
}

// configs returns what the record's functions and versions are made of.
func (r *Record) configs() []stack.Config {
	var configs []stack.Config
	if !r.Deleted {
		for _, f := range r.Stack.Functions {
			configs = append(configs, f.Config)
		}
	}
	if r.Pending != nil {
		for _, f := range r.Pending.Functions {
			configs = append(configs, f.Config)
		}
	}
	for _, f := range r.Functions {
		for _, v := range f.Versions {
			configs = append(configs, v.Config)
		}
	}
	return configs
}

// format the record has to be written in.
func (r *Record) format() int {
	if r.Release != nil {
		return formatRelease
	}
	for _, f := range r.Functions {
		if len(f.Aliases) > 0 {
			return formatRelease
		}
	}
	return formatPlain
}
