package aws

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A mapping is what there is to know of an event source mapping.
type mapping struct {
	id, arn string
	// queue is the ARN of what is consumed.
	queue string
	// function is the ARN of what is invoked, with its qualifier.
	function        string
	batchSize       int
	batchWindow     stack.Duration
	partialFailures bool
	// maxConcurrency is 0 without a limit.
	maxConcurrency int
	// filters are patterns as somebody wrote them.
	filters []string
	// state is Lambda's word for it.
	state string
	tags  map[string]string
	// made by this operation.
	made bool

	// What a consumer has no words for, and which is therefore never wanted.
	kmsKey            string
	metrics           []types.EventSourceMappingMetric
	provisionedPoller bool
	responseTypes     []types.FunctionResponseType
}

// Lambda's states of a mapping that nothing is happening to.
const (
	mappingEnabled  = "Enabled"
	mappingDisabled = "Disabled"
)

func stateOf(enabled bool) string {
	if enabled {
		return mappingEnabled
	}
	return mappingDisabled
}

// enabled tells whether the mapping polls, or will in a moment.
func (m *mapping) enabled() bool {
	return m.state != mappingDisabled && m.state != "Disabling"
}

// settled tells whether Lambda is done with the last change.
func (m *mapping) settled() bool {
	return !slices.Contains([]string{"Creating", "Enabling", "Disabling", "Updating", "Deleting"}, m.state)
}

// functionName is the full name of the function that is invoked.
func (m *mapping) functionName() string {
	arn, err := stack.ParseARN(m.function)
	if err != nil {
		return m.function
	}
	name, _, _ := arn.Function()
	return name
}

// become makes the mapping what was wanted, and what Lambda answered.
func (m *mapping) become(wish *mapping, function, state *string) {
	is := *wish
	is.id, is.arn, is.tags, is.made = m.id, m.arn, m.tags, m.made
	is.function, is.state = aws.ToString(function), aws.ToString(state)
	*m = is
}

// extras says what the mapping has beyond what a consumer can have.
func (m *mapping) extras() remarks {
	var r remarks
	r.addIf(m.kmsKey != "", "encrypts its filters with the key %s", m.kmsKey)
	r.addIf(len(m.metrics) > 0, "sends metrics of its own")
	r.addIf(m.provisionedPoller, "has provisioned pollers")
	r.addIf(len(m.responseTypes) > 0, "takes unknown response types")
	return r
}

// creation is what to send in order to have the mapping.
func (m *mapping) creation() *lambda.CreateEventSourceMappingInput {
	input := &lambda.CreateEventSourceMappingInput{
		EventSourceArn: aws.String(m.queue), FunctionName: aws.String(m.function),
		BatchSize: aws.Int32(int32(m.batchSize)), Enabled: aws.Bool(m.enabled()), Tags: m.tags,
	}
	if m.batchWindow > 0 {
		input.MaximumBatchingWindowInSeconds = m.window()
	}
	if m.partialFailures {
		input.FunctionResponseTypes = m.answers()
	}
	if m.maxConcurrency > 0 {
		input.ScalingConfig = m.scaling()
	}
	if len(m.filters) > 0 {
		input.FilterCriteria = m.criteria()
	}
	return input
}

// update is what to send in order to have the mapping become as it is wanted, and
// whether that is anything.
func (m *mapping) update(wish *mapping) (input *lambda.UpdateEventSourceMappingInput, changes bool) {
	input = &lambda.UpdateEventSourceMappingInput{UUID: aws.String(m.id)}
	set := func(differs bool, field func()) {
		if differs {
			field()
			changes = true
		}
	}
	set(m.function != wish.function, func() { input.FunctionName = aws.String(wish.function) })
	set(m.batchSize != wish.batchSize, func() { input.BatchSize = aws.Int32(int32(wish.batchSize)) })
	set(m.batchWindow != wish.batchWindow, func() { input.MaximumBatchingWindowInSeconds = wish.window() })
	set(m.partialFailures != wish.partialFailures || len(m.responseTypes) > 0, func() { input.FunctionResponseTypes = wish.answers() })
	set(m.maxConcurrency != wish.maxConcurrency, func() { input.ScalingConfig = wish.scaling() })
	set(!slices.Equal(m.filters, wish.filters), func() { input.FilterCriteria = wish.criteria() })
	set(m.enabled() != wish.enabled(), func() { input.Enabled = aws.Bool(wish.enabled()) })
	set(m.kmsKey != "", func() { input.KMSKeyArn = aws.String("") })
	set(len(m.metrics) > 0, func() {
		input.MetricsConfig = &types.EventSourceMappingMetricsConfig{Metrics: []types.EventSourceMappingMetric{}}
	})
	set(m.provisionedPoller, func() { input.ProvisionedPollerConfig = &types.ProvisionedPollerConfig{} })
	// Lambda takes the batch size and its window together only, where one needs the other.
	if input.BatchSize != nil && wish.batchWindow > 0 {
		input.MaximumBatchingWindowInSeconds = wish.window()
	}
	return input, changes
}

func (m *mapping) window() *int32 { return aws.Int32(int32(m.batchWindow.Std().Seconds())) }

func (m *mapping) answers() []types.FunctionResponseType {
	if m.partialFailures {
		return []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}
	}
	return []types.FunctionResponseType{}
}

func (m *mapping) scaling() *types.ScalingConfig {
	if m.maxConcurrency > 0 {
		return &types.ScalingConfig{MaximumConcurrency: aws.Int32(int32(m.maxConcurrency))}
	}
	return &types.ScalingConfig{}
}

// criteria without filters are empty, which takes away those that there are:
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
func (m *mapping) criteria() *types.FilterCriteria {
	c := &types.FilterCriteria{}
	for _, pattern := range m.filters {
		c.Filters = append(c.Filters, types.Filter{Pattern: aws.String(pattern)})
	}
	return c
}

// mappingOf reads what Lambda says of a mapping.
func mappingOf(c types.EventSourceMappingConfiguration) *mapping {
	m := &mapping{
		id: aws.ToString(c.UUID), arn: aws.ToString(c.EventSourceMappingArn), queue: aws.ToString(c.EventSourceArn), function: aws.ToString(c.FunctionArn),
		batchSize: int(aws.ToInt32(c.BatchSize)), batchWindow: seconds(int(aws.ToInt32(c.MaximumBatchingWindowInSeconds))),
		state: aws.ToString(c.State), kmsKey: aws.ToString(c.KMSKeyArn),
	}
	for _, t := range c.FunctionResponseTypes {
		if t == types.FunctionResponseTypeReportBatchItemFailures {
			m.partialFailures = true
		} else {
			m.responseTypes = append(m.responseTypes, t)
		}
	}
	if c.ScalingConfig != nil {
		m.maxConcurrency = int(aws.ToInt32(c.ScalingConfig.MaximumConcurrency))
	}
	if c.FilterCriteria != nil {
		for _, f := range c.FilterCriteria.Filters {
			m.filters = append(m.filters, aws.ToString(f.Pattern))
		}
	}
	if c.MetricsConfig != nil {
		m.metrics = c.MetricsConfig.Metrics
	}
	if p := c.ProvisionedPollerConfig; p != nil {
		m.provisionedPoller = p.MinimumPollers != nil || p.MaximumPollers != nil
	}
	return m
}
