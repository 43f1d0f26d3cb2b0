package open

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// answering starts a fake that answers every request alike.
func answering(t *testing.T, answer func(w http.ResponseWriter, r *http.Request)) *Client {
	t.Helper()
	f := &fakeRuntime{before: func(w http.ResponseWriter, r *http.Request) bool {
		answer(w, r)
		return true
	}}
	return f.serve(t)
}

func TestInvokeSpeaksAsLambdaDoes(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/2015-03-31/functions/orders-fulfil/invocations?Qualifier=live" || r.Header.Get("X-Amz-Log-Type") != "Tail" {
			t.Errorf("the request is %s %v", r.URL, r.Header)
		}
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		w.Header().Set("X-Amz-Executed-Version", "3")
		w.Header().Set("X-Amzn-RequestId", "r1")
		w.Header().Set("X-Amz-Log-Result", "aGVsbG8=")
		_, _ = w.Write([]byte(`{"errorType":"KeyError"}`))
	})
	got, err := c.Invoke(t.Context(), Invocation{Function: "orders-fulfil", Qualifier: "live", LogTail: true})
	if err != nil {
		t.Fatal(err)
	}
	if got.FunctionError != "Unhandled" || got.ExecutedVersion != "3" || got.RequestID != "r1" || string(got.LogTail) != "hello" || string(got.Payload) != `{"errorType":"KeyError"}` {
		t.Errorf("the result is %+v", got)
	}
}

func TestLambdasErrorsAreReadInTheirOwnForm(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"Type":"User","Message":"Function not found"}`))
	})
	_, err := c.Invoke(t.Context(), Invocation{Function: "orders-nobody"})
	wantError(t, err, "ResourceNotFoundException: Function not found")
}

func TestLogsComeAsTheyAreWritten(t *testing.T) {
	since := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	c := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if want := "/v1/stacks/orders/logs?follow=true&function=fulfil&since=2026-01-31T12%3A00%3A00Z"; r.URL.String() != want {
			t.Errorf("the request is %s, want %s", r.URL, want)
		}
		_, _ = w.Write([]byte(`{"line":"one"}` + "\n" + `{"line":"two"}` + "\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	var lines []string
	for entry, err := range c.Logs(t.Context(), LogQuery{Stack: "orders", Function: "fulfil", Since: since, Follow: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if lines = append(lines, entry.Line); len(lines) == 2 {
			break
		}
	}
	if !slices.Equal(lines, []string{"one", "two"}) {
		t.Errorf("the lines are %q", lines)
	}
}

func TestCheckFindsInterpretersThatTheHostLacks(t *testing.T) {
	asked := 0
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = w.Write([]byte(`{"runtimes":["nodejs22.x","python3.13"]}`))
	})
	s := orders("code").Stack
	if problems, err := c.Check(t.Context(), s); err != nil || len(problems) > 0 {
		t.Errorf("of an available runtime Check returned %v, %v", problems, err)
	}
	f := s.Functions["fulfil"]
	f.Runtime = "python3.9"
	s.Functions = map[string]stack.Function{"fulfil": f}
	problems, err := c.Check(t.Context(), s)
	if err != nil || len(problems) != 1 {
		t.Fatalf("Check returned %v, %v", problems, err)
	}
	if got := problems[0].String(); !strings.Contains(got, `functions["fulfil"].runtime`) || !strings.Contains(got, "python3.9") || !strings.Contains(got, "nodejs22.x, python3.13") {
		t.Errorf("the problem is %q", got)
	}
	if asked != 1 {
		t.Errorf("the runtime was asked %d times", asked)
	}
}

func TestCheckFindsArchitecturesThatAreNotTheHosts(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"runtimes":["nodejs22.x","python3.13"],"architecture":"arm64"}`))
	})
	s := orders("code").Stack
	f := s.Functions["fulfil"]
	f.Architecture = "x86_64"
	s.Functions = map[string]stack.Function{"fulfil": f}
	problems, err := c.Check(t.Context(), s)
	if err != nil || len(problems) != 1 || problems[0].Paths[0] != `functions["fulfil"].architecture` {
		t.Fatalf("Check returned %v, %v", problems, err)
	}
}

func TestListSortsByName(t *testing.T) {
	c := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"stacks":[{"stack":{"name":"b"}},{"stack":{"name":"a"}}]}`))
	})
	stacks, err := c.List(t.Context())
	if err != nil || len(stacks) != 2 || stacks[0].Stack.Name != "a" {
		t.Errorf("List returned %v, %v", stacks, err)
	}
}
