package stack

import "time"

// Limits of SQS and of its event source mappings:
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
const (
	maxBatch            = 10000
	maxBatchWithoutWait = 10
	maxFilters          = 10
	maxPattern          = 4096
	minRetention        = Duration(time.Minute)
	maxRetention        = Duration(14 * 24 * time.Hour)
)

func (v *validation) queue(s Stack) {
	q := s.Trigger.Queue
	if q.ContentBasedDeduplication && !q.FIFO {
		v.errorf(at("content_based_deduplication", "fifo"), "only FIFO queues drop duplicates; set fifo, or leave content_based_deduplication out")
	}
	v.seconds("visibility_timeout", "the visibility timeout", q.VisibilityTimeout, 0, Duration(12*time.Hour))
	v.seconds("retention", "the retention", q.Retention, minRetention, maxRetention)
	v.seconds("delay", "the delay", q.Delay, 0, Duration(15*time.Minute))
	v.between("max_message_size", "the maximum size of a message", q.MaxMessageSize, 1024, 1048576, " bytes")
	if q.DeadLetter != nil {
		v.deadLetter(q)
	}
	if q.Consumer != nil {
		v.consumer(q)
		v.visibility(s)
		v.consumerConcurrency(s)
	}
}

func (v *validation) deadLetter(q *Queue) {
	v.between("dead_letter.max_receives", "the number of receives before a message is dead", q.DeadLetter.MaxReceives, 1, 1000, "")
	v.seconds("dead_letter.retention", "the retention of dead letters", q.DeadLetter.Retention, minRetention, maxRetention)
	if q.DeadLetter.Retention < q.Retention {
		v.warnf(at("dead_letter.retention", "retention"), "dead letters are kept for %s from when they were first sent, which is less than the queue's %s; "+
			"keep them longer, or some will be gone before anyone sees them", q.DeadLetter.Retention, q.Retention)
	}
}

func (v *validation) consumer(q *Queue) {
	c := q.Consumer
	most := maxBatch
	if q.FIFO {
		most = maxBatchWithoutWait
	}
	switch {
	case c.BatchSize < 1 || c.BatchSize > maxBatch:
		v.between("consumer.batch_size", "the batch size", c.BatchSize, 1, most, "")
	case c.BatchSize > most:
		v.errorf(at("consumer.batch_size", "fifo"), "the batch size is %d; of a FIFO queue it can be 1 to %d", c.BatchSize, most)
	case c.BatchSize > maxBatchWithoutWait && c.BatchWindow < Duration(time.Second):
		v.errorf(at("consumer.batch_window", "consumer.batch_size"), "batches of more than %d messages need a batch window of at least 1s, and this one is %s",
			maxBatchWithoutWait, c.BatchWindow)
	}
	if q.FIFO && c.BatchWindow > 0 {
		v.errorf(at("consumer.batch_window", "fifo"), "FIFO queues know no batch window; leave it out")
	} else {
		v.seconds("consumer.batch_window", "the batch window", c.BatchWindow, 0, Duration(5*time.Minute))
	}
	if c.MaxConcurrency != 0 {
		v.between("consumer.max_concurrency", "the maximum concurrency", c.MaxConcurrency, 2, 1000, "")
	}
	if len(c.Filters) > maxFilters {
		v.errorf(at("consumer.filters"), "there are %d filters; there can be %d", len(c.Filters), maxFilters)
	}
	for i, filter := range c.Filters {
		paths := at(index("consumer.filters", i), "consumer.filters")
		if len(filter) > maxPattern {
			v.errorf(paths, "the filter has %d characters; it can have %d", len(filter), maxPattern)
		} else if _, err := ParsePattern([]byte(filter)); err != nil {
			v.errorf(paths, "the filter does not parse: %v", err)
		}
	}
}

// visibility compares how long a message stays hidden with how long its
// function may take: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
func (v *validation) visibility(s Stack) {
	q := s.Trigger.Queue
	f, ok := s.Functions[q.Consumer.Function]
	if !ok {
		return
	}
	paths := at("visibility_timeout", element("functions", q.Consumer.Function)+".timeout", "consumer.function")
	switch {
	case q.VisibilityTimeout < f.Timeout:
		v.errorf(paths, "the visibility timeout is %s, but %q may run for %s, so that messages would be handled again while it runs; "+
			"make it %s, which is six times as long", q.VisibilityTimeout, q.Consumer.Function, f.Timeout, 6*f.Timeout)
	case q.VisibilityTimeout < 6*f.Timeout:
		v.warnf(paths, "the visibility timeout is %s, and %q may run for %s; AWS advises six times as long, %s, "+
			"to leave time for retries when the function is throttled", q.VisibilityTimeout, q.Consumer.Function, f.Timeout, 6*f.Timeout)
	}
}

// consumerConcurrency warns of a consumer that would be throttled, which counts
// as a receive of every message concerned.
func (v *validation) consumerConcurrency(s Stack) {
	c := s.Trigger.Queue.Consumer
	reserved := s.Functions[c.Function].Concurrency.Reserved
	if reserved != nil && *reserved > 0 && c.MaxConcurrency > *reserved {
		v.warnf(at("consumer.max_concurrency", element("functions", c.Function)+".concurrency.reserved", "consumer.function"),
			"the consumer may invoke %q %d times at once, but only %d are reserved for it; the others are throttled, and their messages come back later",
			c.Function, c.MaxConcurrency, *reserved)
	}
}
