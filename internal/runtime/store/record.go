package store

import (
	"encoding/json"
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// RecordFormat is the newest format of records this program reads and writes.
const RecordFormat = 1

// A Record is everything the runtime knows of one stack. It is one key-value
// entry, replaced by compare-and-set, so that a reader sees the old stack or
// the new one and never a mixture.
type Record struct {
	Format int `json:"format"`
	// Stack as deployed; Functions are each function's $LATEST, secrets included.
	Stack    stack.Stack    `json:"stack"`
	Creation stack.Creation `json:"creation"`
	// Incarnation is new with every creation: tokens and leftovers of a deleted
	// stack of the same name do not pass for this one's.
	Incarnation string `json:"incarnation"`
	// Functions by name; also those that were deleted, for their LastVersion.
	Functions map[string]*FunctionRecord `json:"functions"`
	// Deleted marks a tombstone, which keeps version numbers from being used again.
	Deleted bool `json:"deleted,omitempty"`

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

// Clone returns a copy that may be changed.
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
	c.Revision = r.Revision
	return c
}

// Function returns the configuration ($LATEST) and the versions of one of the
// stack's functions.
func (r *Record) Function(name string) (stack.Function, *FunctionRecord, bool) {
	f, ok := r.Stack.Functions[name]
	if !ok || r.Deleted {
		return stack.Function{}, nil, false
	}
	versions := r.Functions[name]
	if versions == nil {
		versions = &FunctionRecord{}
	}
	return f, versions, true
}

// configs returns what the record's functions and versions are made of.
func (r *Record) configs() []stack.Config {
	var configs []stack.Config
	if !r.Deleted {
		for _, f := range r.Stack.Functions {
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
