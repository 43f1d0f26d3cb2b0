package provider

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/pack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// packages makes packages from functions' sources, a few at a time however many
// stacks Terraform plans at once.
type packages struct{ slots chan struct{} }

func newPackages() *packages { return &packages{make(chan struct{}, runtime.GOMAXPROCS(0))} }

// A recipe says what one function's package and layers are made from.
type recipe struct {
	source      string
	command     string
	environment map[string]string
	layers      []string
	// runtime and handler are empty while one of them is not known.
	runtime, handler string
}

// readRecipe returns nil while something that the package follows from is not
// known, and of a function that has no package.
func readRecipe(f map[string]tftypes.Value) *recipe {
	if packageless(f) {
		return nil
	}
	for _, attribute := range []string{"source", "build", "layers"} {
		if !f[attribute].IsFullyKnown() {
			return nil
		}
	}
	r := &recipe{environment: map[string]string{}}
	r.source, _ = text(f["source"])
	if f["runtime"].IsKnown() && f["handler"].IsKnown() {
		r.runtime, _ = text(f["runtime"])
		r.handler, _ = text(f["handler"])
	}
	build := fields(f["build"])
	r.command, _ = text(build["command"])
	for name, value := range fields(build["environment"]) {
		r.environment[name], _ = text(value)
	}
	layers, _ := tree(f["layers"]).([]any)
	for _, layer := range layers {
		path, _ := layer.(string)
		r.layers = append(r.layers, path)
	}
	return r
}

// packageless tells whether it is known that a function has no package, since it is
// an image.
func packageless(f map[string]tftypes.Value) bool {
	return f["source"].IsKnown() && f["source"].IsNull()
}

// code is what became of a recipe.
type code struct {
	main   *pack.Package
	layers []*pack.Package
}

// makeAll makes the packages of a stack's functions. What went wrong is among the
// problems, on the attribute to blame, and its function not among the results.
func (p *packages) makeAll(ctx context.Context, recipes map[string]*recipe) (map[string]code, stack.Problems) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	results := map[string]code{}
	problems := map[string]stack.Problems{}
	for name, r := range recipes {
		wg.Go(func() {
			made, bad := p.make(ctx, fmt.Sprintf("functions[%q]", name), r)
			mu.Lock()
			defer mu.Unlock()
			if problems[name] = bad; bad == nil {
				results[name] = made
			}
		})
	}
	wg.Wait()
	var all stack.Problems
	for _, name := range slices.Sorted(maps.Keys(problems)) {
		all = append(all, problems[name]...)
	}
	return results, all
}

// make makes one function's packages; function is its path.
func (p *packages) make(ctx context.Context, function string, r *recipe) (code, stack.Problems) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return code{}, problem(ctx.Err().Error(), function+".source")
	}
	source := r.source
	if r.command != "" {
		var err error
		if source, err = (pack.Build{Source: source, Command: r.command, Environment: r.environment}).Run(ctx); err != nil {
			return code{}, problem(err.Error(), function+".build")
		}
	}
	main, err := pack.Open(source, pack.Options{})
	if err != nil {
		return code{}, problem(err.Error(), function+".source")
	}
	c := code{main: main}
	unpacked := main.UnpackedSize()
	var layers []pack.Manifest
	for i, path := range r.layers {
		layer, err := pack.Open(path, pack.Options{})
		if err != nil {
			return code{}, problem(err.Error(), fmt.Sprintf("%s.layers[%d]", function, i))
		}
		c.layers = append(c.layers, layer)
		layers = append(layers, layer.Manifest())
		unpacked += layer.UnpackedSize()
	}
	if unpacked > pack.MaxUnpacked {
		return code{}, problem(fmt.Sprintf("the package and its layers unpack to %d MB; together they can have %d MB", unpacked>>20, pack.MaxUnpacked>>20),
			function+".layers", function+".source")
	}
	if r.runtime != "" {
		if err := pack.CheckHandler(r.runtime, r.handler, main.Manifest(), layers...); err != nil {
			return code{}, problem(err.Error(), function+".handler", function+".source")
		}
	}
	return c, nil
}

func problem(message string, paths ...string) stack.Problems {
	return stack.Problems{{Message: message, Paths: paths}}
}
