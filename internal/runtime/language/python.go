package language

import (
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// python runs Python with one minor version of CPython.
type python struct {
	runtime    string
	version    string // "3.13"
	executable string
	prefixes   []string
	bootstrap  string // the folder of bootstrap.py
}

var pythonName = regexp.MustCompile(`^python3(\.[0-9]+)?$`)

// pythonProbe prints version, executable and the folders of the installation,
// which a virtual environment has two of.
const pythonProbe = `import sys
print("%d.%d" % sys.version_info[:2])
for p in sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix: print(p)`

func findPython(p places, probes *probeCache, dir string) []Language {
	found := p.executables(pythonName.MatchString)
	var languages []Language
	seen := map[string]bool{}
	for _, answer := range probes.ask(found, "-I", "-S", "-c", pythonProbe) {
		lines := strings.Split(answer, "\n")
		if len(lines) < 3 || seen[lines[0]] || !pythonRuntime.MatchString("python"+lines[0]) {
			continue
		}
		seen[lines[0]] = true
		prefixes := slices.DeleteFunc(lines[2:], func(p string) bool { return p == "" || p == "/" })
		slices.Sort(prefixes)
		languages = append(languages, python{
			runtime: "python" + lines[0], version: lines[0], executable: lines[1],
			prefixes: slices.Compact(prefixes), bootstrap: filepath.Join(dir, "python"),
		})
	}
	return languages
}

func (p python) Runtime() string { return p.runtime }

func (p python) Command(_ context.Context, f Function) (Command, error) {
	return Command{
		// -I keeps the host's variables, user packages and current folder out, -S the
		// site module (a third of the start); the bootstrap sets the path itself. -u:
		// what is printed must be out before the answer is.
		Argv: []string{p.executable, "-I", "-S", "-u", sandbox.Runtime + "/bootstrap.py"},
		Env: environment(f, map[string]string{
			"PATH":       searchPath(filepath.Dir(p.executable)),
			"PYTHONPATH": sandbox.Layers + "/python/lib/python" + p.version + "/site-packages:" + sandbox.Layers + "/python",
		}),
		Readable:   append(prefixOf(p.executable), p.prefixes...),
		RuntimeDir: p.bootstrap,
	}, nil
}
