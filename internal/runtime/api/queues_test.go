package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAQueueIsCountedPurgedAndItsDeadLettersListed(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	s.Trigger.Queue.Consumer = nil
	letters := stack.NewDeadLetter()
	letters.MaxReceives = 3
	s.Trigger.Queue.DeadLetter = &letters
	f.call(http.MethodPut, "/v1/stacks/orders", s).want(http.StatusOK)
	for range 3 {
		f.send(f.ingress, http.MethodPost, "/queues/orders", strings.NewReader("hello"), "Authorization", "Bearer "+f.server.Store.ManagementToken()).want(http.StatusOK)
	}
	count := func() (stats struct{ Messages int }) {
		f.call(http.MethodGet, "/v1/stacks/orders/queue", nil).want(http.StatusOK).decode(&stats)
		return stats
	}
	if got := count().Messages; got != 3 {
		t.Errorf("the queue has %d messages, want 3", got)
	}
	f.call(http.MethodPost, "/v1/stacks/orders/queue/purge", nil).want(http.StatusNoContent)
	if got := count().Messages; got != 0 {
		t.Errorf("the purged queue has %d messages", got)
	}
	if a := f.call(http.MethodGet, "/v1/stacks/orders/queue/dead-letters", nil).want(http.StatusOK); strings.TrimSpace(a.text) != `{"dead_letters":[]}` {
		t.Errorf("got %s", a.text)
	}
	if a := f.call(http.MethodPost, "/v1/stacks/orders/queue/redrive", nil).want(http.StatusOK); strings.TrimSpace(a.text) != `{"moved":0}` {
		t.Errorf("got %s", a.text)
	}
	f.call(http.MethodGet, "/v1/stacks/orders/queue/dead-letters?limit=0", nil).problem(http.StatusUnprocessableEntity, "query.limit")
}

func TestAStackWithoutAQueueHasNone(t *testing.T) {
	f := newFixture(t)
	f.call(http.MethodPut, "/v1/stacks/plain", stack.Stack{Functions: map[string]stack.Function{"f": f.function()}}).want(http.StatusOK)
	f.call(http.MethodGet, "/v1/stacks/plain/queue", nil).problem(http.StatusNotFound)
	f.call(http.MethodGet, "/v1/stacks/none/queue", nil).problem(http.StatusNotFound)
	f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).want(http.StatusOK)
	f.call(http.MethodPost, "/v1/stacks/orders/queue/redrive", nil).problem(http.StatusConflict, "dead_letter")
}
