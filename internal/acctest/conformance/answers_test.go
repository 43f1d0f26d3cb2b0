package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// largest is the most that an event, or an answer, may have: 6 MB.
const largest = 6 << 20

func payloads(t *testing.T, f *function) {
	for _, event := range []string{
		`null`, `true`, `0`, `""`, `[]`, `{}`, `{"do":null}`,
		`-1.5`, `"ü☃\ud83c\udf0a \u0000 \" \\ \n"`, `[1,[2,[3,{"a":null}]]]`,
		`{"Stellvertreter":"🌊","leer":{},"Zahl":12345678901}`,
	} {
		a := f.invoke("main", []byte(event))
		var got, want any
		f.succeeds(a, &got)
		if err := json.Unmarshal([]byte(event), &want); err != nil {
			t.Fatal(err)
		}
		if f.name == "java" {
			want = withoutNulls(want) // this client writes none of them
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s comes back as %s", event, a.payload)
		}
	}
	// Nothing at all is an empty object, as for Lambda.
	if a := f.invoke("main", nil); string(a.payload) != "{}" {
		t.Errorf("no event comes back as %s", a.payload)
	}
	for _, size := range []int{64 << 10, 1 << 20, largest} {
		event := []byte(`"` + strings.Repeat("x", size-2) + `"`)
		if a := f.invoke("main", event); !bytes.Equal(a.payload, event) {
			t.Errorf("%d bytes come back as %d: %.100s", len(event), len(a.payload), a.payload)
		}
	}
}

// withoutNulls leaves out the members of objects that are null.
func withoutNulls(value any) any {
	switch value := value.(type) {
	case []any:
		for i := range value {
			value[i] = withoutNulls(value[i])
		}
	case map[string]any:
		for key := range value {
			if value[key] = withoutNulls(value[key]); value[key] == nil {
				delete(value, key)
			}
		}
	}
	return value
}

func answersThatAreTooLarge(t *testing.T, f *function) {
	a := f.do("main", "text", map[string]any{"number": largest + 1000})
	f.fails(a, failure{"Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed payload size (6291556 bytes)."})
	// The instance goes on.
	var text string
	if f.succeeds(f.do("main", "text", map[string]any{"number": 3}), &text); text != "xxx" {
		t.Errorf("got %q", text)
	}
}

func contexts(t *testing.T, f *function) {
	const given = `{"client":{"installation_id":"i","app_title":"Gezeiten ☃","app_version_name":"n","app_version_code":"c","app_package_name":"p"},` +
		`"custom":{"Straße":"Ölweg 🌊"},"env":{"locale":"de"}}`
	const trace = "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1"
	before := time.Now()
	a := f.do("main", "context", nil, "X-Amz-Client-Context", base64.StdEncoding.EncodeToString([]byte(given)), "X-Amzn-Trace-Id", trace)
	after := time.Now()
	var got struct {
		RequestID string            `json:"request_id"`
		ARN       string            `json:"arn"`
		Deadline  float64           `json:"deadline"`
		Title     string            `json:"title"`
		Custom    map[string]string `json:"custom"`
		Client    string            `json:"client"`
		Trace     string            `json:"trace"`
		Name      string            `json:"name"`
		Version   string            `json:"version"`
		Memory    int               `json:"memory"`
		Group     string            `json:"group"`
		Stream    string            `json:"stream"`
	}
	f.succeeds(a, &got)
	for name, is := range map[string][2]string{
		"client":         {got.Client, f.official},
		"request id":     {got.RequestID, a.id},
		"ARN":            {got.ARN, stack.AliasARN(f.name, "main")},
		"app title":      {got.Title, "Gezeiten ☃"},
		"custom context": {fmt.Sprint(got.Custom), "map[Straße:Ölweg 🌊]"},
		"name":           {got.Name, f.name + "-main"},
		"version":        {got.Version, a.version},
		"memory":         {fmt.Sprint(got.Memory), "512"},
		"log group":      {got.Group, stack.LogGroup(f.name, "main")},
	} {
		if is[0] != is[1] {
			t.Errorf("the %s is %q, not %q", name, is[0], is[1])
		}
	}
	if !strings.HasPrefix(got.Trace, "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;") || !strings.Contains(got.Trace, "Sampled=1") {
		t.Errorf("the trace is %q, not %q", got.Trace, trace)
	}
	if !strings.Contains(got.Stream, "/["+a.version+"]") {
		t.Errorf("the log stream is %q", got.Stream)
	}
	// Clients that tell how much time is left are read some milliseconds later.
	deadline := time.UnixMilli(int64(got.Deadline))
	if deadline.Before(before.Add(2*time.Minute-time.Second)) || deadline.After(after.Add(2*time.Minute+time.Second)) {
		t.Errorf("the deadline is %s after the request, not 2m", deadline.Sub(before))
	}

	// Without a client context there is none, and none is left of the last.
	got.Title, got.Custom = "", nil
	f.succeeds(f.do("main", "context", nil), &got)
	if got.Title != "" || len(got.Custom) != 0 || got.Trace == "" || strings.Contains(got.Trace, "5bef4de7") {
		t.Errorf("without headers the context is %+v", got)
	}
}

// many is how many events one instance gets, one by one.
const many = 3000

func manyEventsOnOneInstance(t *testing.T, f *function) {
	type counted struct{ Count, Connections int }
	var early, late counted
	f.succeeds(f.do("many", "count", nil), &early)
	// On a busy machine, where an instance is late to ask for the next event, there may be
	// another one for a while.
	for i := 0; late.Count < many; i++ {
		event := fmt.Appendf(nil, `{"id":%d,"text":"ü%s"}`, i, strings.Repeat("🌊", i%50))
		var got struct {
			ID   int
			Text string
		}
		if f.succeeds(f.invoke("many", event), &got); got.ID != i || got.Text != "ü"+strings.Repeat("🌊", i%50) {
			t.Fatalf("event %s comes back as %+v", event, got)
		}
		if i%100 == 0 {
			f.succeeds(f.do("many", "count", nil), &late)
		}
	}
	// The connections are kept, one for each of a client's threads, or closed.
	if late.Connections > 6 {
		t.Errorf("it has %d sockets after %d events, and had %d after one", late.Connections, late.Count, early.Connections)
	}
}
