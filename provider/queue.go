package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// queue is a message queue and the function that consumes it.
var queue = &kind{
	kind:       stack.KindQueue,
	doc:        "A message queue together with the function that consumes it, and its queue of dead letters.",
	attributes: queueAttributes,
	outputs:    map[string]string{"arn": "", "url": "", "dead_letter_arn": "dead_letter"},
	replaced:   []string{"fifo"},
}

func queueAttributes() map[string]schema.Attribute {
	q := stack.NewQueue()
	c := stack.NewConsumer()
	return map[string]schema.Attribute{
		"fifo":                        defaultBool(q.FIFO, "Keeps the messages of one group in order and drops duplicates for five minutes. Changing it replaces the queue. Default: `false`."),
		"content_based_deduplication": defaultBool(q.ContentBasedDeduplication, "Takes the SHA-256 of a message as its deduplication id where it has none. FIFO queues only. Default: `false`."),
		"visibility_timeout": defaultDuration(q.VisibilityTimeout, "How long a received message stays hidden, `\"0s\"` to `\"12h\"`. "+
			"At least the consumer's timeout; six times that is advisable. Default: `\"30s\"`."),
		"retention":        defaultDuration(q.Retention, "How long messages are kept, `\"60s\"` to `\"336h\"` (14 days). Default: `\"96h\"`."),
		"delay":            defaultDuration(q.Delay, "How long a new message stays hidden, `\"0s\"` to `\"15m\"`. Default: `\"0s\"`."),
		"max_message_size": defaultNumber(q.MaxMessageSize, "Largest message in bytes, 1024 to 1048576. Default: 262144."),
		"dead_letter": optionalObject("Moves messages that were received too often to a queue of their own, which belongs to the stack. Default: none; they stay until their retention ends.", map[string]schema.Attribute{
			"max_receives": requiredNumber("How often a message may be received, 1 to 1000, before it moves."),
			"retention":    defaultDuration(stack.NewDeadLetter().Retention, "How long dead letters are kept, `\"60s\"` to `\"336h\"`. Default: `\"336h\"`."),
		}),
		"consumer": optionalObject("Invokes a function with batches of messages. Default: none; messages wait.", map[string]schema.Attribute{
			"function":         requiredString("Name of one of the stack's functions."),
			"batch_size":       defaultNumber(c.BatchSize, "Most messages of one invocation, 1 to 10000 (FIFO: 10). Above 10 a `batch_window` is needed. Default: 10."),
			"batch_window":     defaultDuration(c.BatchWindow, "How long to gather a batch, `\"0s\"` to `\"5m\"`. Default: `\"0s\"`."),
			"partial_failures": defaultBool(c.PartialFailures, "Takes `batchItemFailures` in the function's answer as the messages to try again; without it, a failure repeats the whole batch. Default: `false`."),
			"max_concurrency":  defaultNumber(c.MaxConcurrency, "Most invocations at once, 2 to 1000; 0 leaves it to the function's own limit. Default: 0."),
			"filters":          stringList(false, "Event patterns, each a JSON object; a message that matches none of them is deleted unread. Default: every message is delivered."),
			"enabled":          defaultBool(c.Enabled, "Whether messages are delivered. Default: `true`."),
		}),

		"arn":             computedString("ARN of the queue."),
		"url":             computedString("Where messages are sent to: on the open runtime, a POST sends its body as one message."),
		"dead_letter_arn": computedString("ARN of the queue of dead letters, if there is one."),
	}
}
