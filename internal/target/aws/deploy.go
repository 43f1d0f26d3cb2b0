package aws

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// Read returns the stack as it is; see target.Target.
func (t *Target) Read(ctx context.Context, prior stack.Stack) (*stack.Deployment, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.observe(ctx, prior)
	if err != nil {
		return nil, explain(err)
	}
	if i.empty() || !i.marker.exists() && len(prior.Functions) == 0 {
		return nil, target.ErrNotFound
	}
	return i.deployment(prior), nil
}

// List returns every stack of the region, by name; see target.Target.
func (t *Target) List(ctx context.Context) ([]*stack.Deployment, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := s.listLogGroups(ctx, markerPrefix)
	if err != nil {
		return nil, explain(err)
	}
	var all []*stack.Deployment
	for group := range groups {
		d, err := t.Read(ctx, stack.Stack{Name: strings.TrimPrefix(group, markerPrefix)})
		switch {
		case errors.Is(err, target.ErrNotFound): // Deleted just now, or nobody's stack.
		case err != nil:
			return nil, err
		default:
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b *stack.Deployment) int { return strings.Compare(a.Stack.Name, b.Stack.Name) })
	return all, nil
}

// Create makes the stack; see target.Target. It begins with the stack's marker and
// ends with confirming it, so that a create that was cut off anywhere is taken up by
// the next.
func (t *Target) Create(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.observe(ctx, d.Stack)
	if err != nil {
		return nil, explain(err)
	}
	if i.marker.finished() {
		// What is missing is taken from d, so nothing may be: the rest is spelled as in d.
		there := i.deployment(d.Stack)
		if !ready(there) || !sameContent(there.Stack, d.Stack) {
			return nil, &target.ExistsError{Kind: there.Stack.Trigger.Kind(), Name: d.Stack.Name}
		}
	}
	return i.deploy(ctx, d)
}

// Update makes an existing stack what d says; see target.Target.
func (t *Target) Update(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	s, err := t.session(ctx)
	if err != nil {
		return nil, err
	}
	i, err := s.observe(ctx, d.Prior, d.Stack)
	if err != nil {
		return nil, explain(err)
	}
	if i.empty() {
		return nil, target.ErrNotFound
	}
	if n := i.underWay(); n != nil {
		return i.goOn(ctx, d, n)
	}
	if d.Revision != "" && i.deployment(d.Prior).Revision != d.Revision {
		return nil, &target.ConflictError{Name: d.Stack.Name}
	}
	if err := i.settleRelease(ctx); err != nil {
		return nil, explain(err)
	}
	return i.release(ctx, d)
}

// Delete removes the stack and all it owns; see target.Target.
func (t *Target) Delete(ctx context.Context, name string) error {
	s, err := t.session(ctx)
	if err != nil {
		return err
	}
	i, err := s.observe(ctx, stack.Stack{Name: name})
	if err == nil {
		err = i.removeStaging(ctx)
	}
	if err == nil {
		err = i.removeAll(ctx, func(component) bool { return true })
	}
	return explain(err)
}

// deploy makes the stack what d says. Nothing is changed if a name that is needed is
// somebody else's. Whatever is there when it fails is in the deployment it returns.
func (i *inventory) deploy(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	if err := i.bring(d); err != nil {
		return nil, err
	}
	err := hide(explain(i.change(ctx)), i.secrets)
	if i.empty() {
		return nil, err
	}
	return i.deployment(d.Stack), err
}

// bring takes what a deployment wants and has with it.
func (i *inventory) bring(d target.Deploy) error {
	i.packages = d.Packages
	i.secrets = map[string]map[string]string{}
	for name, f := range d.Stack.Functions {
		i.secrets[name] = f.Secrets
	}
	i.want(d.Stack)
	return i.taken()
}

// change applies what is wanted, and then removes what is not.
func (i *inventory) change(ctx context.Context) error {
	err := i.applyAll(ctx)
	if left := i.unstage(ctx); err == nil {
		err = left
	}
	if err != nil {
		return err
	}
	if err := i.removeAll(ctx, func(c component) bool { return !c.wanted() }); err != nil {
		return err
	}
	if err := i.pruneVersions(ctx); err != nil {
		return err
	}
	return i.marker.finish(ctx)
}

// applyAll makes every component that is wanted, each after those that it needs.
func (i *inventory) applyAll(ctx context.Context) error {
	var tasks []task
	var published []string
	for _, p := range i.parts {
		if p.wanted() {
			after := p.needs
			switch p.component.(type) {
			case *versions:
				published = append(published, p.name())
			case *alias:
				after = append(slices.Clone(after), taskRelease)
			}
			tasks = append(tasks, task{name: p.name(), after: after, do: func(ctx context.Context) error {
				return about(p.component, "make", p.apply(ctx))
			}})
		}
	}
	if i.atOnce != nil {
		tasks = append(tasks, task{name: taskRelease, after: published, do: i.releaseAtOnce})
	}
	return run(ctx, tasks)
}

// removeAll removes those components that exist and are the stack's own, each before
// those that it needs.
func (i *inventory) removeAll(ctx context.Context, unwanted func(component) bool) error {
	neededBy := map[string][]string{}
	for _, p := range i.parts {
		for _, need := range p.needs {
			neededBy[need] = append(neededBy[need], p.name())
		}
	}
	var tasks []task
	for _, p := range i.parts {
		if unwanted(p.component) && p.exists() && !p.foreign() {
			tasks = append(tasks, task{name: p.name(), after: neededBy[p.name()], do: func(ctx context.Context) error {
				return about(p.component, "remove", p.remove(ctx))
			}})
		}
	}
	return run(ctx, tasks)
}

// ready tells whether every component is.
func ready(d *stack.Deployment) bool {
	for _, is := range d.Components {
		if is != stack.Ready {
			return false
		}
	}
	return true
}

// sameContent tells whether two stacks are the same but for secrets and the policy of
// their releases, which nobody can read back.
func sameContent(a, b stack.Stack) bool { return content(a) == content(b) }

func content(s stack.Stack) string {
	s = s.WithDefaults()
	s.Release = nil
	for name, f := range s.Functions {
		f.Secrets = nil
		s.Functions[name] = f
	}
	// A Stack always marshals, and the keys of maps come out sorted.
	text, _ := json.Marshal(s)
	return string(text)
}
