package aws

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestWhatAHandDoesToQueuesIsSeenAndRepaired(t *testing.T) {
	m := startMoto(t)
	for _, function := range []string{"orders-fulfil", "orders-audit", "elsewhere"} {
		m.makeFunction(t, function)
	}
	s := ordersStack()
	m.applyQueue(t, m.observeQueue(t, s), s)
	url := aws.String(m.session.url("sqs") + "/123456789012/orders")
	deadURL := aws.String(*url + "-dead-letters")
	// set changes attributes of a queue as a hand would.
	set := func(url *string, attributes map[string]string) func() error {
		return func() error {
			_, err := m.sqs.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url, Attributes: attributes})
			return err
		}
	}
	mapping := func() string {
		list, err := m.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
		if err != nil || len(list.EventSourceMappings) != 1 {
			t.Fatalf("there are %d mappings, error %v", len(list.EventSourceMappings), err)
		}
		return *list.EventSourceMappings[0].UUID
	}
	update := func(edit func(*lambda.UpdateEventSourceMappingInput)) func() error {
		return func() error {
			input := &lambda.UpdateEventSourceMappingInput{UUID: aws.String(mapping())}
			edit(input)
			_, err := m.lambda.UpdateEventSourceMapping(t.Context(), input)
			return err
		}
	}
	consume := func(function string) func() error {
		return func() error {
			_, err := m.lambda.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
				EventSourceArn: aws.String("arn:aws:sqs:us-east-1:123456789012:orders"), FunctionName: aws.String(function),
			})
			return err
		}
	}
	live := motoDeviates[stack.ComponentConsumer][0]
	for _, c := range []struct {
		name   string
		change func() error
		shows  func(*stack.Queue)
		states map[string]string
	}{
		{"visibility", set(url, map[string]string{"VisibilityTimeout": "7"}), func(q *stack.Queue) { q.VisibilityTimeout = seconds(7) }, nil},
		{"retention", set(url, map[string]string{"MessageRetentionPeriod": "77"}), func(q *stack.Queue) { q.Retention = seconds(77) }, nil},
		{"delay", set(url, map[string]string{"DelaySeconds": "0"}), func(q *stack.Queue) { q.Delay = 0 }, nil},
		{"size", set(url, map[string]string{"MaximumMessageSize": "1024"}), func(q *stack.Queue) { q.MaxMessageSize = 1024 }, nil},
		{
			"receives", set(url, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:orders-dead-letters","maxReceiveCount":"9"}`}),
			func(q *stack.Queue) { q.DeadLetter.MaxReceives = 9 }, nil,
		},
		{"dead letters' retention", set(deadURL, map[string]string{"MessageRetentionPeriod": "78"}), func(q *stack.Queue) { q.DeadLetter.Retention = seconds(78) }, nil},
		{
			"no redrive", set(url, map[string]string{"RedrivePolicy": ""}), nil,
			map[string]string{"queue": "does not move messages that were received too often to the dead letters"},
		},
		{"waiting", set(url, map[string]string{"ReceiveMessageWaitTimeSeconds": "20"}), nil, map[string]string{"queue": "its receive wait time differs"}},
		{"policy", set(url, map[string]string{"Policy": everybodySends}), nil, map[string]string{"queue": "its access policy differs"}},
		{
			"dead letters' delay", set(deadURL, map[string]string{"DelaySeconds": "3"}), nil,
			map[string]string{"dead_letters": "its delay, its redrive allow policy differ"},
		},
		{"tag", func() error {
			_, err := m.sqs.TagQueue(t.Context(), &sqs.TagQueueInput{QueueUrl: url, Tags: map[string]string{"team": "ops", "more": "x"}})
			return err
		}, nil, map[string]string{"queue": "its tags more, team differ"}},
		{"dead letters deleted", func() error {
			_, err := m.sqs.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: deadURL})
			return err
		}, nil, map[string]string{"dead_letters": "missing"}},
		{"disabled", update(func(in *lambda.UpdateEventSourceMappingInput) { in.Enabled = aws.Bool(false) }), func(q *stack.Queue) { q.Consumer.Enabled = false }, nil},
		{"batch", update(func(in *lambda.UpdateEventSourceMappingInput) { in.BatchSize = aws.Int32(3) }), func(q *stack.Queue) { q.Consumer.BatchSize = 3 }, nil},
		{
			"window", update(func(in *lambda.UpdateEventSourceMappingInput) { in.MaximumBatchingWindowInSeconds = aws.Int32(9) }),
			func(q *stack.Queue) { q.Consumer.BatchWindow = seconds(9) }, nil,
		},
		{
			"failures", update(func(in *lambda.UpdateEventSourceMappingInput) {
				in.FunctionResponseTypes = []lambdatypes.FunctionResponseType{}
			}),
			func(q *stack.Queue) { q.Consumer.PartialFailures = false }, nil,
		},
		{
			"concurrency", update(func(in *lambda.UpdateEventSourceMappingInput) { in.ScalingConfig = &lambdatypes.ScalingConfig{} }),
			func(q *stack.Queue) { q.Consumer.MaxConcurrency = 0 }, nil,
		},
		{"filters", update(func(in *lambda.UpdateEventSourceMappingInput) {
			in.FilterCriteria = &lambdatypes.FilterCriteria{Filters: []lambdatypes.Filter{}}
		}), func(q *stack.Queue) { q.Consumer.Filters = nil }, nil},
		{
			"another function of the stack", update(func(in *lambda.UpdateEventSourceMappingInput) { in.FunctionName = aws.String("orders-audit:live") }),
			func(q *stack.Queue) { q.Consumer.Function = "audit" },
			map[string]string{"consumer": motoDeviates[stack.ComponentConsumer][1] + "; its tag tidegate:function differs"},
		},
		{
			"the unpublished function", update(func(in *lambda.UpdateEventSourceMappingInput) { in.FunctionName = aws.String("orders-fulfil") }), nil,
			map[string]string{"consumer": "invokes arn:aws:lambda:us-east-1:123456789012:function:orders-fulfil instead of the alias live"},
		},
		{
			"a consumer elsewhere", consume("elsewhere"), nil,
			map[string]string{"consumer": live + "; the queue is also consumed by arn:aws:lambda:us-east-1:123456789012:function:elsewhere"},
		},
		{"mapping deleted", func() error {
			_, err := m.lambda.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: aws.String(mapping())})
			return err
		}, nil, map[string]string{"consumer": "missing"}},
		{"queue deleted", func() error {
			_, err := m.sqs.DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: url})
			return err
		}, nil, map[string]string{"queue": "missing"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.change(); err != nil {
				t.Fatal(err)
			}
			shown := s
			if c.shows != nil {
				shown = edited(s, c.shows)
			}
			i := m.observeQueue(t, s)
			expectQueue(t, i, s, shown, c.states)
			m.applyQueue(t, i, s)
			expectQueue(t, i, s, s, nil)
			expectQueue(t, m.observeQueue(t, s), s, s, nil)
		})
	}
}

func TestDeadLettersLeftByAnUpdateThatWasCutOffAreRemoved(t *testing.T) {
	m := startMoto(t)
	m.makeFunction(t, "orders-fulfil")
	s := ordersStack()
	bare := edited(s, func(q *stack.Queue) { q.DeadLetter = nil })
	m.applyQueue(t, m.observeQueue(t, s), bare)
	// Cut off after the first step of an update to s.
	i := m.observeQueue(t, s)
	i.want(s)
	if err := i.queue.deadLetters.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	i = m.observeQueue(t, bare)
	expectQueue(t, i, bare, bare, map[string]string{"dead_letters": "left over"})
	m.applyQueue(t, i, bare)
	expectQueue(t, m.observeQueue(t, bare), bare, bare, nil)
}

func TestQueueOfTheOtherKindLeftByACreateThatWasCutOffIsRemoved(t *testing.T) {
	m := startMoto(t)
	m.makeFunction(t, "orders-fulfil")
	standard := ordersStack()
	fifo := edited(standard, func(q *stack.Queue) { q.FIFO, q.Consumer.BatchSize, q.Consumer.BatchWindow = true, 10, 0 })
	m.applyQueue(t, m.observeQueue(t, standard), standard)
	unknown := stack.Stack{Name: "orders", Functions: standard.Functions, Tags: standard.Tags}
	i := m.observeQueue(t, unknown)
	m.applyQueue(t, i, fifo)
	expectQueue(t, i, fifo, fifo, nil)
	i = m.observeQueue(t, unknown)
	expectQueue(t, i, fifo, fifo, nil)
	removeQueue(t, i, func(component) bool { return true })
	m.expectNoQueues(t)
}

func TestQueueOfSomebodyElseIsLeftAlone(t *testing.T) {
	m := startMoto(t)
	if _, err := m.sqs.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("orders")}); err != nil {
		t.Fatal(err)
	}
	i := m.observeQueue(t, ordersStack())
	removeQueue(t, i, func(component) bool { return true })
	i.want(ordersStack())
	if err := i.taken(); err == nil {
		t.Error("the name is not said to be taken")
	}
	if m.observeQueue(t, ordersStack()).queue.queue.found[false] == nil {
		t.Error("the queue is gone")
	}
}

// everybodySends is an access policy.
const everybodySends = `{"Version": "2012-10-17", "Statement": [{"Sid": "all", "Effect": "Allow", "Principal": {"AWS": ["*"]}, "Action": ["SQS:SendMessage"], ` +
	`"Resource": "arn:aws:sqs:us-east-1:123456789012:orders"}]}`
