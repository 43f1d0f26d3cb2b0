package aws

import (
	"context"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"
)

// look returns nil without an error if the queue does not exist.
func (q *queue) look(ctx context.Context, fifo bool) (*queueFacts, error) {
	facts := &queueFacts{fifo: fifo}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		out, err := q.i.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: q.url(fifo), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			return err
		}
		facts.attributes = comparableAttributes(out.Attributes)
		return nil
	})
	group.Go(func() error {
		out, err := q.i.sqs.ListQueueTags(ctx, &sqs.ListQueueTagsInput{QueueUrl: q.url(fifo)})
		if err == nil {
			facts.tags = changed(out.Tags, tagChange{})
		}
		return err
	})
	switch err := group.Wait(); {
	case missing(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return facts, nil
}

// create makes the queue with everything at once, so that none exists without its tags.
// It waits until a queue of that name is forgotten that was deleted a moment ago.
func (q *queue) create(ctx context.Context) error {
	input := &sqs.CreateQueueInput{
		QueueName: aws.String(q.queueName(q.wish.fifo)), Attributes: maps.Clone(q.wish.attributes), Tags: q.wish.tags,
	}
	if q.wish.fifo {
		input.Attributes["FifoQueue"] = "true"
	}
	err := q.i.pace.retry(ctx, queueErrorPasses, func(ctx context.Context) error {
		_, err := q.i.sqs.CreateQueue(ctx, input)
		return err
	})
	if q.found == nil {
		q.found = map[bool]*queueFacts{}
	}
	switch {
	case err == nil:
		q.found[q.wish.fifo] = &queueFacts{fifo: q.wish.fifo, attributes: maps.Clone(q.wish.attributes), tags: maps.Clone(q.wish.tags)}
		return nil
	case !hasCode(err, "QueueNameExists", "QueueAlreadyExists"):
		return err
	}
	// Somebody made it since it was looked for: this program before it lost the answer,
	// perhaps.
	facts, lookErr := q.look(ctx, q.wish.fifo)
	if lookErr != nil {
		return lookErr
	}
	if facts == nil {
		return err
	}
	q.found[q.wish.fifo] = facts
	if q.foreign() {
		return &foreignError{q}
	}
	return nil
}

// queueErrorPasses tells whether making a queue, or a change of it, is refused for now
// only: because its name is not free yet, or because the queue of its dead letters, which
// was made a moment ago, is not known everywhere. SQS has two words for a wrong attribute.
func queueErrorPasses(err error) bool {
	const noTarget = "Dead letter target does not exist"
	return hasCode(err, "QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently") ||
		says(err, "InvalidParameterValue", noTarget) || says(err, "InvalidAttributeValue", noTarget)
}

// update makes a queue that exists what is wanted. Attributes take effect within a
// minute; nothing here depends on that.
func (q *queue) update(ctx context.Context, have *queueFacts) error {
	if set := q.change(have); len(set) > 0 {
		err := q.i.pace.retry(ctx, queueErrorPasses, func(ctx context.Context) error {
			_, err := q.i.sqs.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: q.url(have.fifo), Attributes: set})
			return err
		})
		if err != nil {
			return err
		}
		have.attributes = maps.Clone(q.wish.attributes)
	}
	change := changeTags(have.tags, q.wish.tags)
	if len(change.set) > 0 {
		if _, err := q.i.sqs.TagQueue(ctx, &sqs.TagQueueInput{QueueUrl: q.url(have.fifo), Tags: change.set}); err != nil {
			return err
		}
	}
	if len(change.unset) > 0 {
		if _, err := q.i.sqs.UntagQueue(ctx, &sqs.UntagQueueInput{QueueUrl: q.url(have.fifo), TagKeys: change.unset}); err != nil {
			return err
		}
	}
	have.tags = changed(have.tags, change)
	return nil
}

// delete returns when the queue is gone: until then it would be read as existing.
func (q *queue) delete(ctx context.Context, fifo bool) error {
	_, err := q.i.sqs.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: q.url(fifo)})
	if err != nil && !missing(err) {
		return err
	}
	delete(q.found, fifo)
	return q.i.pace.wait(ctx, q.subject()+" to be deleted", func(ctx context.Context) (bool, error) {
		_, err := q.i.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
			QueueUrl: q.url(fifo), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
		})
		if missing(err) {
			return true, nil
		}
		return false, err
	})
}
