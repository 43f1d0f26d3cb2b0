package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// taskRelease is the step of an update in which its release is written down, before the
// aliases move.
const taskRelease = "release"

// release makes the stack what d says and moves its aliases as the stack's policy has it.
// A stack whose creation was not finished has nothing to move from.
//
// First comes what only adds to the stack: log groups, roles, what roles may do besides,
// functions and versions. Then the aliases move. All else is changed when the release is
// finished, so that there is nothing to undo but the aliases if it is rolled back.
func (i *inventory) release(ctx context.Context, d target.Deploy) (*stack.Deployment, error) {
	policy := resolved(d.Stack)
	gradual := policy.Strategy != stack.AllAtOnce || policy.Before != "" || policy.After != ""
	// Without a marker, somebody has deleted it: what has aliases was made once.
	lost := !i.marker.exists()
	if lost || i.marker.finished() {
		i.atOnce = &d
	}
	if !gradual || i.atOnce == nil {
		return i.deploy(ctx, d)
	}
	if err := i.bring(d); err != nil {
		return nil, err
	}
	return i.outcome(d, func() error {
		if err := i.addAll(ctx, d.Stack.ReleaseID()); err != nil {
			return err
		}
		if lost {
			if err := i.marker.finish(ctx); err != nil {
				return err
			}
		}
		o, err := i.begin(ctx, d)
		if err != nil {
			return err
		}
		return i.rollOut(ctx, d, o)
	})
}

// goOn goes on with the release under way if that makes the stack what d says and nobody
// else drives it.
func (i *inventory) goOn(ctx context.Context, d target.Deploy, n *note) (*stack.Deployment, error) {
	other := &target.UnderWayError{Name: i.name, Release: *i.releaseStatus(), Now: i.now()}
	if n.wants != digestOf(d.Stack) {
		return nil, other
	}
	alive, err := i.alive(ctx, n)
	if err != nil {
		return nil, explain(err)
	}
	if alive {
		other.Now = i.now()
		return nil, other
	}
	i.atOnce = &d
	if err := i.bring(d); err != nil {
		return nil, err
	}
	return i.outcome(d, func() error {
		o, err := i.takeUp(ctx, n)
		if err != nil {
			return err
		}
		gone := maps.Clone(o.r.Moves)
		maps.DeleteFunc(gone, func(name string, _ release.Move) bool { return i.functions[name].alias.exists() })
		if err := i.addAll(ctx, d.Stack.ReleaseID()); err != nil {
			return err
		}
		for name, move := range o.r.Moves {
			v := i.functions[name].versions
			if _, anew := gone[name]; anew && v.number != move.Candidate {
				// Somebody had deleted the function, not its alias alone: there is nothing to move.
				delete(o.r.Moves, name)
				o.r.Versions[name] = v.number
				continue
			}
			if v.number != move.Candidate {
				return fmt.Errorf("the release %s moves function %q to version %d, which is gone or was changed; end it with tidegate release %s --abort, and apply again",
					o.r.ID, name, move.Candidate, i.name)
			}
		}
		if len(o.r.Moves) == 0 {
			return i.change(ctx)
		}
		i.awaitPolicies(ctx)
		if o.guessed {
			o.r = withPolicy(o.r, resolved(d.Stack))
		}
		if o.r.Stopped != release.Held {
			o.driver = newDriver()
			if err := o.change(ctx, o.r); err != nil {
				if errors.Is(err, errOvertaken) {
					other.Now = i.now()
					return other
				}
				return o.stuck(err)
			}
		}
		return i.rollOut(ctx, d, o)
	})
}

// withPolicy is a release whose own policy is lost, with the stack's, if that comes to the
// weight at which it is.
func withPolicy(r release.Release, policy stack.Release) release.Release {
	if step := slices.Index(policy.Steps(), r.Weight()); r.Phase != release.Shifting || step >= 0 {
		r.Policy, r.Step = policy, max(step, 0)
	}
	return r
}

// outcome runs a release and returns what there is then. After a rollback that is what
// the stack was before.
func (i *inventory) outcome(d target.Deploy, run func() error) (*stack.Deployment, error) {
	err := run()
	var failed *target.ReleaseError
	var other *target.UnderWayError
	switch {
	case i.empty():
		return nil, hide(explain(err), i.secrets)
	case errors.As(err, &failed) && failed.Release.Phase == release.RolledBack:
		prior := d.Prior
		prior.Name = d.Stack.Name
		return i.deployment(prior), failed
	case errors.As(err, &failed):
		return i.deployment(d.Stack), failed
	case errors.As(err, &other):
		return nil, other
	}
	return i.deployment(d.Stack), hide(explain(err), i.secrets)
}

// rollOut drives a release, which is nil if no alias has to move, and then changes
// everything else.
func (i *inventory) rollOut(ctx context.Context, d target.Deploy, o *rollout) error {
	if o != nil {
		o.progress = d.Progress
		err := (&driver{rollout: o, deploy: d, gauge: &gauge{i.session, i.name}}).drive(ctx)
		if err == nil && o.r.Ended() {
			err = o.tidy(ctx)
		}
		if err == nil && o.r.Phase == release.RolledBack {
			err = &target.ReleaseError{Release: o.r}
		}
		if err != nil || !o.r.Ended() {
			return err
		}
	}
	return i.change(ctx)
}

// addAll makes what only adds to the stack, for a release.
func (i *inventory) addAll(ctx context.Context, id string) error {
	i.adding = true
	defer func() { i.adding = false }()
	for _, f := range i.functions {
		if f.alias.wanted() && !f.alias.exists() {
			f.alias.mark = newWith(id)
		}
	}
	var tasks []task
	add := func(p part, do func(ctx context.Context) error) {
		tasks = append(tasks, task{name: p.name(), after: p.needs, do: func(ctx context.Context) error {
			return about(p.component, "make", do(ctx))
		}})
	}
	for _, p := range i.parts {
		if !p.wanted() {
			continue
		}
		switch c := p.component.(type) {
		case *marker, *logGroup, *alias:
			if !c.exists() {
				add(p, c.apply)
			}
		case *role:
			if c.function != "" {
				add(p, c.prepare)
			}
		case *rolePolicy:
			if c.role.function != "" {
				add(p, c.widen)
			}
		case *layers, *function, *versions:
			add(p, c.apply)
		}
	}
	err := run(ctx, tasks)
	if left := i.unstage(ctx); err == nil {
		err = left
	}
	return err
}
