package aws

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

const (
	// lookAtAlias is how often a driver sees whether somebody has steered its release. A
	// look is a call to Lambda's control plane, of which an account has fifteen a second.
	lookAtAlias = 5 * time.Second
	// lookAtMetrics is how often a gate's metrics and alarms are asked for. They have one
	// value a minute.
	lookAtMetrics = 30 * time.Second
	// beatEvery is how often a driver says that it lives. After silentFor without, it is
	// dead; forgotten is so long ago that no clock is that wrong.
	beatEvery, silentFor, forgotten = 15 * time.Second, time.Minute, 10 * time.Minute
	// metricsLag is how late CloudWatch's metrics of Lambda are at most.
	metricsLag = 2 * time.Minute
	// policyLag is how long IAM may take until a function may do what its role's policy has
	// allowed it just now.
	policyLag = 10 * time.Second
	// blindFor is how long a release goes on without its gate's metrics, when they cannot
	// be read.
	blindFor = 5 * time.Minute
)

// A driver takes the steps of a release until it has ended.
type driver struct {
	*rollout
	deploy target.Deploy
	gauge  *gauge
	// beaten is when it last gave a sign of life; looked and saw are when it last asked for
	// the metrics, and got them.
	beaten, looked, saw time.Time
	// seen of the current step, nil before the first look.
	seen *release.Seen
}

// drive returns when the release has ended or is held, or when there is nothing to do
// but to wait and nobody wants to. When ctx ends, it interrupts the release.
func (d *driver) drive(ctx context.Context) error {
	defer d.leave(ctx)
	// A release that another driver left may be due at once.
	d.looked, d.saw = d.r.Since, d.i.now()
	for {
		switch {
		case d.r.Ended():
			return nil
		case d.r.Stopped == release.Held:
			return &target.ReleaseError{Release: d.r}
		case ctx.Err() != nil:
			if err := d.interrupt(ctx); err != nil {
				return err
			}
			continue
		}
		d.beat(ctx)
		next := d.next(ctx)
		if ctx.Err() != nil {
			continue
		}
		var err error
		switch changed := !reflect.DeepEqual(next, d.r); {
		case changed:
			if err = d.change(ctx, next); err == nil {
				err = d.awaitInstances(ctx)
			}
			d.looked, d.saw, d.seen = d.i.now(), d.i.now(), nil
		case d.deploy.NoWait:
			return nil
		default:
			d.i.watch().wait(ctx, d.pause())
			if ctx.Err() != nil {
				continue
			}
			err = d.poll(ctx)
		}
		if errors.Is(err, errOvertaken) {
			err = d.catchUp(ctx)
		}
		if err != nil && ctx.Err() == nil {
			return d.stuck(err)
		}
	}
}

// awaitInstances waits until AWS has moved aliases that have provisioned instances of
// their own, which it does when it has started those of the other version. Until then it
// takes no other change of them.
func (d *driver) awaitInstances(ctx context.Context) error {
	if d.r.Weight() < 100 || d.r.Ended() {
		return nil
	}
	for _, function := range d.movers() {
		if p := d.i.functions[function].provisioned; p.have != nil {
			if err := d.beating(ctx, func() error { return p.followAlias(ctx) }); err != nil {
				return about(p, "move", err)
			}
		}
	}
	return nil
}

// next is what becomes of the release now.
func (d *driver) next(ctx context.Context) release.Release {
	now := d.i.now()
	switch {
	case d.r.Stopped != release.Running:
		return d.r
	case d.r.Hook() != "":
		failure := d.runHook(ctx)
		return d.r.HookDone(d.i.now(), failure)
	case d.r.Policy.Gate == nil:
		return d.r.Judge(now, release.Seen{})
	}
	judged := now
	if d.gauge.late(d.r) {
		// A step is judged when the metrics of all of it are there, and not for longer.
		judged = now.Add(-metricsLag - d.slowest()).Truncate(time.Minute)
	}
	if now.Sub(d.looked) < min(lookAtMetrics, d.r.Policy.Interval.Std()) {
		return d.r
	}
	d.looked = now
	seen, err := d.gauge.look(ctx, d.r, now)
	if err != nil {
		if ctx.Err() == nil && (now.Sub(d.saw) > blindFor || refused(err)) {
			return d.r.Interrupt(by(d.deploy.By)+", because its gate cannot see: "+explain(err).Error(), now)
		}
		return d.r
	}
	d.saw, d.seen = now, &seen
	next := d.r.Judge(judged, seen)
	if next.Phase != d.r.Phase || next.Step != d.r.Step || next.Stopped != d.r.Stopped {
		next = d.r.Judge(now, seen)
	}
	return next
}

// slowest is how much later than others metrics of a candidate may come that runs into its
// timeout: they have the minute in which an invocation began, and come when it has ended.
// Of one that takes longer than a step, the step alone is waited for.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
func (d *driver) slowest() time.Duration {
	slowest := time.Duration(0)
	for function, move := range d.r.Moves {
		if v := d.i.functions[function].versions.have[move.Candidate]; v != nil && v.Timeout != nil {
			slowest = max(slowest, time.Duration(*v.Timeout)*time.Second)
		}
	}
	return min(slowest, d.r.Policy.Interval.Std()).Truncate(time.Minute)
}

// pause is until there may be something to do.
func (d *driver) pause() time.Duration {
	pause := lookAtAlias
	if due := d.r.Due().Sub(d.i.now()); d.r.Phase == release.Shifting && due > 0 {
		pause = min(pause, due)
	}
	return max(pause, time.Second)
}

// poll sees whether somebody has steered the release.
func (d *driver) poll(ctx context.Context) error {
	lead := d.alias(d.movers()[0])
	if err := lead.look(ctx); err != nil {
		return nil //nolint:nilerr // The next look, or the next step, tells.
	}
	if !lead.exists() {
		return about(lead, "move", errAliasGone)
	}
	if n := lead.note(); !n.at(d.r) || n.driver != d.driver || d.edited(n) {
		return errOvertaken
	}
	return nil
}

// beat tells from time to time that the driver lives, and what it sees. It matters to
// nobody's traffic if that fails.
func (d *driver) beat(ctx context.Context) {
	now := d.i.now()
	if now.Sub(d.beaten) < beatEvery {
		return
	}
	d.beaten = now
	_ = d.i.write(ctx, streamDrivers, beat{ID: d.r.ID, Began: d.r.Began, Driver: d.driver, At: now, Seen: d.seen})
}

// leave tells that a release which has not ended waits for another driver.
func (d *driver) leave(ctx context.Context) {
	if d.r.Ended() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	_ = d.i.write(ctx, streamDrivers, beat{ID: d.r.ID, Began: d.r.Began, Driver: d.driver, At: d.i.now(), Left: true})
}

// interrupt ends the release, or has it held, because ctx has ended.
func (d *driver) interrupt(ctx context.Context) error {
	who := by(d.deploy.By)
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		who += ", because " + cause.Error()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	for !d.r.Ended() && d.r.Stopped != release.Held {
		err := d.change(ctx, d.r.Interrupt(who, d.i.now()))
		if errors.Is(err, errOvertaken) {
			err = d.catchUp(ctx)
		}
		if err != nil {
			return fmt.Errorf("the release was to be interrupted: %w", d.stuck(err))
		}
	}
	return nil
}

// by is who does something, for people.
func by(who string) string {
	if who == "" {
		return "somebody"
	}
	return who
}

// alive tells whether some other operation drives the release: whether it gives a sign
// of life. How old the last one is tells that only if it is very old, since clocks differ.
func (i *inventory) alive(ctx context.Context, n *note) (bool, error) {
	last, err := i.lastBeat(ctx, n)
	if err != nil {
		return false, fmt.Errorf("cannot tell whether somebody drives the release %s: %w", n.id, err)
	}
	sign := n.since
	if last.At.After(sign) {
		sign = last.At
	}
	begun := i.now()
	if last.Left || begun.Sub(sign) > forgotten {
		return false, nil
	}
	until := sign.Add(silentFor)
	if least := begun.Add(2 * beatEvery); until.Before(least) {
		until = least
	}
	if most := begun.Add(silentFor); until.After(most) {
		until = most
	}
	for i.now().Before(until) {
		i.watch().wait(ctx, lookAtAlias)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		now, err := i.lastBeat(ctx, n)
		if err != nil {
			return false, err
		}
		if now.Left {
			return false, nil
		}
		if !now.At.Equal(last.At) {
			return true, nil
		}
	}
	// It may have taken a step without a sign besides.
	lead, names := i.leading()
	if err := i.functions[names[0]].alias.look(ctx); err != nil {
		return false, err
	}
	now := i.functions[names[0]].alias.note()
	return now == nil || now.String() != lead.String(), nil
}

// resolved is the policy of a stack, with its defaults.
func resolved(s stack.Stack) stack.Release {
	if s.Release == nil {
		return stack.Release{}.Resolve()
	}
	return s.Release.Resolve()
}
