package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// zipped returns a zip of these files.
func zipped(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := w.Create(name)
		if err == nil {
			_, err = f.Write([]byte(files[name]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// files reads all files of a folder.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(filepath.Join(dir, name))
		found[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// unpacked unpacks packages and fails the test if it cannot.
func unpacked(t *testing.T, s *Store, shas ...string) (dir string) {
	t.Helper()
	dir, err := s.PackageDir(testContext(t), shas...)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// dirs are the names of the folders of unpacked packages.
func dirs(t *testing.T, s *Store) []string {
	t.Helper()
	entries, err := os.ReadDir(s.packages.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAPackageIsUnpackedOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	content := map[string]string{"app.py": "print()", "lib/x.py": "x = 1"}
	sha := upload(t, s, zipped(t, content))
	first := unpacked(t, s, sha)
	if got := files(t, first); !maps.Equal(got, content) {
		t.Errorf("it has %v, want %v", got, content)
	}
	before, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = open(t, Options{Dir: dir})
	again := unpacked(t, s, sha)
	after, err := os.Stat(again)
	if err != nil {
		t.Fatal(err)
	}
	if again != first || !os.SameFile(before, after) {
		t.Error("it was unpacked again")
	}
}

func TestEverybodyMayReadAPackageAndNobodyWriteIt(t *testing.T) {
	s := open(t, Options{})
	dir := unpacked(t, s, upload(t, s, zipped(t, map[string]string{"lib/x.py": "x = 1"})))
	for name, want := range map[string]fs.FileMode{"": 0o755, "lib": 0o755, "lib/x.py": 0o444} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("/%s has mode %o, want %o", name, got, want)
		}
	}
}

func TestLaterLayersLieOverEarlierOnes(t *testing.T) {
	s := open(t, Options{})
	one := upload(t, s, zipped(t, map[string]string{"a": "1", "b": "1", "d/x": "1", "file": "1", "dir/in": "1"}))
	two := upload(t, s, zipped(t, map[string]string{"b": "2", "d/y": "2", "file/in": "2", "dir": "2"}))
	if got, want := files(t, unpacked(t, s, one, two)),
		map[string]string{"a": "1", "b": "2", "d/x": "1", "d/y": "2", "file/in": "2", "dir": "2"}; !maps.Equal(got, want) {
		t.Errorf("one, two: %v, want %v", got, want)
	}
	if got, want := files(t, unpacked(t, s, two, one)),
		map[string]string{"a": "1", "b": "1", "d/x": "1", "d/y": "2", "file": "1", "dir/in": "1"}; !maps.Equal(got, want) {
		t.Errorf("two, one: %v, want %v", got, want)
	}
}

func TestCallersAtOnceGetTheSameFolder(t *testing.T) {
	s := open(t, Options{})
	sha := upload(t, s, zipped(t, map[string]string{"app.py": "print()"}))
	results := make(chan string)
	for range 20 {
		go func() {
			dir, err := s.PackageDir(t.Context(), sha)
			if err == nil {
				_, err = os.Stat(filepath.Join(dir, "app.py"))
			}
			if err != nil {
				t.Error(err)
			}
			results <- dir
		}()
	}
	want := <-results
	for range 19 {
		if got := <-results; got != want {
			t.Errorf("%s and %s", got, want)
		}
	}
}

func TestACallerThatGivesUpDoesNotSpoilItForOthers(t *testing.T) {
	s := open(t, Options{})
	sha := upload(t, s, zipped(t, map[string]string{"app.py": "print()"}))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.PackageDir(gone, sha); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("PackageDir says %v", err)
	}
	unpacked(t, s, sha)
}

func TestAPackageThatCannotBeUnpackedLeavesNoFolder(t *testing.T) {
	s := open(t, Options{})
	_, absent := random(10)
	noZip, sha := random(1000)
	upload(t, s, noZip)
	good := upload(t, s, zipped(t, map[string]string{"app.py": "print()"}))
	for what, shas := range map[string][]string{
		"a package that is not there": {absent},
		"one that is no zip":          {sha},
		"a layer that is no zip":      {good, sha},
	} {
		if dir, err := s.PackageDir(testContext(t), shas...); err == nil {
			t.Errorf("%s: %s", what, dir)
		}
	}
	if got := dirs(t, s); len(got) > 0 {
		t.Errorf("folders: %v", got)
	}
}

func TestWhatAKilledProcessWasUnpackingIsRemoved(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	sha := upload(t, s, zipped(t, map[string]string{"app.py": "print()"}))
	whole := filepath.Base(unpacked(t, s, sha))
	s.Close()
	if err := os.MkdirAll(filepath.Join(dir, "packages", unpackingPrefix+"123", "content"), 0o755); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if got := dirs(t, s); !slices.Equal(got, []string{whole}) {
		t.Errorf("folders %v, want %s", got, whole)
	}
}

func TestUnpackedPackagesAreNotTrustedAfterTheMachineStartedAgain(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	sha := upload(t, s, zipped(t, map[string]string{"app.py": "print()"}))
	unpackedDir := unpacked(t, s, sha)
	s.Close()
	// As if the machine had been started again and had lost what was written last.
	if err := os.WriteFile(filepath.Join(dir, "packages", "boot"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(unpackedDir, "app.py")); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir})
	if got := files(t, unpacked(t, s, sha)); got["app.py"] != "print()" {
		t.Errorf("it has %v", got)
	}
}
