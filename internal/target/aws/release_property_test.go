package aws

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// A disorder is a world in which anybody does anything to a stack at any time, and is
// often killed.
type disorder struct {
	*world
	random *rand.Rand
	codes  []string
	// ended are the phases in which releases have ended, by their id and beginning.
	ended map[string]release.Phase
	// rests are the routings of aliases that no release moves, nil if that is not known.
	rests map[string]stack.Routing
	// known is how many releases there were then.
	known int
	// met counts how operations ended, by kind.
	met map[string]int

	mu sync.Mutex
	// waits of the operation that is under way, which is interrupted after many: a paused
	// release would be waited for until somebody resumes it.
	waits     int
	interrupt context.CancelFunc
}

func TestWhateverHappensToAReleaseOnAWS(t *testing.T) {
	const actions = 40
	seed := uint64(time.Now().UnixNano())
	t.Logf("what happens is random from seed %d", seed)
	d := &disorder{world: openWorld(t), random: rand.New(rand.NewPCG(seed, 4)), ended: map[string]release.Phase{}, met: map[string]int{}}
	d.codes = []string{d.one, d.two, d.pack("three")}
	d.create(d.stack("shop", d.one, nil))
	d.alarmGoesOnAndOff(seed)
	for n := range actions {
		d.clock.wait(t.Context(), time.Duration(1+d.random.IntN(20))*time.Second)
		killed := d.random.IntN(3) == 0
		if killed {
			d.guillotine.fallsAfter(d.random.IntN(20))
		}
		what, settled := d.anything()
		d.guillotine.live()
		d.met[what]++
		d.check(settled && !killed)
		if t.Failed() {
			t.Fatalf("action %d of %d was: %s (killed: %t)", n+1, actions, what, killed)
		}
	}
	t.Logf("it happened: %v", d.met)

	// In the end it is as easy as ever.
	if _, err := d.target.Steer(t.Context(), "shop", release.CommandAbort, "ada"); err != nil && !errors.As(err, new(*target.NoReleaseError)) {
		t.Error(err)
	}
	d.release(d.stack("shop", d.codes[2], &stack.Release{Strategy: stack.Canary, Interval: brief}))
	d.check(true)
}

// alarmGoesOnAndOff while somebody waits, now and then.
func (d *disorder) alarmGoesOnAndOff(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 5))
	d.watch.alarms["errors"] = cwtypes.StateValueOk
	d.clock.waited = func(time.Time) {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.waits++; d.waits > 200 && d.interrupt != nil {
			d.interrupt()
		}
		d.watch.mu.Lock()
		defer d.watch.mu.Unlock()
		if random.IntN(10) == 0 {
			d.watch.alarms["errors"] = []cwtypes.StateValue{cwtypes.StateValueOk, cwtypes.StateValueAlarm}[random.IntN(2)]
		}
	}
}

// anything does something, and tells what, and whether the stack's aliases are then where
// its newest release says, if nobody was killed.
func (d *disorder) anything() (what string, settled bool) {
	ctx, cancel := context.WithCancel(d.t.Context())
	defer cancel()
	d.mu.Lock()
	d.waits, d.interrupt = 0, cancel
	d.mu.Unlock()
	switch d.random.IntN(8) {
	case 0, 1:
		commands := []release.Command{release.CommandPause, release.CommandResume, release.CommandPromote, release.CommandAbort}
		c := commands[d.random.IntN(len(commands))]
		if _, err := d.target.Steer(ctx, "shop", c, "bob"); err != nil {
			return "a command that was refused", false
		}
		return string(c), true
	case 2:
		to := ""
		if all, err := d.target.ListReleases(ctx, "shop"); err == nil && len(all) > 0 && d.random.IntN(2) == 0 {
			to = all[d.random.IntN(len(all))].ID
		}
		if _, err := d.target.Rollback(ctx, "shop", to, "bob"); err != nil {
			return "a rollback that was refused", false
		}
		return "rollback", true
	}
	apply := d.deploy(d.anyStack())
	apply.NoWait = d.random.IntN(3) == 0
	_, err := d.target.Update(ctx, apply)
	var failed *target.ReleaseError
	switch {
	case err == nil && apply.NoWait:
		return "apply without waiting", true
	case err == nil:
		if d.guillotine.falls < 0 {
			d.isLive(apply.Stack)
		}
		return "apply", true
	case errors.As(err, &failed):
		return "apply that failed: " + failed.Release.Status().State, true
	case errors.As(err, new(*target.UnderWayError)):
		return "apply that was refused", false
	case ctx.Err() != nil:
		return "apply that was interrupted", false
	}
	if d.guillotine.falls < 0 {
		d.t.Errorf("an apply says %v", err)
	}
	return "apply that broke off", false
}

func (d *disorder) anyStack() stack.Stack {
	policy := []stack.Release{
		{},
		{Strategy: stack.Canary, Interval: brief},
		{Strategy: stack.Linear, Weight: 40, Interval: brief},
		{Strategy: stack.BlueGreen, Interval: brief},
	}[d.random.IntN(4)]
	if policy.Strategy != "" && d.random.IntN(2) == 0 {
		policy.Gate = &stack.Gate{Alarms: []string{"errors"}}
	}
	policy.OnFailure = []string{stack.Rollback, stack.Hold}[d.random.IntN(2)]
	for _, hook := range []*string{&policy.Before, &policy.After} {
		if d.random.IntN(3) == 0 {
			*hook = "smoke"
		}
	}
	d.aliases.mu.Lock()
	delete(d.aliases.says, "shop-smoke:1")
	if d.random.IntN(4) == 0 {
		d.aliases.says["shop-smoke:1"] = `{"errorMessage": "no"}`
	}
	d.aliases.mu.Unlock()
	return d.world.stack("shop", d.codes[d.random.IntN(len(d.codes))], &policy)
}

// isLive checks that what was applied has all traffic.
func (d *disorder) isLive(want stack.Stack) {
	d.t.Helper()
	now := d.read(want)
	for _, name := range []string{"create", "list", "smoke"} {
		f := now.Functions[name]
		n := slices.IndexFunc(f.Versions, func(v stack.Version) bool { return v.Config.CodeSHA256 == want.Functions[name].CodeSHA256 })
		if n < 0 || !maps.Equal(f.Routing, stack.RouteTo(f.Versions[n].Number)) {
			d.t.Errorf("%s is at %v of %+v, and was to be another", name, f.Routing, f.Versions)
		}
	}
}

// check is what always holds. Settled tells that the aliases are where the newest release
// says.
func (d *disorder) check(settled bool) {
	d.t.Helper()
	is := d.routings("shop")
	for name, routing := range is {
		if err := routing.Validate(); err != nil {
			d.t.Errorf("%s: %v", name, err)
		}
	}
	if !maps.Equal(is["smoke"], stack.RouteTo(1)) {
		d.t.Errorf("smoke, which stays, is at %v", is["smoke"])
	}
	all, err := d.target.ListReleases(d.t.Context(), "shop")
	if err != nil {
		d.t.Fatal(err)
	}
	rests := d.rests
	d.rests = nil
	for n, r := range all {
		id := r.ID + r.Began.String()
		if !r.Ended() && n > 0 {
			d.t.Errorf("two releases are under way: %+v", all[:n+1])
		}
		if before, ended := d.ended[id]; ended && before != r.Phase {
			d.t.Errorf("the release %s was %s and is %s", r.ID, before, r.Phase)
		}
		if r.Ended() {
			d.ended[id] = r.Phase
		}
	}
	if !settled || len(all) == 0 {
		return
	}
	newest := all[0]
	for name, move := range newest.Moves {
		want := newest.Routing(name)
		switch {
		case newest.Phase == release.RolledBack || newest.Phase == release.Before:
			want = move.Stable
		case newest.Weight() == 100:
			want = stack.RouteTo(move.Candidate)
		}
		if !maps.Equal(is[name], want) {
			d.t.Errorf("%s is at %v, and the release that is %s at %d %% says %v", name, is[name], newest.Phase, newest.Weight(), want)
		}
		if rests != nil && len(all) == d.known+1 && !maps.Equal(move.Stable, rests[name]) {
			d.t.Errorf("%s is to return to %v, and was at %v", name, move.Stable, rests[name])
		}
	}
	if newest.Phase == release.Finished {
		for name, number := range newest.Versions {
			if !maps.Equal(is[name], stack.RouteTo(number)) {
				d.t.Errorf("%s is at %v, and the release that is finished says version %d", name, is[name], number)
			}
		}
	}
	d.known = len(all)
	if newest.Ended() {
		d.rests = is
	}
}
