package invoke

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"runtime"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/language"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/rawhttp"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// One instance of a version, the first, gives what its language compiled while it loaded
// the function's code; later ones read that. It is taken before the instance gets an event,
// and once, so that whoever takes a function over by an event leaves nothing for the next
// instances.

// Whether there is a version's compile cache, as a pool knows it.
const (
	// cacheWanted: no instance was asked for it, unless it is on the disk.
	cacheWanted = iota
	// cacheAwaited: an instance was asked and is initialising.
	cacheAwaited
	// cacheSettled: one was asked and became ready, with a cache or without.
	cacheSettled
)

// A gathering is the cache of one instance that was asked for it.
type gathering struct {
	pool *pool
	// name of the cache among all.
	name string
	// begun is true once the instance sends it. body is what it sent. Both are guarded by
	// instance.mu.
	begun bool
	body  []byte
}

// cacheKey is the same for what may share a compile cache: instances of one version of
// one function. The secrets, which instances could otherwise find in their mounts, are no
// part of it.
func (p *pool) cacheKey() string {
	f := p.function
	text, _ := json.Marshal(struct {
		Stack, Incarnation, Function, Version, Architecture string
		Config                                              stack.Config
	}{f.stack, f.incarnation, f.name, p.version.name, runtime.GOARCH, p.version.config}) // as in version.key
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// useCompiled has an instance read the version's compile cache, or asks it for one: then
// it returns what is to become of that.
func (p *pool) useCompiled(spec *sandbox.Spec, command language.Command) *gathering {
	caches := p.runner.compiled
	if caches == nil || !command.Compiles {
		return nil
	}
	name := p.cacheKey() + "-" + strings.ReplaceAll(command.Version, ":", "-")
	if dir, ok := caches.find(name); ok {
		spec.CompiledDir = dir
		spec.Env = append(spec.Env, language.CompiledVariable+"="+sandbox.Compiled)
		return nil
	}
	if !p.cache.CompareAndSwap(cacheWanted, cacheAwaited) {
		return nil
	}
	spec.Env = append(spec.Env, language.CompiledVariable+"=")
	return &gathering{pool: p, name: name}
}

// failed has another instance asked: this one was never ready.
func (g *gathering) failed() {
	if g != nil {
		g.pool.cache.Store(cacheWanted)
	}
}

// settle keeps what was given, if anything was. The instance is ready, so that nothing
// more is taken from it.
func (g *gathering) settle() {
	p, body := g.pool, g.body
	g.body = nil
	p.cache.Store(cacheSettled)
	if body == nil {
		return
	}
	p.runner.living.Add(1)
	go func() {
		defer p.runner.living.Done()
		if err := p.runner.compiled.keep(g.name, body); err != nil {
			p.runner.opts.Log.Warn("a function's compile cache could not be kept, so that its instances start as without",
				"stack", p.function.stack, "function", p.function.name, "version", p.version.name, "error", err)
		}
	}()
}

// serveCompiled takes an instance's compile cache.
func (i *instance) serveCompiled(r *rawhttp.Request) {
	if err := i.beginCompiled(); err != nil {
		accepted(r, err)
		return
	}
	body, err := readAnswer(r.Body(), r.ContentLength())
	if err != nil {
		i.wasteBytes(len(body))
		accepted(r, err)
		return
	}
	accepted(r, i.endCompiled(body))
}

// beginCompiled allows the reading of a compile cache, or says what is wrong with it.
func (i *instance) beginCompiled() *apiError {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.phase != initialising || i.gathering == nil || i.gathering.begun {
		return invalidTransition(i.phase, "RuntimeCompiled")
	}
	i.gathering.begun = true
	return nil
}

// endCompiled takes the cache, unless the instance may have an event by now.
func (i *instance) endCompiled(body []byte) *apiError {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.phase != initialising {
		return invalidTransition(i.phase, "RuntimeCompiled")
	}
	i.gathering.body = body
	return nil
}
