package language

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// places are the folders in which interpreters are looked for, in order.
type places []string

// searchPlaces lists the folders given, then PATH, then where version managers
// keep what they installed. Folders that only hold a manager's shims are left
// out: a shim is a script that chooses by the current folder.
func searchPlaces(first []string) places {
	var dirs places
	for _, dir := range first {
		dirs = append(dirs, dir, filepath.Join(dir, "bin"))
		more, _ := filepath.Glob(filepath.Join(dir, "*", "bin"))
		dirs = append(dirs, more...)
	}
	dirs = append(dirs, filepath.SplitList(os.Getenv("PATH"))...)
	dirs = append(dirs, "/usr/local/bin", "/usr/bin")
	for _, pattern := range managerPatterns() {
		found, _ := filepath.Glob(pattern)
		slices.Reverse(found) // newer versions sort last
		dirs = append(dirs, found...)
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(dirs, func(dir string) bool {
		if !filepath.IsAbs(dir) || filepath.Base(dir) == "shims" || seen[dir] {
			return true
		}
		seen[dir] = true
		return false
	})
}

// managerPatterns are the folders of pyenv, nvm, asdf, mise, uv, fnm, volta,
// sdkman and the distributions' JDKs.
func managerPatterns() []string {
	home, _ := os.UserHomeDir()
	at := func(variable, fallback string) string {
		if dir := os.Getenv(variable); dir != "" {
			return dir
		}
		return filepath.Join(home, fallback)
	}
	patterns := []string{
		at("PYENV_ROOT", ".pyenv") + "/versions/*/bin",
		at("NVM_DIR", ".nvm") + "/versions/node/*/bin",
		at("ASDF_DATA_DIR", ".asdf") + "/installs/*/*/bin",
		at("MISE_DATA_DIR", ".local/share/mise") + "/installs/*/*/bin",
		at("UV_PYTHON_INSTALL_DIR", ".local/share/uv/python") + "/*/bin",
		at("FNM_DIR", ".local/share/fnm") + "/node-versions/*/installation/bin",
		at("VOLTA_HOME", ".volta") + "/tools/image/node/*/bin",
		at("SDKMAN_DIR", ".sdkman") + "/candidates/java/*/bin",
		"/usr/lib/jvm/*/bin",
	}
	if dir := os.Getenv("JAVA_HOME"); dir != "" {
		patterns = append([]string{filepath.Join(dir, "bin")}, patterns...)
	}
	return patterns
}

// executables returns the real paths of files in the places whose base name
// matches, in order, each once.
func (p places) executables(matches func(name string) bool) []string {
	var found []string
	for _, dir := range p {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if !matches(entry.Name()) {
				continue
			}
			path, err := filepath.EvalSymlinks(filepath.Join(dir, entry.Name()))
			if err != nil || slices.Contains(found, path) {
				continue
			}
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				found = append(found, path)
			}
		}
	}
	return found
}

// probeTimeout bounds how long an interpreter may take to tell its version, on a machine
// whose processors have other things to do.
const probeTimeout = 20 * time.Second

// A probeCache remembers what executables said of themselves, by path, size and
// time of change. The zero value is ready.
type probeCache struct {
	mu      sync.Mutex
	answers map[probeKey]string
}

type probeKey struct {
	path    string
	size    int64
	changed time.Time
}

// ask runs every executable with the arguments, in parallel, and returns what
// each printed, in order; "" for those that failed.
func (c *probeCache) ask(executables []string, arguments ...string) []string {
	answers := make([]string, len(executables))
	var all sync.WaitGroup
	for i, path := range executables {
		all.Go(func() { answers[i] = c.askOne(path, arguments) })
	}
	all.Wait()
	return answers
}

func (c *probeCache) askOne(path string, arguments []string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	key := probeKey{path, info.Size(), info.ModTime()}
	c.mu.Lock()
	answer, ok := c.answers[key]
	c.mu.Unlock()
	if ok {
		return answer
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Env = []string{"PATH=/usr/bin:/bin", "LANG=C.UTF-8"}
	cmd.WaitDelay = time.Second
	if out, err := cmd.Output(); err == nil {
		answer = strings.TrimSpace(string(out))
	}
	// One that was only slow is asked again when the host is searched again.
	if answer == "" && ctx.Err() != nil {
		return ""
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.answers == nil {
		c.answers = map[probeKey]string{}
	}
	c.answers[key] = answer
	return answer
}

// prefixOf is the folder an installation lives in, given its executable in a bin
// folder, or the executable alone.
func prefixOf(executable string) []string {
	dir := filepath.Dir(executable)
	if filepath.Base(dir) == "bin" && filepath.Dir(dir) != "/" {
		return []string{filepath.Dir(dir)}
	}
	return []string{executable}
}
