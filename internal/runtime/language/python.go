package language

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// python runs Python with one minor version of CPython.
type python struct {
	runtime    string
	version    string // "3.13"
	exact      string // "3.13.0"
	executable string
	prefixes   []string
	bootstrap  string // the folder of bootstrap.py

	// compiling has the bootstrap compiled once, also for a thousand instances at
	// once; compiled is the name of the result.
	compiling sync.Mutex
	compiled  string
}

var pythonName = regexp.MustCompile(`^python3(\.[0-9]+)?$`)

// pythonProbe prints the version as Lambda names it, the exact version, the
// executable and the folders of the installation, which a virtual environment has
// two of.
const pythonProbe = `import sys
print("%d.%d" % sys.version_info[:2])
print(sys.version.split()[0])
for p in sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix: print(p)`

func findPython(p places, probes *probeCache, dir string) []Language {
	found := p.executables(pythonName.MatchString)
	var languages []Language
	seen := map[string]bool{}
	for _, answer := range probes.ask(found, "-I", "-S", "-c", pythonProbe) {
		lines := strings.Split(answer, "\n")
		if len(lines) < 4 || seen[lines[0]] || !pythonRuntime.MatchString("python"+lines[0]) {
			continue
		}
		seen[lines[0]] = true
		prefixes := slices.DeleteFunc(lines[3:], func(p string) bool { return p == "" || p == "/" })
		slices.Sort(prefixes)
		languages = append(languages, &python{
			runtime: "python" + lines[0], version: lines[0], exact: lines[1], executable: lines[2],
			prefixes: slices.Compact(prefixes), bootstrap: filepath.Join(dir, "python"),
		})
	}
	return languages
}

func (p *python) Runtime() string { return p.runtime }

func (p *python) Command(ctx context.Context, f Function) (Command, error) {
	bootstrap, err := p.compile(ctx)
	if err != nil {
		return Command{}, err
	}
	// -I keeps the host's variables, user packages and current folder out, -S the
	// site module (a third of the start); the bootstrap sets the path itself. -u:
	// what is printed must be out before the answer is.
	argv := []string{p.executable, "-I", "-S", "-u", sandbox.Runtime + "/" + bootstrap}
	defaults := map[string]string{
		"PATH":       searchPath(filepath.Dir(p.executable)),
		"PYTHONPATH": sandbox.Layers + "/python/lib/python" + p.version + "/site-packages:" + sandbox.Layers + "/python",
	}
	env := environment(f, defaults)
	return Command{
		Argv: wrapped(f, argv), Env: env, Warm: warm(argv, env, defaults),
		Version:    "python:" + p.exact,
		Readable:   append(prefixOf(p.executable), p.prefixes...),
		RuntimeDir: p.bootstrap,
	}, nil
}

// pythonCompile compiles argv[1] to argv[2]. What it compiled is found unchanged by
// its name, not by its time.
const pythonCompile = `import sys, py_compile
py_compile.compile(sys.argv[1], cfile=sys.argv[2], dfile="/var/runtime/bootstrap.py", doraise=True,
  invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)`

// compile returns the name of the bootstrap in bytecode: Python keeps none of the
// program it is told to run, and compiling takes as long as all the rest of the start.
func (p *python) compile(ctx context.Context) (string, error) {
	p.compiling.Lock()
	defer p.compiling.Unlock()
	if p.compiled != "" {
		return p.compiled, nil
	}
	source := filepath.Join(p.bootstrap, "bootstrap.py")
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	name := fmt.Sprintf("bootstrap-%s-%x.pyc", p.exact, sum[:8])
	path := filepath.Join(p.bootstrap, name)
	if _, err := os.Stat(path); err != nil {
		fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
		out, err := exec.CommandContext(ctx, p.executable, "-I", "-S", "-c", pythonCompile, source, fresh).CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("compile the bootstrap with %s: %w: %s", p.executable, err, strings.TrimSpace(string(out)))
		}
		if err := os.Chmod(fresh, 0o444); err != nil {
			return "", err
		}
		if err := os.Rename(fresh, path); err != nil {
			return "", err
		}
	}
	p.compiled = name
	return name, nil
}
