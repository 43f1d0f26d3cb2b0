package aws

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"golang.org/x/sync/errgroup"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A consumer is the event source mapping that has Lambda poll the stack's queue for a
// function of the stack.
//
// The queue is the stack's, and so is who consumes it: a stack with a consumer has one
// mapping on its queue. Any other, whoever made it and whatever it invokes, would take
// messages away from the stack's function, so it is drift and is removed. The queue of a
// stack without a consumer is left to whoever consumes it.
type consumer struct {
	i *inventory
	// found are the mappings on the stack's queue, except those being deleted. They outlive
	// the queue, so they are looked for by its name.
	found []*mapping
	wish  *mapping
}

func (c *consumer) name() string    { return stack.ComponentConsumer }
func (c *consumer) subject() string { return fmt.Sprintf("event source mapping of queue %q", c.i.name) }
func (c *consumer) exists() bool    { return c.have() != nil }
func (c *consumer) foreign() bool   { return false }
func (c *consumer) wanted() bool    { return c.wish != nil }

// own tells whether a mapping is the stack's: it invokes a function of the stack's or
// has its tag.
func (c *consumer) own(m *mapping) bool {
	_, known := c.i.functions[c.functionOf(m)]
	return known || ours(m.tags, c.i.name)
}

// functionOf is the name within the stack of the function that a mapping invokes;
// empty if it is none of the stack's.
func (c *consumer) functionOf(m *mapping) string {
	function, _ := c.i.ownFunction(m.function)
	return function
}

// ownFunction takes the ARN of a function of the stack's apart: into its name within the
// stack and its qualifier. The name is empty if it is another function's.
func (i *inventory) ownFunction(arn string) (function, qualifier string) {
	parsed, err := stack.ParseARN(arn)
	if err != nil || parsed.Region != i.region || parsed.Account != i.account {
		return "", ""
	}
	fullName, qualifier, _ := parsed.Function()
	function, ok := strings.CutPrefix(fullName, stack.FullName(i.name, ""))
	if !ok {
		return "", ""
	}
	return function, qualifier
}

// have is the stack's mapping. Of several, it is the one that is bound as it should be,
// and then the one with the least id, which says nothing but is always the same.
func (c *consumer) have() *mapping {
	var best *mapping
	for _, m := range c.found {
		if c.own(m) && (c.wish == nil || m.queue == c.wish.queue) && (best == nil || c.isLive(m) && !c.isLive(best)) {
			best = m
		}
	}
	return best
}

func (c *consumer) isLive(m *mapping) bool {
	_, qualifier := c.i.ownFunction(m.function)
	return qualifier == stack.AliasLive
}

// surplus are the mappings beside the stack's one.
func (c *consumer) surplus() []*mapping {
	have := c.have()
	return slices.DeleteFunc(slices.Clone(c.found), func(m *mapping) bool { return m == have })
}

func (c *consumer) read(ctx context.Context) error {
	found, err := c.list(ctx)
	c.found = found
	return about(c, "read", err)
}

// list returns the mappings on the stack's queue, in the order of their ids.
func (c *consumer) list(ctx context.Context) ([]*mapping, error) {
	var found []*mapping
	for _, fifo := range c.i.queueKinds() {
		pages := lambda.NewListEventSourceMappingsPaginator(c.i.lambda, &lambda.ListEventSourceMappingsInput{
			EventSourceArn: aws.String(c.i.queue.queue.arn(fifo)),
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, configuration := range page.EventSourceMappings {
				if m := mappingOf(configuration); m.state != "Deleting" {
					found = append(found, m)
				}
			}
		}
	}
	group, tagging := errgroup.WithContext(ctx)
	for _, m := range found {
		group.Go(func() error {
			out, err := c.i.lambda.ListTags(tagging, &lambda.ListTagsInput{Resource: aws.String(m.arn)})
			if err == nil {
				m.tags = changed(out.Tags, tagChange{})
			}
			if missing(err) {
				return nil // Deleted just now.
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found = slices.DeleteFunc(found, func(m *mapping) bool { return m.tags == nil })
	slices.SortFunc(found, func(a, b *mapping) int { return strings.Compare(a.id, b.id) })
	return found, nil
}

func (c *consumer) show(d *stack.Deployment) {
	editQueue(d, func(t *stack.Queue) {
		shown := stack.NewConsumer()
		if t.Consumer != nil {
			shown = *t.Consumer
		}
		m := c.have()
		if function := c.functionOf(m); function != "" {
			shown.Function = function
		}
		shown.BatchSize, shown.BatchWindow = m.batchSize, m.batchWindow
		shown.PartialFailures, shown.MaxConcurrency = m.partialFailures, m.maxConcurrency
		shown.Filters = slices.Clone(m.filters)
		if m.state != "Updating" { // Then it says nothing of what it was before.
			shown.Enabled = m.enabled()
		}
		t.Consumer = &shown
	})
}

func (c *consumer) want(s stack.Stack) {
	c.wish = nil
	if s.Trigger.Queue == nil || s.Trigger.Queue.Consumer == nil {
		return
	}
	w := s.Trigger.Queue.Consumer
	c.wish = &mapping{
		queue:     c.i.queue.queue.arn(s.Trigger.Queue.FIFO),
		function:  c.i.functionARN(stack.FullName(c.i.name, w.Function), stack.AliasLive),
		batchSize: w.BatchSize, batchWindow: w.BatchWindow,
		partialFailures: w.PartialFailures, maxConcurrency: w.MaxConcurrency, filters: w.Filters,
		state: stateOf(w.Enabled),
		tags:  c.i.tags(c.i.name, s.Tags, map[string]string{tagFunction: w.Function}),
	}
}

func (c *consumer) drift() string {
	have := c.have()
	var r remarks
	r.addIf(have.function != c.wish.function, "invokes %s instead of the alias %s", have.function, stack.AliasLive)
	r = append(r, have.extras()...)
	for _, m := range c.surplus() {
		r.add("the queue is also consumed by " + m.function)
	}
	r.add(changeTags(have.tags, c.wish.tags).String())
	return r.String()
}

func (c *consumer) apply(ctx context.Context) error {
	// The others first: one of them may invoke the function that is wanted, of which
	// there can be only one.
	for _, m := range c.surplus() {
		if err := c.delete(ctx, m); err != nil {
			return err
		}
	}
	if c.have() == nil {
		if err := c.create(ctx); err != nil {
			return err
		}
	}
	have := c.have()
	if err := c.settle(ctx, have); err != nil {
		return err
	}
	if err := c.update(ctx, have); err != nil {
		return err
	}
	return c.tag(ctx, have)
}

func (c *consumer) remove(ctx context.Context) error {
	for _, m := range slices.Clone(c.found) {
		if !c.own(m) {
			continue
		}
		if err := c.delete(ctx, m); err != nil {
			return err
		}
	}
	return nil
}
