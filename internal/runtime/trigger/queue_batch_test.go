package trigger

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestBatchItemFailures(t *testing.T) {
	ids := []string{"1", "2", "3"}
	for answer, want := range map[string]string{
		// What AWS's documentation lists as success.
		``: "", `null`: "", `{}`: "", `[]`: "", `{"batchItemFailures":[]}`: "", `{"batchItemFailures":null}`: "",
		`{"statusCode":200}`: "",
		// Some failed.
		`{"batchItemFailures":[{"itemIdentifier":"2"}]}`:                          "2",
		`{"batchItemFailures":[{"itemIdentifier":"3"},{"itemIdentifier":"1"}]}`:   "1 3",
		`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"1"}]} `:  "1",
		`{"batchItemFailures":[{"itemIdentifier":"1","more":true}],"other":"ok"}`: "1",
		// What it lists as a failure of the whole batch.
		`{"batchItemFailures":[{"itemIdentifier":""}]}`:                         "all",
		`{"batchItemFailures":[{"itemIdentifier":null}]}`:                       "all",
		`{"batchItemFailures":[{"foo":"1"}]}`:                                   "all",
		`{"batchItemFailures":[{}]}`:                                            "all",
		`{"batchItemFailures":[{"itemIdentifier":"1"},{"itemIdentifier":"4"}]}`: "all",
		`{"batchItemFailures":[{"itemIdentifier":1}]}`:                          "all",
		`{"batchItemFailures":{"itemIdentifier":"1"}}`:                          "all",
		`{"batchItemFailures":"1"}`:                                             "all",
		`not JSON`:                                                              "all",
		`"1"`:                                                                   "all",
		`["1"]`:                                                                 "all",
	} {
		failed, valid := failedMessages([]byte(answer), ids)
		got := strings.Join(slices.Sorted(maps.Keys(failed)), " ")
		if !valid {
			got = "all"
		}
		if got != want {
			t.Errorf("%s means that %q failed, want %q", answer, got, want)
		}
	}
}

func FuzzBatchItemFailures(f *testing.F) {
	f.Add([]byte(`{"batchItemFailures":[{"itemIdentifier":"a"}]}`))
	f.Add([]byte(`[]`))
	f.Add([]byte(`{"batchItemFailures":[null]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		failed, valid := failedMessages(answer, []string{"a", "b"})
		if !valid && failed != nil {
			t.Fatal("not valid, and yet some failed")
		}
		for id := range failed {
			if id != "a" && id != "b" {
				t.Fatalf("%q failed, which was not in the batch", id)
			}
		}
	})
}

func TestBatchFiltersAsLambdaDoes(t *testing.T) {
	for _, c := range []struct {
		filter, body string
		want         bool
	}{
		// As recorded in LocalStack's test_sqs_event_filter.
		{`{"body":{"my-key":["my-value"]}}`, `{"my-key":"my-value"}`, true},
		{`{"body":{"my-key":["my-value"]}}`, `{"my-key":"other"}`, false},
		{`{"body":{"a":["x","y"],"b":["go"]}}`, `{"a":"y","b":"go"}`, true},
		{`{"body":{"a":["x","y"],"b":["go"]}}`, `{"a":"y"}`, false},
		{`{"body":{"my-number":[{"numeric":[">=",100,"<",200]}]}}`, `{"my-number":100}`, true},
		{`{"body":{"my-number":[{"numeric":[">=",100,"<",200]}]}}`, `{"my-number":200}`, false},
		{`{"body":{"my-key":[{"prefix":"yes"}]}}`, `{"my-key":"yes-value"}`, true},
		{`{"body":{"test2":[{"exists":true}]}}`, `{"test2":"7411"}`, true},
		// A filter on JSON drops text, a filter on text drops JSON.
		{`{"body":{"my-key":["my-value"]}}`, `this is a test string`, false},
		{`{"body":["this is a test string"]}`, `this is a test string`, true},
		{`{"body":["{}"]}`, `{}`, false},
		// Other properties of the message.
		{`{"eventSource":["aws:sqs"]}`, `anything`, true},
		{`{"messageAttributes":{"kind":{"stringValue":["a"]}}}`, `anything`, true},
		{`{"messageAttributes":{"kind":{"stringValue":["b"]}}}`, `anything`, false},
	} {
		filters, err := parseFilters([]string{c.filter})
		if err != nil {
			t.Fatal(err)
		}
		b := newBatch("arn", filters, 10)
		result, err := b.add(&message{Body: c.body, Attributes: map[string]MessageAttribute{"kind": {DataType: "String", StringValue: "a"}}}, receipt{})
		if err != nil {
			t.Fatal(err)
		}
		if got := result == wanted; got != c.want {
			t.Errorf("%s takes %s: %v", c.filter, c.body, got)
		}
	}
	if _, err := parseFilters([]string{`{"body":["a"]}`, `{"body":"a"}`}); err == nil || !strings.Contains(err.Error(), "consumer.filters[1]") {
		t.Errorf("a filter that is none gives %v", err)
	}
}

func TestBatchKeepsToItsSize(t *testing.T) {
	b := newBatch("arn", nil, 10_000)
	body := strings.Repeat(`"`, 100_000) // twice as large in JSON
	n := 0
	for ; ; n++ {
		result, err := b.add(&message{ID: "1", Body: body}, receipt{})
		if err != nil {
			t.Fatal(err)
		}
		if result == overflow {
			break
		}
	}
	event := b.event()
	if !json.Valid(event) || len(event) > invoke.MaxSyncPayload || len(event) < invoke.MaxSyncPayload-len(body)*3 || len(b.ids) != n {
		t.Errorf("%d messages are an event of %d bytes", n, len(event))
	}
	alone := newBatch("arn", []stack.Pattern{{}}, 1)
	if result, err := alone.add(&message{Body: strings.Repeat("\x01", 2<<20)}, receipt{}); result != wanted || err != nil || !alone.full() {
		t.Errorf("a message that is too large by itself is %v: %v", result, err)
	}
}
