package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

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
	// Counts follow what happens a moment later.
	becomes := func(want int) {
		t.Helper()
		var stats struct{ Messages int }
		for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
			f.call(http.MethodGet, "/v1/stacks/orders/queue", nil).want(http.StatusOK).decode(&stats)
			if stats.Messages == want {
				return
			}
		}
		t.Errorf("the queue has %d messages, want %d", stats.Messages, want)
	}
	becomes(3)
	f.call(http.MethodPost, "/v1/stacks/orders/queue/purge", nil).want(http.StatusNoContent)
	becomes(0)
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
