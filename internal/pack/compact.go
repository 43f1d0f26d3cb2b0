package pack

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	// As in archive.go: what is in a state must not change with the version of Go.
	"github.com/klauspost/compress/flate"
)

// maxCompact is how many paths a compact manifest has. Beyond, directories
// stand for what lies in them.
const maxCompact = 500

// Compact writes the manifest as a short text, to be kept in a state and
// compared by Diff: each path with a fingerprint, deflated, in base64. Of more
// than 500 files the deepest directories are written as one path ("lib/"), until
// there are few enough.
func (m Manifest) Compact() string {
	var text bytes.Buffer
	// Its error is the buffer's, which has none.
	w, _ := flate.NewWriter(&text, flate.BestCompression)
	entries := m.compact()
	for _, path := range slices.Sorted(maps.Keys(entries)) {
		fmt.Fprintf(w, "%s %s\x00", entries[path], path)
	}
	w.Close()
	return base64.StdEncoding.EncodeToString(text.Bytes())
}

// compact collapses directories, deepest first, until the entries are few.
func (m Manifest) compact() map[string]string {
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

// Diff lists what is different now from a manifest that Compact wrote, sorted
// by path.
func Diff(compact string, now Manifest) ([]Change, error) {
	before, err := readCompact(compact)
	if err != nil {
		return nil, err
	}
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
	return changes, nil
}

// maxCompactText bounds what a compact manifest may inflate to: its paths at
// their longest.
const maxCompactText = maxCompact * (maxPath + 2*fingerprintBytes + 2)

func readCompact(compact string) (map[string]string, error) {
	malformed := errors.New("the list of the package's files is not one that Tidegate wrote")
	deflated, err := base64.StdEncoding.DecodeString(compact)
	if err != nil {
		return nil, malformed
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), maxCompactText+1))
	if err != nil || len(text) > maxCompactText {
		return nil, malformed
	}
	entries := map[string]string{}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\x00"), "\x00") {
		fingerprint, path, ok := strings.Cut(line, " ")
		if !ok || path == "" || len(fingerprint) != 2*fingerprintBytes {
			return nil, malformed
		}
		entries[path] = fingerprint
	}
	return entries, nil
}
