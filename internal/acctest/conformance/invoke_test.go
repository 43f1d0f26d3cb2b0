package conformance_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// A function is a client's, as one test sees it.
type function struct {
	*bench
	client
	t *testing.T
}

// An answer is Lambda's to Invoke.
type answer struct {
	payload []byte
	// id of the request; version that answered.
	id, version string
	// failed is X-Amz-Function-Error.
	failed string
	// log is the end of what the instance printed, if it was asked for.
	log string
}

// invoke invokes one of the client's functions by Lambda's own API. headers are names
// and values in turn.
func (f *function) invoke(name string, payload []byte, headers ...string) answer {
	f.t.Helper()
	url := fmt.Sprintf("%s/2015-03-31/functions/%s-%s:live/invocations", f.Endpoint, f.name, name)
	r, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, url, bytes.NewReader(payload))
	if err != nil {
		f.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+f.Token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		f.t.Fatalf("%s-%s with %.200s: status %d: %.1000s", f.name, name, payload, response.StatusCode, body)
	}
	log, err := base64.StdEncoding.DecodeString(response.Header.Get("X-Amz-Log-Result"))
	if err != nil {
		f.t.Fatal(err)
	}
	return answer{
		body, response.Header.Get("X-Amzn-Requestid"), response.Header.Get("X-Amz-Executed-Version"),
		response.Header.Get("X-Amz-Function-Error"), string(log),
	}
}

// do has a function do something, see the package's documentation.
func (f *function) do(name, what string, more map[string]any, headers ...string) answer {
	f.t.Helper()
	event := map[string]any{"do": what}
	for key, value := range more {
		event[key] = value
	}
	payload, err := json.Marshal(event)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.invoke(name, payload, headers...)
}

// succeeds decodes the payload of an answer without an error.
func (f *function) succeeds(a answer, into any) {
	f.t.Helper()
	if a.failed != "" {
		f.t.Fatalf("the function failed: %.1000s", a.payload)
	}
	if err := json.Unmarshal(a.payload, into); err != nil {
		f.t.Fatalf("%.1000s: %v", a.payload, err)
	}
}

// failure is what all languages' errors have in common.
type failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

// fails checks that an answer is an error of the kind, and returns all of it.
func (f *function) fails(a answer, want failure) map[string]any {
	f.t.Helper()
	var got failure
	all := map[string]any{}
	if json.Unmarshal(a.payload, &got) != nil || json.Unmarshal(a.payload, &all) != nil || a.failed != "Unhandled" || got != want {
		f.t.Errorf("X-Amz-Function-Error is %q, of %.500s; want Unhandled, of %.500v", a.failed, a.payload, want)
	}
	return all
}
