package pack

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// CheckHandler says in a sentence that a package lacks what its handler names,
// or that it is not executable, and returns nil if it is there or cannot be told
// by names alone. Layers are looked into as well, where Lambda does.
func CheckHandler(runtime, handler string, code Manifest, layers ...Manifest) error {
	c := handlerCheck{runtime, handler, code, layers}
	// What lies outside of the package and its layers, nobody here can see.
	if path.IsAbs(handler) && !strings.HasPrefix(handler, "/opt/") {
		return nil
	}
	switch {
	case strings.HasPrefix(runtime, "nodejs"):
		return c.node()
	case strings.HasPrefix(runtime, "python"):
		return c.python()
	case strings.HasPrefix(runtime, "provided"):
		return c.provided()
	case strings.HasPrefix(runtime, "java"):
		return c.java()
	case strings.HasPrefix(runtime, "ruby"):
		file, _, _ := strings.Cut(handler, ".")
		return c.need([]string{file + ".rb"}, "ruby/lib")
	case strings.HasPrefix(runtime, "dotnet"):
		assembly, _, _ := strings.Cut(handler, "::")
		return c.need([]string{assembly + ".dll", assembly})
	}
	return nil
}

type handlerCheck struct {
	runtime, handler string
	code             Manifest
	layers           []Manifest
}

// need says that one of these files must be there: in the package, or in one of
// these directories of a layer.
func (c handlerCheck) need(files []string, layerDirs ...string) error {
	for _, file := range files {
		if c.has(file, layerDirs...) {
			return nil
		}
	}
	return fmt.Errorf("the handler %q of %s needs %s, which the package does not have", c.handler, c.runtime, alternatives(files))
}

func (c handlerCheck) has(file string, layerDirs ...string) bool {
	if inLayer, ok := strings.CutPrefix(file, "/opt/"); ok {
		return slices.ContainsFunc(c.layers, func(l Manifest) bool { return hasFile(l, inLayer) })
	}
	if hasFile(c.code, path.Clean(file)) {
		return true
	}
	for _, dir := range layerDirs {
		if slices.ContainsFunc(c.layers, func(l Manifest) bool { return hasFile(l, path.Join(dir, file)) }) {
			return true
		}
	}
	return false
}

func hasFile(m Manifest, name string) bool {
	_, found := m.Find(name)
	return found
}

// node looks for the module that is named up to the first dot of the last
// element: "src/index.api.handler" is in src/index.
func (c handlerCheck) node() error {
	dir, base := path.Split(c.handler)
	name, _, _ := strings.Cut(base, ".")
	module := dir + name
	err := c.need([]string{module + ".js", module + ".mjs", module + ".cjs"}, "nodejs/node_modules", "nodejs/"+nodeFolder(c.runtime)+"/node_modules")
	if err == nil {
		return nil
	}
	// A handler may also be a package that is installed.
	if hasFile(c.code, path.Join("node_modules", module, "package.json")) {
		return nil
	}
	for _, source := range []string{module + ".ts", module + ".mts", module + ".cts"} {
		if hasFile(c.code, source) {
			return fmt.Errorf("%w; there is %s, which build can compile to JavaScript", err, source)
		}
	}
	return err
}

// nodeFolder is what layers call a version of node: nodejs22.x -> node22.
func nodeFolder(runtime string) string {
	return "node" + strings.TrimSuffix(strings.TrimPrefix(runtime, "nodejs"), ".x")
}

// python looks for the module that is named up to the last dot, with slashes or
// dots between its packages.
func (c handlerCheck) python() error {
	module := c.handler
	if i := strings.LastIndex(module, "."); i >= 0 {
		module = module[:i]
	}
	// The dots of "./app" are no separators.
	module = strings.ReplaceAll(strings.TrimPrefix(module, "./"), ".", "/")
	sitePackages := "python/lib/" + c.runtime + "/site-packages"
	err := c.need([]string{module + ".py", module + "/__init__.py"}, "python", sitePackages)
	if err == nil || c.has(module+".pyc", "python", sitePackages) {
		return nil
	}
	// A compiled module has its platform in its name: app.cpython-313-x86_64-linux-gnu.so
	compiled := func(f File) bool { return strings.HasPrefix(f.Path, module+".") && strings.HasSuffix(f.Path, ".so") }
	if slices.ContainsFunc(c.code, compiled) {
		return nil
	}
	return err
}

// provided looks for the executable that is started whatever the handler says.
func (c handlerCheck) provided() error {
	f, found := c.code.Find("bootstrap")
	switch {
	case found && f.Mode&0o100 == 0:
		return fmt.Errorf("bootstrap is not executable, and %s starts it; make it so, as with chmod +x", c.runtime)
	case found:
		return nil
	}
	for _, layer := range c.layers {
		if f, found := layer.Find("bootstrap"); found && f.Mode&0o100 != 0 {
			return nil
		}
	}
	return fmt.Errorf("%s needs an executable named bootstrap, which the package does not have", c.runtime)
}

// java looks for the class; in jars, and in layers, it may be for all we know.
func (c handlerCheck) java() error {
	class, _, _ := strings.Cut(c.handler, "::")
	jar := func(f File) bool { return strings.HasSuffix(f.Path, ".jar") }
	if len(c.layers) > 0 || slices.ContainsFunc(c.code, jar) {
		return nil
	}
	return c.need([]string{strings.ReplaceAll(class, ".", "/") + ".class"})
}

// alternatives writes "a, b or c".
func alternatives(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}
