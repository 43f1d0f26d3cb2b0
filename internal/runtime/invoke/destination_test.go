package invoke

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAFailedEventIsTriedAgainAndThenRecorded(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), failing(events)).start(shop(changeCart(withDestinations)))
	start := time.Now()
	n.async(Request{ID: "id", Qualifier: "live", Payload: []byte(`{"n":1}`)})
	n.drained()
	if len(events) != 3 {
		t.Errorf("it was tried %d times, want 3", len(events))
	}
	if took := time.Since(start); took < 60*time.Millisecond {
		t.Errorf("the retries took %s, want 20 ms before the first and 40 ms before the second", took)
	}
	records := n.queues.all()
	if len(records) != 1 || records[0].arn != onFailure || records[0].dedupID != "id" {
		t.Fatalf("the records are %+v, want one on failure", records)
	}
	var record struct{ Timestamp time.Time }
	if err := json.Unmarshal([]byte(records[0].body), &record); err != nil {
		t.Fatal(err)
	}
	want := `{"version":"1.0","timestamp":"` + record.Timestamp.Format("2006-01-02T15:04:05.000Z") + `",` +
		`"requestContext":{"requestId":"id","functionArn":"arn:aws:lambda:open-1:000000000000:function:shop-cart:live",` +
		`"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"n":1},` +
		`"responseContext":{"statusCode":200,"executedVersion":"1","functionError":"Unhandled"},` +
		`"responsePayload":{"errorType":"Error","errorMessage":"<no>"}}`
	if records[0].body != want {
		t.Errorf("the record is\n%s, want\n%s", records[0].body, want)
	}
}

func TestARequestsOwnRetriesAndDeadLetterCount(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), failing(events)).start(shop(changeCart(withDestinations)))
	retries := 0
	n.async(Request{Retries: &retries, DeadLetter: "arn:aws:sqs:open-1:000000000000:letters"})
	n.drained()
	if len(events) != 1 {
		t.Errorf("it was tried %d times, want once", len(events))
	}
	var arns []string
	for _, s := range n.queues.all() {
		arns = append(arns, s.arn)
	}
	if !slices.Equal(arns, []string{onFailure, "arn:aws:sqs:open-1:000000000000:letters"}) {
		t.Errorf("records went to %v", arns)
	}
}

func TestASuccessIsRecordedWithTheAnswer(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			p.respond(p.next().id, "not JSON")
		}
	}).start(shop(changeCart(withDestinations)))
	n.async(Request{ID: "id"})
	n.drained()
	records := n.queues.all()
	if len(records) != 1 || records[0].arn != onSuccess {
		t.Fatalf("the records are %+v, want one on success", records)
	}
	for _, part := range []string{
		`"functionArn":"arn:aws:lambda:open-1:000000000000:function:shop-cart:$LATEST","condition":"Success","approximateInvokeCount":1}`,
		`"requestPayload":{}`, `"responseContext":{"statusCode":200,"executedVersion":"$LATEST"}`, `"responsePayload":"not JSON"}`,
	} {
		if !strings.Contains(records[0].body, part) {
			t.Errorf("the record lacks %s:\n%s", part, records[0].body)
		}
	}
}

func TestARecordThatIsTooLargeGoesWithoutItsPayloads(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), func(p *process) {
		for {
			p.respond(p.next().id, `"`+strings.Repeat("y", 2<<20)+`"`)
		}
	}).start(shop(changeCart(withDestinations)))
	n.async(Request{Payload: []byte(`"` + strings.Repeat("x", 1<<19) + `"`)})
	n.drained()
	record := n.queues.all()[0].body
	if len(record) > MaxAsyncPayload || !strings.Contains(record, `"responsePayload":null`) || !strings.Contains(record, "xxx") {
		t.Errorf("the record has %d bytes and begins %.300s", len(record), record)
	}
}

func TestARecordCanGoToAFunction(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), nil)
	n.sandbox.program = func() program { return collect(events) }
	n.start(shop(func(rec *store.Record) {
		changeCart(func(f *stack.Function) {
			f.Async.OnSuccess = "arn:aws:lambda:open-1:000000000000:function:shop-audit"
		})(rec)
		audit := rec.Stack.Functions["cart"]
		audit.Async.OnSuccess = ""
		rec.Stack.Functions["audit"] = audit
		rec.Functions["audit"] = &store.FunctionRecord{}
	}))
	n.async(Request{ID: "id", Payload: []byte("1")})
	if e := within(t, events); e.payload != "1" {
		t.Fatalf("first came %s", e.payload)
	}
	record := within(t, events)
	if !strings.Contains(record.payload, `"requestId":"id"`) ||
		record.header.Get("Lambda-Runtime-Invoked-Function-Arn") != "arn:aws:lambda:open-1:000000000000:function:shop-audit" {
		t.Errorf("the record is %s", record.payload)
	}
	n.drained()
}

func TestADestinationThatIsDownIsTriedAgainWithoutRunningTheFunction(t *testing.T) {
	events := make(chan fakeEvent, 10)
	n := newNode(t, openStore(t, t.TempDir()), collect(events))
	n.queues.refuse = []error{errors.New("the disk is full")}
	n.start(shop(changeCart(withDestinations)))
	n.async(Request{})
	n.drained()
	if len(events) != 1 || len(n.queues.all()) != 1 {
		t.Errorf("the function ran %d times and %d records arrived, want 1 of each", len(events), len(n.queues.all()))
	}
}

func TestADestinationThatIsNotThereIsGivenUp(t *testing.T) {
	n := newNode(t, openStore(t, t.TempDir()), echo)
	n.queues.refuse = []error{&Error{Status: http.StatusNotFound, Type: "QueueDoesNotExist", Message: "no such queue"}}
	n.start(shop(changeCart(withDestinations)))
	n.async(Request{})
	n.drained()
	if sent := n.queues.all(); len(sent) != 0 {
		t.Errorf("%v was sent", sent)
	}
}
