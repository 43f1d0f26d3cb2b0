package pack

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// files are contents by path. A path that ends in * is executable, without the
// star; one that ends in @ is a link, and its content is where it points to.
type files map[string]string

// folderOf writes files into a new folder.
func folderOf(t testing.TB, fs files) string {
	t.Helper()
	dir := t.TempDir()
	fs.writeTo(t, dir)
	return dir
}

func (fs files) writeTo(t testing.TB, dir string) {
	t.Helper()
	for name, content := range fs {
		name, isLink := strings.CutSuffix(name, "@")
		name, executable := strings.CutSuffix(name, "*")
		file := filepath.Join(dir, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		if isLink {
			must(t, os.Symlink(content, file))
			continue
		}
		must(t, os.WriteFile(file, []byte(content), 0o644))
		if executable {
			must(t, os.Chmod(file, 0o755))
		}
	}
}

// An entry of a zip that a test writes.
type entry struct {
	name, content string
	mode          fs.FileMode
}

// zipOf writes a zip with these entries in this order.
func zipOf(t testing.TB, entries ...entry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "source.zip")
	must(t, os.WriteFile(name, zipBytes(t, entries...), 0o644))
	return name
}

func zipBytes(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: time.Now()}
		if e.content == "" {
			h.Method = zip.Store
		}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		f, err := w.CreateHeader(h)
		must(t, err)
		_, err = io.WriteString(f, e.content)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func mustOpen(t testing.TB, source string) *Package {
	t.Helper()
	p, err := Open(source, Options{})
	must(t, err)
	return p
}

// content reads the zip of a package.
func content(t testing.TB, p *Package) []byte {
	t.Helper()
	r, err := p.Open()
	must(t, err)
	b, err := io.ReadAll(r)
	must(t, err)
	must(t, r.Close())
	return b
}

// paths lists the files of a package.
func paths(m Manifest) []string {
	var out []string
	for _, f := range m {
		out = append(out, f.Path)
	}
	return out
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// mentions checks an error's words.
func mentions(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("error %v, want one that says %q", err, w)
		}
	}
}
