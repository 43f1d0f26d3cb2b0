package trigger

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A batch is messages for one invocation, as far as they fit into an event.
type batch struct {
	arn      string
	filters  []stack.Pattern
	records  []json.RawMessage
	ids      []string
	size     int
	capacity int // messages
	// lineage is what led to the messages, as a trace header; see invoke.MergeTraces.
	lineage string
	// traces are the messages' trace headers.
	traces []string
}

// What the event has around its records, and between two of them.
const (
	eventPrefix = `{"Records":[`
	eventSuffix = `]}`
)

func newBatch(arn string, filters []stack.Pattern, capacity int) *batch {
	return &batch{arn: arn, filters: filters, capacity: capacity, size: len(eventPrefix) + len(eventSuffix)}
}

// added says what became of a message that was to be added to a batch.
type added int

const (
	// wanted is in the batch now.
	wanted added = iota
	// unwanted matches no filter, and is to be deleted.
	unwanted
	// overflow has no room in this batch.
	overflow
)

// add adds a message if it matches a filter and has room. A batch has room for
// at least one message: what becomes of one that is too large by itself is for
// the invoker to say.
func (b *batch) add(m *message, r receipt) (added, error) {
	described := m.record(b.arn, r)
	if len(b.filters) > 0 && !b.matches(described) {
		return unwanted, nil
	}
	encoded, err := b.encode(described)
	if err != nil {
		return 0, err
	}
	size := b.size + len(encoded) + 1
	if len(b.records) > 0 && size > invoke.MaxSyncPayload {
		return overflow, nil
	}
	b.records, b.ids, b.size = append(b.records, encoded), append(b.ids, m.ID), size
	if m.Trace != "" {
		b.lineage = invoke.MergeTraces(b.lineage, m.Trace)
		b.traces = append(b.traces, m.Trace)
	}
	return wanted, nil
}

func (b *batch) full() bool { return len(b.records) >= b.capacity }

func (b *batch) empty() bool { return len(b.records) == 0 }

// encode writes a record. Where there are filters, Lambda writes null for the
// checksum of attributes that a message does not have, where it else leaves it
// out, as recorded in LocalStack's test_sqs_event_filter.
func (b *batch) encode(r record) (json.RawMessage, error) {
	if len(b.filters) == 0 || r.MD5OfMessageAttributes != nil {
		return encodeJSON(r)
	}
	return encodeJSON(struct {
		record
		MD5OfMessageAttributes *string `json:"md5OfMessageAttributes"`
	}{record: r})
}

// event is the function's input.
func (b *batch) event() []byte {
	var event bytes.Buffer
	event.Grow(b.size)
	event.WriteString(eventPrefix)
	for i, r := range b.records {
		if i > 0 {
			event.WriteByte(',')
		}
		event.Write(r)
	}
	event.WriteString(eventSuffix)
	return event.Bytes()
}

// matches tells whether any filter matches the record. A body that is JSON is
// matched as such, any other as a string
// (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html).
func (b *batch) matches(r record) bool {
	text, err := encodeJSON(r)
	if err != nil {
		return false
	}
	event, ok := decodeAny(text).(map[string]any)
	if !ok {
		return false
	}
	if json.Valid([]byte(r.Body)) {
		event["body"] = decodeAny([]byte(r.Body))
	}
	for _, filter := range b.filters {
		if filter.Match(event) {
			return true
		}
	}
	return false
}

func decodeAny(text []byte) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	_ = decoder.Decode(&value) // callers pass valid JSON
	return value
}

// parseFilters reads a consumer's filters.
func parseFilters(texts []string) ([]stack.Pattern, error) {
	patterns := make([]stack.Pattern, len(texts))
	for i, text := range texts {
		p, err := stack.ParsePattern([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("consumer.filters[%d]: %w", i, err)
		}
		patterns[i] = p
	}
	return patterns, nil
}

// failedMessages reads what a function returns that reports failures message by
// message, and returns the ids of the batch that failed. It says no more than
// that the whole batch failed if the answer is not of the form that Lambda asks
// for or names a message that is not in the batch
// (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html).
func failedMessages(answer []byte, batch []string) (failed map[string]bool, valid bool) {
	answer = bytes.TrimSpace(answer)
	var response struct {
		BatchItemFailures []struct {
			ItemIdentifier *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	switch {
	case len(answer) == 0, bytes.Equal(answer, []byte("[]")):
		return nil, true
	case json.Unmarshal(answer, &response) != nil:
		return nil, false
	}
	known := make(map[string]bool, len(batch))
	for _, id := range batch {
		known[id] = true
	}
	failed = map[string]bool{}
	for _, item := range response.BatchItemFailures {
		if item.ItemIdentifier == nil || !known[*item.ItemIdentifier] {
			return nil, false
		}
		failed[*item.ItemIdentifier] = true
	}
	return failed, true
}
