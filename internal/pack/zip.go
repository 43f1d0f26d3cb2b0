package pack

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

const (
	// maxPath is the longest path in a package, in bytes, as Linux has it.
	maxPath = 4096
	// Systems that a zip's entries can come from and that know executable bits
	// (APPNOTE 4.4.2).
	fromUnix  = 3
	fromMacOS = 19
)

// A zipTree is the inside of a zip, its names checked.
type zipTree struct {
	nodes    map[string]*zipNode
	children map[string][]string
	closer   io.Closer
}

type zipNode struct {
	node
	file *zip.File
}

// openZipFile reads the directory of a zip on disk.
func openZipFile(name string) (*zipTree, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		var t *zipTree
		if t, err = openZip(f, info.Size()); err == nil {
			t.closer = f
			return t, nil
		}
	}
	return nil, errors.Join(err, f.Close())
}

// openZip reads the directory of a zip and refuses what could not be unpacked
// to a folder of its own: names that climb out of it or occur twice.
func openZip(r io.ReaderAt, size int64) (*zipTree, error) {
	// Names are checked below, with better words.
	z, err := zip.NewReader(r, size)
	if errors.Is(err, zip.ErrFormat) {
		return nil, errNotZip
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("the zip cannot be read: %w", err)
	}
	t := &zipTree{nodes: map[string]*zipNode{"": {node: node{kind: kindDir}}}, children: map[string][]string{}}
	for _, f := range z.File {
		if err := t.add(f); err != nil {
			return nil, err
		}
	}
	for _, names := range t.children {
		slices.Sort(names)
	}
	return t, nil
}

var errNotZip = errors.New("is not a zip")

func (t *zipTree) add(f *zip.File) error {
	name, err := cleanName(f.Name)
	if err != nil {
		return err
	}
	if name == "" {
		return nil // "./"
	}
	n, err := zipNodeOf(f, name)
	if err != nil {
		return err
	}
	// Directories need no entry of their own, so those above come first.
	for i := range len(name) {
		if name[i] == '/' {
			if err := t.put(name[:i], &zipNode{node: node{kind: kindDir}}); err != nil {
				return err
			}
		}
	}
	return t.put(name, n)
}

// put adds a node; a directory may be added more than once.
func (t *zipTree) put(name string, n *zipNode) error {
	if old, ok := t.nodes[name]; ok {
		switch {
		case old.kind == kindDir && n.kind == kindDir:
			return nil
		case old.kind == kindDir || n.kind == kindDir:
			return fmt.Errorf("%s is both a file and a directory in the zip", name)
		}
		return fmt.Errorf("%s occurs twice in the zip", name)
	}
	t.nodes[name] = n
	dir := parent(name)
	t.children[dir] = append(t.children[dir], path.Base(name))
	return nil
}

// cleanName returns an entry's path without "./" and trailing slashes.
func cleanName(name string) (string, error) {
	switch {
	case strings.HasPrefix(name, "/"):
		return "", fmt.Errorf("%q in the zip is an absolute path; paths in a zip are relative", name)
	case strings.Contains(name, `\`):
		return "", fmt.Errorf("%q in the zip has a backslash; paths in a zip have slashes", name)
	case slices.Contains(strings.Split(name, "/"), ".."):
		return "", fmt.Errorf("%q in the zip climbs out of the directory it is unpacked to", name)
	}
	if name = path.Clean(name); name == "." {
		name = ""
	}
	return name, checkName(name)
}

func zipNodeOf(f *zip.File, name string) (*zipNode, error) {
	m := f.Mode()
	switch {
	case f.Flags&1 != 0:
		return nil, fmt.Errorf("%s is encrypted in the zip; packages are not", name)
	case m.IsDir():
		return &zipNode{node: node{kind: kindDir}}, nil
	case m&fs.ModeSymlink != 0:
		return linkNode(f, name)
	case !m.IsRegular():
		return &zipNode{node: node{kind: kindOther, special: special(m)}}, nil
	}
	n := node{kind: kindFile, mode: modeUnknown, size: int64(min(f.UncompressedSize64, 1<<62))}
	if system := f.CreatorVersion >> 8; system == fromUnix || system == fromMacOS {
		n.mode = modePlain
		if m&0o100 != 0 {
			n.mode = modeExecutable
		}
	}
	return &zipNode{n, f}, nil
}

// linkNode reads where a link points to, which is its content.
func linkNode(f *zip.File, name string) (*zipNode, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%s in the zip: %w", name, err)
	}
	defer r.Close()
	target, err := io.ReadAll(io.LimitReader(r, maxPath+1))
	if err != nil || len(target) > maxPath {
		return nil, fmt.Errorf("%s in the zip is not a link that can be read", name)
	}
	n := &zipNode{node: node{kind: kindLink, target: string(target)}}
	if path.IsAbs(n.target) {
		n.target = "" // outside of the zip, wherever that is unpacked
	}
	return n, nil
}

func (t *zipTree) list(dir string) ([]string, error) { return t.children[dir], nil }

func (t *zipTree) lstat(name string) (node, error) {
	n, ok := t.nodes[name]
	if !ok {
		return node{}, fs.ErrNotExist
	}
	return n.node, nil
}

func (t *zipTree) open(name string) (io.ReadCloser, error) {
	n, ok := t.nodes[name]
	if !ok || n.file == nil {
		return nil, fs.ErrNotExist
	}
	r, err := n.file.Open()
	if errors.Is(err, zip.ErrAlgorithm) {
		return nil, errors.New("is compressed in a way that cannot be read; use deflate")
	}
	return r, err
}

func (t *zipTree) Close() error {
	if t.closer == nil {
		return nil
	}
	return t.closer.Close()
}
