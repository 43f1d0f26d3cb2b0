package deploy

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// history is a stack that anybody does anything to, and what must hold of it
// whatever that is.
type history struct {
	record *store.Record
	// seen are all versions there ever were, by function and number -> hash.
	seen     map[string]map[int]string
	revision uint64
}

var functionNames = []string{"f", "g", "h"}

func (h *history) exists() bool { return h.record != nil && !h.record.Deleted }

// put stores the record as the store would, and checks it.
func (h *history) put(t *rapid.T, r *store.Record) {
	h.revision++
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	h.record = &store.Record{}
	if err := json.Unmarshal(text, h.record); err != nil {
		t.Fatal(err)
	}
	h.record.Revision = h.revision
}

// Deploy applies a random set of functions.
func (h *history) Deploy(t *rapid.T) {
	s := stack.Stack{Name: "orders", Functions: map[string]stack.Function{}}
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(functionNames), 1, 3, rapid.ID[string]).Draw(t, "functions") {
		f := function1(rapid.SampledFrom([]string{"A", "B", "C", "D", "E"}).Draw(t, "code"))
		f.KeepVersions = rapid.IntRange(1, 4).Draw(t, "keep")
		f.SecretsVersion = rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "secrets version")
		if rapid.Bool().Draw(t, "sends secrets") {
			f.Secrets = map[string]string{"KEY": "the-secret"}
		}
		s.Functions[name] = f
	}
	had := map[string]map[string]bool{}
	for name := range s.Functions {
		had[name] = map[string]bool{}
		if h.exists() && h.record.Functions[name] != nil {
			for _, v := range h.record.Functions[name].Versions {
				had[name][v.Hash] = true
			}
		}
	}

	next, published := Apply(h.record, s, noon, size)

	for _, p := range published {
		if had[p.Function][s.Functions[p.Function].Hash()] {
			t.Fatalf("%s was published as version %d, but had a version like it", p.Function, p.Version)
		}
		if _, used := h.seen[p.Function][p.Version]; used {
			t.Fatalf("version %d of %s has a number that was used before", p.Version, p.Function)
		}
	}
	for name, f := range s.Functions {
		number := next.Functions[name].Live.Main()
		if v, ok := next.Functions[name].Version(number); !ok || v.Hash != f.Hash() || len(next.Functions[name].Live) != 1 {
			t.Fatalf("%s is live at %v, which is not what was deployed", name, next.Functions[name].Live)
		}
	}
	h.put(t, next)
	again, published := Apply(h.record, s, noon.AddDate(0, 0, 1), size)
	if len(published) > 0 || !reflect.DeepEqual(again, h.record) {
		t.Fatalf("deploying the same again published %v and made\n%+v of\n%+v", published, again, h.record)
	}
}

// Delete removes the stack.
func (h *history) Delete(t *rapid.T) {
	if !h.exists() {
		return
	}
	h.put(t, Tombstone(h.record))
}

// Change does something behind the back of deployments.
func (h *history) Change(t *rapid.T) {
	if !h.exists() {
		return
	}
	name := rapid.SampledFrom(functionNames).Draw(t, "function")
	number := rapid.IntRange(1, 6).Draw(t, "version")
	other := rapid.IntRange(1, 6).Draw(t, "other version")
	changes := map[string]func() (*store.Record, error){
		"delete version":  func() (*store.Record, error) { return DeleteVersion(h.record, name, number) },
		"delete function": func() (*store.Record, error) { return DeleteFunction(h.record, name) },
		"update function": func() (*store.Record, error) { return UpdateFunction(h.record, name, function1("X")) },
		"move alias":      func() (*store.Record, error) { return SetLive(h.record, name, stack.RouteTo(number)) },
		"split alias": func() (*store.Record, error) {
			return SetLive(h.record, name, stack.Routing{number: 30, other: 70})
		},
		"delete alias": func() (*store.Record, error) { return SetLive(h.record, name, nil) },
	}
	what := rapid.SampledFrom(slices.Sorted(maps.Keys(changes))).Draw(t, "what")
	next, err := changes[what]()
	if err != nil {
		return // refused, as it may be
	}
	h.put(t, next)
}

// Check is what always holds.
func (h *history) Check(t *rapid.T) {
	if h.record == nil {
		return
	}
	for name, f := range h.record.Functions {
		if h.seen[name] == nil {
			h.seen[name] = map[int]string{}
		}
		for _, v := range f.Versions {
			if hash, known := h.seen[name][v.Number]; known && hash != v.Hash {
				t.Fatalf("version %d of %s is another than before", v.Number, name)
			}
			h.seen[name][v.Number] = v.Hash
			if v.Number > f.LastVersion {
				t.Fatalf("version %d of %s is above its last version %d", v.Number, name, f.LastVersion)
			}
		}
		for number := range h.seen[name] {
			if number > f.LastVersion {
				t.Fatalf("the last version of %s is %d, but there was a %d", name, f.LastVersion, number)
			}
		}
		for number := range f.Live {
			if _, ok := f.Version(number); !ok {
				t.Fatalf("the alias of %s points at version %d, which does not exist", name, number)
			}
		}
	}
	if h.record.Deleted {
		return
	}
	d := Status(h.record, "http://localhost", nil)
	if names := slices.Sorted(maps.Keys(d.Components)); !slices.Equal(names, h.record.Stack.Components()) {
		t.Fatalf("components %v, want %v", names, h.record.Stack.Components())
	}
	if text, err := json.Marshal(d); err != nil || strings.Contains(string(text), "the-secret") {
		t.Fatalf("the status tells secrets: %s, %v", text, err)
	}
}

func TestWhateverHappensToAStack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := &history{seen: map[string]map[int]string{}}
		t.Repeat(rapid.StateMachineActions(h))
	})
}
