package pack

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// A folder is a tree on disk.
type folder struct {
	root string
	// real is the root without links in its path: absolute links that lead into the
	// folder may be written either way.
	real string
}

func openFolder(name string) (*folder, error) {
	root, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	real, err := filepath.EvalSymlinks(root)
	return &folder{root, real}, err
}

func (f *folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f *folder) list(dir string) ([]string, error) {
	d, err := os.Open(f.path(dir))
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (f *folder) lstat(name string) (node, error) {
	info, err := os.Lstat(f.path(name))
	if err != nil {
		return node{}, err
	}
	switch {
	case info.Mode().IsRegular():
		return node{kind: kindFile, size: info.Size(), mode: fileMode(info.Mode())}, nil
	case info.IsDir():
		return node{kind: kindDir}, nil
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(f.path(name))
		return node{kind: kindLink, target: f.inside(target)}, err
	}
	return node{kind: kindOther, special: special(info.Mode())}, nil
}

// fileMode looks at the owner's bit only: the others depend on the umask.
func fileMode(m fs.FileMode) mode {
	switch {
	case runtime.GOOS == "windows":
		return modeUnknown
	case m&0o100 != 0:
		return modeExecutable
	}
	return modePlain
}

// inside makes an absolute target relative to the folder, and returns "" for
// one that is outside of it.
func (f *folder) inside(target string) string {
	if !filepath.IsAbs(target) {
		return filepath.ToSlash(target)
	}
	for _, root := range []string{f.root, f.real} {
		if rel, err := filepath.Rel(root, target); err == nil && filepath.IsLocal(rel) {
			return "/" + filepath.ToSlash(rel)
		}
	}
	return ""
}

func (f *folder) open(name string) (io.ReadCloser, error) { return os.Open(f.path(name)) }

func (f *folder) Close() error { return nil }

// special names what is neither file, directory nor link.
func special(m fs.FileMode) string {
	switch {
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "neither a file nor a directory"
}
