package aws

import (
	"context"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A boundedLambda has one function, and refuses to provide more instances of it than
// are reserved, as Lambda does, whose words for it are not recorded.
type boundedLambda struct {
	lambdaAPI
	// reserved is nil, and provisioned 0, if there is none.
	reserved    *int32
	provisioned int32
}

func (l *boundedLambda) fits() error {
	if l.reserved != nil && l.provisioned > *l.reserved {
		return &smithy.GenericAPIError{Code: "InvalidParameterValueException", Message: "more provisioned than reserved"}
	}
	return nil
}

func (l *boundedLambda) PutFunctionConcurrency(_ context.Context, in *lambda.PutFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	l.reserved = in.ReservedConcurrentExecutions
	return &lambda.PutFunctionConcurrencyOutput{}, l.fits()
}

func (l *boundedLambda) DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	l.reserved = nil
	return &lambda.DeleteFunctionConcurrencyOutput{}, nil
}

func (l *boundedLambda) PutProvisionedConcurrencyConfig(_ context.Context, in *lambda.PutProvisionedConcurrencyConfigInput, _ ...func(*lambda.Options)) (*lambda.PutProvisionedConcurrencyConfigOutput, error) {
	l.provisioned = *in.ProvisionedConcurrentExecutions
	return &lambda.PutProvisionedConcurrencyConfigOutput{}, l.fits()
}

func (l *boundedLambda) DeleteProvisionedConcurrencyConfig(context.Context, *lambda.DeleteProvisionedConcurrencyConfigInput, ...func(*lambda.Options)) (*lambda.DeleteProvisionedConcurrencyConfigOutput, error) {
	l.provisioned = 0
	return &lambda.DeleteProvisionedConcurrencyConfigOutput{}, nil
}

func (l *boundedLambda) GetProvisionedConcurrencyConfig(context.Context, *lambda.GetProvisionedConcurrencyConfigInput, ...func(*lambda.Options)) (*lambda.GetProvisionedConcurrencyConfigOutput, error) {
	return &lambda.GetProvisionedConcurrencyConfigOutput{
		RequestedProvisionedConcurrentExecutions: &l.provisioned, Status: types.ProvisionedConcurrencyStatusEnumReady,
	}, nil
}

func TestReservedAndProvisionedConcurrencyChangeInAnOrderThatLambdaTakes(t *testing.T) {
	of := func(reserved, provisioned int) stack.Concurrency {
		c := stack.Concurrency{Provisioned: provisioned}
		if reserved >= 0 {
			c.Reserved = aws.Int(reserved)
		}
		return c
	}
	const none = -1
	for name, c := range map[string]struct{ from, to stack.Concurrency }{
		"more of both":                    {of(5, 5), of(20, 10)},
		"less of both":                    {of(20, 10), of(5, 5)},
		"few reserved, none provisioned":  {of(10, 5), of(2, 0)},
		"none to run, none provisioned":   {of(10, 5), of(0, 0)},
		"none reserved, more provisioned": {of(5, 5), of(none, 20)},
		"reserved, and fewer provisioned": {of(none, 20), of(5, 5)},
		"neither any more":                {of(5, 5), of(none, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &boundedLambda{provisioned: int32(c.from.Provisioned)}
			session := china()
			session.lambda = fake
			i := newInventory(session, shapeOf(oneFunction(nil)))
			f := i.functions["fulfil"]
			if f.concurrency.have = c.from.Reserved; c.from.Reserved != nil {
				fake.reserved = aws.Int32(int32(*c.from.Reserved))
			}
			f.provisioned.have = &provisionedFacts{instances: c.from.Provisioned}
			i.want(oneFunction(func(f *stack.Function) { f.Concurrency = c.to }))
			i.parts = slices.DeleteFunc(i.parts, func(p part) bool {
				return p.component != component(f.concurrency) && p.component != component(f.provisioned)
			})
			if err := i.applyAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := i.removeAll(t.Context(), func(c component) bool { return !c.wanted() }); err != nil {
				t.Fatal(err)
			}
			is := stack.Concurrency{Provisioned: int(fake.provisioned)}
			if fake.reserved != nil {
				is.Reserved = aws.Int(int(*fake.reserved))
			}
			if diff := cmp.Diff(c.to, is); diff != "" {
				t.Errorf("there is not what is wanted (-want +got):\n%s", diff)
			}
			for _, part := range []component{f.concurrency, f.provisioned} {
				if is := state(part); is != "" && is != stack.Ready {
					t.Errorf("the %s is %q", part.subject(), is)
				}
			}
		})
	}
}
