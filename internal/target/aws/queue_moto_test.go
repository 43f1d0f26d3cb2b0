package aws

import (
	"archive/zip"
	"bytes"
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// What moto does not tell of queues and their consumers as AWS does: it forgets a queue's
// redrive allow policy, and says of a mapping to an alias that it is to the version which
// the alias points at.
var motoDeviates = map[string][]string{
	stack.ComponentDeadLetters: {"its redrive allow policy differs"},
	stack.ComponentConsumer: {
		"invokes arn:aws:lambda:us-east-1:123456789012:function:orders-fulfil:1 instead of the alias live",
		"invokes arn:aws:lambda:us-east-1:123456789012:function:orders-audit:1 instead of the alias live",
	},
}

// onEmulators runs a test on each emulator.
func onEmulators(t *testing.T, test func(t *testing.T, m *emulatorAccount)) {
	for _, kind := range []harness.EmulatorKind{harness.Moto, harness.Ministack} {
		t.Run(string(kind), func(t *testing.T) { test(t, startEmulator(t, kind)) })
	}
}

// ordersStack has a queue with everything.
func ordersStack() stack.Stack {
	q, dead, consumer := stack.NewQueue(), stack.NewDeadLetter(), stack.NewConsumer()
	q.VisibilityTimeout, q.Retention, q.Delay, q.MaxMessageSize = seconds(180), seconds(3600), seconds(5), 2048
	dead.MaxReceives, dead.Retention = 5, seconds(7200)
	consumer.Function, consumer.BatchSize, consumer.BatchWindow = "fulfil", 20, seconds(2)
	consumer.PartialFailures, consumer.MaxConcurrency, consumer.Filters = true, 7, []string{`{"body": {"kind": ["order"]}}`}
	q.DeadLetter, q.Consumer = &dead, &consumer
	return stack.Stack{
		Name: "orders", Trigger: stack.Trigger{Queue: &q}, Tags: map[string]string{"team": "shop"},
		Functions: map[string]stack.Function{"fulfil": stack.NewFunction(), "audit": stack.NewFunction()},
	}
}

// edited is a stack with another queue.
func edited(s stack.Stack, edit func(*stack.Queue)) stack.Stack {
	q := *s.Trigger.Queue
	if q.DeadLetter != nil {
		dead := *q.DeadLetter
		q.DeadLetter = &dead
	}
	if q.Consumer != nil {
		consumer := *q.Consumer
		q.Consumer = &consumer
	}
	edit(&q)
	s.Trigger.Queue = &q
	return s
}

// parts of a queue, in the order in which they are made.
func (p *queueParts) all() []component { return []component{p.deadLetters, p.queue, p.consumer} }

// observeQueue reads the parts of the stack's queue.
func (m *emulatorAccount) observeQueue(t *testing.T, hint stack.Stack) *inventory {
	t.Helper()
	sh := shapeOf(hint)
	sh.kind = stack.KindQueue // As the marker says.
	i := newInventory(m.session, sh)
	for _, c := range []component{i.queue.deadLetters, i.queue.queue, i.queue.consumer} {
		if err := c.read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

// applyQueue makes the parts of the queue what the stack says, as deploy does.
func (m *emulatorAccount) applyQueue(t *testing.T, i *inventory, s stack.Stack) {
	t.Helper()
	i.want(s)
	for _, c := range i.queue.all() {
		if c.wanted() {
			if err := c.apply(t.Context()); err != nil {
				t.Fatalf("cannot make the %s: %v", c.subject(), err)
			}
		}
	}
	removeQueue(t, i, func(c component) bool { return !c.wanted() })
}

// removeQueue removes parts of the queue, as deploy does.
func removeQueue(t *testing.T, i *inventory, unwanted func(component) bool) {
	t.Helper()
	for _, c := range []component{i.queue.consumer, i.queue.queue, i.queue.deadLetters} {
		if unwanted(c) && c.exists() && !c.foreign() {
			if err := c.remove(t.Context()); err != nil {
				t.Fatalf("cannot remove the %s: %v", c.subject(), err)
			}
		}
	}
}

// expectQueue compares what an inventory shows, laid over prior, with a stack and the
// states of the queue's parts. Those that are not told are ready, but for how moto
// deviates.
func expectQueue(t *testing.T, i *inventory, prior, want stack.Stack, states map[string]string) *stack.Deployment {
	t.Helper()
	d := i.describe(prior)
	if diff := cmp.Diff(want.Trigger.Queue, d.Stack.Trigger.Queue); diff != "" {
		t.Errorf("the queue is not as it should be (-want +got):\n%s", diff)
	}
	got, wanted := map[string]string{}, map[string]string{}
	for _, c := range i.queue.all() {
		if is, ok := d.Components[c.name()]; ok {
			if slices.Contains(motoDeviates[c.name()], is) {
				is = stack.Ready
			}
			got[c.name()], wanted[c.name()] = is, stack.Ready
		}
	}
	maps.Copy(wanted, states)
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("the components are not as they should be (-want +got):\n%s", diff)
	}
	return d
}

// makeFunction makes a function with the alias live behind Tidegate's back.
func (m *emulatorAccount) makeFunction(t *testing.T, name string) {
	t.Helper()
	role, err := m.iam.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)})
	if err != nil {
		t.Fatal(err)
	}
	var code bytes.Buffer
	archive := zip.NewWriter(&code)
	if _, err := archive.Create("app.py"); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = m.lambda.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String(name), Role: role.Role.Arn, Runtime: "python3.13", Handler: aws.String("app.handler"),
		Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}, Publish: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.lambda.CreateAlias(t.Context(), &lambda.CreateAliasInput{FunctionName: aws.String(name), Name: aws.String(stack.AliasLive), FunctionVersion: aws.String("1")})
	if err != nil {
		t.Fatal(err)
	}
}

func TestQueueIsMadeReadChangedAndRemoved(t *testing.T) {
	onEmulators(t, queueIsMadeReadChangedAndRemoved)
}

func queueIsMadeReadChangedAndRemoved(t *testing.T, m *emulatorAccount) {
	m.makeFunction(t, "orders-fulfil")
	m.makeFunction(t, "orders-audit")
	s := ordersStack()

	i := m.observeQueue(t, s)
	expectQueue(t, i, s, s, map[string]string{"queue": "missing", "dead_letters": "missing", "consumer": "missing"})
	m.applyQueue(t, i, s)
	shown := expectQueue(t, i, s, s, nil)
	if want := m.session.url("sqs") + "/123456789012/orders"; shown.URL != want {
		t.Errorf("the queue's URL is %s, want %s", shown.URL, want)
	}
	if want := "arn:aws:sqs:us-east-1:123456789012:orders-dead-letters"; shown.DeadLetterARN != want {
		t.Errorf("the ARN of the dead letters is %s, want %s", shown.DeadLetterARN, want)
	}
	// What an import knows is the name alone.
	imported := stack.Stack{Name: s.Name, Functions: s.Functions, Tags: s.Tags}
	expectQueue(t, m.observeQueue(t, imported), imported, s, nil)

	plain := edited(s, func(q *stack.Queue) {
		q.DeadLetter = nil
		q.Consumer = &stack.Consumer{Function: "audit", BatchSize: 1}
		q.Retention = seconds(300)
	})
	i = m.observeQueue(t, s)
	m.applyQueue(t, i, plain)
	expectQueue(t, i, plain, plain, nil)
	expectQueue(t, m.observeQueue(t, plain), plain, plain, nil)

	bare := edited(plain, func(q *stack.Queue) { q.Consumer = nil })
	i = m.observeQueue(t, plain)
	m.applyQueue(t, i, bare)
	expectQueue(t, i, bare, bare, nil)

	removeQueue(t, m.observeQueue(t, stack.Stack{Name: "orders"}), func(component) bool { return true })
	m.expectNoQueues(t)
}

func TestFIFOQueueIsFoundByItsNameAlone(t *testing.T) { onEmulators(t, fifoQueueIsFoundByItsNameAlone) }

func fifoQueueIsFoundByItsNameAlone(t *testing.T, m *emulatorAccount) {
	m.makeFunction(t, "orders-fulfil")
	s := edited(ordersStack(), func(q *stack.Queue) {
		q.FIFO, q.ContentBasedDeduplication = true, true
		q.Consumer.BatchSize, q.Consumer.BatchWindow = 10, 0
	})
	i := m.observeQueue(t, s)
	m.applyQueue(t, i, s)
	expectQueue(t, i, s, s, nil)
	imported := stack.Stack{Name: s.Name, Functions: s.Functions, Tags: s.Tags}
	expectQueue(t, m.observeQueue(t, imported), imported, s, nil)
	removeQueue(t, m.observeQueue(t, imported), func(component) bool { return true })
	m.expectNoQueues(t)
}

func (m *emulatorAccount) expectNoQueues(t *testing.T) {
	t.Helper()
	queues, err := m.sqs.ListQueues(t.Context(), &sqs.ListQueuesInput{})
	if err != nil || len(queues.QueueUrls) > 0 {
		t.Errorf("queues are left: %v, error %v", queues.QueueUrls, err)
	}
	mappings, err := m.lambda.ListEventSourceMappings(t.Context(), &lambda.ListEventSourceMappingsInput{})
	if err != nil || len(mappings.EventSourceMappings) > 0 {
		t.Errorf("mappings are left: %v, error %v", mappings.EventSourceMappings, err)
	}
}
