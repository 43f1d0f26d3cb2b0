package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Terraform plans every change twice: for the user, and again just before it
// applies it, to fill in what was unknown. It does not tell a provider which of the
// two it is asked for, nor, the second time, what it answered the first. If files
// changed in between, the second plan has another hash; Terraform then stops, and
// nothing is changed, but it calls that a bug in the provider and names no file.
//
// To say it better, this finds out what was planned by other ways, where there are
// any: from the saved plan that Terraform was started to apply, or, where one
// `apply` both plans and applies, from a note that the first plan leaves for the
// second. Both look at how Terraform was started (parent_linux.go). Where that
// cannot be told, nothing is found, and Terraform's own words have to do.
//
// What is found is certain: it is never the plan of another run.

// earlierPlans finds what was planned before, in the same apply.
type earlierPlans struct {
	parent func() (parentProcess, bool)
	// notes is where runs of `apply` leave notes, each in a folder of its own.
	notes func() (string, error)
	pid   int

	once  sync.Once
	saved *savedPlan
	dir   string
}

// A parentProcess is the program that started this one.
type parentProcess struct {
	// id is of this process only, and never used again.
	id   string
	args []string
	// alive tells whether a process of that id still runs.
	alive func(id string) bool
}

func newEarlierPlans() *earlierPlans {
	return &earlierPlans{parent: readParent, notes: notesDir, pid: os.Getpid()}
}

func notesDir() (string, error) {
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "tidegate", "applies"), err
}

// look finds out, once, whether an apply is going on.
func (e *earlierPlans) look() {
	parent, ok := e.parent()
	if !ok {
		return
	}
	command := slices.IndexFunc(parent.args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	if command < 0 || parent.args[command] != "apply" {
		return
	}
	for _, arg := range parent.args[command+1:] {
		if strings.HasPrefix(arg, "-") {
			continue
		}
		if e.saved = openSavedPlan(arg); e.saved != nil {
			return
		}
	}
	notes, err := e.notes()
	if err != nil {
		return
	}
	removeStale(notes, parent)
	e.dir = filepath.Join(notes, parent.id)
}

// removeStale removes the notes of applies that ended before they were done.
func removeStale(notes string, parent parentProcess) {
	entries, err := os.ReadDir(notes)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !parent.alive(entry.Name()) {
			_ = os.RemoveAll(filepath.Join(notes, entry.Name()))
		}
	}
}

// A plannedFunction is what a plan said of a function's code.
type plannedFunction struct {
	SHA256   string            `json:"sha256"`
	Layers   []string          `json:"layers,omitempty"`
	Manifest map[string]string `json:"manifest"`
}

// find returns what was planned for the functions of a stack, if it was planned
// before in this apply: the same kind and name, from the same sources.
func (e *earlierPlans) find(kind stack.Kind, name string, recipes map[string]*recipe, t tftypes.Type) map[string]plannedFunction {
	e.once.Do(e.look)
	if e.saved != nil {
		return e.saved.find(kind, name, t)
	}
	if e.dir == "" {
		return nil
	}
	raw, err := os.ReadFile(e.notePath(kind, name, recipes))
	var n note
	if err != nil || json.Unmarshal(raw, &n) != nil || n.Pid == e.pid {
		return nil
	}
	return n.Functions
}

// A note is left by the first plan. The second is made by another process.
type note struct {
	Pid       int                        `json:"pid"`
	Functions map[string]plannedFunction `json:"functions"`
}

// leave notes what is planned. It is a help, so it may fail.
func (e *earlierPlans) leave(kind stack.Kind, name string, recipes map[string]*recipe, functions map[string]plannedFunction) {
	if e.once.Do(e.look); e.dir == "" {
		return
	}
	raw, err := json.Marshal(note{e.pid, functions})
	if err != nil || os.MkdirAll(e.dir, 0o700) != nil {
		return
	}
	_ = os.WriteFile(e.notePath(kind, name, recipes), raw, 0o600)
}

// forget removes a note that has served.
func (e *earlierPlans) forget(kind stack.Kind, name string, recipes map[string]*recipe) {
	if e.dir != "" {
		_ = os.Remove(e.notePath(kind, name, recipes))
		_ = os.Remove(e.dir) // Fails while there are others.
	}
}

// notePath names a note by all that its code is made from: another provider
// configuration may deploy a stack of the same name from other sources.
func (e *earlierPlans) notePath(kind stack.Kind, name string, recipes map[string]*recipe) string {
	// Maps are printed in the order of their keys.
	key := fmt.Sprintf("%q %q", kind, name)
	for _, function := range sortedKeys(recipes) {
		key += fmt.Sprintf(" %q %q", function, fmt.Sprintf("%+v", *recipes[function]))
	}
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(e.dir, hex.EncodeToString(sum[:16])+".json")
}
