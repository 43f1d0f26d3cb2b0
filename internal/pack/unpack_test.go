package pack

import (
	"archive/zip"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func unpack(b []byte, dir string) error { return Unpack(bytes.NewReader(b), int64(len(b)), dir) }

func TestUnpackedFilesAreReadOnlyForEveryUser(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	must(t, unpack(content(t, mustOpen(t, folderOf(t, files{"a/b": "b", "run*": "x"}))), dir))
	for name, want := range map[string]fs.FileMode{"a": fs.ModeDir | 0o755, "a/b": 0o444, "run": 0o555} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode() != want {
			t.Errorf("%s has the mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestUnpackWritesWhatLinksPointTo(t *testing.T) {
	dir := t.TempDir()
	must(t, unpack(zipBytes(t, entry{"real", "x", 0o755}, entry{"link", "real", fs.ModeSymlink | 0o777}), dir))
	info, err := os.Lstat(filepath.Join(dir, "link"))
	if err != nil || info.Mode() != 0o555 {
		t.Error(info, err)
	}
}

func TestUnpackRefusesWhatIsNoPackage(t *testing.T) {
	for name, tt := range map[string]struct {
		zip  []byte
		want string
	}{
		"no zip":          {[]byte("hello"), "the package is not a zip"},
		"climbing out":    {zipBytes(t, entry{"../a", "a", 0}), "climbs out"},
		"a leaving link":  {zipBytes(t, entry{"a", "../../etc/passwd", fs.ModeSymlink | 0o777}), "leaves the source"},
		"the same twice":  {zipBytes(t, entry{"a", "1", 0}, entry{"a", "2", 0}), "occurs twice"},
		"nothing in it":   {zipBytes(t), "has no files"},
		"a broken member": {corrupt(t, zipBytes(t, entry{"a", string(randomBytes(1000)), 0})), "unpacking a"},
	} {
		t.Run(name, func(t *testing.T) {
			parent := t.TempDir()
			mentions(t, unpack(tt.zip, filepath.Join(parent, "dir")), tt.want)
			if entries, err := os.ReadDir(parent); err != nil || len(entries) > 1 {
				t.Errorf("written outside: %v %v", entries, err)
			}
		})
	}
}

// corrupt changes a byte of the first member.
func corrupt(t *testing.T, b []byte) []byte {
	t.Helper()
	b[100] ^= 0xff
	return b
}

func TestUnpackWritesNeitherOverAFileNorThroughALink(t *testing.T) {
	outside := t.TempDir()
	dir := folderOf(t, files{"a": "mine"})
	must(t, os.Symlink(outside, filepath.Join(dir, "d")))
	if err := unpack(zipBytes(t, entry{"a", "theirs", 0}), dir); err == nil {
		t.Error("a file was written over")
	}
	if err := unpack(zipBytes(t, entry{"d/x", "theirs", 0}), dir); err == nil {
		t.Error("a file was written through a link")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("written outside: %v %v", entries, err)
	}
}

func TestUnpackWritesNoMoreThanIsAllowed(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"a", "b"} {
		_, err := w.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Deflate, UncompressedSize64: MaxUnpacked / 2})
		must(t, err)
	}
	must(t, w.Close())
	dir := filepath.Join(t.TempDir(), "dir")
	mentions(t, unpack(b.Bytes(), dir), "unpacks to 250 MB or more")
	if _, err := os.Stat(dir); err == nil {
		t.Error("something was written before it was refused")
	}
	_, err := Check(bytes.NewReader(b.Bytes()), int64(b.Len()))
	mentions(t, err, "unpacks to 250 MB or more")
}

func TestUnpackDoesNotBelieveWhatAZipSaysOfItsSize(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dir")
	mentions(t, unpack(lyingZip(t), dir), "unpacking zeros")
	if info, err := os.Stat(filepath.Join(dir, "zeros")); err == nil && info.Size() > chunk {
		t.Errorf("%d bytes were written", info.Size())
	}
}

func TestCheckTellsTheUnpackedSize(t *testing.T) {
	b := zipBytes(t, entry{"a", "12345", 0}, entry{"b/c", "678", 0})
	if n, err := Check(bytes.NewReader(b), int64(len(b))); n != 8 || err != nil {
		t.Error(n, err)
	}
}
