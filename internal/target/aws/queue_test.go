package aws

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestQueueAttributesAreComparedByWhatTheyMean(t *testing.T) {
	for _, c := range []struct{ a, b map[string]string }{
		{
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:x","maxReceiveCount":5}`},
			map[string]string{"RedrivePolicy": `{ "maxReceiveCount": "5", "deadLetterTargetArn": "arn:x" }`},
		},
		{
			map[string]string{"RedriveAllowPolicy": `{"redrivePermission":"byQueue","sourceQueueArns":["a","b"]}`},
			map[string]string{"RedriveAllowPolicy": `{"sourceQueueArns":["b","a"],"redrivePermission":"byQueue"}`},
		},
		{map[string]string{}, map[string]string{"Policy": "", "KmsDataKeyReusePeriodSeconds": "300", "QueueArn": "arn:x", "ApproximateNumberOfMessages": "7"}},
	} {
		if diff := cmp.Diff(comparableAttributes(c.a), comparableAttributes(c.b)); diff != "" {
			t.Errorf("%v and %v differ:\n%s", c.a, c.b, diff)
		}
	}
	odd := comparableAttributes(map[string]string{"RedrivePolicy": "none"})
	if odd["RedrivePolicy"] != "none" {
		t.Errorf("a redrive policy that is none is read as %v", odd)
	}
}

// ordersInventory has the parts of a queue as a stack wants them, which nobody was asked
// for.
func ordersInventory(s stack.Stack, api sqsAPI) *inventory {
	i := scheduleInventory(s)
	i.clients.sqs = api
	i.want(s)
	return i
}

func TestQueueDriftSaysWhatNoAttributeShows(t *testing.T) {
	fifo := edited(ordersStack(), func(q *stack.Queue) { q.FIFO = true })
	bare := edited(ordersStack(), func(q *stack.Queue) { q.DeadLetter = nil })
	for _, c := range []struct {
		name  string
		stack stack.Stack
		set   map[string]string
		want  string
	}{
		{"nothing", ordersStack(), nil, ""},
		{"a policy", ordersStack(), map[string]string{"Policy": "{}"}, "its access policy differs"},
		{"a key", ordersStack(), map[string]string{"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "false"}, "its KMS key, its encryption by SQS differ"},
		{"waiting", ordersStack(), map[string]string{"ReceiveMessageWaitTimeSeconds": "20"}, "its receive wait time differs"},
		{"no redrive", ordersStack(), map[string]string{"RedrivePolicy": ""}, "does not move messages that were received too often to the dead letters"},
		{
			"another's redrive", ordersStack(),
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:other","maxReceiveCount":5}`},
			"moves messages that were received too often to arn:aws:sqs:us-east-1:123456789012:other",
		},
		{
			"an unwanted redrive", bare,
			map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:other","maxReceiveCount":5}`},
			"moves messages that were received too often to arn:aws:sqs:us-east-1:123456789012:other",
		},
		{
			"high throughput", fifo,
			map[string]string{"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"},
			"its deduplication scope, its throughput limit differ",
		},
	} {
		i := ordersInventory(c.stack, nil)
		q := i.queue.queue
		attributes := changed(q.wish.attributes, tagChange{set: c.set})
		q.found = map[bool]*queueFacts{q.wish.fifo: {fifo: q.wish.fifo, attributes: comparableAttributes(attributes), tags: q.wish.tags}}
		// As a plan does: what is shown is what is wanted, but for what no attribute shows.
		d := i.describe(c.stack)
		want := c.want
		if want == "" {
			want = stack.Ready
		}
		if got := d.Components["queue"]; got != want {
			t.Errorf("%s: the queue is %q, want %q", c.name, got, want)
		}
		if diff := cmp.Diff(c.stack.Trigger.Queue, d.Stack.Trigger.Queue); diff != "" {
			t.Errorf("%s: an attribute shows it:\n%s", c.name, diff)
		}
	}
}

func TestDeadLettersAreAsLargeAsTheirPartitionAllows(t *testing.T) {
	large := edited(ordersStack(), func(q *stack.Queue) { q.MaxMessageSize = 1048576 })
	for _, c := range []struct {
		stack           stack.Stack
		partition, want string
	}{
		{ordersStack(), "aws", "1048576"}, {ordersStack(), "aws-us-gov", "1048576"}, {ordersStack(), "aws-cn", "262144"}, {large, "aws-cn", "1048576"},
	} {
		i := scheduleInventory(c.stack)
		i.partition = c.partition
		i.want(c.stack)
		if got := i.queue.deadLetters.wish.attributes["MaximumMessageSize"]; got != c.want {
			t.Errorf("in %s it is %s, want %s", c.partition, got, c.want)
		}
	}
}

func TestComponentsOfAQueueCanBeNamedWithoutAnAccount(t *testing.T) {
	names := map[string]bool{}
	for _, name := range (&Target{}).Components(ordersStack()) {
		names[name] = true
	}
	for _, want := range []string{"queue", "dead_letters", "consumer"} {
		if !names[want] {
			t.Errorf("%s is not among the components", want)
		}
	}
}

func TestBothKindsOfQueueAreLookedForUnlessOneIsKnown(t *testing.T) {
	fifo := edited(ordersStack(), func(q *stack.Queue) { q.FIFO = true })
	for _, c := range []struct {
		hints []stack.Stack
		want  []bool
	}{
		{[]stack.Stack{{Name: "orders"}}, []bool{false, true}},
		{[]stack.Stack{ordersStack()}, []bool{false}},
		{[]stack.Stack{fifo}, []bool{true}},
		{[]stack.Stack{fifo, ordersStack()}, []bool{false, true}},
	} {
		if diff := cmp.Diff(c.want, newInventory(&session{}, shapeOf(c.hints...)).queueKinds()); diff != "" {
			t.Errorf("which kinds are looked for differs (-want +got):\n%s", diff)
		}
	}
}

// A forgetfulSQS does what no emulator does: it refuses a name for a while, and loses
// answers.
type forgetfulSQS struct {
	sqsAPI
	refusals []error
	created  *sqs.CreateQueueInput
	// tags of the queue that exists; nil if none does.
	tags map[string]string
}

func (f *forgetfulSQS) CreateQueue(_ context.Context, in *sqs.CreateQueueInput, _ ...func(*sqs.Options)) (*sqs.CreateQueueOutput, error) {
	if len(f.refusals) > 0 {
		err := f.refusals[0]
		f.refusals = f.refusals[1:]
		return nil, err
	}
	f.created = in
	return &sqs.CreateQueueOutput{}, nil
}

func (f *forgetfulSQS) GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	if f.tags == nil {
		return nil, &types.QueueDoesNotExist{}
	}
	return &sqs.GetQueueAttributesOutput{Attributes: map[string]string{"VisibilityTimeout": "1"}}, nil
}

func (f *forgetfulSQS) ListQueueTags(context.Context, *sqs.ListQueueTagsInput, ...func(*sqs.Options)) (*sqs.ListQueueTagsOutput, error) {
	if f.tags == nil {
		return nil, &types.QueueDoesNotExist{}
	}
	return &sqs.ListQueueTagsOutput{Tags: f.tags}, nil
}

func (f *forgetfulSQS) SetQueueAttributes(context.Context, *sqs.SetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.SetQueueAttributesOutput, error) {
	if len(f.refusals) > 0 {
		err := f.refusals[0]
		f.refusals = f.refusals[1:]
		return nil, err
	}
	return &sqs.SetQueueAttributesOutput{}, nil
}

func (f *forgetfulSQS) TagQueue(context.Context, *sqs.TagQueueInput, ...func(*sqs.Options)) (*sqs.TagQueueOutput, error) {
	return &sqs.TagQueueOutput{}, nil
}

func TestQueueIsMadeOnceItsNameIsFree(t *testing.T) {
	fake := &forgetfulSQS{refusals: []error{
		&types.QueueDeletedRecently{}, &types.QueueDeletedRecently{ErrorCodeOverride: aws.String("AWS.SimpleQueueService.QueueDeletedRecently")},
		&smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "Value {...} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."},
	}}
	q := ordersInventory(edited(ordersStack(), func(q *stack.Queue) { q.FIFO = true }), fake).queue.queue
	if err := q.apply(t.Context()); err != nil || fake.created == nil {
		t.Fatalf("the queue was not made: %v", err)
	}
	if got := fake.created; *got.QueueName != "orders.fifo" || got.Attributes["FifoQueue"] != "true" || got.Tags[tagStack] != "orders" {
		t.Errorf("the queue was made as %+v", got)
	}
	if q.drift() != "" {
		t.Errorf("the new queue differs: %s", q.drift())
	}
}

func TestQueueGetsDeadLettersOnceTheirQueueIsKnown(t *testing.T) {
	const reason = "Value {...} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
	fake := &forgetfulSQS{refusals: []error{
		&smithy.GenericAPIError{Code: "InvalidParameterValue", Message: reason}, &types.InvalidAttributeValue{Message: aws.String(reason)},
	}}
	q := ordersInventory(ordersStack(), fake).queue.queue
	attributes := maps.Clone(q.wish.attributes)
	delete(attributes, redrivePolicy)
	q.found = map[bool]*queueFacts{false: {attributes: attributes, tags: q.wish.tags}}
	if err := q.apply(t.Context()); err != nil || len(fake.refusals) > 0 || q.drift() != "" {
		t.Errorf("the queue was not given its dead letters: %q, error %v", q.drift(), err)
	}
	wrong := &smithy.GenericAPIError{Code: "InvalidParameterValue", Message: "Value {...} for parameter RedrivePolicy is invalid."}
	fake.refusals = []error{wrong}
	q.found[false].attributes = attributes
	if err := q.apply(t.Context()); !errors.Is(err, wrong) {
		t.Errorf("what never passes was tried again: %v", err)
	}
}

func TestQueueThatExistsAfterAllIsAdoptedOnlyIfItIsTheStacks(t *testing.T) {
	for _, code := range []error{&types.QueueNameExists{}, &types.QueueNameExists{ErrorCodeOverride: aws.String("QueueAlreadyExists")}} {
		fake := &forgetfulSQS{refusals: []error{code}, tags: map[string]string{tagStack: "orders"}}
		q := ordersInventory(ordersStack(), fake).queue.queue
		if err := q.apply(t.Context()); err != nil || q.drift() != "" {
			t.Errorf("the queue was not adopted: %q, error %v", q.drift(), err)
		}
		fake = &forgetfulSQS{refusals: []error{code}, tags: map[string]string{tagStack: "other"}}
		err := ordersInventory(ordersStack(), fake).queue.queue.apply(t.Context())
		var foreign *foreignError
		if !errors.As(err, &foreign) {
			t.Errorf("somebody else's queue was taken: %v", err)
		}
	}
}
