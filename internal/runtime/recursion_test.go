package runtime_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// queued sends a message to its own queue for each that it gets, by a plain HTTP client,
// which passes no trace on.
const queued = `
export const handler = async (event) => {
  for (const record of event.Records) {
    const answer = await fetch(process.env.TIDEGATE_ENDPOINT + '/queues/loop', {
      method: 'POST', body: String(Number(record.body) + 1), headers: { authorization: 'Bearer ' + process.env.TIDEGATE_TOKEN },
    })
    if (answer.status !== 200) throw new Error(await answer.text())
  }
}`

func TestLoopsAreStoppedWithoutTheFunctionsHelp(t *testing.T) {
	n := startNode(t)
	f := n.javascript(queued)
	f.Timeout, f.Memory = stack.Duration(20*time.Second), 1769
	f.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}}}
	q, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "queued"
	q.Consumer, q.DeadLetter = &consumer, &stack.DeadLetter{MaxReceives: 1, Retention: stack.Duration(time.Hour)}
	n.deploy(stack.Stack{Name: "loop", Trigger: stack.Trigger{Queue: &q}, Functions: map[string]stack.Function{"queued": f}})

	n.must(n.send(t.Context(), "loop", "1"))
	var letters struct {
		DeadLetters []struct{ Body string } `json:"dead_letters"`
	}
	wait(t, "the loop's message to be a dead letter", func() bool {
		n.must(n.Call(t.Context(), http.MethodGet, "/v1/stacks/loop/queue/dead-letters", nil, &letters))
		return len(letters.DeadLetters) > 0
	})
	if len(letters.DeadLetters) != 1 || letters.DeadLetters[0].Body != "17" {
		t.Errorf("the dead letters are %+v", letters.DeadLetters)
	}
}
