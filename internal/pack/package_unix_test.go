//go:build unix

package pack

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestOnlyFilesArePackaged(t *testing.T) {
	dir := folderOf(t, files{"a": "a"})
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	_, err := Open(dir, Options{})
	mentions(t, err, "pipe is a named pipe; a package holds only files")

	_, err = Open("/dev/null", Options{})
	mentions(t, err, "is a device; a source is a folder or a zip")
}

func TestSpecialFilesMayBeLeftOut(t *testing.T) {
	dir := folderOf(t, files{"a": "a", IgnoreFile: "*.sock"})
	must(t, syscall.Mkfifo(filepath.Join(dir, "x.sock"), 0o600))
	mustOpen(t, dir)
}
