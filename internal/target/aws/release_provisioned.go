package aws

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// Lambda takes no weights for an alias that has provisioned concurrency. So before a
// release splits an alias, its instances are given to the stable version itself, which
// keeps them for as long as it gets traffic, and after the release back to the alias.
// Nothing is ready while Lambda starts them anew, since it lets an alias and its version
// not have instances at the same time.
//
// What is under way is in the alias's description: first that the instances are being
// moved, and then, in the release's own note, that they are aside.

var asideShape = regexp.MustCompile(`^release (\S+) moves (\d+) provisioned instances to version (\d+)$`)

// leaving are the instances that an operation which was cut off was moving from the
// alias to a version; none if the description does not say so.
func (a *alias) leaving() (instances, version int) {
	live := a.all[stack.AliasLive]
	m := asideShape.FindStringSubmatch(aws.ToString(live.Description))
	if m == nil {
		return 0, 0
	}
	instances, _ = strconv.Atoi(m[2]) // The shape has digits there.
	version, _ = strconv.Atoi(m[3])
	return instances, version
}

// aside are instances that are on the stable version, or on the way there.
func (p *provisioned) aside() int {
	if n := p.alias().note(); n != nil && n.aside > 0 {
		return n.aside
	}
	instances, _ := p.alias().leaving()
	return instances
}

// setAside moves the instances of aliases that a release is to split to their stable
// versions, and returns how many.
func (i *inventory) setAside(ctx context.Context, w release.Wish) (map[string]int, error) {
	moved := map[string]int{}
	if !split(w.Policy) {
		return moved, nil
	}
	for _, name := range slices.Sorted(maps.Keys(w.Moves)) {
		p, version := i.functions[name].provisioned, w.Moves[name].From()
		if p.have == nil {
			continue
		}
		instances, before := p.have.instances, aws.ToString(p.alias().all[stack.AliasLive].Description)
		say := fmt.Sprintf("release %s moves %d provisioned instances to version %d", w.ID, instances, version)
		err := p.alias().put(ctx, p.alias().routing(), say)
		if err == nil {
			err = p.give(ctx, instances, version)
		}
		if err != nil {
			err = fmt.Errorf("cannot move the %s to version %d, which has to have it while the alias is split: %w", p.subject(), version, explain(err))
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
			defer cancel()
			if left := i.returnInstances(ctx, name, instances, version, before); left != nil {
				err = joined([]error{err, explain(left)})
			}
			return nil, err
		}
		moved[name] = instances
	}
	return moved, nil
}

// give takes instances from the alias and gives them to a version.
func (p *provisioned) give(ctx context.Context, instances, version int) error {
	if err := p.remove(ctx); err != nil {
		return err
	}
	if err := p.provide(ctx, strconv.Itoa(version), instances); err != nil {
		return err
	}
	return p.i.pace.wait(ctx, fmt.Sprintf("%d provisioned instances of version %d", instances, version), func(ctx context.Context) (bool, error) {
		out, err := p.i.lambda.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{
			FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: aws.String(strconv.Itoa(version)),
		})
		switch {
		case notFound(err):
			return false, nil
		case err != nil:
			return false, err
		case out.Status == types.ProvisionedConcurrencyStatusEnumFailed:
			return false, fmt.Errorf("its instances could not be started: %s", aws.ToString(out.StatusReason))
		}
		return out.Status == types.ProvisionedConcurrencyStatusEnumReady, nil
	})
}

// provide asks for instances of a version or the alias, which another may still have.
func (p *provisioned) provide(ctx context.Context, qualifier string, instances int) error {
	passes := func(err error) bool {
		return provisionedPasses(err) || says(err, "ResourceConflictException", "Provisioned")
	}
	return p.i.pace.retry(ctx, passes, func(ctx context.Context) error {
		_, err := p.i.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
			FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: &qualifier, ProvisionedConcurrentExecutions: aws.Int32(int32(instances)),
		})
		return err
	})
}

// returnAside gives the alias its instances back, of which its note tells.
func (i *inventory) returnAside(ctx context.Context, function string, n *note) error {
	done := *n
	done.aside = 0
	return i.returnInstances(ctx, function, n.aside, (release.Move{Stable: n.stable, Candidate: n.candidate}).From(), done.String())
}

// returnInstances takes instances from a version and gives them to the alias, which then
// is to have this description. It does not wait until they are ready.
func (i *inventory) returnInstances(ctx context.Context, function string, instances, version int, description string) error {
	p := i.functions[function].provisioned
	_, err := i.lambda.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{
		FunctionName: aws.String(stack.FullName(i.name, function)), Qualifier: aws.String(strconv.Itoa(version)),
	})
	if err == nil || notFound(err) {
		err = p.provide(ctx, stack.AliasLive, instances)
	}
	if err == nil {
		p.have = &provisionedFacts{instances: instances}
		err = p.alias().put(ctx, p.alias().routing(), description)
	}
	return about(p, "make", err)
}
