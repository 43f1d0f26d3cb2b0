package pack

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// Unpack extracts a package, or any zip, into the folder dir, which it makes if
// need be. Files are read-only and executable or not, as packaged; what links
// point to is written in their place. Nothing is written outside of dir and not
// more than MaxUnpacked bytes, whatever the zip says of itself.
//
// When it fails, dir may hold a part of the files: unpack into a folder of your
// own and move it.
func Unpack(r io.ReaderAt, size int64, dir string) error {
	t, err := openZip(r, size)
	if err != nil {
		return packageError(err)
	}
	members, err := walk(t, ignoreList{}, MaxUnpacked)
	if err != nil {
		return packageError(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	defer root.Close()
	x := extraction{tree: t, root: root, made: map[string]bool{"": true}, buffer: make([]byte, chunk)}
	for _, m := range members {
		if err := x.extract(m); err != nil {
			return packageError(err)
		}
	}
	return nil
}

// Check says whether Unpack would take a package, as far as can be told without
// unpacking it, and how many bytes it says it unpacks to.
func Check(r io.ReaderAt, size int64) (unpacked int64, err error) {
	t, err := openZip(r, size)
	if err != nil {
		return 0, packageError(err)
	}
	members, err := walk(t, ignoreList{}, MaxUnpacked)
	if err != nil {
		return 0, packageError(err)
	}
	for _, m := range members {
		unpacked += m.size
	}
	return unpacked, nil
}

func packageError(err error) error {
	if errors.Is(err, errNotZip) {
		return errors.New("the package is not a zip")
	}
	return fmt.Errorf("the package: %w", err)
}

type extraction struct {
	tree   tree
	root   *os.Root
	made   map[string]bool
	buffer []byte
}

func (x *extraction) extract(m member) error {
	if err := x.makeDir(parent(m.path)); err != nil {
		return err
	}
	r, err := x.tree.open(m.real)
	if err != nil {
		return unreadable(m.path, err)
	}
	defer r.Close()
	name := filepath.FromSlash(m.path)
	// Exclusive: a folder that is not empty must not change a package.
	f, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	begin := &head{}
	// The sizes that walk added up hold: reading more than a zip says is an error.
	_, err = io.CopyBuffer(io.MultiWriter(f, begin), r, x.buffer)
	mode := m.mode
	if mode == modeUnknown {
		mode = begin.mode()
	}
	permissions := fs.FileMode(0o444)
	if mode == modeExecutable {
		permissions = 0o555
	}
	if err := errors.Join(err, f.Chmod(permissions), f.Close()); err != nil {
		return fmt.Errorf("unpacking %s: %w", m.path, err)
	}
	return nil
}

// makeDir makes a directory and those above it, readable for every user
// whatever the umask is.
func (x *extraction) makeDir(dir string) error {
	if x.made[dir] {
		return nil
	}
	if err := x.makeDir(parent(dir)); err != nil {
		return err
	}
	name := filepath.FromSlash(path.Clean(dir))
	if err := x.root.Mkdir(name, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("unpacking: %w", err)
	}
	if err := x.root.Chmod(name, 0o755); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	x.made[dir] = true
	return nil
}
