package pack

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func manifestOf(contents map[string]string) Manifest {
	var m Manifest
	for path, content := range contents {
		m = append(m, File{Path: path, Mode: 0o644, Size: int64(len(content)), SHA256: sha256.Sum256([]byte(content))})
	}
	slices.SortFunc(m, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return m
}

func diff(t testing.TB, before, after Manifest) []Change {
	t.Helper()
	return Diff(before.Compact(), after)
}

func TestDiffListsWhatChanged(t *testing.T) {
	before := manifestOf(map[string]string{"app.py": "1", "lib/a.py": "1", "lib/b.py": "1", "run": "1"})
	after := manifestOf(map[string]string{"app.py": "2", "lib/a.py": "1", "lib/c.py": "1", "run": "1"})
	run, _ := slices.BinarySearchFunc(after, "run", func(f File, path string) int { return strings.Compare(f.Path, path) })
	after[run].Mode = fs.FileMode(0o755)
	want := []Change{{"app.py", Changed}, {"lib/b.py", Removed}, {"lib/c.py", Added}, {"run", Changed}}
	if got := diff(t, before, after); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := diff(t, before, before); got != nil {
		t.Errorf("%v between a manifest and itself", got)
	}
	if got := want[0].String(); got != "app.py (changed)" {
		t.Error(got)
	}
}

func TestDirectoriesStandForTheirFilesWhenThereAreMany(t *testing.T) {
	contents := map[string]string{"app.js": "1", "lib/util.js": "1"}
	for i := range 20_000 {
		contents[fmt.Sprintf("node_modules/p%d/dist/sub/f%d.js", i/1000, i)] = fmt.Sprint(i)
	}
	before := manifestOf(contents)
	compact := before.Compact()
	if _, ok := compact["node_modules/p7/dist/sub/"]; !ok || len(compact) != 22 {
		t.Errorf("the compact manifest is %v", compact)
	}
	if got := diff(t, before, before); got != nil {
		t.Errorf("%v between a manifest and itself", got)
	}
	contents["node_modules/p7/dist/sub/f7000.js"] = "changed"
	contents["node_modules/new/x.js"] = "1"
	contents["lib/util.js"] = "2"
	delete(contents, "app.js")
	for i := 5000; i < 6000; i++ {
		delete(contents, fmt.Sprintf("node_modules/p5/dist/sub/f%d.js", i))
	}
	want := []Change{
		{"app.js", Removed},
		{"lib/util.js", Changed},
		{"node_modules/new/x.js", Added},
		{"node_modules/p5/dist/sub/", Removed},
		{"node_modules/p7/dist/sub/", Changed},
	}
	if got := diff(t, before, manifestOf(contents)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAFlatFolderOfManyFilesIsOneEntry(t *testing.T) {
	contents := map[string]string{}
	for i := range 600 {
		contents[fmt.Sprint(i)] = "x"
	}
	before := manifestOf(contents)
	if got := diff(t, before, before); got != nil {
		t.Error(got)
	}
	contents["7"] = "y"
	if got, want := diff(t, before, manifestOf(contents)), []Change{{"./", Changed}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The compact manifest is in states: it must not change by itself.
func TestCompactManifestsAreTheSameInEveryReleaseOfTidegate(t *testing.T) {
	m := manifestOf(map[string]string{"app.py": "1", "lib/ü.py": "2"})
	m[0].Mode = 0o755
	if got, want := m.Compact(), map[string]string{"app.py": "fe9acc79", "lib/ü.py": "eda501de"}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDiffFindsEveryChangeAndNothingElse(t *testing.T) {
	contents := rapid.MapOfN(rapid.StringMatching(`([ab]/){0,2}[c-f]{1,2}`), rapid.StringMatching(`[0-2]`), 1, 30)
	rapid.Check(t, func(rt *rapid.T) {
		before, after := contents.Draw(rt, "before"), contents.Draw(rt, "after")
		var want []Change
		for path, content := range before {
			if now, ok := after[path]; !ok {
				want = append(want, Change{path, Removed})
			} else if now != content {
				want = append(want, Change{path, Changed})
			}
		}
		for path := range after {
			if _, ok := before[path]; !ok {
				want = append(want, Change{path, Added})
			}
		}
		slices.SortFunc(want, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
		if got := diff(t, manifestOf(before), manifestOf(after)); !slices.Equal(got, want) {
			rt.Fatalf("%v, want %v", got, want)
		}
	})
}
