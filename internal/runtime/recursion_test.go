package runtime_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// calling are functions that call themselves by a plain HTTP client, which passes no
// trace on: one by Invoke, one by its queue.
const calling = `
const call = async (path, body, headers) => {
  const answer = await fetch(process.env.TIDEGATE_ENDPOINT + path, {
    method: 'POST', body, headers: { authorization: 'Bearer ' + process.env.TIDEGATE_TOKEN, ...headers },
  })
  return { status: answer.status, type: answer.headers.get('x-amzn-errortype'), text: await answer.text() }
}
export const again = async (event) => {
  const answer = await call('/2015-03-31/functions/loop-again:live/invocations', JSON.stringify({ depth: event.depth + 1 }))
  return answer.status === 200 ? JSON.parse(answer.text) : { depth: event.depth, ...answer }
}
export const queued = async (event) => {
  for (const record of event.Records) {
    const answer = await call('/queues/loop', String(Number(record.body) + 1))
    if (answer.status !== 200) throw new Error(answer.text)
  }
}`

func TestLoopsAreStoppedWithoutTheFunctionsHelp(t *testing.T) {
	n := startNode(t)
	again := n.javascript(calling)
	again.Handler = "index.again"
	again.Timeout, again.Memory = stack.Duration(time.Minute), 1769
	again.Permissions = []stack.Permission{{Actions: []string{"lambda:InvokeFunction"}, Resources: []string{"*"}}}
	queued := n.javascript(calling)
	queued.Handler = "index.queued"
	queued.Timeout, queued.Memory = stack.Duration(20*time.Second), 1769
	queued.Permissions = []stack.Permission{{Actions: []string{"sqs:SendMessage"}, Resources: []string{"*"}}}
	q, consumer := stack.NewQueue(), stack.NewConsumer()
	consumer.Function = "queued"
	q.Consumer, q.DeadLetter = &consumer, &stack.DeadLetter{MaxReceives: 1, Retention: stack.Duration(time.Hour)}
	n.deploy(stack.Stack{Name: "loop", Trigger: stack.Trigger{Queue: &q}, Functions: map[string]stack.Function{"again": again, "queued": queued}})

	got := n.invoke(t.Context(), "loop-again:live", `{"depth":1}`)
	var end struct {
		Depth, Status int
		Type          string
	}
	if err := json.Unmarshal([]byte(got.payload), &end); err != nil || end.Depth != 16 || end.Status != 400 || end.Type != "RecursiveInvocationException" {
		t.Errorf("the chain of calls ended with %+v (%v), of %+v", end, err, got)
	}

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
