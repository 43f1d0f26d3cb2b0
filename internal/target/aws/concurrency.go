package aws

import (
	"context"
	"fmt"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A concurrency is the reserved concurrency of a function. Lambda keeps it for the
// function as a whole, for which the alias is the only way in.
type concurrency struct {
	i          *inventory
	function   string
	have, wish *int
}

func (c *concurrency) name() string { return functionComponent(c.function, "concurrency") }
func (c *concurrency) subject() string {
	return fmt.Sprintf("reserved concurrency of function %q", stack.FullName(c.i.name, c.function))
}
func (c *concurrency) exists() bool  { return c.have != nil }
func (c *concurrency) foreign() bool { return false }
func (c *concurrency) wanted() bool  { return c.wish != nil }
func (c *concurrency) drift() string { return "" }

// read asks nobody: the function's own answer tells it.
func (c *concurrency) read(context.Context) error {
	c.have = c.i.functions[c.function].function.have.reserved
	return nil
}

func (c *concurrency) show(d *stack.Deployment) {
	editFunction(d, c.function, func(f *stack.Function, _ *stack.FunctionStatus) { f.Concurrency.Reserved = c.have })
}

func (c *concurrency) want(s stack.Stack) { c.wish = s.Functions[c.function].Concurrency.Reserved }

func (c *concurrency) apply(ctx context.Context) error {
	if c.exists() && *c.have == *c.wish {
		return nil
	}
	if err := c.i.functions[c.function].provisioned.makeRoom(ctx, *c.wish); err != nil {
		return err
	}
	err := c.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := c.i.lambda.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{
			FunctionName:                 aws.String(stack.FullName(c.i.name, c.function)),
			ReservedConcurrentExecutions: aws.Int32(int32(*c.wish)),
		})
		return err
	})
	if err == nil {
		c.have = c.wish
	}
	return tooFewLeft(err, *c.wish)
}

// remove leaves it to the deletion of the function if that goes as well.
func (c *concurrency) remove(ctx context.Context) error {
	if !c.i.keepsFunction(c.function) {
		c.have = nil
		return nil
	}
	err := c.i.pace.retry(ctx, busy, func(ctx context.Context) error {
		_, err := c.i.lambda.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{
			FunctionName: aws.String(stack.FullName(c.i.name, c.function)),
		})
		return err
	})
	if err == nil || missing(err) {
		c.have = nil
		return nil
	}
	return err
}

// keepsFunction tells whether a function of the stack is there to stay. What goes with
// the function need not be deleted before.
func (i *inventory) keepsFunction(function string) bool {
	return i.functions[function].function.wanted()
}

// busy tells whether Lambda is in the middle of another change of the same function,
// which passes, unless the function's creation failed. The last of its wordings is about two changes at the same moment:
// https://github.com/hashicorp/terraform-provider-aws/issues/5154
func busy(err error) bool {
	const code = "ResourceConflictException"
	return says(err, code, "cannot be performed at this time") && !says(err, code, "state: Failed") || says(err, code, "in progress") || says(err, code, "concurrent update operation")
}

// early tells whether Lambda is busy, or does not know everywhere yet of the version or
// the alias that was made a moment ago. Both pass.
func early(err error) bool { return busy(err) || missing(err) }

// leastUnreserved is in the message about too much being reserved.
var leastUnreserved = regexp.MustCompile(`minimum value of \[([0-9]+)\]`)

// tooFewLeft puts into plain words that the account has no more instances to give.
func tooFewLeft(err error, instances int) error {
	const left = "UnreservedConcurrentExecution below its minimum value"
	switch {
	case says(err, "InvalidParameterValueException", left):
		least := "the least"
		if found := leastUnreserved.FindStringSubmatch(err.Error()); found != nil {
			least = found[1]
		}
		return &plainError{err, fmt.Sprintf("with %d instances for this function, fewer than %s would be left in this region for the account's other "+
			"functions, which AWS does not allow; ask for fewer, or have AWS raise the account's limit of concurrent executions", instances, least)}
	case says(err, "InvalidParameterValueException", "greater than account's unreserved concurrency"):
		return &plainError{err, fmt.Sprintf("%d instances for this function are more than the account has left in this region; ask for fewer, or "+
			"have AWS raise the account's limit of concurrent executions", instances)}
	}
	return err
}

// A plainError says in other words what AWS answered.
type plainError struct {
	error
	words string
}

func (e *plainError) Error() string { return e.words }
func (e *plainError) Unwrap() error { return e.error }
