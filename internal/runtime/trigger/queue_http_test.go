package trigger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// post sends a body to the queue's address.
func (q *queueTest) post(url, body string, headers ...string) (int, string) {
	q.Helper()
	r, err := http.NewRequestWithContext(q.Context(), "POST", url, strings.NewReader(body))
	if err != nil {
		q.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Add(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		q.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		q.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestPostSendsAMessage(t *testing.T) {
	f := &consumerFunction{}
	q := openQueue(t, queueOf(nil), Env{Invoker: f})
	status, answer := q.post(q.url+"?DelaySeconds=0", "hello", "X-Message-Attribute-Color: red", "X-Amzn-Trace-Id: Root=1-2-3")
	var sent map[string]string
	if err := json.Unmarshal([]byte(answer), &sent); err != nil || status != 200 {
		t.Fatalf("answered %d %s", status, answer)
	}
	if names := slices.Sorted(maps.Keys(sent)); !slices.Equal(names, []string{"MD5OfMessageAttributes", "MD5OfMessageBody", "MessageId"}) ||
		sent["MD5OfMessageBody"] != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("answered %s", answer)
	}
	r := f.waitFor(t, 1)[0].records[0]
	if r.MessageID != sent["MessageId"] || r.Body != "hello" || *r.MessageAttributes["Color"].StringValue != "red" ||
		r.MessageAttributes["Color"].DataType != "String" || r.Attributes["AWSTraceHeader"] != "Root=1-2-3" {
		t.Errorf("received %+v", r)
	}
}

func TestPostToAFIFOQueue(t *testing.T) {
	q := openQueue(t, fifoOf(func(q *stack.Queue) { q.Consumer = nil }), Env{Invoker: &consumerFunction{}})
	post := func() string {
		status, answer := q.post(q.url+"?MessageGroupId=g&MessageDeduplicationId=1", "hello")
		if status != 200 || !strings.Contains(answer, `"SequenceNumber":"00000000000000000001"`) {
			t.Errorf("answered %d %s", status, answer)
		}
		return answer
	}
	if first, duplicate := post(), post(); duplicate != first {
		t.Errorf("a duplicate is answered with %s, the first with %s", duplicate, first)
	}
	q.wantStats(QueueStats{Messages: 1})
}

func TestPostThatIsRefused(t *testing.T) {
	standard := openQueue(t, queueOf(func(q *stack.Queue) { q.MaxMessageSize = 1024 }), Env{Invoker: &consumerFunction{}})
	fifo := openQueue(t, fifoOf(nil), Env{Invoker: &consumerFunction{}})
	for _, c := range []struct {
		name    string
		q       *queueTest
		query   string
		body    string
		headers []string
		status  int
		says    string
	}{
		{"empty", standard, "", "", nil, 400, "the message is empty"},
		{"too large", standard, "", strings.Repeat("a", 1025), nil, 413, "the message has 1025 bytes, attributes included, and this queue takes 1024 at most"},
		{"far too large", standard, "", strings.Repeat("a", 1<<20), nil, 413, "larger than the 1024 bytes"},
		{"too large with its attributes", standard, "", strings.Repeat("a", 1010), []string{"X-Message-Attribute-A: 123456789"}, 413, "the message has 1026 bytes"},
		{"not text", standard, "", "\xff", nil, 400, "not UTF-8"},
		{"control character", standard, "", "a\x00b", nil, 400, "U+0000 at byte 1"},
		{"delay", standard, "?DelaySeconds=901", "a", nil, 400, `DelaySeconds is "901"; it can be a whole number from 0 to 900`},
		{"unknown parameter", standard, "?Delay=1", "a", nil, 400, "there is no query parameter Delay"},
		{"twice", standard, "?DelaySeconds=1&DelaySeconds=2", "a", nil, 400, "there 2 times"},
		{"group without FIFO", standard, "?MessageGroupId=g", "a", nil, 400, "belong to FIFO queues"},
		{"empty attribute", standard, "", "a", []string{"X-Message-Attribute-A: "}, 400, "the message attribute A has no value"},
		{"reserved attribute", standard, "", "a", []string{"X-Message-Attribute-AWS.a: 1"}, 400, "cannot name a message attribute"},
		{"FIFO without a group", fifo, "?MessageDeduplicationId=1", "a", nil, 400, "MessageGroupId"},
		{"FIFO without an id", fifo, "?MessageGroupId=g", "a", nil, 400, "content_based_deduplication"},
		{"FIFO with a space", fifo, "?MessageGroupId=a%20b&MessageDeduplicationId=1", "a", nil, 400, "MessageGroupId"},
		{"FIFO with a delay", fifo, "?MessageGroupId=g&MessageDeduplicationId=1&DelaySeconds=1", "a", nil, 400, "one delay for all messages"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, answer := c.q.post(c.q.url+c.query, c.body, c.headers...)
			if status != c.status || !strings.Contains(problemDetail(t, answer), c.says) {
				t.Errorf("answered %d %s", status, answer)
			}
		})
	}
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprintf("X-Message-Attribute-A%d: 1", i)
	}
	if status, answer := standard.post(standard.url, "a", many...); status != 400 || !strings.Contains(answer, "11 attributes; 10 is the most") {
		t.Errorf("answered %d %s", status, answer)
	}
	standard.wantStats(QueueStats{})
	fifo.wantStats(QueueStats{})
}

func problemDetail(t *testing.T, answer string) string {
	t.Helper()
	var problem struct {
		Status        int
		Title, Detail string
	}
	if err := json.Unmarshal([]byte(answer), &problem); err != nil || problem.Title != http.StatusText(problem.Status) {
		t.Errorf("the problem is %s", answer)
	}
	return problem.Detail
}

func TestPostNeedsPermission(t *testing.T) {
	q := openQueue(t, queueOf(nil), Env{Invoker: &consumerFunction{}, Authorize: func(r *http.Request, action, resource string) error {
		switch {
		case r.Header.Get("Authorization") == "":
			return ErrUnauthenticated
		case action == "sqs:SendMessage" && resource == r.Header.Get("Authorization"):
			return nil
		}
		return errors.New("function f has no permission for that")
	}})
	elsewhere := strings.Replace(q.url, "orders", "elsewhere", 1)
	for _, c := range []struct {
		url, token string
		status     int
	}{
		{q.url, "", 401},
		{q.url, "other", 403},
		{q.url, "arn:aws:sqs:open-1:000000000000:orders", 200},
		{elsewhere, "", 401},
		{elsewhere, "other", 403},
		{elsewhere, "arn:aws:sqs:open-1:000000000000:elsewhere", 404},
	} {
		if status, answer := q.post(c.url, "a", "Authorization: "+c.token); status != c.status {
			t.Errorf("%q at %s: answered %d %s", c.token, c.url, status, answer)
		}
	}
}

func TestSendKnowsQueuesByTheirARN(t *testing.T) {
	q := openQueue(t, queueOf(func(q *stack.Queue) {
		q.Consumer = nil
		q.DeadLetter = &stack.DeadLetter{MaxReceives: 1, Retention: stack.Duration(time.Hour)}
	}), Env{Invoker: &consumerFunction{}})
	for arn, ok := range map[string]bool{
		"arn:aws:sqs:open-1:000000000000:orders":               true,
		"arn:aws:sqs:open-1:000000000000:orders-dead-letters":  true,
		"arn:aws:sqs:open-1:000000000000:orders.fifo":          false,
		"arn:aws:sqs:open-1:000000000000:other":                false,
		"arn:aws:sqs:eu-central-1:000000000000:orders":         false,
		"arn:aws:lambda:open-1:000000000000:function:orders-f": false,
		"orders": false,
	} {
		err := q.queues.Send(t.Context(), arn, []byte("a"), "", "")
		var refused *QueueError
		if ok != (err == nil) || !ok && (!errors.As(err, &refused) || refused.Status != 404) {
			t.Errorf("%s: %v", arn, err)
		}
	}
	q.wantStats(QueueStats{Messages: 1, DeadLetters: 1})
	fifo := openQueue(t, fifoOf(func(q *stack.Queue) { q.Consumer = nil }), Env{Invoker: &consumerFunction{}})
	for range 2 {
		for _, id := range []string{"", "once"} {
			if err := fifo.queues.Send(t.Context(), fifo.arn(), []byte("a"), id, ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	fifo.wantStats(QueueStats{Messages: 3})
}
