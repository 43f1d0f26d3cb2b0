package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// maxCompact is how many entries a compact manifest has. People read it in plans.
const maxCompact = 50

// Compact returns a fingerprint for every file, by path, to be kept in a state,
// shown in a plan and compared by Diff. Of more than 50 files the deepest
// directories are one entry each ("lib/"), until there are few enough.
func (m Manifest) Compact() map[string]string {
	deepest := 0
	for _, f := range m {
		deepest = max(deepest, strings.Count(f.Path, "/"))
	}
	entries := m.group(func(string) string { return "" })
	for depth := deepest; depth > 0 && len(entries) > maxCompact; depth-- {
		entries = m.group(func(path string) string { return ancestor(path, depth) })
	}
	if len(entries) > maxCompact {
		return m.group(func(string) string { return "./" })
	}
	return entries
}

// ancestor returns the directory at a depth that a path lies in, with a slash
// at its end, or "" if the path is not that deep.
func ancestor(path string, depth int) string {
	for i := range len(path) {
		if path[i] == '/' {
			if depth--; depth == 0 {
				return path[:i+1]
			}
		}
	}
	return ""
}

// group maps every path, or the directory that stands for it, to a fingerprint.
// directory returns "" for a path that stands for itself.
func (m Manifest) group(directory func(path string) string) map[string]string {
	entries := map[string]string{}
	var name string
	h := sha256.New()
	flush := func() {
		if name != "" {
			entries[name] = hex.EncodeToString(h.Sum(nil)[:fingerprintBytes])
		}
		h.Reset()
	}
	// The manifest is sorted by path, so what lies in a directory comes together.
	for _, f := range m {
		dir := directory(f.Path)
		if dir != name {
			flush()
			name = dir
		}
		if dir == "" {
			entries[f.Path] = f.fingerprint()
		} else {
			fmt.Fprintf(h, "%s %s\x00", f.fingerprint(), f.Path)
		}
	}
	flush()
	return entries
}

// A Change is a file, or a directory standing for its files ("lib/"), that is
// not what it was.
type Change struct {
	Path string
	// Kind is Added, Changed or Removed.
	Kind string
}

// The kinds of change.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "removed"
)

func (c Change) String() string { return c.Path + " (" + c.Kind + ")" }

// Diff lists what is different now from a manifest that was made compact, sorted
// by path.
func Diff(before map[string]string, now Manifest) []Change {
	var collapsed []string
	for path := range before {
		if strings.HasSuffix(path, "/") {
			collapsed = append(collapsed, path)
		}
	}
	after := now.group(func(path string) string {
		for _, dir := range collapsed {
			if dir == "./" || strings.HasPrefix(path, dir) {
				return dir
			}
		}
		return ""
	})
	var changes []Change
	for path, fingerprint := range before {
		switch now, ok := after[path]; {
		case !ok:
			changes = append(changes, Change{path, Removed})
		case now != fingerprint:
			changes = append(changes, Change{path, Changed})
		}
	}
	for path := range after {
		if _, ok := before[path]; !ok {
			changes = append(changes, Change{path, Added})
		}
	}
	slices.SortFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes
}
