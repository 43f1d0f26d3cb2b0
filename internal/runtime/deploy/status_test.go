package deploy

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestTheAliasTellsHowItDiffersFromTheRelease(t *testing.T) {
	two := released("A", "B")
	for want, r := range map[string]*store.Record{
		"ready":   two,
		"missing": must(SetLive(two, "f", nil))(t),
		"points at version 1, but version 2 was released":                          must(SetLive(two, "f", stack.RouteTo(1)))(t),
		"splits 90 % to version 1 and 10 % to version 2":                           must(SetLive(two, "f", stack.Routing{2: 10, 1: 90}))(t),
		"points at version 2, but the function was changed since and not released": must(UpdateFunction(two, "f", function1("C")))(t),
	} {
		if got := Status(r, "", nil).Components["functions/f/alias"]; got != want {
			t.Errorf("the alias %q, want %q", got, want)
		}
	}
}

// queue is a stack with a queue, a consumer and a function with an address.
func queue() *store.Record {
	f := function1("A")
	url := stack.NewFunctionURL()
	f.URL = &url
	consumer := stack.NewConsumer()
	consumer.Function = "f"
	q := stack.NewQueue()
	q.FIFO, q.Consumer, q.DeadLetter = true, &consumer, &stack.DeadLetter{MaxReceives: 3}
	r, _ := deployed(nil, stack.Stack{
		Name: "orders", Trigger: stack.Trigger{Queue: &q}, Functions: map[string]stack.Function{"f": f},
	}, noon)
	r.Revision = 42
	return r
}

func TestAStatusListsTheComponentsOfItsStackAndNoOthers(t *testing.T) {
	r := queue()
	for _, triggers := range []map[string]string{
		nil,
		{stack.ComponentQueue: stack.Ready, stack.ComponentConsumer: "disabled", "something/else": "odd"},
	} {
		got := Status(r, "", triggers).Components
		if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, r.Stack.Components()) {
			t.Errorf("components %v, want %v", names, r.Stack.Components())
		}
		for name, state := range triggers {
			if _, known := got[name]; known && got[name] != state {
				t.Errorf("%s is %q, want %q", name, got[name], state)
			}
		}
	}
	if got := Status(r, "", nil).Components[stack.ComponentQueue]; got != "missing" {
		t.Errorf("a queue nobody tells of is %q, want missing", got)
	}
}

func TestAStatusTellsWhereThingsAre(t *testing.T) {
	d := Status(queue(), "http://127.0.0.1:7421", nil)
	for what, c := range map[string][2]string{
		"revision":       {d.Revision, "42"},
		"ARN":            {d.ARN, "arn:aws:sqs:open-1:000000000000:orders.fifo"},
		"dead letters":   {d.DeadLetterARN, "arn:aws:sqs:open-1:000000000000:orders-dead-letters.fifo"},
		"URL":            {d.URL, "http://127.0.0.1:7421/queues/orders"},
		"function's ARN": {d.Functions["f"].ARN, "arn:aws:lambda:open-1:000000000000:function:orders-f"},
		"alias's ARN":    {d.Functions["f"].AliasARN, "arn:aws:lambda:open-1:000000000000:function:orders-f:live"},
		"function's URL": {d.Functions["f"].URL, "http://127.0.0.1:7421/functions/orders/f/"},
		"log group":      {d.Functions["f"].LogGroup, "/aws/lambda/orders-f"},
		"release":        {d.ReleaseID, queue().Stack.ReleaseID()},
		"creation":       {string(d.Creation), "finished"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %q, want %q", what, c[0], c[1])
		}
	}
	if f := d.Functions["f"]; f.Version != 1 || len(f.Versions) != 1 || f.Routing[1] != 100 {
		t.Errorf("function: %+v", f)
	}

	api := released("A")
	api.Stack.Trigger.HTTPAPI = &stack.HTTPAPI{}
	d = Status(api, "http://127.0.0.1:7421", nil)
	if d.ARN != "arn:aws:execute-api:open-1:000000000000:orders" || d.URL != "http://127.0.0.1:7421/apis/orders" {
		t.Errorf("an HTTP API is %q at %q", d.ARN, d.URL)
	}
}

func TestAStatusHoldsNoSecrets(t *testing.T) {
	f := function1("A")
	f.Secrets = map[string]string{"KEY": "the-secret"}
	r := apply(nil, map[string]stack.Function{"f": f})
	text, err := json.Marshal(Status(r, "", nil))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "the-secret") || strings.Contains(string(text), "KEY") {
		t.Errorf("the status tells secrets: %s", text)
	}
	if r.Stack.Functions["f"].Secrets["KEY"] != "the-secret" {
		t.Error("the record lost its secrets")
	}
}
