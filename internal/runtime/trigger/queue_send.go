package trigger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A NewMessage is a message to send.
type NewMessage struct {
	Body       string
	Attributes map[string]MessageAttribute
	// Group is needed by FIFO queues and refused by others.
	Group string
	// Deduplication is a FIFO queue's MessageDeduplicationId. A FIFO queue with
	// content-based deduplication does without.
	Deduplication string
	// Once, if not empty, makes a second message with the same value, sent within
	// five minutes, the same message, on a standard queue too.
	Once string
	// Delay before it can be received, 0s to 15m; nil means the queue's. FIFO queues
	// have no delay per message.
	Delay *time.Duration
	// Trace is an X-Amzn-Trace-Id; may be empty.
	Trace string
}

// A SentMessage is what the sender learns.
type SentMessage struct {
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string `json:"MD5OfMessageBody"`
	MD5OfMessageAttributes string `json:"MD5OfMessageAttributes,omitempty"`
	// SequenceNumber is a FIFO queue's.
	SequenceNumber string `json:"SequenceNumber,omitempty"`
}

// A QueueError is why something was not done with a queue, a sentence for who
// asked for it.
type QueueError struct {
	// Status is the HTTP status that says the same.
	Status  int
	Message string
}

func (e *QueueError) Error() string { return e.Message }

func refuse(format string, args ...any) *QueueError {
	return &QueueError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// SQS's limits
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const (
	maxDelay      = 15 * time.Minute
	maxAttributes = 10
)

var (
	attributeName = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)
	attributeType = regexp.MustCompile(`^(String|Number|Binary)(\.[ -~]+)?$`)
	fifoID        = regexp.MustCompile("^[A-Za-z0-9!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]{1,128}$")
)

// Send queues a message and returns when it is stored: it is lost no more. The
// ARN is a queue's or that of its dead letters. Sending the same onceID again
// within five minutes does nothing; empty means every call is a new message.
// Messages to FIFO queues go to one group, "lambda".
func (q *Queues) Send(ctx context.Context, queueARN string, body []byte, onceID, trace string) error {
	m := NewMessage{Body: string(body), Once: onceID, Trace: trace}
	if arn, err := stack.ParseARN(queueARN); err == nil {
		if ref, ok := arn.Queue(); ok && ref.FIFO {
			m.Group, m.Deduplication = "lambda", onceID
			if onceID == "" {
				m.Deduplication = uuid.NewString()
			}
		}
	}
	_, err := q.SendMessage(ctx, queueARN, m)
	return err
}

// SendMessage queues a message and returns when it is stored. Errors are
// *QueueError, or JetStream's.
func (q *Queues) SendMessage(ctx context.Context, queueARN string, m NewMessage) (SentMessage, error) {
	ref, r, err := q.find(queueARN)
	if err != nil {
		return SentMessage{}, err
	}
	config := r.Stack.Trigger.Queue
	if err := validateMessage(config, &m); err != nil {
		return SentMessage{}, err
	}
	stored := &message{
		ID: uuid.NewString(), Sent: q.env.Clock.Now().UTC(), Sender: stack.Account,
		Group: m.Group, Deduplication: m.Deduplication, Attributes: m.Attributes, Trace: m.Trace, Body: m.Body,
	}
	names := namesOf(r)
	msg, opts, err := placeMessage(names, ref, config, stored, m)
	if err != nil {
		return SentMessage{}, err
	}
	sequence, err := q.publish(ctx, msg, opts, stored)
	if err != nil {
		return SentMessage{}, fmt.Errorf("cannot store a message in the queue of stack %q: %w", ref.Stack, err)
	}
	sent := SentMessage{MessageID: stored.ID, MD5OfMessageBody: md5Hex([]byte(m.Body))}
	if len(m.Attributes) > 0 {
		sent.MD5OfMessageAttributes = md5OfAttributes(m.Attributes)
	}
	if ref.FIFO {
		sent.SequenceNumber = sequenceNumber(sequence)
	}
	return sent, nil
}

// find returns the stack that has the queue of that ARN.
func (q *Queues) find(queueARN string) (stack.QueueRef, *store.Record, error) {
	missing := &QueueError{http.StatusNotFound, fmt.Sprintf("there is no queue %s", queueARN)}
	arn, err := stack.ParseARN(queueARN)
	if err != nil || !arn.Local() {
		return stack.QueueRef{}, nil, missing
	}
	ref, ok := arn.Queue()
	if !ok {
		return stack.QueueRef{}, nil, missing
	}
	r, err := q.record(ref.Stack)
	if err != nil || r.Stack.Trigger.Queue.FIFO != ref.FIFO || ref.DeadLetters && r.Stack.Trigger.Queue.DeadLetter == nil {
		return stack.QueueRef{}, nil, missing
	}
	return ref, r, nil
}

// record returns the record of a stack that has a queue.
func (q *Queues) record(stackName string) (*store.Record, error) {
	r, ok := q.env.Store.Directory().Stack(stackName)
	if !ok || r.Stack.Trigger.Queue == nil {
		return nil, &QueueError{http.StatusNotFound, fmt.Sprintf("there is no stack %q with a queue", stackName)}
	}
	return r, nil
}

// validateMessage checks a message, and fills in its deduplication id if the
// queue takes that from the content.
func validateMessage(config *stack.Queue, m *NewMessage) error {
	if err := validateBody(m.Body); err != nil {
		return err
	}
	if err := validateAttributes(m.Attributes); err != nil {
		return err
	}
	size := (&message{Body: m.Body, Attributes: m.Attributes}).size()
	if size > config.MaxMessageSize {
		return &QueueError{http.StatusRequestEntityTooLarge, fmt.Sprintf(
			"the message has %d bytes, attributes included, and this queue takes %d at most (max_message_size)", size, config.MaxMessageSize)}
	}
	if m.Delay != nil && (*m.Delay < 0 || *m.Delay > maxDelay) {
		return refuse("the delay is %s; it can be 0 to 900 seconds", *m.Delay)
	}
	if config.FIFO {
		return validateFIFO(config, m)
	}
	// SQS's fair queues take a group on a standard queue. Here it has no meaning.
	if m.Group != "" || m.Deduplication != "" {
		return refuse("a message group and a deduplication id belong to FIFO queues, which this one is not")
	}
	return nil
}

func validateFIFO(config *stack.Queue, m *NewMessage) error {
	if m.Delay != nil {
		return refuse("a FIFO queue has one delay for all messages (delay), none for a single message")
	}
	if !fifoID.MatchString(m.Group) {
		return refuse("a FIFO queue needs the message's group (MessageGroupId): 1 to 128 letters, digits and punctuation marks")
	}
	if m.Deduplication == "" && config.ContentBasedDeduplication {
		sum := sha256.Sum256([]byte(m.Body))
		m.Deduplication = hex.EncodeToString(sum[:])
	}
	if !fifoID.MatchString(m.Deduplication) {
		return refuse("this FIFO queue needs the message's deduplication id (MessageDeduplicationId): 1 to 128 letters, digits and " +
			"punctuation marks; with content_based_deduplication it would take the message's hash")
	}
	return nil
}

// validateBody: SQS takes the characters that XML 1.0 does.
func validateBody(body string) error {
	if body == "" {
		return refuse("the message is empty")
	}
	if !utf8.ValidString(body) {
		return refuse("the message is not UTF-8 text")
	}
	for i, r := range body {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return refuse("the message has the character U+%04X at byte %d, which queues do not take", r, i)
		}
	}
	return nil
}

func validateAttributes(attributes map[string]MessageAttribute) error {
	if len(attributes) > maxAttributes {
		return refuse("the message has %d attributes; %d is the most", len(attributes), maxAttributes)
	}
	for name, a := range attributes {
		lower := strings.ToLower(name)
		if len(name) > 256 || !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			return refuse("%q cannot name a message attribute: use up to 256 letters, digits, _ - and single dots, not AWS. or Amazon. at its beginning", name)
		}
		if len(a.DataType) > 256 || !attributeType.MatchString(a.DataType) {
			return refuse("the message attribute %s has the type %q; types begin with String, Number or Binary", name, a.DataType)
		}
		if a.StringValue == "" && len(a.BinaryValue) == 0 {
			return refuse("the message attribute %s has no value", name)
		}
		if err := validateBody(a.StringValue); a.StringValue != "" && err != nil {
			return refuse("the message attribute %s: %s", name, err)
		}
	}
	return nil
}

// placeMessage decides where in JetStream a message goes, and how.
func placeMessage(n queueNames, ref stack.QueueRef, config *stack.Queue, stored *message, m NewMessage) (*nats.Msg, []jetstream.PublishOpt, error) {
	subject, onceID := n.visible(), m.Once
	var opts []jetstream.PublishOpt
	delay := config.Delay.Std()
	if m.Delay != nil {
		delay = *m.Delay
	}
	switch {
	case ref.DeadLetters:
		subject = n.dead()
	case ref.FIFO:
		// The leader sees to the delay.
		subject, onceID = n.group(groupHash(m.Group)), m.Deduplication
	case delay > 0:
		// JetStream moves the message when it is due. It knows whole seconds only and
		// would be early, if it were not rounded up.
		due := stored.Sent.Add(delay + time.Second - time.Nanosecond).Truncate(time.Second)
		subject = n.delayed(stored.ID)
		opts = append(opts, jetstream.WithScheduleAt(due), jetstream.WithScheduleTarget(n.visible()))
	}
	if onceID != "" {
		opts = append(opts, jetstream.WithMsgID(onceID))
	}
	msg, err := stored.encode(subject)
	return msg, opts, err
}

// groupHash is a group's name as a part of a subject.
func groupHash(group string) string {
	sum := sha256.Sum256([]byte(group))
	return hex.EncodeToString(sum[:12])
}

// publish stores a message and returns its sequence. Of a duplicate it returns
// the sequence of the first and, if that is still there, puts its id in place of
// the new one's.
func (q *Queues) publish(ctx context.Context, msg *nats.Msg, opts []jetstream.PublishOpt, stored *message) (uint64, error) {
	js := q.env.Store.JetStream()
	ack, err := js.PublishMsg(ctx, msg, opts...)
	if err != nil {
		switch {
		case errors.Is(err, jetstream.ErrNoStreamResponse):
			return 0, &QueueError{http.StatusServiceUnavailable, "the queue is not ready; try again"}
		case errors.Is(err, nats.ErrMaxPayload):
			return 0, &QueueError{http.StatusRequestEntityTooLarge, fmt.Sprintf(
				"the message has %d bytes, attributes included, which is more than the NATS cluster takes (its max_payload)", stored.size())}
		}
		return 0, err
	}
	if !ack.Duplicate {
		return ack.Sequence, nil
	}
	stream, err := js.Stream(ctx, ack.Stream)
	if err != nil {
		return ack.Sequence, nil
	}
	if first, err := stream.GetMsg(ctx, ack.Sequence); err == nil {
		if m, err := decodeMessage(first.Header, first.Data); err == nil {
			stored.ID = m.ID
		}
	}
	return ack.Sequence, nil
}
