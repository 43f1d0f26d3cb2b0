package language

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options for New.
type Options struct {
	// Dir is a folder of the registry's own, made if it is not there: bootstraps,
	// and what is compiled of them.
	Dir string
	// Interpreters are folders searched before PATH: each, and its bin folder.
	Interpreters []string
	// Log defaults to slog.Default().
	Log *slog.Logger
}

// A Registry knows the languages of this host.
type Registry struct {
	options Options
	probes  probeCache

	mu        sync.Mutex
	scanned   time.Time
	languages map[string]Language
}

// rescanAfter is how old the picture of the host may be before a runtime that
// is missing from it is looked for again.
const rescanAfter = 10 * time.Second

// New writes the bootstraps and begins to look for interpreters; what first
// asks for a language waits for that.
func New(_ context.Context, o Options) (*Registry, error) {
	if o.Dir == "" {
		return nil, fmt.Errorf("language: Options.Dir is empty; it must name a folder")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	for _, dir := range o.Interpreters {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, fmt.Errorf("interpreters folder %s is not there or not a folder", dir)
		}
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	o.Dir = dir
	if err := writeBootstraps(o.Dir); err != nil {
		return nil, fmt.Errorf("write the bootstraps: %w", err)
	}
	r := &Registry{options: o}
	go r.known()
	return r, nil
}

// known returns the languages, looking for them if that has not been done.
func (r *Registry) known() map[string]Language {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.languages == nil {
		r.scan()
	}
	return r.languages
}

// scan looks for every language. r.mu is held.
func (r *Registry) scan() {
	found := map[string]Language{}
	dirs := searchPlaces(r.options.Interpreters)
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, find := range []func(places, *probeCache, string) []Language{findNode, findPython, findJava, findProvided} {
		all.Go(func() {
			for _, l := range find(dirs, &r.probes, r.options.Dir) {
				mu.Lock()
				found[l.Runtime()] = l
				mu.Unlock()
			}
		})
	}
	all.Wait()
	r.languages, r.scanned = found, time.Now()
}

// Available lists the runtime identifiers this host can run, sorted.
func (r *Registry) Available() []string {
	known := r.known()
	names := make([]string, 0, len(known))
	for name := range known {
		names = append(names, name)
	}
	slices.SortFunc(names, compareRuntimes)
	return names
}

// Find returns the language of a runtime identifier. The error is one sentence
// for whoever wrote the identifier.
func (r *Registry) Find(runtime string) (Language, error) {
	if l, ok := r.known()[runtime]; ok {
		return l, nil
	}
	program, ok := programOf(runtime)
	if !ok {
		return nil, fmt.Errorf("runtime %q is not one the open runtime knows; available on this host: %s",
			runtime, strings.Join(r.Available(), ", "))
	}
	r.mu.Lock()
	if time.Since(r.scanned) > rescanAfter {
		r.scan() // it may have been installed since
	}
	l, ok := r.languages[runtime]
	r.mu.Unlock()
	if ok {
		return l, nil
	}
	return nil, fmt.Errorf("runtime %s is not available on this host: no %s was found in the interpreter folders, PATH or a version manager's; available: %s",
		runtime, program, strings.Join(r.Available(), ", "))
}

var (
	nodeRuntime   = regexp.MustCompile(`^nodejs(1[68]|[2-9][0-9])\.x$`)
	pythonRuntime = regexp.MustCompile(`^python(3\.(?:[89]|[1-9][0-9]))$`)
	javaRuntime   = regexp.MustCompile(`^java(8|[1-9][0-9])(\.al2)?$`)
)

// programOf names what a runtime identifier needs on the host, for a person.
func programOf(runtime string) (string, bool) {
	if m := nodeRuntime.FindStringSubmatch(runtime); m != nil {
		return "Node.js " + m[1], true
	}
	if m := pythonRuntime.FindStringSubmatch(runtime); m != nil {
		return "python" + m[1], true
	}
	if m := javaRuntime.FindStringSubmatch(runtime); m != nil {
		return "JDK " + m[1], true
	}
	return "", false
}

// compareRuntimes sorts by language and then by number: python3.9 before
// python3.10.
func compareRuntimes(a, b string) int {
	language := func(runtime string) string {
		name, _, _ := strings.Cut(strings.TrimRight(runtime, "0123456789.x"), ".")
		return strings.TrimRight(name, "0123456789")
	}
	return cmp.Or(strings.Compare(language(a), language(b)), len(a)-len(b), strings.Compare(a, b))
}
