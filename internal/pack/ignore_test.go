package pack

import (
	"slices"
	"strings"
	"testing"
)

func TestIgnoreFilesReadLikeGitignore(t *testing.T) {
	tests := []struct {
		name, lines    string
		packed, absent []string
	}{
		{"a name holds at every depth", "*.pyc", []string{"a.py"}, []string{"b.pyc", "d/e/f.pyc"}},
		{"a directory's name holds at every depth", "node_modules/", []string{"a"}, []string{"node_modules/x", "d/node_modules/e/y"}},
		{"a name without a slash holds for directories too", "node_modules", []string{"a"}, []string{"node_modules/x", "d/node_modules"}},
		{"a slash at the end spares files", "build/", []string{"d/build"}, []string{"build/x"}},
		{"a slash at the beginning holds at the root only", "/build", []string{"d/build"}, []string{"build"}},
		{"a slash within holds at the root only", "doc/frotz", []string{"a/doc/frotz"}, []string{"doc/frotz"}},
		{"a star stops at slashes", "doc/*.txt", []string{"doc/d/a.txt"}, []string{"doc/a.txt"}},
		{"a question mark is one character", "?.txt", []string{"ab.txt"}, []string{"a.txt"}},
		{"a class of characters", "[ab].txt", []string{"c.txt"}, []string{"a.txt"}},
		{"a class of other characters", "[!ab].txt", []string{"a.txt"}, []string{"c.txt"}},
		{"two stars at the beginning", "**/logs/x", []string{"x"}, []string{"logs/x", "a/b/logs/x"}},
		{"two stars within", "a/**/z", []string{"b/z"}, []string{"a/z", "a/b/c/z"}},
		{"two stars at the end", "a/**", []string{"b"}, []string{"a/x", "a/b/y"}},
		{"an exclamation mark brings back", "*.log\n!keep.log", []string{"keep.log", "d/keep.log"}, []string{"a.log"}},
		{"the last line that matches decides", "!keep.log\n*.log", []string{"a"}, []string{"keep.log"}},
		{"also from a directory that is left out", "node_modules/\n!node_modules/mine/", []string{"node_modules/mine/x"}, []string{"node_modules/x"}},
		{"everything but", "*\n!*.py", []string{"a.py", "d/b.py"}, []string{"x", "d/y.txt"}},
		{"comments and empty lines say nothing", "# a\n\n   \n#b\nc", []string{"a", "# a", "#b"}, []string{"c"}},
		{"a backslash quotes", "\\#b\n\\!c\na\\*b", []string{"axb"}, []string{"#b", "!c", "a*b"}},
		{"a backslash before a letter is nothing", "\\build\n[\\a]x", []string{"d"}, []string{"build", "ax"}},
		{"two stars and a slash are directories", "**/\n", []string{"a"}, []string{"d/b"}},
		{"spaces and carriage returns at the end do not count", "a  \r\nb\t\r\n", []string{"c"}, []string{"a", "b"}},
		{"a byte order mark does not count", "\ufeffa", []string{"b"}, []string{"a"}},
		{"dots and braces are themselves", "a.{b}", []string{"axb"}, []string{"a.{b}"}},
		{"a slash alone says nothing", "/\n!", []string{"a"}, nil},
		{"git and terraform stay out whatever is said", "!.git/\n!.terraform/\n!.tidegateignore", []string{"a"}, []string{".git/x", "d/.terraform/x"}},
		{"an ignore file below the root is a file like others", "a", []string{"d/.tidegateignore", "d/b"}, []string{"a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := files{IgnoreFile: tt.lines}
			for _, name := range slices.Concat(tt.packed, tt.absent) {
				source[name] = "x"
			}
			got := paths(mustOpen(t, folderOf(t, source)).Manifest())
			slices.Sort(tt.packed)
			if !slices.Equal(got, tt.packed) {
				t.Errorf("packed %q, want %q", got, tt.packed)
			}
		})
	}
}

func TestTheIgnoreFileOfAZipIsNotRead(t *testing.T) {
	p := mustOpen(t, zipOf(t, entry{IgnoreFile, "a", 0}, entry{"a", "a", 0}, entry{".git/x", "x", 0}))
	if got := paths(p.Manifest()); !slices.Equal(got, []string{"a"}) {
		t.Errorf("files %q", got)
	}
}

func TestAnIgnoreFileIsNotEndless(t *testing.T) {
	_, err := Open(folderOf(t, files{"a": "a", IgnoreFile: strings.Repeat("x\n", 600_000)}), Options{})
	mentions(t, err, "has more than a megabyte")
}

func FuzzIgnore(f *testing.F) {
	f.Add("*.pyc\n!keep.pyc\n/build/\n[!a]**/\\#", "a/build/b.pyc")
	f.Fuzz(func(t *testing.T, text, name string) {
		list, err := parseIgnoreList([]byte(text))
		if err != nil {
			return
		}
		// Errors are allowed, panics are not.
		_, _ = list.skipsFile(name)
		_, _ = list.skipsDir(name)
	})
}
