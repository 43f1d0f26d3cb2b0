package language

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
)

// node runs JavaScript with one major version of Node.js.
type node struct {
	runtime    string
	major      string
	version    string // "20.20.2"
	executable string
	bootstrap  string // the folder of bootstrap.cjs
	compiles   bool   // it can be told when to write its compile cache
}

var nodeVersion = regexp.MustCompile(`^v([0-9]+)\.([0-9]+)\.`)

func findNode(p places, probes *probeCache, dir string) []Language {
	found := p.executables(func(name string) bool { return name == "node" || name == "nodejs" })
	var languages []Language
	seen := map[string]bool{}
	for i, answer := range probes.ask(found, "--version") {
		m := nodeVersion.FindStringSubmatch(answer)
		if m == nil || seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		languages = append(languages, node{
			runtime: "nodejs" + m[1] + ".x", major: m[1], version: strings.TrimPrefix(answer, "v"),
			executable: found[i], bootstrap: filepath.Join(dir, "node"), compiles: flushesCompileCache(m[1], m[2]),
		})
	}
	return languages
}

// flushesCompileCache tells whether Node has module.flushCompileCache: since 22.10, and
// since 23.0.
func flushesCompileCache(major, minor string) bool {
	a, _ := strconv.Atoi(major)
	b, _ := strconv.Atoi(minor)
	return a > 22 || a == 22 && b >= 10
}

func (n node) Runtime() string { return n.runtime }

func (n node) Command(_ context.Context, f Function) (Command, error) {
	argv := []string{
		n.executable,
		// The heap must know its bound, or it grows past the memory limit before it
		// collects. Lambda gives it nine tenths too.
		fmt.Sprintf("--max-old-space-size=%d", f.Memory*9/10),
		sandbox.Runtime + "/bootstrap.cjs",
	}
	defaults := map[string]string{
		"PATH": searchPath(filepath.Dir(n.executable)),
		"NODE_PATH": fmt.Sprintf("%[1]s/nodejs/node%[2]s/node_modules:%[1]s/nodejs/node_modules:%[3]s",
			sandbox.Layers, n.major, sandbox.Task),
	}
	env := environment(f, defaults)
	return Command{
		Argv: wrapped(f, argv), Env: env, Warm: warm(argv, env, defaults),
		Version:    "nodejs:" + n.version,
		Readable:   prefixOf(n.executable),
		RuntimeDir: n.bootstrap,
		Compiles:   n.compiles,
	}, nil
}
