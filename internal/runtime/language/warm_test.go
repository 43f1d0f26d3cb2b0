package language

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// never stands for that the interpreter is not started before the function is known.
var never = &sandbox.Program{}

func usually(_ *Function, s *sandbox.Spec) { s.Warm = never }

// startEarly starts a function whose interpreter was there before. For that the
// sandbox must have seen a start or two of its kind.
func startEarly(t *testing.T, runtime, handler string, files map[string]string, options ...option) *function {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		f := start(t, runtime, handler, files, options...)
		if f.instance.Prepared() || !slices.Contains(shared.sandbox.Isolation().Enforced, "mount namespace") {
			return f
		}
		f.instance.Kill()
		<-f.instance.Done()
		if time.Now().After(deadline) {
			t.Fatal("no interpreter is ever there before")
		}
	}
}

// Everything that a function can see of how it was started.
var dumps = map[string]map[string]string{
	"nodejs": {"app.js": `
const fs = require('fs'), { execFileSync } = require('child_process');
exports.handler = async () => ({
	env: Object.entries(process.env).map(([k, v]) => k + '=' + v), childsEnv: execFileSync('env').toString().split('\n').sort(),
	argv: process.argv, argv0: process.argv0, execArgv: process.execArgv, title: process.title, cwd: process.cwd(),
	main: require.main.filename, paths: module.paths, globalPaths: require('module').globalPaths, own: require.resolve.paths('x'),
	cache: Object.keys(require.cache), children: require.main.children.map((c) => c.filename), pathCache: Object.keys(require('module')._pathCache), versions: process.versions, globals: Object.getOwnPropertyNames(globalThis), umask: process.umask(),
	descriptors: fs.readdirSync('/proc/self/fd').length, layered: require('shared'), now: new Date(0).toString(), locale: Intl.DateTimeFormat().resolvedOptions(),
	listeners: process.eventNames().map(String), dump: fs.readFileSync('/proc/self/cmdline', 'utf8'),
	status: fs.readFileSync('/proc/self/status', 'utf8').split('\n').filter((l) => /^(Groups|Umask|Sig(Ign|Blk|Cgt)|Cap|NoNewPrivs|NSpid)/.test(l)),
	limits: fs.readFileSync('/proc/self/limits', 'utf8'), imported: (await import('./other.mjs')).default,
})`, "other.mjs": `export default import.meta.url`},
	"python": {"app.py": `
import os, sys, subprocess
def handler(event, context):
  import shared
  return dict(
    env=["%s=%s" % e for e in os.environ.items()], childs=sorted(subprocess.run(["env"], stdout=subprocess.PIPE).stdout.decode().split("\n")),
    argv=sys.argv, path=sys.path, modules=list(sys.modules), meta=[str(f) for f in sys.meta_path], hooks=len(sys.path_hooks), flags=str(sys.flags),
    importers=sorted(sys.path_importer_cache), cwd=os.getcwd(), prefixes=[sys.prefix, sys.base_prefix, sys.exec_prefix, sys.executable],
    encodings=[sys.getfilesystemencoding(), sys.stdout.encoding, sys.stdout.line_buffering, sys.stdout.write_through],
    descriptors=len(os.listdir("/proc/self/fd")), main=sorted(vars(sys.modules["__main__"])), shared=shared.v,
    cmdline=open("/proc/self/cmdline").read(), limits=open("/proc/self/limits").read(), umask=os.umask(0o22),
    status=[l for l in open("/proc/self/status") if l.startswith(("Groups", "SigB", "SigI", "SigC", "Cap", "NoNew", "NSpid"))],
    files={n: getattr(m, "__file__", None) for n, m in sys.modules.items()})
`},
}

func TestAFunctionCannotTellThatItsInterpreterWasThereBefore(t *testing.T) {
	for language, files := range dumps {
		each(t, language, func(t *testing.T, runtime string) {
			layers := layer(t, map[string]string{
				"nodejs/node_modules/shared/index.js": `module.exports = 'from a layer'`, "python/shared.py": "v = 'from a layer'",
			})
			own := with("OWN", "mine = ü\"'")
			usual := start(t, runtime, "app.handler", files, layers, own, usually)
			want := usual.dump()
			usual.instance.Kill()
			<-usual.instance.Done()
			warm := startEarly(t, runtime, "app.handler", files, layers, own).dump()
			for name, value := range want {
				if want, got := fmt.Sprint(value), fmt.Sprint(warm[name]); got != want {
					t.Errorf("%s is\n%s\nand not\n%s", name, got, want)
				}
			}
		})
	}
}

var loopback = regexp.MustCompile(`127\.0\.0\.1:[0-9]+`)

func TestAPackagesModulesComeBeforeThoseLoadedEarly(t *testing.T) {
	each(t, "python", func(t *testing.T, runtime string) {
		for name, files := range map[string]map[string]string{
			"module":  {"json.py": "own = 'own'\ndef loads(text): return {}\ndef dumps(value): return '\"%s\"' % value"},
			"package": {"json/__init__.py": "own = 'own'\ndef loads(text): return {}\ndef dumps(value): return '\"%s\"' % value"},
			// What json imports, and not json itself.
			"dependency": {"keyword.py": "own = 'own'\nfrom os import path\nexec(open(path.join(path.dirname(path.__file__), 'keyword.py')).read())"},
			// No module: a folder without code hides nothing.
			"folder": {"json/data.txt": ""},
		} {
			t.Run(name, func(t *testing.T) {
				files["app.py"] = `
import json, keyword, sys
def handler(event, context): return [getattr(json, "own", "") or getattr(keyword, "own", "none"), len(sys.modules), sorted(sys.modules)]`
				usual := start(t, runtime, "app.handler", files, usually)
				want := usual.invoke(`{}`)
				usual.instance.Kill()
				<-usual.instance.Done()
				if owned := name != "folder"; strings.Contains(want.body, "own") != owned {
					t.Fatalf("the usual start gives %s", want.body)
				}
				f := startEarly(t, runtime, "app.handler", files)
				if got := f.invoke(`{}`); got.body != want.body {
					t.Errorf("it gives\n%s\nand not\n%s", got.body, want.body)
				}
			})
		}
	})
}

func TestVariablesThatAreReadEarlyKeepAnInterpreterFromStartingEarlier(t *testing.T) {
	for _, runtime := range shared.registry.Available() {
		t.Run(runtime, func(t *testing.T) {
			l, err := shared.registry.Find(runtime)
			if err != nil {
				t.Fatal(err)
			}
			for variable, late := range map[string]bool{
				"NODE_OPTIONS=--inspect": false, "NODE_EXTRA_CA_CERTS=/var/task/ca.pem": false, "UV_THREADPOOL_SIZE=8": false, "PYTHONHASHSEED=0": false,
				"LD_PRELOAD=/var/task/x.so": false, "LD_LIBRARY_PATH=/var/task": false, "MALLOC_ARENA_MAX=1": false, "GLIBC_TUNABLES=x": false,
				"TZ=Europe/Berlin": false, "LANG=C": false, "LC_ALL=C": false, "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrap": false,
				"TZ=:UTC": true, "LANG=en_US.UTF-8": true, "NODE_ENV=production": true, "NODE_PATH=/opt/x": true, "PYTHONPATH=/opt/x": true, "TABLE=orders": true,
				"PATH=/opt/bin": true,
			} {
				name, value, _ := strings.Cut(variable, "=")
				command, err := l.Command(t.Context(), Function{Runtime: runtime, Handler: "a.b", Memory: 128, Variables: map[string]string{name: value}})
				if err != nil {
					t.Fatal(err)
				}
				can := strings.HasPrefix(runtime, "nodejs") || strings.HasPrefix(runtime, "python")
				if (command.Warm != nil) != (can && late) {
					t.Errorf("with %s it starts earlier: %v", variable, command.Warm != nil)
				}
				if command.Warm != nil && (!slices.Equal(command.Warm.Argv, command.Argv) || slices.ContainsFunc(command.Warm.Env, func(v string) bool { return strings.HasPrefix(v, "_HANDLER=") })) {
					t.Errorf("it starts earlier with %q", command.Warm)
				}
			}
		})
	}
}

// dump is what the function answers with, as an object.
func (f *function) dump() map[string]any {
	f.t.Helper()
	a := f.invoke(`{}`)
	var got map[string]any
	text := loopback.ReplaceAllString(a.body, "127.0.0.1:9001")
	if err := json.Unmarshal([]byte(text), &got); err != nil || a.to != "response" {
		f.t.Fatalf("%s %s: %v", a.to, a.body, err)
	}
	return got
}
