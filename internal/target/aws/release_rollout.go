package aws

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A rollout is a release under way in the hands of one operation. It makes the aliases
// what the release says; what the release says next is decided in internal/release.
type rollout struct {
	i *inventory
	r release.Release
	// wants and driver as in a note. A driver keeps its own mark; who steers a release
	// leaves it the mark it has.
	wants, driver string
	// aside are provisioned instances on stable versions; see note.
	aside map[string]int
	// guessed tells that the release is made of what its aliases say; see guess.
	guessed bool
	// progress, if not nil, is called after every change.
	progress func(release.Release)
}

// changeTimeout bounds the making of one change, which is finished also when ctx has
// ended meanwhile.
const changeTimeout = 2 * time.Minute

// errOvertaken says that the release is no longer what this operation knew: somebody has
// steered it, or goes on with it.
var errOvertaken = errors.New("somebody else has changed the release")

func (i *inventory) newRollout(r release.Release, wants string) *rollout {
	return &rollout{i: i, r: r, wants: wants, driver: newDriver(), aside: map[string]int{}}
}

// newDriver is a mark that another driver hardly has.
func newDriver() string {
	mark := make([]byte, 2)
	_, _ = rand.Read(mark) // It never fails.
	return hex.EncodeToString(mark)
}

// movers are the functions whose aliases the release moves; the first one leads.
func (o *rollout) movers() []string { return slices.Sorted(maps.Keys(o.r.Moves)) }

func (o *rollout) alias(function string) *alias { return o.i.functions[function].alias }

// change makes next of the release: it is written down, then the leading alias takes the
// step, and then the others follow. It is errOvertaken if somebody was faster.
func (o *rollout) change(ctx context.Context, next release.Release) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	if err := o.i.write(ctx, streamReleases, newEntry(next, o.wants)); err != nil {
		return fmt.Errorf("cannot write down what the release %s does next, so it does nothing: %w", o.r.ID, err)
	}
	before := o.r
	o.r = next
	err := o.lead(ctx)
	if err != nil {
		o.r = before
		return err
	}
	if o.progress != nil && len(next.Trail) != len(before.Trail) {
		o.progress(next)
	}
	return o.follow(ctx)
}

// lead has the leading alias take the step.
func (o *rollout) lead(ctx context.Context) error {
	return o.put(ctx, o.movers()[0])
}

// put makes one alias what the release says.
func (o *rollout) put(ctx context.Context, function string) error {
	a := o.alias(function)
	err := a.put(ctx, o.r.Routing(function), noteOn(o.r, function, o.wants, o.driver, o.aside[function]).String())
	if errors.Is(err, errMoved) {
		return errOvertaken
	}
	return about(a, "move", err)
}

// follow has all other aliases be where the leading one is. One that has been changed
// since it was seen is looked at again: as long as the leading alias is where this
// operation has put it, all others have to be there too.
func (o *rollout) follow(ctx context.Context) error {
	var tasks []task
	for _, function := range o.movers()[1:] {
		tasks = append(tasks, task{name: function, do: func(ctx context.Context) error {
			for {
				err := o.put(ctx, function)
				if errors.Is(err, errAliasGone) && o.r.Phase == release.RolledBack {
					return nil
				}
				if !errors.Is(err, errOvertaken) {
					return err
				}
				if n := o.alias(function).note(); o.foreign(n) {
					return o.inTheWay(n)
				}
				if err := o.stillLeads(ctx); err != nil {
					return err
				}
			}
		}})
	}
	return run(ctx, tasks)
}

// foreign tells whether a note is of another release that is under way.
func (o *rollout) foreign(n *note) bool {
	return n != nil && !n.ended() && (n.id != o.r.ID || !n.began.Equal(o.r.Began))
}

// stillLeads is errOvertaken if the leading alias is no longer where it was put. It
// looks through an alias of its own, since others may look at the same time.
func (o *rollout) stillLeads(ctx context.Context) error {
	a := &alias{i: o.i, function: o.movers()[0]}
	if err := a.read(ctx); err != nil {
		return err
	}
	if n := a.note(); n == nil || !n.at(o.r) || n.driver != o.driver {
		return errOvertaken
	}
	return nil
}

// inTheWay is the error about another release of some of the same aliases.
func (o *rollout) inTheWay(n *note) error {
	return &target.UnderWayError{Name: o.i.name, Now: o.i.now(), Release: stack.ReleaseStatus{ID: n.id, State: "running", Weight: n.weight, By: n.by, Began: n.began, Since: n.since}}
}

// catchUp sees where the release is after somebody else has changed it.
func (o *rollout) catchUp(ctx context.Context) error {
	for _, function := range o.movers() {
		if err := o.alias(function).look(ctx); err != nil {
			return err
		}
	}
	lead := o.alias(o.movers()[0])
	n := lead.note()
	switch {
	case !lead.exists():
		return about(lead, "move", errAliasGone)
	case n == nil || n.id != o.r.ID || !n.began.Equal(o.r.Began):
		return fmt.Errorf("the %s was changed by somebody else while the release %s was under way, so it was left where it is: plan again to see what there is", lead.subject(), o.r.ID)
	case n.driver != o.driver:
		return &takenOverError{o.inTheWay(n)}
	case o.edited(n):
		return fmt.Errorf("the %s was changed by somebody else, by hand, while the release %s was under way, so it was left where it is", lead.subject(), o.r.ID)
	}
	found, err := o.i.recall(ctx, n)
	if err != nil {
		return err
	}
	r := n.moved(o.r)
	if found != nil {
		r = o.i.known(*found)
	}
	told := len(o.r.Trail)
	if o.r = r; o.progress != nil && len(r.Trail) != told {
		o.progress(r)
	}
	return o.follow(ctx)
}

// stuck says where a release is left whose aliases cannot be moved.
func (o *rollout) stuck(err error) error {
	if errors.As(err, new(*target.UnderWayError)) {
		return err
	}
	return fmt.Errorf("the release %s of stack %q stays at %d %%: %w; apply again to go on, or end it with tidegate release %s --promote or --abort",
		o.r.ID, o.i.name, o.r.Weight(), err, o.i.name)
}

// A takenOverError says that another operation goes on with the release.
type takenOverError struct{ error }

func (e *takenOverError) Error() string {
	return "another apply goes on with the same release: " + e.error.Error()
}
func (e *takenOverError) Unwrap() error { return e.error }

// recall is the release that a note tells of, from the journal; nil if that does not know
// it, for example since somebody has deleted it.
func (i *inventory) recall(ctx context.Context, n *note) (*release.Release, error) {
	var found *entry
	patient, cancel := context.WithTimeout(ctx, 5*i.pace.longest) // A line may take seconds to be read.
	defer cancel()
	err := i.pace.wait(patient, "", func(ctx context.Context) (bool, error) {
		var err error
		found, err = i.find(ctx, n)
		return found != nil, err
	})
	switch {
	case found != nil:
		return &found.Release, nil
	case ctx.Err() != nil || err != nil && patient.Err() == nil:
		return nil, fmt.Errorf("cannot read how far the release %s is: %w", n.id, err)
	}
	return nil, nil
}

// moved is a release that somebody has moved on, of which the journal does not tell how.
func (n *note) moved(r release.Release) release.Release {
	r.Awaits = r.Awaits && r.Since.Equal(n.since)
	r.Phase, r.Step, r.Stopped, r.Since = n.phase, n.step, n.stopped, n.since
	r.Trail = append(slices.Clip(r.Trail), release.Mark{At: n.since, Weight: n.weight, What: n.what})
	return r
}

// guess makes a release of what the aliases say: all but its policy.
func (i *inventory) guess(n *note) release.Release {
	r := release.Release{
		ID: n.id, By: n.by, Began: n.began, Back: n.back, Phase: n.phase, Step: n.step, Stopped: n.stopped, Since: n.since,
		Moves: map[string]release.Move{}, Versions: map[string]int{}, Trail: []release.Mark{{At: n.since, Weight: n.weight, What: n.what}},
	}
	for name, f := range i.functions {
		r.Versions[name] = f.alias.routing().Main()
		if own := f.alias.note(); n.of(own) {
			r.Moves[name] = release.Move{Stable: own.stable, Candidate: own.candidate}
			r.Versions[name] = own.candidate
		}
		if f.alias.description() == newWith(n.id) {
			r.New = append(r.New, name)
		}
	}
	slices.Sort(r.New)
	if n.phase == release.Shifting {
		// Its steps are those that lead here; the policy is the next apply's.
		r.Policy = stack.Release{Strategy: stack.BlueGreen}.Resolve()
		if n.weight < 100 {
			r.Policy = stack.Release{Strategy: stack.Canary, Weight: n.weight}.Resolve()
		}
		r.Step = 0
	}
	return r
}

// takeUp is the rollout of the release that is under way, by its leading note.
func (i *inventory) takeUp(ctx context.Context, n *note) (*rollout, error) {
	found, err := i.recall(ctx, n)
	if err != nil {
		return nil, err
	}
	r := i.guess(n)
	if found != nil {
		r = *found
	}
	o := i.newRollout(i.known(r), n.wants)
	o.driver, o.guessed = n.driver, found == nil
	for name := range r.Moves {
		if own := i.functions[name].alias.note(); n.of(own) && own.aside > 0 {
			o.aside[name] = own.aside
		}
	}
	return o, nil
}
