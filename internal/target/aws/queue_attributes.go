package aws

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// queueAttributes are the attributes of a queue that can be set, with what they are to
// a person: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
// How long a data key is used is left out: it means nothing without a key of one's own.
var queueAttributes = []struct{ name, words string }{
	{"VisibilityTimeout", "visibility timeout"},
	{"MessageRetentionPeriod", "retention"},
	{"DelaySeconds", "delay"},
	{"MaximumMessageSize", "maximum message size"},
	{"ReceiveMessageWaitTimeSeconds", "receive wait time"},
	{"Policy", "access policy"},
	{redrivePolicy, "redrive policy"},
	{redriveAllowPolicy, "redrive allow policy"},
	{"KmsMasterKeyId", "KMS key"},
	{"SqsManagedSseEnabled", "encryption by SQS"},
	{"ContentBasedDeduplication", "content-based deduplication"},
	{"DeduplicationScope", "deduplication scope"},
	{"FifoThroughputLimit", "throughput limit"},
}

// The attributes that hold JSON of their own.
const (
	redrivePolicy      = "RedrivePolicy"
	redriveAllowPolicy = "RedriveAllowPolicy"
)

// A redrive says where messages go that were received too often.
type redrive struct {
	Target string `json:"deadLetterTargetArn"`
	// MaxReceives is a number to some, and a string to others.
	MaxReceives json.Number `json:"maxReceiveCount"`
}

// receives is 0 if there is no number.
func (r redrive) receives() int {
	n, _ := strconv.Atoi(r.MaxReceives.String())
	return n
}

// A redriveAllow says which queues may move their messages to this one.
type redriveAllow struct {
	Permission string   `json:"redrivePermission"`
	Sources    []string `json:"sourceQueueArns,omitempty"`
}

// redrive is false for a queue whose messages stay for as long as its retention.
func (f *queueFacts) redrive() (redrive, bool) {
	var r redrive
	err := json.Unmarshal([]byte(f.attributes[redrivePolicy]), &r)
	return r, err == nil && r.Target != ""
}

// ownQueueAttributes are those of a stack's own queue. It has every attribute that
// could be changed by hand, except those that are not set at all.
func ownQueueAttributes(t *stack.Queue, deadLetters string) map[string]string {
	a := standardAttributes(t.FIFO)
	a["VisibilityTimeout"] = inSeconds(t.VisibilityTimeout)
	a["MessageRetentionPeriod"] = inSeconds(t.Retention)
	a["DelaySeconds"] = inSeconds(t.Delay)
	a["MaximumMessageSize"] = strconv.Itoa(t.MaxMessageSize)
	if t.FIFO {
		a["ContentBasedDeduplication"] = strconv.FormatBool(t.ContentBasedDeduplication)
	}
	if t.DeadLetter != nil {
		a[redrivePolicy] = encoded(redrive{deadLetters, json.Number(strconv.Itoa(t.DeadLetter.MaxReceives))})
	}
	return a
}

// deadLetterAttributes are those of the queue of the dead letters of the queue with
// the ARN source, and of no other. It takes messages of any size that there can be.
func deadLetterAttributes(t *stack.Queue, partition, source string) map[string]string {
	a := standardAttributes(t.FIFO)
	a["MessageRetentionPeriod"] = inSeconds(t.DeadLetter.Retention)
	a["MaximumMessageSize"] = strconv.Itoa(max(t.MaxMessageSize, largestMessage(partition)))
	a[redriveAllowPolicy] = encoded(redriveAllow{"byQueue", []string{source}})
	return a
}

// largestMessage is what SQS takes in bytes, for certain. That it became more than 256 KiB
// was announced in August 2025 for these two partitions.
func largestMessage(partition string) int {
	switch partition {
	case "aws", "aws-us-gov":
		return 1048576
	}
	return 262144
}

// standardAttributes are SQS's own defaults, written down so that a change of them
// is seen.
func standardAttributes(fifo bool) map[string]string {
	a := map[string]string{
		"VisibilityTimeout": "30", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
	}
	if fifo {
		a["ContentBasedDeduplication"], a["DeduplicationScope"], a["FifoThroughputLimit"] = "false", "queue", "perQueue"
	}
	return a
}

// comparableAttributes are those of queueAttributes that are not empty, spelt as this
// package does.
func comparableAttributes(all map[string]string) map[string]string {
	some := map[string]string{}
	for _, a := range queueAttributes {
		value := all[a.name]
		switch a.name {
		case redrivePolicy:
			var r redrive
			if json.Unmarshal([]byte(value), &r) == nil {
				value = encoded(r)
			}
		case redriveAllowPolicy:
			var r redriveAllow
			if json.Unmarshal([]byte(value), &r) == nil {
				slices.Sort(r.Sources)
				value = encoded(r)
			}
		}
		if value != "" {
			some[a.name] = value
		}
	}
	return some
}

// change is what to set so that a queue becomes as it is wanted; an empty value unsets.
func (q *queue) change(have *queueFacts) map[string]string {
	set := map[string]string{}
	for _, a := range queueAttributes {
		if want := q.wish.attributes[a.name]; want != have.attributes[a.name] {
			set[a.name] = want
		}
	}
	return set
}

// attributeDrift says in words which attributes differ.
func (q *queue) attributeDrift(have *queueFacts) remarks {
	var r remarks
	var differ []string
	set := q.change(have)
	for _, a := range queueAttributes {
		switch _, differs := set[a.name]; {
		case !differs:
		case a.name == redrivePolicy:
			r.add(redriveDrift(have))
		default:
			differ = append(differ, "its "+a.words)
		}
	}
	r.addIf(len(differ) == 1, "%s differs", strings.Join(differ, ""))
	r.addIf(len(differ) > 1, "%s differ", strings.Join(differ, ", "))
	return r
}

// redriveDrift is for a queue whose redrive policy is not as it should be.
func redriveDrift(have *queueFacts) string {
	r, ok := have.redrive()
	if !ok {
		return "does not move messages that were received too often to the dead letters"
	}
	return fmt.Sprintf("moves messages that were received too often to %s", r.Target)
}

// encoded is a value as JSON.
func encoded(v any) string {
	text, _ := json.Marshal(v) // Strings and numbers only.
	return string(text)
}

func seconds(n int) stack.Duration { return stack.Duration(n) * stack.Duration(time.Second) }

func inSeconds(d stack.Duration) string { return strconv.Itoa(int(d.Std() / time.Second)) }
