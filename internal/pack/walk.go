package pack

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// A member is a file that goes into a package: its path there, and where it is
// in the tree.
type member struct {
	path string
	// real is the file's path without links.
	real string
	size int64
	mode mode
}

// A walker gathers the files of a tree. What links point to is packed in their
// place.
type walker struct {
	tree    tree
	ignore  ignoreList
	limit   int64
	size    int64
	skipped int
	members []member
}

// walk returns the files of a tree sorted by path, at most limit bytes of them.
func walk(t tree, ignore ignoreList, limit int64) ([]member, error) {
	w := &walker{tree: t, ignore: ignore, limit: limit}
	if err := w.dir("", "", nil); err != nil {
		return nil, err
	}
	if len(w.members) == 0 {
		if w.skipped > 0 {
			return nil, fmt.Errorf("has no files to package: all that is in it is left out by %s", IgnoreFile)
		}
		return nil, errors.New("has no files to package")
	}
	slices.SortFunc(w.members, func(a, b member) int { return strings.Compare(a.path, b.path) })
	return w.members, nil
}

// dir walks a directory; above are the real paths of those it lies in.
func (w *walker) dir(name, realName string, above []string) error {
	if slices.Contains(above, realName) {
		return fmt.Errorf("%s is a link to a directory that it lies in; remove the link, or list it in %s", name, IgnoreFile)
	}
	above = append(above, realName)
	names, err := w.tree.list(realName)
	if err != nil {
		return unreadable(name, err)
	}
	for _, base := range names {
		if err := w.entry(path.Join(name, base), path.Join(realName, base), above); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) entry(name, realName string, above []string) error {
	skip, err := w.ignore.skipsFile(name)
	if err != nil {
		return err
	}
	n, err := w.tree.lstat(realName)
	if err != nil && !skip {
		return unreadable(name, err)
	}
	// Of a directory that is left out, a later pattern may bring files back.
	if skip && (err != nil || n.kind != kindDir) {
		w.skipped++
		return nil
	}
	if err := checkName(name); err != nil {
		return err
	}
	if n.kind == kindLink {
		target := n.target
		if realName, n, err = resolve(w.tree, realName); err != nil {
			return linkError(name, target, err)
		}
	}
	switch n.kind {
	case kindDir:
		if skip, err := w.ignore.skipsDir(name); skip || err != nil {
			w.skipped++
			return err
		}
		return w.dir(name, realName, above)
	case kindFile:
		if w.size += n.size; w.size >= w.limit || w.size < 0 {
			return tooLarge(w.limit)
		}
		w.members = append(w.members, member{name, realName, n.size, n.mode})
		return nil
	}
	return fmt.Errorf("%s is %s; a package holds only files", name, n.special)
}

// checkName refuses paths that not every system could unpack.
func checkName(name string) error {
	switch {
	case len(name) > maxPath:
		return fmt.Errorf("the path %.60s... has more than %d bytes", name, maxPath)
	case !utf8.ValidString(name):
		return fmt.Errorf("the path %q is not UTF-8; rename it", name)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("the path %q has a zero byte; rename it", name)
	}
	return nil
}

// unreadable says why something in a source cannot be read.
func unreadable(name string, err error) error {
	if name == "" {
		name = "it"
	}
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		err = pathError.Err
	}
	return fmt.Errorf("%s cannot be read: %w", name, err)
}

func tooLarge(limit int64) error {
	return fmt.Errorf("unpacks to %d MB or more; a package is smaller (%d bytes)", limit>>20, limit)
}
