package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// IgnoreFile names, in the root of a source folder, the file that lists what
// is not packaged, in the syntax of .gitignore.
//
// People know that syntax, and it does what they mean: "*.pyc" and
// "node_modules/" hold at every depth. Docker's, in which such lines look at
// the root only, would package what was meant to stay out without a word. So
// Docker's matcher, which is well kept, gets patterns translated from
// .gitignore's. One difference is kept since it is of use: a line with "!" may
// bring back a file of a directory that another line left out.
const IgnoreFile = ".tidegateignore"

// neverPacked are names that are left out at any depth, whatever a file says.
var neverPacked = []string{".git", ".terraform"}

// An ignoreList tells which paths of a source are left out. Its zero value
// leaves out what is never packed only.
type ignoreList struct {
	// files matches the paths of files; dirs also matches directories by patterns
	// that are for directories only.
	files, dirs *patternmatcher.PatternMatcher
}

// readIgnoreList reads the ignore file of a source, if it has one.
func readIgnoreList(t tree) (ignoreList, error) {
	r, err := t.open(IgnoreFile)
	if errors.Is(err, fs.ErrNotExist) {
		return ignoreList{}, nil
	}
	if err != nil {
		return ignoreList{}, fmt.Errorf("%s cannot be read: %w", IgnoreFile, err)
	}
	defer r.Close()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil || len(text) > most {
		return ignoreList{}, fmt.Errorf("%s cannot be read, or has more than a megabyte", IgnoreFile)
	}
	return parseIgnoreList(text)
}

func parseIgnoreList(text []byte) (ignoreList, error) {
	var files, dirs []string
	for i, line := range strings.Split(string(bytes.TrimPrefix(text, []byte("\ufeff"))), "\n") {
		p, ok := parsePattern(line)
		if !ok {
			continue
		}
		// The matcher compiles a pattern when it first looks at it: let it look.
		if _, err := patternmatcher.MatchesOrParentMatches("x", []string{p.glob}); err != nil {
			return ignoreList{}, fmt.Errorf("line %d of %s, %q, is not a pattern", i+1, IgnoreFile, strings.TrimSpace(line))
		}
		files, dirs = append(files, p.forFiles()), append(dirs, p.forDirs())
	}
	var list ignoreList
	var err, err2 error
	list.files, err = patternmatcher.New(files)
	list.dirs, err2 = patternmatcher.New(dirs)
	return list, errors.Join(err, err2)
}

// A pattern is one line of an ignore file, for Docker's matcher.
type pattern struct {
	glob     string
	negated  bool
	onlyDirs bool
}

// parsePattern reads a line of .gitignore's, false for a line that says nothing.
// See https://git-scm.com/docs/gitignore#_pattern_format
func parsePattern(line string) (p pattern, ok bool) {
	line = strings.TrimRight(line, " \t\r")
	if strings.HasPrefix(line, "#") {
		return p, false
	}
	line, p.negated = strings.CutPrefix(line, "!")
	line, p.onlyDirs = strings.CutSuffix(line, "/")
	anchored := strings.Contains(line, "/")
	line = strings.TrimPrefix(line, "/")
	if line == "" {
		return p, false
	}
	p.glob = needlessEscape.ReplaceAllString(strings.ReplaceAll(line, "[!", "[^"), "$1")
	if !anchored {
		p.glob = "**/" + p.glob
	}
	if p.onlyDirs && path.Base(p.glob) == "**" {
		p.glob += "/*" // every directory below, not every file too
	}
	return p, true
}

// needlessEscape is a backslash that quotes what needs no quoting. The matcher
// makes regular expressions, in which \b and \d mean something else.
var needlessEscape = regexp.MustCompile(`\\([^!-/:-@\[-\x60{-~])`)

// forFiles is the pattern for paths of files: of one for directories only, what
// lies in them.
func (p pattern) forFiles() string {
	if p.onlyDirs {
		return p.sign() + p.glob + "/**"
	}
	return p.forDirs()
}

// forDirs is the pattern for paths of directories.
func (p pattern) forDirs() string { return p.sign() + p.glob }

func (p pattern) sign() string {
	if p.negated {
		return "!"
	}
	return ""
}

// skipsFile tells whether a file, or link, is left out.
func (l ignoreList) skipsFile(name string) (bool, error) {
	if name == IgnoreFile || slices.Contains(neverPacked, path.Base(name)) {
		return true, nil
	}
	return matches(l.files, name)
}

// skipsDir tells whether all of a directory is left out.
func (l ignoreList) skipsDir(name string) (bool, error) {
	if slices.Contains(neverPacked, path.Base(name)) {
		return true, nil
	}
	if l.dirs == nil || l.dirs.Exclusions() {
		return false, nil
	}
	return matches(l.dirs, name)
}

func matches(m *patternmatcher.PatternMatcher, name string) (bool, error) {
	if m == nil {
		return false, nil
	}
	skip, err := m.MatchesOrParentMatches(name)
	if err != nil {
		return false, fmt.Errorf("%s: %w", IgnoreFile, err)
	}
	return skip, nil
}
