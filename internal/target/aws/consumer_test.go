package aws

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// recordedMappings are answers of AWS about event source mappings.
type recordedMappings struct {
	Create         types.EventSourceMappingConfiguration `json:"create"`
	CreateForAlias types.EventSourceMappingConfiguration `json:"create_for_alias"`
	Update         types.EventSourceMappingConfiguration `json:"update"`
	GetAfterUpdate types.EventSourceMappingConfiguration `json:"get_after_update"`
	Errors         map[string]struct{ Code, Message string }
}

func readRecordedMappings(t *testing.T) recordedMappings {
	t.Helper()
	text, err := os.ReadFile("testdata/event_source_mappings.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded recordedMappings
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	return recorded
}

// fail is a recorded error as the SDK gives it.
func (r recordedMappings) fail(name string) error {
	return &smithy.GenericAPIError{Code: r.Errors[name].Code, Message: r.Errors[name].Message}
}

// A slowLambda has event source mappings as AWS has them: changes take a while, and
// meanwhile others are refused.
type slowLambda struct {
	lambdaAPI
	recorded recordedMappings
	mappings map[string]*types.EventSourceMappingConfiguration
	tags     map[string]map[string]string
	// busy is how many looks a change takes; left how many are left of those under way.
	busy int
	left map[string]int
	// unknown is how many looks it takes until a mapping that exists is known.
	unknown int
	// looks are how often somebody asked for a mapping.
	looks int
	// refusals are answered to the next creations and updates.
	refusals []error
	calls    []string
}

func newSlowLambda(t *testing.T, busy int) *slowLambda {
	return &slowLambda{
		recorded: readRecordedMappings(t), busy: busy, left: map[string]int{},
		mappings: map[string]*types.EventSourceMappingConfiguration{}, tags: map[string]map[string]string{},
	}
}

func (l *slowLambda) refusal() error {
	if len(l.refusals) == 0 {
		return nil
	}
	err := l.refusals[0]
	l.refusals = l.refusals[1:]
	return err
}

// put is a mapping made by somebody.
func (l *slowLambda) put(id, function, state string, tags map[string]string) {
	c := l.recorded.Create
	c.UUID, c.EventSourceMappingArn = aws.String(id), aws.String("arn:aws:lambda:us-east-1:123456789012:event-source-mapping:"+id)
	c.EventSourceArn, c.FunctionArn, c.State = aws.String("arn:aws:sqs:us-east-1:123456789012:orders"), aws.String(function), aws.String(state)
	c.MaximumBatchingWindowInSeconds = aws.Int32(0)
	l.mappings[id], l.tags[*c.EventSourceMappingArn] = &c, tags
	if strings.HasSuffix(state, "ing") {
		l.left[id] = l.busy
	}
}

// look moves time on for a mapping.
func (l *slowLambda) look(id string) {
	c, ok := l.mappings[id]
	if !ok || !strings.HasSuffix(*c.State, "ing") {
		return
	}
	if l.left[id]--; l.left[id] > 0 {
		return
	}
	if *c.State == "Deleting" {
		delete(l.mappings, id)
		return
	}
	c.State = aws.String("Enabled")
}

func (l *slowLambda) ListEventSourceMappings(_ context.Context, in *lambda.ListEventSourceMappingsInput, _ ...func(*lambda.Options)) (*lambda.ListEventSourceMappingsOutput, error) {
	l.calls = append(l.calls, "list")
	out := &lambda.ListEventSourceMappingsOutput{}
	for id, c := range l.mappings {
		out.EventSourceMappings = append(out.EventSourceMappings, *c)
		l.look(id)
	}
	return out, nil
}

func (l *slowLambda) GetEventSourceMapping(_ context.Context, in *lambda.GetEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.GetEventSourceMappingOutput, error) {
	l.looks++
	if l.unknown > 0 {
		l.unknown--
		return nil, l.recorded.fail("no_mapping")
	}
	l.look(*in.UUID)
	c, ok := l.mappings[*in.UUID]
	if !ok {
		return nil, l.recorded.fail("no_mapping")
	}
	return &lambda.GetEventSourceMappingOutput{UUID: c.UUID, State: c.State}, nil
}

func (l *slowLambda) CreateEventSourceMapping(_ context.Context, in *lambda.CreateEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.CreateEventSourceMappingOutput, error) {
	l.calls = append(l.calls, "create")
	if err := l.refusal(); err != nil {
		return nil, err
	}
	for _, c := range l.mappings {
		if *c.FunctionArn == *in.FunctionName {
			return nil, l.recorded.fail("duplicate")
		}
	}
	l.put("made", *in.FunctionName, *l.recorded.Create.State, in.Tags)
	c := l.mappings["made"]
	return &lambda.CreateEventSourceMappingOutput{UUID: c.UUID, EventSourceMappingArn: c.EventSourceMappingArn, FunctionArn: c.FunctionArn, State: c.State}, nil
}

func (l *slowLambda) UpdateEventSourceMapping(_ context.Context, in *lambda.UpdateEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.UpdateEventSourceMappingOutput, error) {
	l.calls = append(l.calls, "update")
	if err := l.refusal(); err != nil {
		return nil, err
	}
	c := l.mappings[*in.UUID]
	if strings.HasSuffix(*c.State, "ing") {
		return nil, &types.ResourceInUseException{Message: aws.String("Cannot update the event source mapping because it is in use.")}
	}
	if in.FunctionName != nil {
		c.FunctionArn = in.FunctionName
	}
	if in.BatchSize != nil {
		c.BatchSize = in.BatchSize
	}
	c.State, l.left[*in.UUID] = l.recorded.Update.State, l.busy
	return &lambda.UpdateEventSourceMappingOutput{UUID: c.UUID, FunctionArn: c.FunctionArn, State: c.State}, nil
}

func (l *slowLambda) DeleteEventSourceMapping(_ context.Context, in *lambda.DeleteEventSourceMappingInput, _ ...func(*lambda.Options)) (*lambda.DeleteEventSourceMappingOutput, error) {
	l.calls = append(l.calls, "delete "+*in.UUID)
	c, ok := l.mappings[*in.UUID]
	if !ok {
		return nil, l.recorded.fail("no_mapping")
	}
	if strings.HasSuffix(*c.State, "ing") {
		l.look(*in.UUID)
		return nil, &types.ResourceInUseException{Message: aws.String("Cannot delete the event source mapping because it is in use.")}
	}
	c.State, l.left[*in.UUID] = aws.String("Deleting"), l.busy
	return &lambda.DeleteEventSourceMappingOutput{}, nil
}

func (l *slowLambda) ListTags(_ context.Context, in *lambda.ListTagsInput, _ ...func(*lambda.Options)) (*lambda.ListTagsOutput, error) {
	return &lambda.ListTagsOutput{Tags: l.tags[*in.Resource]}, nil
}

func (l *slowLambda) TagResource(_ context.Context, in *lambda.TagResourceInput, _ ...func(*lambda.Options)) (*lambda.TagResourceOutput, error) {
	l.tags[*in.Resource] = changed(l.tags[*in.Resource], tagChange{set: in.Tags})
	return &lambda.TagResourceOutput{}, nil
}

// Aliases of functions that do and do not belong to the stack.
const (
	fulfilLive = "arn:aws:lambda:us-east-1:123456789012:function:orders-fulfil:live"
	auditLive  = "arn:aws:lambda:us-east-1:123456789012:function:orders-audit:live"
	otherLive  = "arn:aws:lambda:us-east-1:123456789012:function:other:live"
)

// slowConsumer is the consumer of a queue that exists, read from a Lambda.
func slowConsumer(t *testing.T, l *slowLambda) *consumer {
	t.Helper()
	i := scheduleInventory(simpleOrders())
	i.clients.lambda = l
	i.want(simpleOrders())
	if err := i.queue.consumer.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	return i.queue.consumer
}

// simpleOrders has a consumer of default settings.
func simpleOrders() stack.Stack {
	return edited(ordersStack(), func(q *stack.Queue) {
		c := stack.NewConsumer()
		c.Function = "fulfil"
		q.Consumer = &c
	})
}

func TestConsumerIsMadeOnceLambdaKnowsWhatItNeeds(t *testing.T) {
	l := newSlowLambda(t, 3)
	l.refusals = []error{
		l.recorded.fail("no_queue"), l.recorded.fail("no_function"),
		&types.InvalidParameterValueException{Message: aws.String("The function execution role does not have permissions to call ReceiveMessage on SQS")},
		&types.InvalidParameterValueException{Message: aws.String("Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds")},
		&types.InvalidParameterValueException{Message: aws.String("The role defined for the function cannot be assumed by Lambda.")},
		&types.InvalidParameterValueException{Message: aws.String("Error occurred while ReceiveMessage. SQS Error Code: AccessDenied. SQS Error Message: Access to the resource is denied.")},
		&types.ResourceNotFoundException{Message: aws.String("Cannot find alias arn: " + fulfilLive)},
	}
	l.unknown = 2
	c := slowConsumer(t, l)
	if err := c.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.have() == nil || c.have().state != "Enabled" || c.drift() != "" {
		t.Errorf("the mapping is %+v with the drift %q after %v", c.have(), c.drift(), l.calls)
	}
	again := slowConsumer(t, l)
	if err := again.apply(t.Context()); err != nil || l.calls[len(l.calls)-1] != "list" {
		t.Errorf("a second apply changed something: %v, error %v", l.calls, err)
	}
}

func TestConsumerWaitsForAnEarlierMappingOfTheSameFunctionToBeGone(t *testing.T) {
	l := newSlowLambda(t, 5)
	l.put("old", fulfilLive, "Deleting", nil)
	c := slowConsumer(t, l)
	if c.exists() {
		t.Fatal("a mapping that is being deleted exists")
	}
	if err := c.apply(t.Context()); err != nil || c.have() == nil || c.have().id != "made" {
		t.Errorf("the mapping is %+v after %v, error %v", c.have(), l.calls, err)
	}
}

func TestConsumerAdoptsTheMappingWhoseCreationWasNotAnswered(t *testing.T) {
	l := newSlowLambda(t, 2)
	c := slowConsumer(t, l)
	l.put("lost", fulfilLive, "Creating", map[string]string{tagStack: "orders"})
	if err := c.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(l.mappings) != 1 || c.have().id != "lost" || c.drift() != "" {
		t.Errorf("the mapping is %+v with the drift %q after %v", c.have(), c.drift(), l.calls)
	}
}

func TestConsumerIsChangedWhenLambdaIsDoneWithTheChangeBefore(t *testing.T) {
	l := newSlowLambda(t, 4)
	l.put("m", auditLive, "Updating", map[string]string{tagStack: "orders"})
	l.refusals = []error{&types.ResourceInUseException{Message: aws.String("Cannot update the event source mapping because it is in use.")}}
	c := slowConsumer(t, l)
	if err := c.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if have := c.have(); have.function != fulfilLive || have.state != "Enabled" || *l.mappings["m"].FunctionArn != fulfilLive {
		t.Errorf("the mapping is %+v after %v", have, l.calls)
	}
	if err := c.remove(t.Context()); err != nil || len(l.mappings) > 0 || c.exists() {
		t.Errorf("the mapping was not removed: %v, error %v", l.calls, err)
	}
}

func TestMappingThatIsDeletedWhileItChangesIsNotWaitedFor(t *testing.T) {
	l := newSlowLambda(t, 4)
	l.put("m", fulfilLive, "Updating", map[string]string{tagStack: "orders"})
	c := slowConsumer(t, l)
	delete(l.mappings, "m")
	if err := c.apply(t.Context()); !missing(err) || c.exists() || l.looks != 1 {
		t.Errorf("the mapping is %+v after %d looks, error %v", c.have(), l.looks, err)
	}
}

func TestQueueIsConsumedByItsOwnFunctionAlone(t *testing.T) {
	l := newSlowLambda(t, 1)
	l.put("b", fulfilLive, "Enabled", map[string]string{tagStack: "orders"})
	l.put("c", otherLive, "Enabled", nil)
	l.put("a", auditLive, "Enabled", map[string]string{tagStack: "orders"})
	c := slowConsumer(t, l)
	for _, want := range []string{"the queue is also consumed by " + fulfilLive, "the queue is also consumed by " + otherLive} {
		if !strings.Contains(c.drift(), want) {
			t.Errorf("the drift %q does not say: %s", c.drift(), want)
		}
	}
	if err := c.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(l.mappings) != 1 || *l.mappings["a"].FunctionArn != fulfilLive {
		t.Errorf("after %v there are %d mappings", l.calls, len(l.mappings))
	}
	// A stack without a consumer leaves its queue to others.
	l.put("c", otherLive, "Enabled", nil)
	c = slowConsumer(t, l)
	c.wish = nil
	if err := c.remove(t.Context()); err != nil || len(l.mappings) != 1 || l.mappings["c"] == nil {
		t.Errorf("after %v there are %d mappings, error %v", l.calls, len(l.mappings), err)
	}
}

func TestMappingOfTheAliasIsTheStacksBeforeOneOfAVersion(t *testing.T) {
	l := newSlowLambda(t, 1)
	l.put("a", strings.Replace(fulfilLive, "live", "1", 1), "Enabled", nil)
	l.put("b", fulfilLive, "Enabled", nil)
	if c := slowConsumer(t, l); c.have().id != "b" || len(c.surplus()) != 1 {
		t.Errorf("the stack's mapping is %+v", c.have())
	}
}

func TestConsumerThatCannotBeMadeSaysWhatToDo(t *testing.T) {
	for message, want := range map[string]string{
		"The provided execution role does not have permissions to call ReceiveMessage on SQS": "allow it sqs:ReceiveMessage",
		"Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds":      "raise visibility_timeout",
	} {
		l := newSlowLambda(t, 1)
		l.refusals = slices.Repeat([]error{&types.InvalidParameterValueException{Message: aws.String(message)}}, 1000)
		c := slowConsumer(t, l)
		c.i.pace.propagation = 20 * time.Millisecond
		err := c.apply(t.Context())
		var refused *types.InvalidParameterValueException
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"orders-fulfil"`) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

func TestMappingsAreReadAsLambdaDescribesThem(t *testing.T) {
	recorded := readRecordedMappings(t)
	for _, c := range []struct {
		is               types.EventSourceMappingConfiguration
		settled, enabled bool
		window           int
	}{
		{recorded.Create, false, true, 1},
		{recorded.CreateForAlias, false, true, 0},
		{recorded.Update, false, true, 1},
		{recorded.GetAfterUpdate, true, true, 1},
	} {
		m := mappingOf(c.is)
		if m.settled() != c.settled || m.enabled() != c.enabled || m.batchWindow != seconds(c.window) || m.batchSize != 10 || m.function != *c.is.FunctionArn {
			t.Errorf("%s: read as %+v", *c.is.State, m)
		}
	}
	for state, enabled := range map[string]bool{"Creating": true, "Enabling": true, "Enabled": true, "Disabling": false, "Disabled": false} {
		if m := (&mapping{state: state}); m.enabled() != enabled {
			t.Errorf("a mapping that is %s is said to be enabled: %v", state, m.enabled())
		}
	}
}

func TestUpdatesOfMappingsSayWhatBecomesEmpty(t *testing.T) {
	full := &mapping{
		id: "m", function: auditLive, batchSize: 100, batchWindow: seconds(5), partialFailures: true, maxConcurrency: 3,
		filters: []string{"{}"}, state: "Enabled", kmsKey: "k", metrics: []types.EventSourceMappingMetric{"EventCount"}, provisionedPoller: true,
	}
	plain := &mapping{id: "m", function: fulfilLive, batchSize: 1, state: "Disabled"}
	input, changes := full.update(plain)
	want := &lambda.UpdateEventSourceMappingInput{
		UUID: aws.String("m"), FunctionName: aws.String(fulfilLive), BatchSize: aws.Int32(1), MaximumBatchingWindowInSeconds: aws.Int32(0),
		FunctionResponseTypes: []types.FunctionResponseType{}, ScalingConfig: &types.ScalingConfig{}, Enabled: aws.Bool(false),
		FilterCriteria: &types.FilterCriteria{}, KMSKeyArn: aws.String(""),
		MetricsConfig:           &types.EventSourceMappingMetricsConfig{Metrics: []types.EventSourceMappingMetric{}},
		ProvisionedPollerConfig: &types.ProvisionedPollerConfig{},
	}
	unexported := cmp.FilterPath(func(p cmp.Path) bool { return strings.HasPrefix(p.Last().String(), ".noSmithy") }, cmp.Ignore())
	if diff := cmp.Diff(want, input, unexported); diff != "" || !changes {
		t.Errorf("what is sent differs (-want +got):\n%s", diff)
	}
	if _, changes := plain.update(plain); changes {
		t.Error("a mapping that is as it should be is changed")
	}
	batch, _ := (&mapping{batchSize: 10, batchWindow: seconds(5), state: "Enabled"}).update(&mapping{batchSize: 100, batchWindow: seconds(5), state: "Enabled"})
	if batch.MaximumBatchingWindowInSeconds == nil {
		t.Error("a larger batch is sent without the window that it needs")
	}
}

func TestConsumerDriftSaysWhatNoAttributeShows(t *testing.T) {
	for want, change := range map[string]func(*mapping){
		"": func(*mapping) {},
		"invokes arn:aws:lambda:us-east-1:123456789012:function:orders-fulfil:3 instead of the alias live": func(m *mapping) {
			m.function = strings.Replace(m.function, "live", "3", 1)
		},
		"encrypts its filters with the key k": func(m *mapping) { m.kmsKey = "k" },
		"sends metrics of its own; has provisioned pollers": func(m *mapping) {
			m.metrics, m.provisionedPoller = []types.EventSourceMappingMetric{"EventCount"}, true
		},
		"its tag team differs": func(m *mapping) { m.tags = changed(m.tags, tagChange{set: map[string]string{"team": "x"}}) },
	} {
		c := slowConsumer(t, newSlowLambda(t, 1))
		have := *c.wish
		change(&have)
		c.found = []*mapping{&have}
		if got := c.drift(); got != want {
			t.Errorf("the drift is %q, want %q", got, want)
		}
	}
}
