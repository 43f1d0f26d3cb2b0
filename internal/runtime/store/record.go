package store

import (
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
