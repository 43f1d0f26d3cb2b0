package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// maxCompiledFiles is the most files of a compile cache; maxAnswer is the most bytes.
const maxCompiledFiles = 4096

// unfinishedCache begins the names of folders that are no cache yet, or no more.
const unfinishedCache = "new-"

// A compiledDir keeps compile caches, a folder for each, on the node's disk. What is in
// them came from functions.
type compiledDir struct{ path string }

// openCompiledDir makes the folder, and removes what a killed process left in it. Without
// a path it returns nil.
func openCompiledDir(path string) (*compiledDir, error) {
	if path == "" {
		return nil, nil
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of compile caches: %w", err)
	}
	left, err := filepath.Glob(filepath.Join(path, unfinishedCache+"*"))
	for _, dir := range left {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	if err != nil {
		return nil, fmt.Errorf("clean up the folder of compile caches: %w", err)
	}
	return &compiledDir{path}, nil
}

// find returns the folder of a cache, if it is there.
func (d *compiledDir) find(name string) (string, bool) {
	dir := filepath.Join(d.path, name)
	_, err := os.Lstat(dir)
	return dir, err == nil
}

// keep makes a cache of what an instance gave, whole or not at all.
func (d *compiledDir) keep(name string, body []byte) error {
	folder, files, err := parseCompiled(body)
	if err != nil || len(files) == 0 {
		return err
	}
	work, err := os.MkdirTemp(d.path, unfinishedCache)
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // the next runtime tries again
	cache := filepath.Join(work, "cache")
	for _, dir := range []string{cache, filepath.Join(cache, folder)} {
		// Whatever the runtime's umask is, instances' users read it.
		if err := errors.Join(os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755)); err != nil {
			return err
		}
	}
	for name, content := range files {
		file := filepath.Join(cache, folder, name)
		if err := errors.Join(os.WriteFile(file, content, 0o444), os.Chmod(file, 0o444)); err != nil {
			return err
		}
	}
	if err := os.Rename(cache, filepath.Join(d.path, name)); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil // another was quicker, and nobody reads half of it
}

// all lists the caches' names.
func (d *compiledDir) all() ([]string, error) {
	entries, err := os.ReadDir(d.path)
	var names []string
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), unfinishedCache) {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// remove removes a cache. Instances that have it go on.
func (d *compiledDir) remove(name string) error {
	// Out of the way first, so that nobody finds half of it.
	work, err := os.MkdirTemp(d.path, unfinishedCache)
	if err != nil {
		return err
	}
	return errors.Join(os.Rename(filepath.Join(d.path, name), filepath.Join(work, name)), os.RemoveAll(work))
}

// compiledName is what names in a cache may be: they become names of files.
var compiledName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// parseCompiled reads what language.CompiledVariable describes.
func parseCompiled(body []byte) (folder string, files map[string][]byte, err error) {
	line, rest, _ := bytes.Cut(body, []byte("\n"))
	var head struct {
		Folder string `json:"folder"`
		Files  []struct {
			Name string `json:"name"`
			Size int    `json:"size"`
		} `json:"files"`
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return "", nil, fmt.Errorf("its list of files is no JSON: %w", err)
	}
	if !compiledName.MatchString(head.Folder) {
		return "", nil, fmt.Errorf("its folder is called %.100q", head.Folder)
	}
	if len(head.Files) > maxCompiledFiles {
		return "", nil, fmt.Errorf("it has %d files; at most %d are kept", len(head.Files), maxCompiledFiles)
	}
	files = map[string][]byte{}
	for _, f := range head.Files {
		switch _, twice := files[f.Name]; {
		case !compiledName.MatchString(f.Name) || twice:
			return "", nil, fmt.Errorf("one of its files is called %.100q", f.Name)
		case f.Size < 0 || f.Size > len(rest):
			return "", nil, fmt.Errorf("file %s has %d bytes of %d that are left", f.Name, f.Size, len(rest))
		}
		files[f.Name], rest = rest[:f.Size], rest[f.Size:]
	}
	if len(rest) > 0 {
		return "", nil, fmt.Errorf("%d bytes are of no file", len(rest))
	}
	return head.Folder, files, nil
}

// collectCompiled removes the compile caches of versions that are no more.
func (r *runner) collectCompiled() error {
	if r.compiled == nil {
		return nil
	}
	names, err := r.compiled.all() // before it is known which are used: those are older
	if err != nil {
		return fmt.Errorf("list the compile caches: %w", err)
	}
	r.mu.RLock()
	functions := slices.Collect(maps.Values(r.functions))
	r.mu.RUnlock()
	used := map[string]bool{}
	for _, f := range functions {
		for _, p := range f.settings.Load().pools {
			used[p.cacheKey()] = true
		}
	}
	var errs []error
	for _, name := range names {
		if key, _, _ := strings.Cut(name, "-"); !used[key] {
			errs = append(errs, r.compiled.remove(name))
		}
	}
	return errors.Join(errs...)
}
