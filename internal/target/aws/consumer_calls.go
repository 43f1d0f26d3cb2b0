package aws

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// create makes the mapping, or finds the one of the same queue and function that was
// made since the last look; one that is still being deleted is waited for.
func (c *consumer) create(ctx context.Context) error {
	input := c.wish.creation()
	passes := func(err error) bool { return mappingErrorPasses(err) || missing(err) } // The alias is not known yet.
	err := c.i.pace.retry(ctx, passes, func(ctx context.Context) error {
		out, err := c.i.lambda.CreateEventSourceMapping(ctx, input)
		if err == nil {
			made := &mapping{id: aws.ToString(out.UUID), arn: aws.ToString(out.EventSourceMappingArn), tags: changed(c.wish.tags, tagChange{}), made: true}
			made.become(c.wish, out.FunctionArn, out.State)
			c.found = append(c.found, made)
			return nil
		}
		if !hasCode(err, "ResourceConflictException") {
			return err
		}
		found, listErr := c.list(ctx)
		if listErr != nil {
			return listErr
		}
		c.found = found
		if c.have() == nil {
			return err
		}
		return nil
	})
	return c.explain(err)
}

// update changes what differs. Whatever comes to be empty is sent as such, for what is
// not sent stays.
func (c *consumer) update(ctx context.Context, have *mapping) error {
	input, changes := have.update(c.wish)
	if !changes {
		return nil
	}
	err := c.i.pace.retry(ctx, mappingErrorPasses, func(ctx context.Context) error {
		out, err := c.i.lambda.UpdateEventSourceMapping(ctx, input)
		if err == nil {
			have.become(c.wish, out.FunctionArn, out.State)
		}
		return err
	})
	if err != nil {
		return c.explain(err)
	}
	return c.settle(ctx, have)
}

func (c *consumer) tag(ctx context.Context, have *mapping) error {
	change := changeTags(have.tags, c.wish.tags)
	if len(change.set) > 0 {
		if _, err := c.i.lambda.TagResource(ctx, &lambda.TagResourceInput{Resource: aws.String(have.arn), Tags: change.set}); err != nil {
			return err
		}
	}
	if len(change.unset) > 0 {
		if _, err := c.i.lambda.UntagResource(ctx, &lambda.UntagResourceInput{Resource: aws.String(have.arn), TagKeys: change.unset}); err != nil {
			return err
		}
	}
	have.tags = changed(have.tags, change)
	return nil
}

// settle waits until Lambda is done with the last change of a mapping: until then it
// refuses the next. One that was made just now it may not know everywhere yet.
func (c *consumer) settle(ctx context.Context, m *mapping) error {
	if m.settled() {
		return nil
	}
	unknown := func(err error) bool { return m.made && missing(err) }
	return c.i.pace.wait(ctx, "the "+c.subject()+" to be ready", func(ctx context.Context) (bool, error) {
		err := c.i.pace.retry(ctx, unknown, func(ctx context.Context) error {
			out, err := c.i.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(m.id)})
			if err == nil {
				m.state = aws.ToString(out.State)
			}
			return err
		})
		if missing(err) {
			c.forget(m)
		}
		return err == nil && m.settled(), err
	})
}

// delete returns when the mapping is gone: until then the function and its role must
// stay, and another mapping of the same queue and function is refused.
func (c *consumer) delete(ctx context.Context, m *mapping) error {
	err := c.i.pace.retry(ctx, mappingErrorPasses, func(ctx context.Context) error {
		_, err := c.i.lambda.DeleteEventSourceMapping(ctx, &lambda.DeleteEventSourceMappingInput{UUID: aws.String(m.id)})
		return err
	})
	if err != nil && !missing(err) {
		return err
	}
	if err == nil {
		err = c.i.pace.wait(ctx, "the "+c.subject()+" to be deleted", func(ctx context.Context) (bool, error) {
			_, err := c.i.lambda.GetEventSourceMapping(ctx, &lambda.GetEventSourceMappingInput{UUID: aws.String(m.id)})
			if missing(err) {
				return true, nil
			}
			return false, err
		})
		if err != nil {
			return err
		}
	}
	c.forget(m)
	return nil
}

func (c *consumer) forget(m *mapping) {
	c.found = slices.DeleteFunc(c.found, func(other *mapping) bool { return other == m })
}

// mappingErrorPasses tells whether a change of a mapping is refused for now only: because
// it is being changed or deleted, or because Lambda does not know yet of the alias, the
// queue, the queue's visibility timeout or the role's policy.
func mappingErrorPasses(err error) bool {
	return hasCode(err, "ResourceInUseException", "ResourceConflictException") || noPermission(err) || tooShort(err) ||
		says(err, "InvalidParameterValueException", "NonExistentQueue") ||
		says(err, "InvalidParameterValueException", "Function does not exist") ||
		says(err, "InvalidParameterValueException", "cannot be assumed by Lambda")
}

// noPermission tells whether the function's role may not read the queue, as Lambda says
// or as it was told by SQS.
func noPermission(err error) bool {
	return says(err, "InvalidParameterValueException", "role does not have permissions") ||
		says(err, "InvalidParameterValueException", "SQS Error Code: AccessDenied")
}

func tooShort(err error) bool {
	return says(err, "InvalidParameterValueException", "visibility timeout", "less than Function timeout")
}

// explain says what to do where Lambda does not.
func (c *consumer) explain(err error) error {
	queue := c.i.name
	switch {
	case noPermission(err):
		return fmt.Errorf("the role of function %q may not receive the messages of queue %q; allow it sqs:ReceiveMessage, sqs:DeleteMessage and "+
			"sqs:GetQueueAttributes on the queue: %w", c.wish.functionName(), queue, err)
	case tooShort(err):
		return fmt.Errorf("queue %q hides a message for less long than function %q may run; raise visibility_timeout, or lower the function's timeout: %w",
			queue, c.wish.functionName(), err)
	}
	return err
}
