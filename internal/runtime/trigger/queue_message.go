package trigger

import (
	"crypto/md5" //nolint:gosec // SQS's checksums are MD5; nothing is protected by them
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A MessageAttribute goes with a message, beside its body.
type MessageAttribute struct {
	// DataType is "String", "Number" or "Binary", or one of these with a dot and a
	// word of the sender's: "Number.float".
	DataType string `json:"DataType"`
	// StringValue, or BinaryValue if the type is Binary.
	StringValue string `json:"StringValue,omitempty"`
	BinaryValue []byte `json:"BinaryValue,omitempty"`
}

// A message is a message as it is stored: the body is the JetStream message's
// data, the rest one of its headers.
type message struct {
	ID     string    `json:"id"`
	Sent   time.Time `json:"sent"`
	Sender string    `json:"sender"`
	// Group and Deduplication are FIFO queues'.
	Group         string                      `json:"group,omitempty"`
	Deduplication string                      `json:"dedup,omitempty"`
	Attributes    map[string]MessageAttribute `json:"attributes,omitempty"`
	Trace         string                      `json:"trace,omitempty"`

	Body string `json:"-"`
}

// messageHeader holds what a message has beside its body.
const messageHeader = "Tidegate-Message"

// encode makes the JetStream message.
func (m *message) encode(subject string) (*nats.Msg, error) {
	header, err := encodeJSON(m)
	if err != nil {
		return nil, err
	}
	msg := nats.NewMsg(subject)
	msg.Header.Set(messageHeader, string(header))
	msg.Data = []byte(m.Body)
	return msg, nil
}

func decodeMessage(header nats.Header, data []byte) (*message, error) {
	m := &message{Body: string(data)}
	if err := json.Unmarshal([]byte(header.Get(messageHeader)), m); err != nil {
		return nil, fmt.Errorf("its header %s is damaged: %w", messageHeader, err)
	}
	return m, nil
}

// A receipt is what SQS says of a message each time it is received.
type receipt struct {
	// sequence in its stream.
	sequence uint64
	// count is the number of times it was received, this one included.
	count int
	// first is when it was received first, at is now.
	first, at time.Time
}

// A record is a message as functions see it
// (https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html).
type record struct {
	MessageID              string                     `json:"messageId"`
	ReceiptHandle          string                     `json:"receiptHandle"`
	Body                   string                     `json:"body"`
	Attributes             map[string]string          `json:"attributes"`
	MessageAttributes      map[string]recordAttribute `json:"messageAttributes"`
	MD5OfMessageAttributes *string                    `json:"md5OfMessageAttributes,omitempty"`
	MD5OfBody              string                     `json:"md5OfBody"`
	EventSource            string                     `json:"eventSource"`
	EventSourceARN         string                     `json:"eventSourceARN"`
	AWSRegion              string                     `json:"awsRegion"`
}

type recordAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues []string `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

// record describes the message as received from the queue of that ARN.
func (m *message) record(arn string, r receipt) record {
	out := record{
		MessageID:     m.ID,
		ReceiptHandle: base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %d %d", arn, r.sequence, r.count)),
		Body:          m.Body,
		Attributes: map[string]string{
			"ApproximateReceiveCount":          strconv.Itoa(r.count),
			"SentTimestamp":                    milliseconds(m.Sent),
			"SenderId":                         m.Sender,
			"ApproximateFirstReceiveTimestamp": milliseconds(r.first),
		},
		MessageAttributes: map[string]recordAttribute{},
		MD5OfBody:         md5Hex([]byte(m.Body)),
		EventSource:       "aws:sqs",
		EventSourceARN:    arn,
		AWSRegion:         stack.Region,
	}
	if m.Group != "" {
		out.Attributes["MessageGroupId"] = m.Group
		out.Attributes["MessageDeduplicationId"] = m.Deduplication
		out.Attributes["SequenceNumber"] = sequenceNumber(r.sequence)
	}
	if m.Trace != "" {
		out.Attributes["AWSTraceHeader"] = m.Trace
	}
	for name, a := range m.Attributes {
		attribute := recordAttribute{StringListValues: []string{}, BinaryListValues: []string{}, DataType: a.DataType}
		if a.binary() {
			attribute.BinaryValue = a.BinaryValue
		} else {
			attribute.StringValue = &a.StringValue
		}
		out.MessageAttributes[name] = attribute
	}
	if len(m.Attributes) > 0 {
		sum := md5OfAttributes(m.Attributes)
		out.MD5OfMessageAttributes = &sum
	}
	return out
}

func milliseconds(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// sequenceNumber has 20 digits, as SQS's.
func sequenceNumber(sequence uint64) string { return fmt.Sprintf("%020d", sequence) }

func md5Hex(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func (a MessageAttribute) binary() bool { return len(a.DataType) >= 6 && a.DataType[:6] == "Binary" }

// md5OfAttributes is SQS's checksum of attributes: sorted by name; of each the
// name, the type and the value, all with their length before them
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html).
func md5OfAttributes(attributes map[string]MessageAttribute) string {
	var b []byte
	add := func(text string) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(text))) //nolint:gosec // messages are smaller than 4 GB
		b = append(b, text...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		add(name)
		add(a.DataType)
		if a.binary() {
			b = append(b, 2)
			add(string(a.BinaryValue))
		} else {
			b = append(b, 1)
			add(a.StringValue)
		}
	}
	return md5Hex(b)
}

// size is what counts towards the limit: body and attributes.
func (m *message) size() int {
	n := len(m.Body)
	for name, a := range m.Attributes {
		n += len(name) + len(a.DataType) + len(a.StringValue) + len(a.BinaryValue)
	}
	return n
}
