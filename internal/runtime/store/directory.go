package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A Directory is all stacks in memory, as this node knows them: a change
// through any node is here within milliseconds. Reading it takes no lock and
// costs a map's look-up.
//
// It also tells others on this node of every change, see OnChange.
type Directory struct {
	store *Store
	view  atomic.Pointer[view]
	// slots bound how many stacks' OnChange functions run at once.
	slots chan struct{}

	mu       sync.Mutex
	onChange []ChangeFunc
	started  bool
	stacks   map[string]*delivery
	// loaded is closed when all stacks there were at Start are in the view; loading
	// gathers them until then.
	loaded  chan struct{}
	loading *view
	ready   sync.Once
	// listed are the stacks that the watch has told of since it began, until it has
	// told of all.
	listed map[string]bool
}

// A view is an immutable state of the directory.
type view struct {
	// stacks that exist, by name.
	stacks map[string]*Record
	// functions by full name.
	functions map[string]functionRef
}

type functionRef struct{ stack, function string }

// parallelChanges is how many stacks' OnChange functions run at once. They ask
// JetStream for things, which gains nothing from more.
const parallelChanges = 16

func newDirectory(s *Store) *Directory {
	d := &Directory{
		store:   s,
		slots:   make(chan struct{}, parallelChanges),
		stacks:  map[string]*delivery{},
		loaded:  make(chan struct{}),
		loading: newView(),
	}
	d.view.Store(newView())
	return d
}

func newView() *view { return &view{map[string]*Record{}, map[string]functionRef{}} }

// Stack returns the stack of that name, which is not to be changed.
func (d *Directory) Stack(name string) (*Record, bool) {
	r, ok := d.view.Load().stacks[name]
	return r, ok
}

// Function returns the stack of a function and the function's name in it, given
// its full name "<stack>-<function>".
func (d *Directory) Function(full string) (r *Record, function string, ok bool) {
	v := d.view.Load()
	ref, ok := v.functions[full]
	if !ok {
		return nil, "", false
	}
	return v.stacks[ref.stack], ref.function, true
}

// Stacks returns all stacks, sorted by name.
func (d *Directory) Stacks() []*Record {
	return slices.SortedFunc(maps.Values(d.view.Load().stacks), func(a, b *Record) int {
		return cmp.Compare(a.Stack.Name, b.Stack.Name)
	})
}

// Start fills the directory and begins to follow changes. It returns when every
// stack is there and its OnChange functions have been called. Their errors are
// logged, and they are called again.
func (d *Directory) Start(ctx context.Context) error {
	d.mu.Lock()
	d.started = true
	d.mu.Unlock()
	d.store.background.Go(func() { d.store.follow(d.store.closing, d.store.stacks, d) })

	select {
	case <-d.loaded:
	case <-ctx.Done():
		return fmt.Errorf("cannot read the stacks from the store: %w", ctx.Err())
	}
	for _, r := range d.Stacks() {
		if err := d.Applied(ctx, r.Stack.Name, r.Revision); ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// start, entry and caughtUp make the directory a follower of TIDEGATE_STACKS.
func (d *Directory) start() { d.listed = map[string]bool{} }

func (d *Directory) entry(e jetstream.KeyValueEntry) {
	name := e.Key()
	if d.listed != nil {
		d.listed[name] = true
	}
	change := change{revision: e.Revision()}
	if e.Operation() == jetstream.KeyValuePut {
		r, err := decodeRecord(e)
		switch {
		case err != nil:
			// The stack stays on this node as it was.
			d.store.log.Error("a stack's record is of no use to this node", "stack", name, "error", err)
			change.err = err
		case !r.Deleted:
			change.record = r
		}
	}
	d.accept(name, change)
}

// caughtUp notices what was removed from the bucket while nobody watched. Only
// an operator with NATS's own tools does that: a deleted stack leaves a
// tombstone.
func (d *Directory) caughtUp() {
	for name, r := range d.view.Load().stacks {
		if !d.listed[name] {
			d.accept(name, change{revision: r.Revision + 1})
		}
	}
	d.listed = nil
	d.ready.Do(d.load)
}

// load makes what was listed first the view. Before, it was nobody's: there is
// no need for a view per stack.
func (d *Directory) load() {
	d.view.Store(d.loading)
	d.loading = nil
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, delivery := range d.stacks {
		delivery.wake()
	}
	close(d.loaded)
}

// accept puts a change into the view and has it delivered, unless it is known.
func (d *Directory) accept(name string, c change) {
	delivery := d.delivery(name)
	if !delivery.offer(c) {
		return
	}
	switch {
	case d.loading != nil:
		if c.err == nil {
			d.loading.set(name, c.record)
		}
		return
	case c.err == nil:
		d.view.Store(d.view.Load().with(name, c.record))
	}
	delivery.wake()
}

// with returns a view in which the stack of that name is r, or gone if r is
// nil.
func (v *view) with(name string, r *Record) *view {
	next := &view{stacks: maps.Clone(v.stacks), functions: v.functions}
	if !slices.Equal(functionNames(v.stacks[name]), functionNames(r)) {
		next.functions = maps.Clone(v.functions)
	}
	next.set(name, r)
	return next
}

// set changes a view that nobody reads yet. It leaves the functions alone if
// they are called as before.
func (v *view) set(name string, r *Record) {
	oldNames, newNames := functionNames(v.stacks[name]), functionNames(r)
	if r == nil {
		delete(v.stacks, name)
	} else {
		v.stacks[name] = r
	}
	if slices.Equal(oldNames, newNames) {
		return
	}
	for _, function := range oldNames {
		// Not if it is another stack's by now.
		if full := stack.FullName(name, function); v.functions[full].stack == name {
			delete(v.functions, full)
		}
	}
	for _, function := range newNames {
		v.functions[stack.FullName(name, function)] = functionRef{name, function}
	}
}

func functionNames(r *Record) []string {
	if r == nil {
		return nil
	}
	return r.FunctionNames()
}
