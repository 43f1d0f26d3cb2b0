package runtime_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const echo = `
export const handler = async (event, context) => {
  console.log('handling', event.id)
  if (event.fail) throw new TypeError('asked to fail')
  return { id: event.id, version: context.functionVersion, arn: context.invokedFunctionArn, marker: process.env.MARKER }
}`

// echoStack is a stack with the function above.
func echoStack(n *node, marker string) stack.Stack {
	f := n.javascript(echo)
	f.Environment = map[string]string{"MARKER": marker}
	return stack.Stack{Name: "demo", Functions: map[string]stack.Function{"echo": f}}
}

func TestAFunctionIsDeployedAndInvoked(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "one"))

	got := n.invoke(t.Context(), "demo-echo:live", `{"id":7}`, "X-Amz-Log-Type", "Tail")
	var answer struct {
		ID                   int
		Version, ARN, Marker string
	}
	if err := json.Unmarshal([]byte(got.payload), &answer); got.status != 200 || err != nil {
		t.Fatalf("got %+v, %v", got, err)
	}
	if answer.ID != 7 || answer.Version != "1" || answer.Marker != "one" || answer.ARN != stack.AliasARN("demo", "echo") || got.version != "1" {
		t.Errorf("the function saw %+v, executed version %s", answer, got.version)
	}
	for _, line := range []string{"START RequestId: " + got.requestID, "handling 7", "END RequestId", "REPORT RequestId"} {
		if !strings.Contains(got.log, line) {
			t.Errorf("%q is not in the log tail:\n%s", line, got.log)
		}
	}

	if got := n.invoke(t.Context(), "demo-echo:live", `{"fail":true}`); got.status != 200 || got.functionError != "Unhandled" || !strings.Contains(got.payload, `"errorType":"TypeError"`) {
		t.Errorf("a function that throws: %+v", got)
	}
	if got := n.invoke(t.Context(), "demo-echo:live", `{}`, "X-Amz-Invocation-Type", "DryRun"); got.status != 204 {
		t.Errorf("a dry run: %+v", got)
	}
	if got := n.invoke(t.Context(), "demo-none:live", `{}`); got.status != 404 || got.errorType != "ResourceNotFoundException" {
		t.Errorf("a function that is not there: %+v", got)
	}
	if got := n.invoke(t.Context(), "demo-echo:live", `{"id":`); got.status != 400 || got.errorType != "InvalidRequestContentException" {
		t.Errorf("an event that is not JSON: %+v", got)
	}
}

func TestAnAliasSplitsTrafficBetweenTwoVersions(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "one"))
	n.deploy(echoStack(n, "two"))
	n.must(n.Call(t.Context(), http.MethodPut, "/v1/stacks/demo/functions/echo/aliases/live",
		map[string]any{"routing": map[string]int{"1": 50, "2": 50}}, nil))
	seen := map[string]int{}
	for i := range 100 {
		got := n.invoke(t.Context(), "demo-echo:live", fmt.Sprintf(`{"id":%d}`, i))
		marker := map[string]string{"1": "one", "2": "two"}[got.version]
		if !strings.Contains(got.payload, `"marker":"`+marker+`"`) {
			t.Fatalf("version %s answered %s", got.version, got.payload)
		}
		seen[got.version]++
	}
	// Fewer than 20 of 100 at even chances happens once in ten thousand million runs.
	if seen["1"] < 20 || seen["2"] < 20 || seen["1"]+seen["2"] != 100 {
		t.Errorf("the traffic was split %v", seen)
	}
	for qualifier, version := range map[string]string{":1": "1", ":2": "2", ":$LATEST": "$LATEST", "": "$LATEST"} {
		if got := n.invoke(t.Context(), "demo-echo"+qualifier, `{}`); got.version != version {
			t.Errorf("demo-echo%s ran version %q: %+v", qualifier, got.version, got)
		}
	}
}

func TestFiftyFirstRequestsToAColdFunctionAllAnswer(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "cold"))
	results := make([]result, 50)
	var all sync.WaitGroup
	for i := range results {
		all.Go(func() { results[i] = n.invoke(t.Context(), "demo-echo:live", fmt.Sprintf(`{"id":%d}`, i)) })
	}
	all.Wait()
	for i, got := range results {
		if got.err != nil || got.status != 200 || got.functionError != "" || !strings.Contains(got.payload, fmt.Sprintf(`"id":%d,`, i)) {
			t.Errorf("request %d: %+v", i, got)
		}
	}
}

func TestAThousandAsynchronousInvocationsAllComplete(t *testing.T) {
	n := startNode(t)
	s := newSink(t)
	n.deploy(stack.Stack{Name: "work", Functions: map[string]stack.Function{"do": n.reporter(s)}})
	ids := make([]string, 1000)
	var senders sync.WaitGroup
	next := make(chan string)
	for range 50 {
		senders.Go(func() {
			for id := range next {
				if got := n.invoke(t.Context(), "work-do:live", fmt.Sprintf(`{"id":%q}`, id), "X-Amz-Invocation-Type", "Event"); got.status != 202 {
					t.Errorf("%s was not accepted: %+v", id, got)
				}
			}
		})
	}
	for i := range ids {
		ids[i] = fmt.Sprintf("async-%d", i)
		next <- ids[i]
	}
	close(next)
	senders.Wait()
	wait(t, "all to complete", func() bool { return len(s.missing(ids)) == 0 })
}

func TestLogsAreFollowedWhileTheFunctionRuns(t *testing.T) {
	n := startNode(t, "--drain-timeout", "1h")
	n.deploy(echoStack(n, "logs"))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.Endpoint+"/v1/stacks/demo/logs?follow=true&function=echo", nil)
	n.must(err)
	r.Header.Set("Authorization", "Bearer "+n.Token)
	response, err := http.DefaultClient.Do(r)
	n.must(err)
	defer response.Body.Close()
	lines := json.NewDecoder(response.Body)
	for i := range 3 {
		got := n.invoke(t.Context(), "demo-echo:live", fmt.Sprintf(`{"id":%d}`, i))
		for {
			var entry struct {
				Line      string
				RequestID string `json:"request_id"`
			}
			n.must(lines.Decode(&entry))
			if strings.Contains(entry.Line, fmt.Sprintf("handling %d", i)) {
				if entry.RequestID != got.requestID {
					t.Errorf("the line is of request %s, want %s", entry.RequestID, got.requestID)
				}
				break
			}
		}
	}
	n.must(n.Stop()) // A log that is followed does not hold it up.
}

func TestFailuresHaveLambdasShapes(t *testing.T) {
	n := startNode(t)
	breaking := n.python(`
import json, os, time
if os.environ.get("MARKER") == "broken":
    raise ValueError("cannot start")

def handler(event, context):
    if event["do"] == "sleep":
        time.sleep(60)
    if event["do"] == "exit":
        os._exit(3)
    if event["do"] == "raise":
        raise KeyError("nothing")
    return {"a": 1}
`)
	sleeping, broken := breaking, breaking
	sleeping.Timeout = stack.Duration(time.Second)
	broken.Environment = map[string]string{"MARKER": "broken"}
	n.deploy(stack.Stack{Name: "bad", Functions: map[string]stack.Function{"breaking": breaking, "sleeping": sleeping, "broken": broken}})
	for _, c := range []struct{ function, do, want string }{
		{"sleeping", "sleep", `Task timed out after 1.00 seconds`},
		{"breaking", "exit", `"errorType":"Runtime.ExitError"`},
		{"breaking", "raise", `"errorType": "KeyError"`},
		{"broken", "start", `cannot start`},
	} {
		got := n.invoke(t.Context(), "bad-"+c.function+":live", fmt.Sprintf(`{"do":%q}`, c.do))
		if got.status != 200 || got.functionError != "Unhandled" || !strings.Contains(strings.ReplaceAll(got.payload, `": "`, `":"`), strings.ReplaceAll(c.want, `": "`, `":"`)) {
			t.Errorf("%s, told to %s: %+v; want %s", c.function, c.do, got, c.want)
		}
	}
	if got := n.invoke(t.Context(), "bad-breaking:live", `{"do":"go on"}`); got.functionError != "" {
		t.Errorf("after all that the function does not run: %+v", got)
	}
}
