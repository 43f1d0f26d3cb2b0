package invoke

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// compilingLanguages are fakeLanguages that have compile caches.
type compilingLanguages struct{ fakeLanguages }

func (l compilingLanguages) Find(runtime string) (language.Language, error) {
	found, err := l.fakeLanguages.Find(runtime)
	return compilingLanguage{found}, err
}

type compilingLanguage struct{ language.Language }

func (l compilingLanguage) Command(ctx context.Context, f language.Function) (language.Command, error) {
	c, err := l.Language.Command(ctx, f)
	c.Compiles = true
	return c, err
}

// newCompilingHouse keeps compile caches in the folder. Each instance runs the next of the
// programs, and all further ones the last.
func newCompilingHouse(t *testing.T, dir string, programs ...program) *house {
	t.Helper()
	h := newHouse(t, echo, func(o *Options) { o.Languages = compilingLanguages{} })
	var started atomic.Int64
	h.sandbox.program = func() program { return programs[min(int(started.Add(1)), len(programs))-1] }
	var err error
	if h.compiled, err = openCompiledDir(dir); err != nil {
		t.Fatal(err)
	}
	return h
}

// started is what the next instance that was started was told of the compile cache: its
// folder, and whether it is asked for one.
func (h *house) started() (dir string, asked bool) {
	h.t.Helper()
	spec := within(h.t, h.sandbox.specs)
	read := slices.Contains(spec.Env, language.CompiledVariable+"="+sandbox.Compiled)
	if read != (spec.CompiledDir != "") {
		h.t.Errorf("it has the cache %q and the environment %q", spec.CompiledDir, spec.Env)
	}
	return spec.CompiledDir, slices.Contains(spec.Env, language.CompiledVariable+"=")
}

// given is a cache of one file.
const given = `{"folder":"v1","files":[{"name":"a","size":3}]}` + "\nabc"

// give gives the runtime a compile cache, and returns the status it answers with.
func (p *process) give(body io.Reader) int {
	r := httptest.NewRequestWithContext(p.killed, http.MethodPost, "/tidegate/compiled", body)
	return sandboxtest.Call(p.spec.RuntimeAPI, r).Code
}

// giving gives a cache, and then exits as often as it is invoked.
func giving(p *process) {
	p.give(strings.NewReader(given))
	p.next()
	p.stop(sandbox.Exit{Code: 1})
}

// caches waits until there are as many on the disk.
func (h *house) caches(want int) (names []string) {
	h.t.Helper()
	eventually(h.t, fmt.Sprintf("%d caches are kept", want), func() bool {
		names, _ = h.compiled.all()
		return len(names) == want
	})
	return names
}

func TestACompileCacheIsTakenOnceAndBeforeTheFirstEvent(t *testing.T) {
	statuses := make(chan int, 10)
	h := newCompilingHouse(t, t.TempDir(), func(p *process) {
		statuses <- p.give(strings.NewReader(given))
		statuses <- p.give(strings.NewReader(strings.ReplaceAll(given, "abc", "two")))
		e := p.next()
		statuses <- p.give(strings.NewReader(strings.ReplaceAll(given, "abc", "bad")))
		p.respond(e.id, "null")
		statuses <- p.give(strings.NewReader(strings.ReplaceAll(given, "abc", "bad")))
		p.stop(sandbox.Exit{})
	}, func(p *process) {
		statuses <- p.give(strings.NewReader(given))
		echo(p)
	})
	h.must(Request{})
	if dir, asked := h.started(); dir != "" || !asked {
		t.Errorf("the first instance has the cache %q, and is asked for one: %v", dir, asked)
	}
	for _, want := range []int{202, 403, 403, 403} {
		if got := within(t, statuses); got != want {
			t.Errorf("the first instance is answered with %d, not %d", got, want)
		}
	}
	name := h.caches(1)[0]
	// The first one has ended, or is about to.
	eventually(t, "another instance starts", func() bool { h.must(Request{}); return h.sandbox.started.Load() > 1 })
	dir, asked := h.started()
	if dir != filepath.Join(h.compiled.path, name) || asked {
		t.Errorf("the second instance has the cache %q, and is asked for one: %v", dir, asked)
	}
	if got := within(t, statuses); got != 403 {
		t.Errorf("the second instance gives one, too, and is answered with %d", got)
	}
	if content, err := os.ReadFile(filepath.Join(dir, "v1", "a")); string(content) != "abc" {
		t.Errorf("the cache holds %q: %v", content, err)
	}
}

func TestACompileCacheThatEndsWithAnEventIsNotTaken(t *testing.T) {
	status := make(chan int, 1)
	h := newCompilingHouse(t, t.TempDir(), func(p *process) {
		body, end := io.Pipe()
		go func() { status <- p.give(body) }()
		_, _ = io.WriteString(end, given[:len(given)-3])
		e := p.next()
		_, _ = io.WriteString(end, "bad")
		_ = end.Close()
		p.respond(e.id, "null")
		echo(p)
	})
	h.must(Request{})
	if got := within(t, status); got != 403 {
		t.Errorf("it is answered with %d", got)
	}
	h.caches(0)
}

func TestOfAnInstanceThatWasNeverReadyNoCacheIsKept(t *testing.T) {
	h := newCompilingHouse(t, t.TempDir(), func(p *process) {
		p.give(strings.NewReader(strings.ReplaceAll(given, "abc", "bad")))
		p.stop(sandbox.Exit{Code: 1})
	}, giving)
	_, _ = h.invoke(t.Context(), Request{}) // it is started twice
	for range 2 {
		if dir, asked := h.started(); dir != "" || !asked {
			t.Errorf("the instance has the cache %q, and is asked for one: %v", dir, asked)
		}
	}
	name := h.caches(1)[0]
	if content, err := os.ReadFile(filepath.Join(h.compiled.path, name, "v1", "a")); string(content) != "abc" {
		t.Errorf("the cache holds %q: %v", content, err)
	}
}

func TestWhoHasNoCacheToGiveIsNotAskedAgain(t *testing.T) {
	for name, give := range map[string]program{
		"nothing":   func(*process) {},
		"a link up": func(p *process) { p.give(strings.NewReader(strings.ReplaceAll(given, `"a"`, `"../a"`))) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newCompilingHouse(t, t.TempDir(), func(p *process) {
				give(p)
				p.next()
				p.stop(sandbox.Exit{Code: 1})
			})
			for first := true; first || h.sandbox.started.Load() < 3; first = false {
				_, _ = h.invoke(t.Context(), Request{})
				if dir, asked := h.started(); dir != "" || asked != first {
					t.Errorf("the instance has the cache %q, and is asked for one: %v", dir, asked)
				}
			}
			h.caches(0)
		})
	}
}

func TestCompileCachesOutliveTheRuntimeAndGoWithTheirVersion(t *testing.T) {
	dir := t.TempDir()
	h := newCompilingHouse(t, dir, giving)
	_, _ = h.invoke(t.Context(), Request{})
	name := h.caches(1)[0]
	if err := os.Mkdir(filepath.Join(dir, unfinishedCache+"left"), 0o700); err != nil {
		t.Fatal(err)
	}

	h = newCompilingHouse(t, dir, echo)
	h.must(Request{})
	if got, _ := h.started(); got != filepath.Join(dir, name) {
		t.Errorf("after a restart the cache is %q", got)
	}
	if err := h.collectCompiled(); err != nil {
		t.Fatal(err)
	}
	h.caches(1)
	h.apply("shop", nil)
	if err := h.collectCompiled(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("%v is left of it: %v", left, err)
	}
}

func TestNoTwoVersionsShareACompileCache(t *testing.T) {
	h := newHouse(t, echo)
	keys := map[string]string{}
	add := func(rec *store.Record) {
		config, published := rec.Stack.Functions["cart"], rec.Functions["cart"]
		rec.Stack.Functions["till"], rec.Functions["till"] = config, published
		h.apply(rec.Stack.Name, rec)
		for _, f := range h.stacks[rec.Stack.Name] {
			for version, p := range f.settings.Load().pools {
				keys[p.cacheKey()] = strings.Join([]string{f.stack, f.incarnation, f.name, version}, "/")
			}
		}
	}
	two := func(rec *store.Record) { addVersion(rec, rec.Stack.Functions["cart"].Config) }
	add(shop(two)) // 1, 2 and $LATEST of two functions
	add(shop(func(rec *store.Record) { rec.Incarnation = "second" }))
	add(shop(func(rec *store.Record) { rec.Stack.Name = "mall" }))
	add(shop(changeCart(func(f *stack.Function) { f.CodeSHA256 = "other" }))) // $LATEST alone
	if len(keys) != 6+4+4+2 {
		t.Errorf("there are %d keys: %v", len(keys), keys)
	}
}

func TestWhatIsNoCompileCacheIsRefused(t *testing.T) {
	files := func(n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`{"name":"f%d","size":0}`, i)
		}
		return `{"folder":"v1","files":[` + strings.Join(list, ",") + "]}\n"
	}
	for body, ok := range map[string]bool{
		given: true, files(0): true, files(maxCompiledFiles): true, files(maxCompiledFiles + 1): false,
		"": false, "{}": false, "[]\n": false, given + "d": false, given[:len(given)-1]: false,
		`{"folder":"..","files":[]}` + "\n":                                                     false,
		`{"folder":"a/b","files":[]}` + "\n":                                                    false,
		`{"folder":"v1","files":[{"name":"/etc/passwd","size":0}]}` + "\n":                      false,
		`{"folder":"v1","files":[{"name":"..","size":0}]}` + "\n":                               false,
		`{"folder":"v1","files":[{"name":"","size":0}]}` + "\n":                                 false,
		`{"folder":"v1","files":[{"name":"a\u0000","size":0}]}` + "\n":                          false,
		`{"folder":"v1","files":[{"name":"a","size":1},{"name":"a","size":1}]}` + "\nxy":        false,
		`{"folder":"v1","files":[{"name":"a","size":-1}]}` + "\n":                               false,
		`{"folder":"v1","files":[{"name":"a","size":2},{"name":"b","size":-1}]}` + "\nx":        false,
		`{"folder":"v1","files":[{"name":"a","size":9223372036854775807}]}` + "\nx":             false,
		`{"folder":"v1","files":[{"name":"` + strings.Repeat("a", 101) + `","size":0}]}` + "\n": false,
	} {
		if _, _, err := parseCompiled([]byte(body)); (err == nil) != ok {
			t.Errorf("%.100q: %v", body, err)
		}
	}
}

// FuzzParseCompiled reads any cache without a panic, and keeps nothing outside its folder.
func FuzzParseCompiled(f *testing.F) {
	f.Add([]byte(given))
	f.Add([]byte(`{"folder":"..","files":[{"name":"../../a","size":1}]}` + "\nx"))
	f.Fuzz(func(t *testing.T, body []byte) {
		folder, files, err := parseCompiled(body)
		if err != nil {
			return
		}
		size := 0
		for name, content := range files {
			if path := filepath.Join("/cache", folder, name); filepath.Dir(filepath.Dir(path)) != "/cache" {
				t.Errorf("%q in %q is %s", name, folder, path)
			}
			size += len(content)
		}
		if size > len(body) {
			t.Errorf("%d bytes came of %d", size, len(body))
		}
	})
}
