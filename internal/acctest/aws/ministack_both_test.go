package aws

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// A place is one of the targets, as those see it who use the stacks on it.
type place struct {
	*acctest.Workspace
	// send sends messages to the queue, each with the attribute Source.
	send func(t testing.TB, bodies ...string)
	// printed returns what a function of a stack has printed.
	printed func(t testing.TB, stack, function string) []string
	// address at which a function URL can be reached, without a slash at its end.
	address func(functionURL string) string
}

// openPlace is a runtime with the files of testdata/both.
func openPlace(t testing.TB, files map[string]string) place {
	runtime := acctest.StartRuntime(t)
	w := acctest.Terraform(t, runtime, files)
	w.Write("host.auto.tfvars", fmt.Sprintf("python = %q\nnode = %q\n", runtime.Interpreter("python3."), runtime.Interpreter("nodejs")))
	return place{
		Workspace: w,
		send: func(t testing.TB, bodies ...string) {
			for _, body := range bodies {
				got := request(t, http.MethodPost, output[string](t, w, "queue"), body,
					"Authorization: Bearer "+runtime.Token, "X-Message-Attribute-Source: test")
				if got.Status != http.StatusOK {
					t.Fatalf("the queue answers %v", got)
				}
			}
		},
		printed: func(t testing.TB, stack, function string) []string {
			out, err := runtime.CLI(t.Context(), "logs", stack+"/"+function, "-o", "json").Output()
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for text := range strings.Lines(string(out)) {
				var entry struct{ Line string }
				if err := json.Unmarshal([]byte(text), &entry); err != nil {
					t.Fatal(err)
				}
				lines = append(lines, entry.Line)
			}
			return lines
		},
		address: func(functionURL string) string { return strings.TrimSuffix(functionURL, "/") },
	}
}

// awsPlace is an account with the files of testdata/both.
func awsPlace(t testing.TB, files map[string]string) (place, *workspace) {
	w := byEnvironment(t, files)
	w.Write("host.auto.tfvars", fmt.Sprintf("python = %q\nnode = %q\n", ministackPython, ministackNode))
	return place{
		Workspace: w.Workspace,
		send: func(_ testing.TB, bodies ...string) {
			w.Python(`
for body in bodies:
    sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes={"Source": {"DataType": "String", "StringValue": "test"}})
`, map[string]any{"queue": output[string](t, w.Workspace, "queue"), "bodies": bodies})
		},
		printed: func(_ testing.TB, stack, function string) []string { return w.printed(stack + "-" + function) },
		address: w.Emulator.FunctionURL,
	}, w
}

// seen is what a target's stacks have shown.
type seen struct {
	answers map[string]answer
	// events that functions got from the queue and from the schedules.
	messages, scheduled []object
}

// visit uses all stacks of testdata/both, and returns what they showed.
func visit(t *testing.T, p place) (s seen) {
	p.Write("due.auto.tfvars", `due = "at(2090-01-01T00:00:00)"`)
	p.Apply()
	// A time that is over before the schedules are told of it comes never.
	for margin := 5 * time.Second; ; margin *= 2 {
		due := time.Now().UTC().Add(margin)
		p.Write("due.auto.tfvars", fmt.Sprintf("due = %q", due.Format("at(2006-01-02T15:04:05)")))
		p.Apply()
		if time.Now().Before(due.Add(-time.Second)) {
			break
		}
	}

	p.send(t, `{"status":"open","id":1}`, `{"status":"paid","id":2}`)
	api, tool := output[string](t, p.Workspace, "api"), p.address(output[string](t, p.Workspace, "tool"))
	s.answers = map[string]answer{
		"parameter": request(t, http.MethodGet, api+"/orders/7?page=2&page=3&empty=", "", "X-Shop: tea", "Accept: a", "Accept: b", "Cookie: a=1; b=2"),
		"default":   request(t, http.MethodPut, api+"/elsewhere/%C3%A9", `{"a":1}`, "Content-Type: application/json"),
		"binary":    request(t, http.MethodPost, api+"/elsewhere", "\xff\x00", "Content-Type: application/octet-stream"),
		"node":      request(t, http.MethodPost, api+"/files/a/b.txt", "text", "Content-Type: text/plain", "Origin: https://shop.example.org"),
		"foreign":   request(t, http.MethodGet, api+"/files/a", "", "Origin: https://elsewhere.example.org"),
		"preflight": request(t, http.MethodOptions, api+"/orders/7", "", "Origin: https://shop.example.org",
			"Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type"),
		"tool": request(t, http.MethodPost, tool+"/a/b?c=d", "text", "Content-Type: text/plain"),
	}
	eventually(t, "the message that no filter drops", func() bool {
		s.messages = eventsOf(t, p.printed(t, "orders", "fulfil"))
		return len(s.messages) > 0
	})
	eventually(t, "both schedules that are not disabled", func() bool {
		s.scheduled = eventsOf(t, p.printed(t, "reports", "report"))
		return len(s.scheduled) >= 2
	})
	p.EmptyPlan()
	p.Destroy()
	return s
}

// eventsOf returns the events that a function has printed.
func eventsOf(t testing.TB, lines []string) (events []object) {
	t.Helper()
	for _, line := range lines {
		if _, text, found := strings.Cut(line, "EVENT "); found {
			events = append(events, decode(t, text))
		}
	}
	return events
}

// headers that answers are compared by. Vary is none: what AWS says there is nowhere
// written down.
var comparedHeaders = []string{
	"Content-Type", "Set-Cookie", "X-Order", "Access-Control-Allow-Origin", "Access-Control-Allow-Methods",
	"Access-Control-Allow-Headers", "Access-Control-Max-Age",
}

// comparable returns what was seen as it has to be on either target.
func (s seen) comparable(t testing.TB) string {
	t.Helper()
	all := object{"messages": s.messages, "scheduled": s.scheduled}
	for name, answer := range s.answers {
		is := object{"status": answer.Status}
		for _, header := range comparedHeaders {
			if values := answer.Header[header]; len(values) > 0 {
				is[header] = values
			}
		}
		if answer.Body != "" {
			is["event"] = decode(t, answer.Body)
		}
		all[name] = is
	}
	return pretty(t, essential(decode(t, pretty(t, all))))
}

func TestTheSameConfigurationBehavesTheSameOnBothTargets(t *testing.T) {
	t.Parallel()
	files := folder(t, filepath.Join("testdata", "both"))
	var onOpen, onAWS seen
	t.Run("targets", func(t *testing.T) {
		t.Run("open", func(t *testing.T) {
			t.Parallel()
			onOpen = visit(t, openPlace(t, files))
		})
		t.Run("aws", func(t *testing.T) {
			t.Parallel()
			p, w := awsPlace(t, files)
			onAWS = visit(t, p)
			w.NothingLeft()
		})
	})
	if t.Failed() {
		return
	}
	for name, a := range onAWS.answers {
		if a.Body == "" {
			continue
		}
		event := decode(t, a.Body)
		if name == "tool" {
			withoutTLS(event)
		} else {
			fullRequest(t, event)
		}
		a.Body = pretty(t, event)
		onAWS.answers[name] = a
	}
	for _, event := range onAWS.messages {
		fullMessages(t, event)
	}
	for _, s := range []seen{onOpen, onAWS} {
		slices.SortFunc(s.scheduled, func(a, b object) int { return len(a) - len(b) })
	}
	fullSchedule(t, onAWS.scheduled[1])
	if open, aws := onOpen.comparable(t), onAWS.comparable(t); open != aws {
		t.Errorf("the open runtime shows\n%s\nAWS shows\n%s", open, aws)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "both", "seen.json"))
	if err != nil {
		t.Fatal(err)
	}
	if is := onOpen.comparable(t); is != strings.TrimSpace(string(want)) {
		t.Errorf("testdata/both/seen.json says otherwise than the targets, which show\n%s", is)
	}
}
