package pack

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// If this test fails, every function everywhere is published again by the next
// apply: its package has other bytes than the released versions of Tidegate make.
func TestPackagesHaveTheSameBytesInEveryReleaseOfTidegate(t *testing.T) {
	var text strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&text, "line %d, %d\n", i, i*i%977)
	}
	p := mustOpen(t, folderOf(t, files{
		"app.py": "def handler(event, context):\n    return event\n", "bin/tool*": "#!/bin/sh\n", "lib/ünïcode.txt": text.String(), "lib/empty": "",
		"random": string(randomBytes(200_000)),
	}))
	if got, want := p.CodeSHA256(), "TzdP/wl8qnuMnjCTsz5R300eogda1ly/tElOLeDg3/o="; got != want {
		t.Errorf("the package's hash is %s, want %s", got, want)
	}
	if got, want := p.Size(), int64(287712); got != want {
		t.Errorf("the package has %d bytes, want %d", got, want)
	}
}

// randomBytes are the same every time.
func randomBytes(n int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestAPackageIsAZipWithNothingInItButItsFiles(t *testing.T) {
	b := content(t, mustOpen(t, folderOf(t, files{"b/c": "c", "a": "a", "run*": "x", "b.txt": ""})))
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	must(t, err)
	var got []string
	for _, f := range z.File {
		got = append(got, fmt.Sprintf("%s %v", f.Name, f.Mode()))
		if !f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) || len(f.Extra) > 0 || f.Comment != "" {
			t.Errorf("%s has the time %v, %d bytes of extra fields and the comment %q", f.Name, f.Modified, len(f.Extra), f.Comment)
		}
	}
	want := []string{"a -rw-r--r--", "b.txt -rw-r--r--", "b/c -rw-r--r--", "run -rwxr-xr-x"}
	if !slices.Equal(got, want) {
		t.Errorf("entries %q, want %q", got, want)
	}
}

func TestTheHashAndTheSizeAreThoseOfTheBytes(t *testing.T) {
	p := mustOpen(t, folderOf(t, files{"a": strings.Repeat("a", 100_000), "b/c*": "x"}))
	b := content(t, p)
	sum := sha256.Sum256(b)
	if p.CodeSHA256() != base64.StdEncoding.EncodeToString(sum[:]) || p.Size() != int64(len(b)) {
		t.Error("they are not")
	}
	if p.UnpackedSize() != 100_001 {
		t.Errorf("unpacked size %d", p.UnpackedSize())
	}
	if !bytes.Equal(b, content(t, p)) {
		t.Error("opened again, the package has other bytes")
	}
}

func TestWhatIsNotContentDoesNotChangeTheHash(t *testing.T) {
	source := files{"a": "a", "dir/b": "b", "run*": "x"}
	want := mustOpen(t, folderOf(t, source)).CodeSHA256()
	for name, change := range map[string]func(dir string){
		"times": func(dir string) { must(t, os.Chtimes(filepath.Join(dir, "a"), time.Unix(1, 0), time.Unix(1, 0))) },
		"permissions of others": func(dir string) {
			must(t, os.Chmod(filepath.Join(dir, "a"), 0o600))
			must(t, os.Chmod(filepath.Join(dir, "run"), 0o700))
			must(t, os.Chmod(filepath.Join(dir, "dir"), 0o700))
		},
		"empty directories": func(dir string) { must(t, os.MkdirAll(filepath.Join(dir, "empty/er"), 0o755)) },
		"the order of creation": func(dir string) {
			must(t, os.Remove(filepath.Join(dir, "a")))
			must(t, os.WriteFile(filepath.Join(dir, "a"), []byte("a"), 0o644))
		},
		"git":       func(dir string) { files{".git/HEAD": "x", "dir/.git": "y"}.writeTo(t, dir) },
		"terraform": func(dir string) { files{".terraform/providers/x": "x"}.writeTo(t, dir) },
		"the ignore file, and what it lists": func(dir string) {
			files{IgnoreFile: "*.log\n", "dir/x.log": "x"}.writeTo(t, dir)
		},
		"a link in place of the same file": func(dir string) {
			must(t, os.Remove(filepath.Join(dir, "a")))
			files{IgnoreFile: "elsewhere", "elsewhere/a": "a", "a@": "elsewhere/a"}.writeTo(t, dir)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folderOf(t, source)
			change(dir)
			if p := mustOpen(t, dir); p.CodeSHA256() != want {
				t.Errorf("the hash changed; files %q", paths(p.Manifest()))
			}
		})
	}
}

func TestWhatIsContentChangesTheHash(t *testing.T) {
	source := files{"a": "a", "dir/b": "b", "run*": "x"}
	want := mustOpen(t, folderOf(t, source)).CodeSHA256()
	for name, other := range map[string]files{
		"content":         {"a": "A", "dir/b": "b", "run*": "x"},
		"an executable":   {"a*": "a", "dir/b": "b", "run*": "x"},
		"a name":          {"A": "a", "dir/b": "b", "run*": "x"},
		"a directory":     {"a": "a", "b": "b", "run*": "x"},
		"a file more":     {"a": "a", "dir/b": "b", "run*": "x", "c": ""},
		"a file less":     {"a": "a", "run*": "x"},
		"swapped content": {"a": "b", "dir/b": "a", "run*": "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if mustOpen(t, folderOf(t, other)).CodeSHA256() == want {
				t.Error("the hash is the same")
			}
		})
	}
}

// A source is packaged alike whether it is a folder or a zip of it, whoever
// made the zip; and unpacked it is what it was.
func TestFoldersZipsAndWhatIsUnpackedAreTheSame(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		source := files{}
		for range rapid.IntRange(1, 8).Draw(rt, "files") {
			name := rapid.StringMatching(`([a-c]/){0,2}[a-zé ]{1,3}\.[xy]`).Draw(rt, "name")
			size := rapid.SampledFrom([]int{0, 1, 1000, chunk + 1}).Draw(rt, "size")
			source[name+rapid.SampledFrom([]string{"", "*"}).Draw(rt, "executable")] = string(randomBytes(size))
			if source[name] != "" {
				delete(source, name+"*") // one file of a name
			}
		}
		folder := folderOf(t, source)
		p := mustOpen(t, folder)

		var entries []entry
		for _, f := range p.Manifest() {
			body, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(f.Path)))
			must(t, err)
			prefix := rapid.SampledFrom([]string{"", "./"}).Draw(rt, "prefix")
			entries = append(entries, entry{prefix + f.Path, string(body), f.Mode&0o711 | fs.FileMode(rapid.SampledFrom([]int{0, 0o066}).Draw(rt, "others"))})
		}
		entries = append(entries, entry{"empty/", "", fs.ModeDir | 0o755})
		zipped := mustOpen(t, zipOf(t, rapid.Permutation(entries).Draw(rt, "order")...))
		if zipped.CodeSHA256() != p.CodeSHA256() {
			rt.Fatalf("the zip's hash differs: %v and %v", zipped.Manifest(), p.Manifest())
		}

		b := content(t, p)
		unpacked := t.TempDir()
		must(t, Unpack(bytes.NewReader(b), int64(len(b)), unpacked))
		if again := mustOpen(t, unpacked); again.CodeSHA256() != p.CodeSHA256() {
			rt.Fatalf("unpacked, the hash differs: %v and %v", again.Manifest(), p.Manifest())
		}
	})
}

func TestLinksArePackagedAsWhatTheyPointTo(t *testing.T) {
	dir := folderOf(t, files{
		"real/a": "a", "real/sub/b*": "b",
		"file@": "real/a", "dir@": "real", "chain@": "file", "through@": "dir/sub/b", "deep/up@": "../real/./sub/../a", "deep/again@": "up",
	})
	p := mustOpen(t, dir)
	plain := mustOpen(t, folderOf(t, files{
		"real/a": "a", "real/sub/b*": "b",
		"file": "a", "dir/a": "a", "dir/sub/b*": "b", "chain": "a", "through*": "b", "deep/up": "a", "deep/again": "a",
	}))
	if p.CodeSHA256() != plain.CodeSHA256() {
		t.Errorf("files %q, want %q", paths(p.Manifest()), paths(plain.Manifest()))
	}
}

func TestAbsoluteLinksWithinTheSourceAreFollowedHoweverTheyAreWritten(t *testing.T) {
	dir := folderOf(t, files{"real/a*": "a"})
	alias := filepath.Join(t.TempDir(), "alias")
	must(t, os.Symlink(dir, alias))
	must(t, os.Symlink(filepath.Join(dir, "real"), filepath.Join(dir, "direct")))
	must(t, os.Symlink(filepath.Join(alias, "real"), filepath.Join(dir, "aliased")))
	if got, want := paths(mustOpen(t, alias).Manifest()), []string{"aliased/a", "direct/a", "real/a"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

func TestLinksInZipsArePackagedAsWhatTheyPointTo(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	p := mustOpen(t, zipOf(t, entry{"bin/run", "../lib/run.js", link}, entry{"lib/run.js", "x", 0o755}, entry{"also", "lib", link}))
	if got, want := paths(p.Manifest()), []string{"also/run.js", "bin/run", "lib/run.js"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	if f, _ := p.Manifest().Find("bin/run"); f.Mode != 0o755 || f.Size != 1 {
		t.Error(f)
	}
}

func TestZipsOfSystemsWithoutExecutableBitsAreJudgedByContent(t *testing.T) {
	// Without a mode, the writer makes entries as on FAT.
	p := mustOpen(t, zipOf(t, entry{"bootstrap", "\x7fELF...", 0}, entry{"script", "#!/bin/sh", 0}, entry{"text", "hello", 0}))
	for name, want := range map[string]fs.FileMode{"bootstrap": 0o755, "script": 0o755, "text": 0o644} {
		if f, _ := p.Manifest().Find(name); f.Mode != want {
			t.Errorf("%s has the mode %v", name, f.Mode)
		}
	}
}

func TestASourceThatCannotBePackagedIsOneSentence(t *testing.T) {
	link := fs.ModeSymlink | 0o777
	missing := filepath.Join(t.TempDir(), "missing")
	folder := func(f files) string { return folderOf(t, f) }
	single := filepath.Join(folder(files{"app.py": "x"}), "app.py")
	truncated := zipOf(t, entry{"a", strings.Repeat("a", 1000), 0})
	must(t, os.Truncate(truncated, 60))

	tests := []struct{ name, source, want string }{
		{"a source that is missing", missing, fmt.Sprintf("source %q: does not exist", missing)},
		{"a folder that is empty", folder(files{}), "has no files to package"},
		{"a folder of which all is left out", folder(files{IgnoreFile: "*", "a": "a"}), "left out by .tidegateignore"},
		{"a zip that is empty", zipOf(t), "has no files to package"},
		{"a single file", single, "is neither a folder nor a zip; a single file goes into a folder"},
		{"a zip that is cut off", truncated, "is neither a folder nor a zip"},
		{"a link that climbs out", folder(files{"a": "a", "dir/up@": "../../x"}), "dir/up is a link that leaves the source (it points to ../../x)"},
		{"a link to somewhere else", folder(files{"a": "a", "passwd@": "/etc/passwd"}), "passwd is a link that leaves the source"},
		{"a link to nothing", folder(files{"a@": "b"}), "a is a link to b, which does not exist"},
		{"a link through a file", folder(files{"a@": "b/c", "b": "b"}), "a is a link to b/c, which does not exist"},
		{"a link to itself", folder(files{"a@": "a"}), "a is a link to a, which is one of a ring of links"},
		{"a link to a directory above", folder(files{"a/b/c@": ".."}), "is a link to a directory that it lies in"},
		{"a link to the whole source", folder(files{"a@": ".", "b": "b"}), "a is a link to a directory that it lies in"},
		{"a line that is not a pattern", folder(files{IgnoreFile: "ok\n[a\n", "a": "a"}), `line 2 of .tidegateignore, "[a", is not a pattern`},
		{"a name that is not UTF-8", folder(files{"a\xff": "a"}), "is not UTF-8; rename it"},
		{"a zip that climbs out", zipOf(t, entry{"../a", "a", 0}), `"../a" in the zip climbs out`},
		{"a zip that climbs out within", zipOf(t, entry{"a/../../b", "a", 0}), "climbs out"},
		{"a zip with an absolute path", zipOf(t, entry{"/etc/passwd", "a", 0}), `"/etc/passwd" in the zip is an absolute path`},
		{"a zip with backslashes", zipOf(t, entry{`a\b`, "a", 0}), "has a backslash"},
		{"a zip with the same name twice", zipOf(t, entry{"a", "1", 0}, entry{"./a", "2", 0}), "a occurs twice in the zip"},
		{"a zip with a file that is a directory", zipOf(t, entry{"a", "1", 0}, entry{"a/b", "2", 0}), "a is both a file and a directory"},
		{"a zip with a directory that is a file", zipOf(t, entry{"a/b", "2", 0}, entry{"a", "1", 0}), "a is both a file and a directory"},
		{"a zip with a link that climbs out", zipOf(t, entry{"a", "../b", link}), "a is a link that leaves the source"},
		{"a zip with an absolute link", zipOf(t, entry{"a", "/etc/passwd", link}), "a is a link that leaves the source"},
		{"a zip with a ring of links", zipOf(t, entry{"a", "b", link}, entry{"b", "a", link}), "is one of a ring of links"},
		{"a zip with a device", zipOf(t, entry{"a", "", fs.ModeDevice | 0o644}), "a is a device"},
		{"a zip with a path that is too long", zipOf(t, entry{strings.Repeat("a/", 3000) + "b", "", 0}), "more than 4096 bytes"},
		{"a zip with a zero byte in a name", zipOf(t, entry{"a\x00b", "", 0}), "has a zero byte"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Open(tt.source, Options{})
			mentions(t, err, fmt.Sprintf("source %q: ", tt.source), tt.want)
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a sentence: %v", err)
			}
		})
	}
}

func TestALinkThatLeavesTheSourceMayBeLeftOut(t *testing.T) {
	p := mustOpen(t, folderOf(t, files{IgnoreFile: "passwd\n", "a": "a", "passwd@": "/etc/passwd"}))
	if got := paths(p.Manifest()); !slices.Equal(got, []string{"a"}) {
		t.Errorf("files %q", got)
	}
}

// Tests may run as root, whom no permission stops: a tree says no in its place.
func TestAFileThatCannotBeReadIsNamed(t *testing.T) {
	forbidden := forbiddenTree{mustOpenFolder(t, folderOf(t, files{"a": "a", "secret": "s"}))}
	_, _, err := scan(forbidden, Options{})
	mentions(t, err, "secret cannot be read: permission denied")
}

func mustOpenFolder(t *testing.T, dir string) *folder {
	t.Helper()
	f, err := openFolder(dir)
	must(t, err)
	return f
}

type forbiddenTree struct{ tree }

func (t forbiddenTree) open(name string) (io.ReadCloser, error) {
	if name == "secret" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return t.tree.open(name)
}

func TestAPackageIsSmallerThanTheLimit(t *testing.T) {
	source := folderOf(t, files{"a": strings.Repeat("a", 500), "b": strings.Repeat("b", 499)})
	if _, err := Open(source, Options{Limit: 1000}); err != nil {
		t.Error(err)
	}
	_, err := Open(source, Options{Limit: 999})
	mentions(t, err, "unpacks to 0 MB or more; a package is smaller (999 bytes)")

	zeros := zipOf(t, entry{"zeros", strings.Repeat("\x00", 5<<20), 0})
	_, err = Open(zeros, Options{Limit: 4 << 20})
	mentions(t, err, "unpacks to 4 MB or more")
}

func TestAZipIsNotBelievedWhatItSaysOfItsSize(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source.zip")
	must(t, os.WriteFile(source, lyingZip(t), 0o644))
	_, err := Open(source, Options{Limit: 1 << 20})
	mentions(t, err, "zeros cannot be read")
}

// lyingZip has a file of five megabytes that it says has a thousand bytes.
func lyingZip(t *testing.T) []byte {
	t.Helper()
	b := zipBytes(t, entry{"zeros", strings.Repeat("\x00", 5<<20), 0})
	// The size is in the directory and in the data descriptor.
	honest := []byte{0, 0, 0x50, 0}
	if bytes.Count(b, honest) != 2 {
		t.Fatal("the size is not where it was expected")
	}
	return bytes.ReplaceAll(b, honest, []byte{0xe8, 3, 0, 0})
}

func TestMoreFilesThanAShortZipCanCount(t *testing.T) {
	entries := make([]entry, 66_000)
	for i := range entries {
		entries[i].name = fmt.Sprintf("%02x/%d", i%256, i)
	}
	p := mustOpen(t, zipOf(t, entries...))
	b := content(t, p)
	if n, err := Check(bytes.NewReader(b), int64(len(b))); n != 0 || err != nil || len(p.Manifest()) != len(entries) {
		t.Error(n, err, len(p.Manifest()))
	}
}

func TestASourceThatChangesIsNotRead(t *testing.T) {
	for name, change := range map[string]func(dir string) error{
		"another content": func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), []byte("c"), 0o644) },
		"a longer file":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "b"), []byte("bb"), 0o644) },
		"a shorter file":  func(dir string) error { return os.Truncate(filepath.Join(dir, "b"), 0) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := folderOf(t, files{"a": "a", "b": "b"})
			p := mustOpen(t, dir)
			must(t, change(dir))
			r, err := p.Open()
			must(t, err)
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			if changed := (*ChangedError)(nil); !errors.As(err, &changed) || changed.Path != "b" {
				t.Errorf("error %v, want that b changed", err)
			}
		})
	}
	dir := folderOf(t, files{"a": "a", "b": "b"})
	p := mustOpen(t, dir)
	must(t, os.Remove(filepath.Join(dir, "b")))
	r, err := p.Open()
	must(t, err)
	defer r.Close()
	_, err = io.Copy(io.Discard, r)
	mentions(t, err, "b cannot be read")
}

func TestAChangeThatKeepsTimeAndSizeIsSeen(t *testing.T) {
	dir := folderOf(t, files{"a": "old"})
	before := mustOpen(t, dir).CodeSHA256()
	file := filepath.Join(dir, "a")
	info, err := os.Stat(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte("new"), 0o644))
	must(t, os.Chtimes(file, info.ModTime(), info.ModTime()))
	if mustOpen(t, dir).CodeSHA256() == before {
		t.Error("the hash is the same")
	}
}

func TestClosingAPackageEarlyEndsIt(t *testing.T) {
	p := mustOpen(t, folderOf(t, files{"a": string(randomBytes(1 << 20))}))
	r, err := p.Open()
	must(t, err)
	_, err = io.ReadFull(r, make([]byte, 10))
	must(t, err)
	must(t, r.Close())
	if _, err := r.Read(make([]byte, 1)); err == nil {
		t.Error("a closed package can be read")
	}
}

func FuzzZip(f *testing.F) {
	f.Add(zipBytes(f, entry{"a/b", "b", 0o755}, entry{"c", "a", fs.ModeSymlink | 0o777}))
	f.Add(zipBytes(f, entry{"a/../b", "b", 0}))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Fuzz(func(t *testing.T, b []byte) {
		unpacked, err := Check(bytes.NewReader(b), int64(len(b)))
		if err != nil || unpacked > 1<<20 {
			return
		}
		dir := t.TempDir()
		if err := Unpack(bytes.NewReader(b), int64(len(b)), filepath.Join(dir, "unpacked")); err != nil {
			return
		}
		entries, err := os.ReadDir(dir)
		must(t, err)
		if len(entries) != 1 {
			t.Errorf("something was written outside: %v", entries)
		}
	})
}

func BenchmarkHashABigFolder(b *testing.B) {
	source := files{}
	body := string(randomBytes(8 << 10))
	for i := range 4000 {
		source[fmt.Sprintf("node_modules/p%d/lib/f%d.js", i/20, i)] = body[:1000+i] + fmt.Sprint(i)
	}
	dir := folderOf(b, source)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			measured.Clear()
			b.SetBytes(mustOpen(b, dir).UnpackedSize())
		}
	})
	b.Run("again", func(b *testing.B) {
		for b.Loop() {
			b.SetBytes(mustOpen(b, dir).UnpackedSize())
		}
	})
}
