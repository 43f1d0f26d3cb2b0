package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// A tree is what a source looks like to the packer: a folder on disk, or the
// inside of a zip. Paths have slashes, are relative to the tree, and "" is the
// tree itself. Paths given to a tree hold no links but in their last element.
type tree interface {
	// list returns the names in a directory, sorted.
	list(dir string) ([]string, error)
	// lstat describes what is at a path; fs.ErrNotExist if nothing is.
	lstat(path string) (node, error)
	// open reads a file.
	open(path string) (io.ReadCloser, error)
	io.Closer
}

// A node is one file, directory or link in a tree.
type node struct {
	kind kind
	// size of a file, as far as it is known without reading it.
	size int64
	// mode of a file: whether it is executable.
	mode mode
	// target of a link, relative to the link's directory; one that begins with a
	// slash is relative to the tree.
	target string
	// special names what a kindOther is: "a socket".
	special string
}

type kind int

const (
	kindFile kind = iota
	kindDir
	kindLink
	kindOther
)

// A mode says whether a file is executable, or that its tree cannot know, as on
// Windows; then its content tells.
type mode int

const (
	modePlain mode = iota
	modeExecutable
	modeUnknown
)

// maxLinks is how many links are followed for one path, as Linux does.
const maxLinks = 40

// errLeaves says that a link leads out of its tree.
var errLeaves = errors.New("leaves the source")

// resolve follows links until it arrives at a file or a directory, which it
// returns with the path that has no links in it. It never leaves the tree.
func resolve(t tree, name string) (string, node, error) {
	rest, done, links := strings.Split(name, "/"), "", 0
	last := node{kind: kindDir}
	for len(rest) > 0 {
		element := rest[0]
		rest = rest[1:]
		switch element {
		case "", ".":
			continue
		case "..":
			if done == "" {
				return "", node{}, errLeaves
			}
			done, last = parent(done), node{kind: kindDir}
			continue
		}
		next := path.Join(done, element)
		n, err := t.lstat(next)
		if err != nil {
			return "", node{}, err
		}
		if n.kind == kindLink {
			if links++; links > maxLinks {
				return "", node{}, errors.New("is one of a ring of links")
			}
			if n.target == "" {
				return "", node{}, errLeaves
			}
			if strings.HasPrefix(n.target, "/") {
				done, last = "", node{kind: kindDir}
			}
			rest = append(strings.Split(n.target, "/"), rest...)
			continue
		}
		if n.kind != kindDir && len(rest) > 0 {
			return "", node{}, fs.ErrNotExist
		}
		done, last = next, n
	}
	return done, last, nil
}

// parent is path.Dir with "" for the tree itself.
func parent(name string) string {
	if dir := path.Dir(name); dir != "." {
		return dir
	}
	return ""
}

// linkError says in words why a link cannot be followed.
func linkError(name, target string, err error) error {
	switch {
	case errors.Is(err, errLeaves):
		return fmt.Errorf("%s is a link that leaves the source (it points to %s); copy what it points to into the source, or list the link in %s",
			name, target, IgnoreFile)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is a link to %s, which does not exist", name, target)
	}
	return fmt.Errorf("%s is a link to %s, which %w", name, target, err)
}
