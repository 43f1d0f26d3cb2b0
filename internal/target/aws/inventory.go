package aws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// An inventory is all that one stack has on AWS, or should have. It serves one
// operation.
type inventory struct {
	*session
	shape
	marker    *marker
	functions map[string]*functionParts
	// One of these, or none; all while the kind is not known.
	api       *apiParts
	queue     *queueParts
	schedules *scheduleParts

	// parts are all components, in an order in which each function comes before what
	// hangs on it, so that show can go through them one by one.
	parts []part

	// logGroups of the account whose names the stack's could be, by name.
	logGroups map[string]logGroupFacts
	// atOnce is the update whose aliases all move at once; nil in a creation, which has
	// nothing to move. adding is set while only what adds to the stack is made.
	atOnce *target.Deploy
	adding bool
	// widened tells that some role was allowed more for a release that begins.
	widened atomic.Bool
	// packages and secrets that a deployment brings.
	packages map[string]target.Package
	secrets  map[string]map[string]string
	// staging is held while the marker is told of a bucket, and guards uploads, which are
	// those of this operation by key.
	staging sync.Mutex
	uploads map[string]*upload
}

// A part is a component and where it stands in its stack.
type part struct {
	component
	// parent, without which the component cannot exist; nil if there is none.
	parent component
	// needs names the components that are made before this one and removed after it.
	// Names of components that the stack does not have are ignored.
	needs []string
}

// A shape says which components a stack may have.
type shape struct {
	name string
	// kind is empty if it is not known.
	kind stack.Kind
	// functions and schedules by name.
	functions, schedules map[string]bool
	// fifo are the kinds of queue to look for, by whether they are FIFO; empty means
	// both.
	fifo map[bool]bool
}

// shapeOf is the shape of the stacks together, which all have the name of the first.
func shapeOf(stacks ...stack.Stack) shape {
	sh := shape{name: stacks[0].Name, functions: map[string]bool{}, schedules: map[string]bool{}, fifo: map[bool]bool{}}
	for _, s := range stacks {
		if len(s.Functions) > 0 {
			sh.kind = s.Trigger.Kind()
		}
		for name := range s.Functions {
			sh.functions[name] = true
		}
		if s.Trigger.Queue != nil && len(s.Functions) > 0 { // Else nobody said which, as after an import.
			sh.fifo[s.Trigger.Queue.FIFO] = true
		}
		if s.Trigger.Schedule != nil {
			for name := range s.Trigger.Schedule.Schedules {
				sh.schedules[name] = true
			}
		}
	}
	return sh
}

// newInventory lists the components of a stack of that shape. It asks nobody.
func newInventory(s *session, sh shape) *inventory {
	i := &inventory{session: s, shape: sh, functions: map[string]*functionParts{}}
	i.marker = &marker{i: i}
	i.add(i.marker, nil)
	for _, name := range slices.Sorted(maps.Keys(sh.functions)) {
		i.functions[name] = i.addFunction(name)
	}
	for _, f := range i.functions {
		for _, other := range i.functions {
			// All aliases move together, once every function is published.
			i.needMore(f.alias, other.versions)
			// A function may tell another of the stack what became of its invocations.
			i.needMore(f.async, other.alias)
		}
	}
	if sh.kind == stack.KindHTTPAPI || sh.kind == "" {
		i.api = i.addAPI()
	}
	if sh.kind == stack.KindQueue || sh.kind == "" {
		i.queue = i.addQueue()
	}
	if sh.kind == stack.KindSchedule || sh.kind == "" {
		i.schedules = i.addSchedules()
	}
	return i
}

// add puts a component into the inventory. Everything needs the marker.
func (i *inventory) add(c component, parent component, needs ...component) {
	p := part{component: c, parent: parent}
	if c != component(i.marker) {
		p.needs = append(p.needs, i.marker.name())
	}
	if parent != nil {
		p.needs = append(p.needs, parent.name())
	}
	for _, n := range needs {
		p.needs = append(p.needs, n.name())
	}
	i.parts = append(i.parts, p)
}

// needMore adds to what a component needs, where its own room cannot say it.
func (i *inventory) needMore(c component, needs ...component) {
	for n := range i.parts {
		if i.parts[n].component == c {
			for _, other := range needs {
				i.parts[n].needs = append(i.parts[n].needs, other.name())
			}
		}
	}
}

// observe finds out what a stack has on AWS. Hints are the stack as it was known or
// as it is to be; the first has its name. The search goes beyond them: for what was
// left by an operation that was cut off.
func (s *session) observe(ctx context.Context, hints ...stack.Stack) (*inventory, error) {
	sh := shapeOf(hints...)
	m := &marker{i: &inventory{session: s, shape: sh}}
	var groups map[string]logGroupFacts
	err := run(ctx, []task{
		{name: "marker", do: m.read},
		{name: "log groups", do: func(ctx context.Context) (err error) {
			groups, err = s.listLogGroups(ctx, functionLogGroup(sh.name, ""))
			return err
		}},
	})
	if err != nil {
		return nil, err
	}
	if m.exists() && (len(m.have) == 0 || len(groups) == 0) {
		// A marker has tags, and a stack functions with log groups.
		if err := m.confirm(ctx); err != nil {
			return nil, err
		}
	}
	if m.kind != "" {
		sh.kind = m.kind
	}
	if m.exists() && !m.finished() {
		sh.fifo = nil // Whoever was cut off may have made the other kind. Without a marker nobody began.
	}
	if err := s.discover(ctx, &sh, groups, m.exists()); err != nil {
		return nil, err
	}
	i := newInventory(s, sh)
	i.logGroups = groups
	i.marker.have = m.have
	i.marker.kind = m.kind
	return i, i.read(ctx)
}

// discover adds to a shape the functions and schedules that nobody named, but that
// exist and belong to the stack.
func (s *session) discover(ctx context.Context, sh *shape, groups map[string]logGroupFacts, marked bool) error {
	var tasks []task
	found := make(chan string, len(groups))
	for group := range groups {
		function := strings.TrimPrefix(group, functionLogGroup(sh.name, ""))
		if sh.functions[function] || function == "" {
			continue
		}
		tasks = append(tasks, task{name: group, do: func(ctx context.Context) error {
			tags, err := s.logGroupTags(ctx, group)
			if missing(err) {
				return nil // Deleted just now, perhaps with another stack whose name begins alike.
			}
			if err != nil {
				return fmt.Errorf("cannot read the tags of the log group %q: %w", group, err)
			}
			if ours(tags, sh.name) {
				found <- function
			}
			return nil
		}})
	}
	if err := run(ctx, tasks); err != nil {
		return err
	}
	close(found)
	for function := range found {
		sh.functions[function] = true
	}
	if sh.kind == stack.KindSchedule && marked {
		names, err := s.listSchedules(ctx, sh.name)
		if err != nil {
			return err
		}
		for _, name := range names {
			sh.schedules[name] = true
		}
	}
	return nil
}

// read reads every component.
func (i *inventory) read(ctx context.Context) error {
	tasks := make([]task, 0, len(i.parts))
	for _, p := range i.parts {
		if p.component == component(i.marker) {
			continue // observe has.
		}
		t := task{name: p.name(), do: p.read}
		if p.parent != nil {
			t.after = []string{p.parent.name()}
			t.do = func(ctx context.Context) error {
				if !p.parent.exists() || p.parent.foreign() {
					return nil
				}
				return p.read(ctx)
			}
		}
		tasks = append(tasks, t)
	}
	return run(ctx, tasks)
}

// want tells every component what stack it is to be part of.
func (i *inventory) want(s stack.Stack) {
	for _, p := range i.parts {
		p.want(s)
	}
}

// empty tells whether nothing of the stack exists.
func (i *inventory) empty() bool {
	for _, p := range i.parts {
		if p.exists() && !p.foreign() {
			return false
		}
	}
	return true
}

// taken returns an error if something that is wanted exists and is somebody else's.
func (i *inventory) taken() error {
	var errs []error
	for _, p := range i.parts {
		if p.wanted() && p.exists() && p.foreign() {
			errs = append(errs, &foreignError{p.component})
		}
	}
	return joined(errs)
}

// deployment is the stack as it is. What of prior is missing now is still in the
// stack, and its component says that it is missing: so a plan shows that it will be
// made again, and not as what. The revision follows from what is on AWS alone.
func (i *inventory) deployment(prior stack.Stack) *stack.Deployment {
	revision := digest(i.describe(stack.Stack{Name: i.name}))
	d := i.describe(prior)
	d.Revision = revision
	return d
}

// describe lays what there is over prior.
func (i *inventory) describe(prior stack.Stack) *stack.Deployment {
	d := &stack.Deployment{
		Stack:      i.skeleton(prior),
		Creation:   stack.CreationUnfinished,
		Functions:  map[string]stack.FunctionStatus{},
		Components: map[string]string{},
	}
	for name := range d.Stack.Functions {
		d.Functions[name] = stack.FunctionStatus{LogGroup: functionLogGroup(i.name, name), Routing: stack.Routing{}}
	}
	for _, p := range i.parts {
		if p.exists() && !p.foreign() {
			p.show(d)
		}
	}
	wished := d.Stack
	if len(prior.Functions) > 0 {
		// The marker alone tells of tags that were changed on it.
		wished.Tags = prior.Tags
	}
	i.want(wished)
	waiting := i.underWay()
	for _, p := range i.parts {
		is := state(p.component)
		if is == stateMissing && waiting != nil {
			is = fmt.Sprintf("is made when the release %s is finished", waiting.id)
		}
		if is != "" {
			d.Components[p.name()] = is
		}
	}
	d.Release = i.releaseStatus()
	d.ReleaseID = d.Stack.ReleaseID()
	return d
}

// skeleton is prior without what it alone cannot vouch for: secrets.
func (i *inventory) skeleton(prior stack.Stack) stack.Stack {
	s := stack.Stack{Name: i.name, Trigger: prior.Trigger, Functions: map[string]stack.Function{}, Tags: prior.Tags, Release: prior.Release}
	for name, f := range prior.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	if s.Trigger.Kind() == i.kind {
		return s
	}
	switch i.kind {
	case stack.KindHTTPAPI:
		s.Trigger = stack.Trigger{HTTPAPI: &stack.HTTPAPI{}}
	case stack.KindQueue:
		q := stack.NewQueue()
		s.Trigger = stack.Trigger{Queue: &q}
	case stack.KindSchedule:
		s.Trigger = stack.Trigger{Schedule: &stack.Schedule{}}
	}
	return s
}

// editFunction changes a function of a deployment's stack, if it is in it: a function
// that is gone is shown by no component that hung on it.
func editFunction(d *stack.Deployment, name string, edit func(f *stack.Function, status *stack.FunctionStatus)) {
	f, ok := d.Stack.Functions[name]
	if !ok {
		return
	}
	status := d.Functions[name]
	edit(&f, &status)
	d.Stack.Functions[name] = f
	d.Functions[name] = status
}

// digest of everything that a deployment says. AWS's own revision ids would not do:
// they change by themselves, and not with everything. Times are left out, since the
// answer to a change and a later listing may tell others.
func digest(d *stack.Deployment) string {
	for _, f := range d.Functions {
		for n := range f.Versions {
			f.Versions[n].Created = time.Time{}
		}
	}
	// A Deployment holds strings, numbers, times and maps of them: it always marshals,
	// and the keys of maps come out sorted.
	text, _ := json.Marshal(d)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:16]
}
