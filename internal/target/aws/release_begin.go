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

// wish is the release that makes the aliases what is wanted. Every function has its
// version.
func (i *inventory) releaseWish(d target.Deploy) release.Wish {
	w := release.Wish{
		ID: d.Stack.ReleaseID(), Policy: resolved(d.Stack), By: oneLine(d.By, maxNoteBy),
		Moves: map[string]release.Move{}, Versions: map[string]int{},
	}
	for name, f := range i.functions {
		if !f.alias.wanted() {
			continue
		}
		number, now := f.versions.number, f.alias.routing()
		w.Versions[name] = number
		if !f.alias.exists() || f.alias.description() == newWith(w.ID) {
			w.New = append(w.New, name)
		}
		if !f.alias.exists() || maps.Equal(now, stack.RouteTo(number)) || now[0] > 0 {
			continue // There is nothing to move, or nothing that could be returned to.
		}
		if move := (release.Move{Stable: now, Candidate: number}); move.From() != 0 {
			w.Moves[name] = move
		}
	}
	return w
}

// begin begins a release; nil if there is nothing to move.
func (i *inventory) begin(ctx context.Context, d target.Deploy) (*rollout, error) {
	if err := i.awaitAliases(ctx); err != nil {
		return nil, err
	}
	w := i.releaseWish(d)
	if len(w.Moves) == 0 {
		return nil, nil
	}
	if err := i.splittable(w); err != nil {
		return nil, err
	}
	g := &gauge{i.session, i.name}
	var err error
	if w.Red, err = g.red(ctx, w.Policy.Gate); err != nil {
		return nil, err
	}
	now := i.now()
	if first := release.Begin(w, now); g.late(first) {
		// Better to learn now that the metrics cannot be read than when traffic has moved.
		if _, err := g.versions(ctx, first, now); err != nil {
			return nil, err
		}
	}
	i.awaitPolicies(ctx)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("the release of stack %q was not begun, and no alias was moved: %w", i.name, err)
	}
	aside, err := i.setAside(ctx, w)
	if err != nil {
		return nil, err
	}
	r := release.Begin(w, i.now())
	o := i.newRollout(r, digestOf(d.Stack))
	o.aside, o.progress = aside, d.Progress
	err = o.change(ctx, r)
	var other *target.UnderWayError
	switch {
	case errors.Is(err, errOvertaken):
		return nil, i.overtaken(ctx, o)
	case errors.As(err, &other):
		return nil, i.giveWay(ctx, o, other)
	case err != nil && o.alias(o.movers()[0]).note().at(r):
		return nil, o.stuck(err) // Another alias could not be moved.
	}
	if d.Progress != nil && err == nil {
		d.Progress(r)
	}
	return o, err
}

// awaitAliases waits until AWS has moved the aliases that it splits by itself, for the
// sake of their instances, after somebody has moved them: what it does meanwhile is nothing
// that a rollback should return to.
func (i *inventory) awaitAliases(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(i.functions)) {
		if p := i.functions[name].provisioned; p.have != nil && p.have.failed == "" && len(p.alias().routing()) > 1 {
			if err := p.awaitWhole(ctx); err != nil {
				return about(p, "move", err)
			}
		}
	}
	return nil
}

// overtaken says who changed the leading alias while this release began.
func (i *inventory) overtaken(ctx context.Context, o *rollout) error {
	if n := o.alias(o.movers()[0]).note(); o.foreign(n) {
		return o.inTheWay(n)
	}
	return fmt.Errorf("somebody else moved an alias of stack %q in the meantime, so no release was begun: plan again", i.name)
}

// giveWay takes back a release that has met another on some of its aliases.
func (i *inventory) giveWay(ctx context.Context, o *rollout, other *target.UnderWayError) error {
	aborted, err := o.r.Abort(o.r.By, i.now())
	if err != nil {
		return other
	}
	o.r = aborted
	for _, function := range o.movers() {
		if own := o.alias(function).note(); own != nil && own.id == o.r.ID && own.began.Equal(o.r.Began) {
			if err := o.put(ctx, function); err != nil {
				return fmt.Errorf("%w; moreover, this release could not be taken back: %w", other, err)
			}
		}
	}
	if err := i.write(ctx, streamReleases, newEntry(o.r, o.wants)); err != nil {
		return fmt.Errorf("%w; moreover, that this release was taken back could not be written down: %w", other, err)
	}
	return other
}

// splittable finds moves whose versions Lambda does not split an alias between: they
// have to have one role, and one target of dead letters or none.
// https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
func (i *inventory) splittable(w release.Wish) error {
	if !split(w.Policy) {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(w.Moves)) {
		v, move := i.functions[name].versions, w.Moves[name]
		if was, is := v.roleOf(move.From()), v.roleOf(move.Candidate); was != "" && is != "" && was != is {
			return fmt.Errorf("the role of function %q changes, and Lambda sends no share of an alias's traffic to a version with another role; "+
				"nothing was moved: release this change with the strategy \"blue_green\" or \"all_at_once\"", name)
		}
		if v.deadLettersOf(move.From()) != v.deadLettersOf(move.Candidate) {
			return fmt.Errorf("somebody gave function %q a dead-letter target outside of Tidegate, which the new version does not have, and Lambda splits no "+
				"alias's traffic between two such versions; nothing was moved: release this change with the strategy \"blue_green\" or \"all_at_once\"", name)
		}
	}
	return nil
}

// releaseAtOnce writes down a release that begins and ends in one step, and has the
// aliases that it moves say so.
func (i *inventory) releaseAtOnce(ctx context.Context) error {
	w := i.releaseWish(*i.atOnce)
	if len(w.Moves) == 0 {
		return nil
	}
	w.Policy = stack.Release{Strategy: stack.AllAtOnce}
	r := release.Begin(w, i.now())
	o := i.newRollout(r, digestOf(i.atOnce.Stack))
	if err := i.write(ctx, streamReleases, newEntry(r, o.wants)); err != nil {
		return fmt.Errorf("cannot write down the release of stack %q, so no alias was moved: %w", i.name, err)
	}
	for name := range r.Moves {
		i.functions[name].alias.mark = noteOn(r, name, o.wants, o.driver, 0).String()
	}
	if i.atOnce.Progress != nil {
		i.atOnce.Progress(r)
	}
	return nil
}

// settleRelease finishes what an operation began that was cut off while a release ended:
// the leading alias has ended it, and not all others have followed.
func (i *inventory) settleRelease(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(i.functions)) {
		if instances, version := i.functions[name].alias.leaving(); instances > 0 {
			if err := i.returnInstances(ctx, name, instances, version, ""); err != nil {
				return err
			}
		}
	}
	lead, names := i.leading()
	if lead == nil {
		return nil
	}
	for _, name := range names {
		a := i.functions[name].alias
		own := a.note()
		if own.ended() && own.aside == 0 {
			continue
		}
		due := *own
		due.phase, due.step, due.stopped, due.weight, due.since, due.what, due.driver = lead.phase, 0, "", lead.weight, lead.since, lead.what, lead.driver
		if err := a.put(ctx, due.routing(), due.String()); err != nil {
			return about(a, "move", err)
		}
		if due.aside > 0 {
			if err := i.returnAside(ctx, name, &due); err != nil {
				return err
			}
		}
	}
	return nil
}

// tidy takes back what was added for a release that has ended.
func (o *rollout) tidy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	for _, function := range o.movers() {
		if o.aside[function] > 0 {
			n := noteOn(o.r, function, o.wants, o.driver, o.aside[function])
			if err := o.i.returnAside(ctx, function, &n); err != nil {
				return err
			}
		}
	}
	if o.r.Phase != release.RolledBack {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(o.i.functions)) {
		p := o.i.functions[name].policy
		if err := about(p, "make", p.narrow(ctx)); err != nil {
			return err
		}
	}
	return nil
}
