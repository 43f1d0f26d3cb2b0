package aws

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// An alias is "live", which everything that invokes the function goes to.
type alias struct {
	i        *inventory
	function string
	// all aliases of the function by name, also those that somebody else made, which
	// are left alone.
	all  map[string]types.AliasConfiguration
	wish *stack.Config
	// mark is what its description is to say when it is made or pointed elsewhere; empty
	// leaves the description as it is.
	mark string
}

func (a *alias) name() string { return stack.AliasComponent(a.function) }
func (a *alias) subject() string {
	return fmt.Sprintf("alias %q of function %q", stack.AliasLive, a.fullName())
}
func (a *alias) fullName() string    { return stack.FullName(a.i.name, a.function) }
func (a *alias) exists() bool        { _, ok := a.all[stack.AliasLive]; return ok }
func (a *alias) foreign() bool       { return false }
func (a *alias) wanted() bool        { return a.wish != nil }
func (a *alias) versions() *versions { return a.i.functions[a.function].versions }

func (a *alias) read(ctx context.Context) error {
	all := map[string]types.AliasConfiguration{}
	pages := lambda.NewListAliasesPaginator(a.i.lambda, &lambda.ListAliasesInput{FunctionName: aws.String(a.fullName())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing(err) {
			return nil // Deleted just now.
		}
		if err != nil {
			return about(a, "read", err)
		}
		for _, found := range page.Aliases {
			all[aws.ToString(found.Name)] = found
		}
	}
	a.all = all
	return nil
}

// routing of "live"; empty if there is no such alias.
func (a *alias) routing() stack.Routing {
	live, ok := a.all[stack.AliasLive]
	if !ok {
		return stack.Routing{}
	}
	return routingOf(live)
}

// routingOf an alias in percent. $LATEST is version 0. Of two versions both have at least
// one percent, also where AWS itself moves the traffic and begins with none; a further
// version that gets nothing is left out.
func routingOf(c types.AliasConfiguration) stack.Routing {
	r := stack.Routing{numberOf(aws.ToString(c.FunctionVersion)): 100}
	if c.RoutingConfig == nil {
		return r
	}
	main := numberOf(aws.ToString(c.FunctionVersion))
	for version, weight := range c.RoutingConfig.AdditionalVersionWeights {
		if number := numberOf(version); number != main && weight > 0 {
			percent := min(max(int(math.Round(weight*100)), 1), 99)
			r[number] = percent
			r[main] -= percent
		}
	}
	return r
}

// numberOf a version by name, 0 of $LATEST.
func numberOf(version string) int {
	n, _ := strconv.Atoi(version)
	return n
}

// uses tells whether any alias of the function points at a version.
func (a *alias) uses(version int) bool {
	for _, c := range a.all {
		if numberOf(aws.ToString(c.FunctionVersion)) == version {
			return true
		}
		if c.RoutingConfig == nil {
			continue
		}
		if _, ok := c.RoutingConfig.AdditionalVersionWeights[strconv.Itoa(version)]; ok { // Also with a weight of 0.
			return true
		}
	}
	return false
}

func (a *alias) show(d *stack.Deployment) {
	editFunction(d, a.function, func(_ *stack.Function, status *stack.FunctionStatus) {
		status.AliasARN = a.i.functionARN(a.fullName(), stack.AliasLive)
		status.Routing = a.routing()
		status.Version = status.Routing.Main()
	})
}

func (a *alias) want(s stack.Stack) {
	a.wish = nil
	if f, ok := s.Functions[a.function]; ok {
		a.wish = &f.Config
	}
}

// drift is silent where the function has no version as it is, which the versions tell.
func (a *alias) drift() string {
	if state := a.movingState(); state != "" {
		return state
	}
	wanted, _ := a.versions().find(*a.wish)
	routing := a.routing()
	if len(routing) > 1 {
		numbers := slices.Sorted(maps.Keys(routing))
		return fmt.Sprintf("splits %d %% to version %d and %d %% to version %d", routing[numbers[0]], numbers[0], routing[numbers[1]], numbers[1])
	}
	switch is := routing.Main(); {
	case routing[0] > 0:
		return "points at " + stack.Latest + " in place of a version"
	case wanted != 0 && is != wanted && a.wentBack():
		back := a.note()
		return fmt.Sprintf("points at version %d, to which %s rolled back at %s, and version %d was released: to keep it, "+
			"make the configuration that of version %d again; applying releases version %d anew",
			is, cmp.Or(back.by, "somebody"), minuteOf(back.began), wanted, is, wanted)
	case wanted != 0 && is != wanted:
		return fmt.Sprintf("points at version %d, but version %d was released", is, wanted)
	}
	return ""
}

func (a *alias) apply(ctx context.Context) error {
	number := a.versions().number
	if number == 0 {
		return errors.New("no version was published for it, which is a defect of this program")
	}
	before, wanted := a.routing(), stack.RouteTo(number)
	raced := func(err error) bool {
		return says(err, "ResourceConflictException", "already exists") || hasCode(err, "PreconditionFailedException")
	}
	seen := true
	return a.i.pace.retry(ctx, raced, func(ctx context.Context) error {
		if !seen {
			// Revision ids change by themselves, and the answer to an earlier attempt may
			// have got lost; where the alias points tells whether anybody else moved it.
			if err := a.read(ctx); err != nil {
				return err
			}
			n := a.note()
			if now := a.routing(); !maps.Equal(now, before) && !maps.Equal(now, wanted) || n != nil && !n.ended() {
				return errors.New("somebody else moved it in the meantime, so it was left where it is: plan again")
			}
		}
		seen = false
		return a.point(ctx, number)
	})
}

// point makes the alias send everything to one version.
func (a *alias) point(ctx context.Context, number int) error {
	version := aws.String(strconv.Itoa(number))
	have, ok := a.all[stack.AliasLive]
	description := have.Description
	if a.mark != "" {
		description = &a.mark
	}
	if !ok {
		var out *lambda.CreateAliasOutput
		err := a.patiently(ctx, func(ctx context.Context) (err error) {
			out, err = a.i.lambda.CreateAlias(ctx, &lambda.CreateAliasInput{
				FunctionName: aws.String(a.fullName()), Name: aws.String(stack.AliasLive), FunctionVersion: version, Description: description,
			})
			return err
		})
		if err != nil {
			return err
		}
		a.saw(types.AliasConfiguration{
			AliasArn: out.AliasArn, Name: out.Name, FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig, RevisionId: out.RevisionId, Description: out.Description,
		})
		return nil
	}
	if maps.Equal(a.routing(), stack.RouteTo(number)) {
		return nil
	}
	return a.update(ctx, stack.RouteTo(number), description)
}

// update makes the alias split its traffic so, if it is what was last seen of it.
func (a *alias) update(ctx context.Context, r stack.Routing, description *string) error {
	have, main := a.all[stack.AliasLive], r.Main()
	weights := map[string]float64{}
	for version, percent := range r {
		if version != main {
			weights[strconv.Itoa(version)] = float64(percent) / 100
		}
	}
	var out *lambda.UpdateAliasOutput
	err := a.patiently(ctx, func(ctx context.Context) (err error) {
		out, err = a.i.lambda.UpdateAlias(ctx, &lambda.UpdateAliasInput{
			FunctionName: aws.String(a.fullName()), Name: aws.String(stack.AliasLive), FunctionVersion: aws.String(strconv.Itoa(main)),
			RevisionId: have.RevisionId, Description: description,
			RoutingConfig: &types.AliasRoutingConfiguration{AdditionalVersionWeights: weights},
		})
		return err
	})
	if err != nil {
		return err
	}
	a.saw(types.AliasConfiguration{
		AliasArn: out.AliasArn, Name: out.Name, FunctionVersion: out.FunctionVersion, RoutingConfig: out.RoutingConfig, RevisionId: out.RevisionId, Description: out.Description,
	})
	return nil
}

// errMoved says that somebody else changed an alias since it was last seen.
var errMoved = errors.New("somebody else moved it in the meantime")

// put makes the alias split its traffic so and say this, if it still is what was last
// seen of it. Else it is errMoved, and what it is now has been seen.
func (a *alias) put(ctx context.Context, r stack.Routing, description string) error {
	before, ok := a.all[stack.AliasLive]
	if !ok {
		return errAliasGone // Without a revision id the write would be unconditional.
	}
	is := func(c types.AliasConfiguration, r stack.Routing, description string) bool {
		return maps.Equal(routingOf(c), r) && aws.ToString(c.Description) == description
	}
	if is(before, r, description) {
		return nil
	}
	for tries := 0; ; tries++ {
		err := a.update(ctx, r, &description)
		if !hasCode(err, "PreconditionFailedException") && (!missing(err) || tries > 0) {
			return err
		}
		// Revision ids change by themselves, and the answer to an earlier attempt may have
		// got lost.
		if err := a.look(ctx); err != nil {
			return err
		}
		switch now, ok := a.all[stack.AliasLive]; {
		case !ok:
			return errAliasGone
		case is(now, r, description):
			return nil
		case !is(now, routingOf(before), aws.ToString(before.Description)) && !a.splitByAWS(before, now):
			return errMoved
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// splitByAWS tells whether an alias that has instances of its own may have been changed
// by AWS itself, which splits its traffic while it starts those of another version.
func (a *alias) splitByAWS(before, now types.AliasConfiguration) bool {
	return a.i.functions[a.function].provisioned.have != nil && aws.ToString(before.Description) == aws.ToString(now.Description)
}

// look reads the alias, which may be gone. If it cannot be read, it is as it was seen.
func (a *alias) look(ctx context.Context) error {
	before := a.all
	a.all = nil
	err := a.read(ctx)
	if err != nil {
		a.all = before
	}
	return err
}

var errAliasGone = errors.New("it is gone: somebody deleted it, or the whole stack, while the release was under way")

// patiently does something until Lambda knows the version that was published a moment
// ago, and no earlier change of the function is in the way.
func (a *alias) patiently(ctx context.Context, do func(ctx context.Context) error) error {
	return a.i.functions[a.function].function.whileBusy(ctx, func(ctx context.Context) error {
		return a.i.pace.retry(ctx, missing, do)
	})
}

func (a *alias) saw(c types.AliasConfiguration) {
	if a.all == nil {
		a.all = map[string]types.AliasConfiguration{}
	}
	a.all[stack.AliasLive] = c
}

// remove does nothing: an alias goes with its function, and is never removed without.
func (a *alias) remove(context.Context) error { return nil }
