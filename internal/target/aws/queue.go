package aws

import (
	"context"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A queue is the stack's own, or that of its dead letters. Whether it is FIFO is part
// of its name, so there can be two of them, of which one was left by an operation that
// was cut off.
type queue struct {
	i *inventory
	// dead tells the queue of the dead letters from the stack's own.
	dead bool
	// found are the queues that exist, by whether they are FIFO.
	found map[bool]*queueFacts
	wish  *queueFacts
}

// queueFacts are what there is to know of a queue.
type queueFacts struct {
	fifo bool
	// attributes are those of queueAttributes that are not empty, spelt the same whoever
	// wrote them.
	attributes map[string]string
	tags       map[string]string
}

func (q *queue) name() string {
	if q.dead {
		return stack.ComponentDeadLetters
	}
	return stack.ComponentQueue
}

func (q *queue) subject() string {
	facts := q.have()
	if q.wish != nil {
		facts = q.wish
	}
	return fmt.Sprintf("queue %q", q.queueName(facts != nil && facts.fifo))
}

func (q *queue) queueName(fifo bool) string {
	return stack.QueueRef{Stack: q.i.name, FIFO: fifo, DeadLetters: q.dead}.Name()
}

func (q *queue) arn(fifo bool) string { return q.i.queueARN(q.queueName(fifo)) }

// url of the queue: it follows from its name, so nobody needs to be asked for it.
func (q *queue) url(fifo bool) *string {
	return aws.String(q.i.url("sqs") + "/" + q.i.account + "/" + q.queueName(fifo))
}

// own are the queues that exist and belong to the stack: one, or none, or both.
func (q *queue) own() []*queueFacts {
	var own []*queueFacts
	for _, fifo := range []bool{false, true} {
		if facts := q.found[fifo]; facts != nil && ours(facts.tags, q.i.name) {
			own = append(own, facts)
		}
	}
	return own
}

// have is the queue that is wanted, if it exists, or else one that is the stack's.
func (q *queue) have() *queueFacts {
	if q.wish != nil {
		return q.found[q.wish.fifo]
	}
	if own := q.own(); len(own) > 0 {
		return own[0]
	}
	return nil
}

func (q *queue) exists() bool  { return q.have() != nil }
func (q *queue) foreign() bool { return q.exists() && !ours(q.have().tags, q.i.name) }
func (q *queue) wanted() bool  { return q.wish != nil }

func (q *queue) read(ctx context.Context) error {
	var group errgroup.Group
	facts := map[bool]**queueFacts{}
	for _, fifo := range q.i.queueKinds() {
		found := new(*queueFacts)
		facts[fifo] = found
		group.Go(func() (err error) {
			*found, err = q.look(ctx, fifo)
			return err
		})
	}
	err := group.Wait()
	q.found = map[bool]*queueFacts{}
	for fifo, f := range facts {
		if *f != nil {
			q.found[fifo] = *f
		}
	}
	return about(q, "read", err)
}

func (q *queue) show(d *stack.Deployment) {
	editQueue(d, func(t *stack.Queue) {
		own := q.own()
		facts := own[0]
		for _, f := range own {
			if f.fifo == t.FIFO {
				facts = f
			}
		}
		if q.dead {
			q.showDeadLetters(facts, t, d)
			return
		}
		t.FIFO = facts.fifo
		t.VisibilityTimeout = facts.seconds("VisibilityTimeout")
		t.Retention = facts.seconds("MessageRetentionPeriod")
		t.Delay = facts.seconds("DelaySeconds")
		t.MaxMessageSize = facts.number("MaximumMessageSize")
		t.ContentBasedDeduplication = facts.attributes["ContentBasedDeduplication"] == "true"
		dead := queue{i: q.i, dead: true}
		if redrive, ok := facts.redrive(); ok && redrive.Target == dead.arn(facts.fifo) {
			letters := stack.NewDeadLetter()
			if t.DeadLetter != nil {
				letters = *t.DeadLetter
			}
			letters.MaxReceives = redrive.receives()
			t.DeadLetter = &letters
		}
		d.URL, d.ARN = aws.ToString(q.url(facts.fifo)), q.arn(facts.fifo)
	})
}

// showDeadLetters is for a queue of dead letters. One that no message moves to, and that
// nobody said there is, is no part of the stack but left over.
func (q *queue) showDeadLetters(facts *queueFacts, t *stack.Queue, d *stack.Deployment) {
	if t.DeadLetter == nil {
		return
	}
	letters := *t.DeadLetter
	letters.Retention = facts.seconds("MessageRetentionPeriod")
	t.DeadLetter = &letters
	d.DeadLetterARN = q.arn(facts.fifo)
}

// editQueue changes the trigger of a deployment's stack.
func editQueue(d *stack.Deployment, edit func(*stack.Queue)) {
	switch d.Stack.Trigger.Kind() {
	case stack.KindNone:
		t := stack.NewQueue()
		edit(&t)
		d.Stack.Trigger.Queue = &t
	case stack.KindQueue:
		t := *d.Stack.Trigger.Queue // The one that it points at is the caller's.
		edit(&t)
		d.Stack.Trigger.Queue = &t
	}
}

func (q *queue) want(s stack.Stack) {
	q.wish = nil
	t := s.Trigger.Queue
	if t == nil || q.dead && t.DeadLetter == nil {
		return
	}
	q.wish = &queueFacts{fifo: t.FIFO, tags: q.i.tags(q.i.name, s.Tags, nil)}
	if q.dead {
		of := queue{i: q.i}
		q.wish.attributes = deadLetterAttributes(t, q.i.partition, of.arn(t.FIFO))
		return
	}
	dead := queue{i: q.i, dead: true}
	q.wish.attributes = ownQueueAttributes(t, dead.arn(t.FIFO))
}

func (q *queue) drift() string {
	have := q.have()
	r := q.attributeDrift(have)
	for _, other := range q.own() {
		r.addIf(other != have, "there is also %q, which is left over", q.queueName(other.fifo))
	}
	r.add(changeTags(have.tags, q.wish.tags).String())
	return r.String()
}

func (q *queue) apply(ctx context.Context) error {
	if q.have() == nil {
		if err := q.create(ctx); err != nil {
			return err
		}
	}
	have := q.have()
	if err := q.update(ctx, have); err != nil {
		return err
	}
	for _, other := range q.own() {
		if other != have {
			if err := q.delete(ctx, other.fifo); err != nil {
				return err
			}
		}
	}
	return nil
}

func (q *queue) remove(ctx context.Context) error {
	for _, facts := range q.own() {
		if err := q.delete(ctx, facts.fifo); err != nil {
			return err
		}
	}
	return nil
}

// seconds is an attribute that SQS counts in seconds.
func (f *queueFacts) seconds(attribute string) stack.Duration { return seconds(f.number(attribute)) }

// number is 0 for an attribute that is no number.
func (f *queueFacts) number(attribute string) int {
	n, _ := strconv.Atoi(f.attributes[attribute])
	return n
}
