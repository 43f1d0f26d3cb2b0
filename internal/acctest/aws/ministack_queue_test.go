package aws

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// sendOrders puts orders on the queue of testdata/messages, by their numbers.
func (w *workspace) sendOrders(status string, numbers ...int) {
	w.t.Helper()
	w.Python(`
queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
for number in numbers:
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"id": number, "status": status}))
`, map[string]any{"numbers": numbers, "status": status})
}

// unhandled is how many messages the queue holds, in flight or not.
func (w *workspace) unhandled() (n int) {
	w.t.Helper()
	err := json.Unmarshal(w.Python(`
queue = sqs.get_queue_url(QueueName="orders")["QueueUrl"]
names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
result = sum(int(n) for n in sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"].values())
`, nil), &n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// deadLetters returns the dead letters that nobody has received yet.
func (w *workspace) deadLetters() (bodies []string) {
	w.t.Helper()
	err := json.Unmarshal(w.Python(`
queue = sqs.get_queue_url(QueueName="orders-dead-letters")["QueueUrl"]
result = [m["Body"] for m in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", [])]
`, nil), &bodies)
	if err != nil {
		w.t.Fatal(err)
	}
	return bodies
}

// handled tells which code of the consumer has handled each order.
func (w *workspace) handled() map[int][]string {
	w.t.Helper()
	by := map[int][]string{}
	for _, line := range w.printed("orders-fulfil") {
		var code string
		var number, receive int
		if _, err := fmt.Sscanf(line, "%s %d receive %d", &code, &number, &receive); err != nil {
			w.t.Fatalf("the consumer printed %q: %v", line, err)
		}
		by[number] = append(by[number], code)
	}
	return by
}

// awaitOrders waits until the consumer has got orders.
func (w *workspace) awaitOrders(numbers ...int) map[int][]string {
	w.t.Helper()
	var by map[int][]string
	eventually(w.t, fmt.Sprintf("orders %v", numbers), func() bool {
		by = w.handled()
		return !slices.ContainsFunc(numbers, func(n int) bool { return len(by[n]) == 0 })
	})
	return by
}

func TestAQueuesConsumerGetsEveryMessage(t *testing.T) {
	t.Parallel()
	w := onMinistack(t, "messages")
	w.Apply()

	w.sendOrders("open", 1) // which the filter drops
	w.sendOrders("lost", 2)
	w.sendOrders("paid", 3, 4, 5)
	w.Python(`
queue = sqs.get_queue_url(QueueName="ledger.fifo")["QueueUrl"]
for number in range(6):
    for group in ("a", "b"):
        sqs.send_message(QueueUrl=queue, MessageBody="%s%d" % (group, number), MessageGroupId=group)
`, nil)
	w.awaitOrders(3, 4, 5)
	w.ordered("a", "b")

	// Messages come at every step of a release.
	w.edit("fulfil/app.py", `"first"`, `"second"`)
	next := 10
	var sent []int
	for _, call := range []string{"lambda:UpdateFunctionCode", "lambda:PublishVersion", "lambda:UpdateAlias"} {
		numbers := []int{next, next + 1, next + 2, next + 3}
		next += len(numbers)
		sent = append(sent, numbers...)
		w.Proxy.After(awswire.On(call).First(1), func(*awswire.Request, *awswire.Answer) { w.sendOrders("paid", numbers...) })
	}
	w.Apply()
	w.sendOrders("paid", 30, 31)
	by := w.awaitOrders(append(sent, 30, 31)...)
	for _, number := range []int{30, 31} {
		if !slices.Equal(by[number], []string{"second"}) {
			t.Errorf("order %d, sent after the release, was handled by %v", number, by[number])
		}
	}
	if version := output[int](t, w.Workspace, "version"); version != 2 {
		t.Errorf("the consumer's version is %d, want 2", version)
	}

	w.Python(`
for mapping in lambda_.list_event_source_mappings(FunctionName="orders-fulfil:live")["EventSourceMappings"]:
    lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
`, nil)
	w.sendOrders("paid", 40)
	w.planSays("enabled          = false -> true", "consumer.enabled is false now (was true)")
	if by := w.handled(); len(by[40]) > 0 {
		t.Error("a disabled consumer has handled a message")
	}
	w.Apply()
	w.awaitOrders(40)

	eventually(t, "an empty queue", func() bool { return w.unhandled() == 0 })
	if dead := w.deadLetters(); !slices.Equal(dead, []string{`{"id": 2, "status": "lost"}`}) {
		t.Errorf("the dead letters are %v, want only the lost order", dead)
	}
	by = w.handled()
	if len(by[1]) != 0 || len(by[2]) != 2 {
		t.Errorf("the order that is filtered out was handled by %v, the lost one by %v, want nobody and two", by[1], by[2])
	}
	w.EmptyPlan()
	w.Destroy()
	w.NothingLeft()
}

// ordered waits until the consumer of the FIFO queue has got six messages of each
// group, and checks their order.
func (w *workspace) ordered(groups ...string) {
	w.t.Helper()
	for _, group := range groups {
		var got []string
		eventually(w.t, "all messages of group "+group, func() bool {
			lines := w.printed("ledger-post")
			slices.Sort(lines) // by the time they begin with
			got = nil
			for _, line := range lines {
				if of := strings.Fields(line); of[1] == group {
					got = append(got, of[2])
				}
			}
			return len(got) >= 6
		})
		if !slices.IsSorted(got) || len(got) != 6 {
			w.t.Errorf("the messages of group %s came as %v", group, got)
		}
	}
}
