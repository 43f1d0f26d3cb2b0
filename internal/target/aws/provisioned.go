package aws

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A provisioned keeps instances of the version ready that a function's alias points
// at. When the alias moves, AWS first starts instances of the other version: until they
// are there it splits the alias's traffic by itself, and refuses any other number.
type provisioned struct {
	i        *inventory
	function string
	have     *provisionedFacts
	// wish is the number of instances; 0 means none.
	wish int
	// before is where the alias pointed when it was last looked at what is wanted.
	before stack.Routing
}

// provisionedFacts are what there is to know of provisioned concurrency.
type provisionedFacts struct {
	instances int
	// failed says why it could not be provided; empty if it is or will be.
	failed string
}

func (p *provisioned) name() string { return functionComponent(p.function, "provisioned") }
func (p *provisioned) subject() string {
	return fmt.Sprintf("provisioned concurrency of function %q", p.i.aliased(p.function))
}
func (p *provisioned) exists() bool  { return p.have != nil || p.aside() > 0 }
func (p *provisioned) foreign() bool { return false }
func (p *provisioned) wanted() bool  { return p.wish > 0 }

func (p *provisioned) read(ctx context.Context) (err error) {
	p.have, err = p.get(ctx)
	return about(p, "read", err)
}

// get returns nil if nothing is provisioned.
func (p *provisioned) get(ctx context.Context) (*provisionedFacts, error) {
	out, err := p.i.lambda.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{
		FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: aws.String(stack.AliasLive),
	})
	if notFound(err) || notOffered(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return factsOfProvisioned(out.RequestedProvisionedConcurrentExecutions, out.Status, out.StatusReason), nil
}

// notFound takes every answer with that status for a no: Lambda has one code for an
// alias that does not exist, and another for one that has nothing provisioned.
func notFound(err error) bool {
	var response *awshttp.ResponseError
	return missing(err) || errors.As(err, &response) && response.HTTPStatusCode() == http.StatusNotFound
}

func factsOfProvisioned(instances *int32, status types.ProvisionedConcurrencyStatusEnum, reason *string) *provisionedFacts {
	facts := &provisionedFacts{instances: int(aws.ToInt32(instances))}
	if status == types.ProvisionedConcurrencyStatusEnumFailed {
		facts.failed = aws.ToString(reason)
		if facts.failed == "" {
			facts.failed = "AWS does not say why"
		}
	}
	return facts
}

func (p *provisioned) show(d *stack.Deployment) {
	instances := p.aside()
	if p.have != nil {
		instances = p.have.instances
	}
	editFunction(d, p.function, func(f *stack.Function, _ *stack.FunctionStatus) { f.Concurrency.Provisioned = instances })
}

func (p *provisioned) want(s stack.Stack) {
	p.wish = s.Functions[p.function].Concurrency.Provisioned
	p.before = p.alias().routing()
}

func (p *provisioned) alias() *alias { return p.i.functions[p.function].alias }

func (p *provisioned) drift() string {
	if p.have != nil && p.have.failed != "" {
		return "its instances could not be started: " + p.have.failed
	}
	return ""
}

// apply waits until the instances are there, which takes a minute or more.
func (p *provisioned) apply(ctx context.Context) error {
	if p.have != nil && p.have.failed == "" && !maps.Equal(p.before, p.alias().routing()) {
		if err := p.followAlias(ctx); err != nil {
			return err
		}
	}
	if p.have != nil && *p.have == (provisionedFacts{instances: p.wish}) {
		return nil
	}
	if c := p.i.functions[p.function].concurrency; c.exists() && !c.wanted() && *c.have < p.wish {
		// Lambda provides no more instances than are reserved, and what is not wanted any
		// more goes only when everything is made.
		if err := about(c, "remove", c.remove(ctx)); err != nil {
			return err
		}
	}
	err := p.i.pace.retry(ctx, provisionedPasses, func(ctx context.Context) error {
		_, err := p.i.lambda.PutProvisionedConcurrencyConfig(ctx, &lambda.PutProvisionedConcurrencyConfigInput{
			FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: aws.String(stack.AliasLive),
			ProvisionedConcurrentExecutions: aws.Int32(int32(p.wish)),
		})
		return err
	})
	if err != nil {
		return p.refused(err)
	}
	p.have = &provisionedFacts{instances: p.wish}
	return p.awaitInstances(ctx)
}

// makeRoom gives instances back before fewer are reserved than are provisioned, which
// Lambda refuses. What is wanted of both always fits.
func (p *provisioned) makeRoom(ctx context.Context, reserved int) error {
	switch {
	case p.have == nil || p.have.instances <= reserved:
		return nil
	case p.wanted():
		return about(p, "make", p.apply(ctx))
	}
	return about(p, "remove", p.remove(ctx))
}

// provisionedPasses tells errors that pass: the alias is not known everywhere yet, or
// AWS itself still splits its traffic, since it was moved a moment ago.
func provisionedPasses(err error) bool {
	return early(err) || says(err, "InvalidParameterValueException", "Alias with weights")
}

// awaitInstances waits until the instances are there or have failed.
func (p *provisioned) awaitInstances(ctx context.Context) error {
	return p.i.pace.wait(ctx, "the "+p.subject(), func(ctx context.Context) (bool, error) {
		var out *lambda.GetProvisionedConcurrencyConfigOutput
		// It may not be known everywhere yet.
		err := p.i.pace.retry(ctx, notFound, func(ctx context.Context) (err error) {
			out, err = p.i.lambda.GetProvisionedConcurrencyConfig(ctx, &lambda.GetProvisionedConcurrencyConfigInput{
				FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: aws.String(stack.AliasLive),
			})
			return err
		})
		if err != nil {
			return false, err
		}
		p.have = factsOfProvisioned(out.RequestedProvisionedConcurrentExecutions, out.Status, out.StatusReason)
		if p.have.failed != "" {
			return false, fmt.Errorf("its instances could not be started: %s", p.have.failed)
		}
		return out.Status == types.ProvisionedConcurrencyStatusEnumReady, nil
	})
}

// followAlias waits until the instances are those of the version that the alias was
// moved to, and all traffic goes there.
func (p *provisioned) followAlias(ctx context.Context) error {
	if err := p.awaitInstances(ctx); err != nil {
		return err
	}
	return p.awaitWhole(ctx)
}

// awaitWhole waits until AWS does not split the alias's traffic any more.
func (p *provisioned) awaitWhole(ctx context.Context) error {
	return p.i.pace.wait(ctx, "AWS to send all traffic of the "+p.alias().subject()+" to one version", func(ctx context.Context) (bool, error) {
		err := p.alias().read(ctx)
		return len(p.alias().routing()) <= 1, err
	})
}

// refused puts into plain words why AWS does not take a request.
func (p *provisioned) refused(err error) error {
	if says(err, "ResourceConflictException", "already Provisioned version") {
		return &plainError{err, "the version that the alias points at has provisioned concurrency of its own, which somebody gave it outside " +
			"of Tidegate; delete that and apply again"}
	}
	return tooFewLeft(err, p.wish)
}

func (p *provisioned) remove(ctx context.Context) error {
	err := p.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := p.i.lambda.DeleteProvisionedConcurrencyConfig(ctx, &lambda.DeleteProvisionedConcurrencyConfigInput{
			FunctionName: aws.String(stack.FullName(p.i.name, p.function)), Qualifier: aws.String(stack.AliasLive),
		})
		return err
	})
	if err != nil && !notFound(err) {
		return err
	}
	p.have = nil
	if len(p.alias().routing()) > 1 && p.i.keepsFunction(p.function) {
		return p.awaitWhole(ctx)
	}
	return nil
}
