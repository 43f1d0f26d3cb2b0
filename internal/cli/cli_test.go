package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// run runs a command and returns its exit status and what it printed.
func run(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	return runContext(t.Context(), stdin, args...)
}

func runContext(ctx context.Context, stdin string, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = Run(ctx, "1.2.3", args, strings.NewReader(stdin), &out, &err)
	return status, out.String(), err.String()
}

// fakeRuntime answers like a runtime, by handlers of patterns, and makes the
// commands find it.
func fakeRuntime(t *testing.T, handlers map[string]http.HandlerFunc) {
	t.Helper()
	mux := http.NewServeMux()
	for pattern, handler := range handlers {
		mux.HandleFunc(pattern, handler)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Tidegate-Api", "1")
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("%s %s came without the token", r.Method, r.URL)
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("TIDEGATE_ENDPOINT", server.URL)
	t.Setenv("TIDEGATE_TOKEN", "secret")
}

func answering(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }
}

const invokeOrders = "POST /2015-03-31/functions/{name}/invocations"

func TestInvokePrintsTheAnswer(t *testing.T) {
	var name, qualifier, payload, kind string
	fakeRuntime(t, map[string]http.HandlerFunc{invokeOrders: func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		name, qualifier, payload, kind = r.PathValue("name"), r.URL.Query().Get("Qualifier"), string(text), r.Header.Get("X-Amz-Invocation-Type")
		w.Header().Set("X-Amz-Executed-Version", "3")
		w.Header().Set("X-Amzn-Requestid", "id-1")
		_, _ = io.WriteString(w, `{"ok":true}`)
	}})
	status, stdout, stderr := run(t, "", "invoke", "orders/fulfil", "--payload", `{"id":7}`)
	if status != 0 || stdout != "{\"ok\":true}\n" || stderr != "" {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
	if name != "orders-fulfil" || qualifier != "live" || payload != `{"id":7}` || kind != "RequestResponse" {
		t.Errorf("the runtime was asked for %q %q %q %q", name, qualifier, payload, kind)
	}

	file := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(file, []byte(`["from a file"]`), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "", "invoke", "orders/fulfil:3", "--payload", "@"+file)
	if qualifier != "3" || payload != `["from a file"]` {
		t.Errorf("the runtime was asked for %q %q", qualifier, payload)
	}
	run(t, `"from stdin"`, "invoke", "orders/fulfil", "-p", "-", "--async")
	if payload != `"from stdin"` || kind != "Event" {
		t.Errorf("the runtime was asked for %q %q", payload, kind)
	}

	_, stdout, _ = run(t, "", "invoke", "orders/fulfil", "-o", "json")
	var result map[string]any
	if err := json.Unmarshal([]byte(stdout), &result); err != nil || result["executed_version"] != "3" || result["request_id"] != "id-1" {
		t.Errorf("got %s, %v", stdout, err)
	}
}

func TestAFunctionThatFailsFailsTheCommand(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{invokeOrders: func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		_, _ = io.WriteString(w, `{"errorMessage":"no stock","errorType":"OutOfStock"}`)
	}})
	status, stdout, stderr := run(t, "", "invoke", "orders/fulfil")
	if status != 1 || stderr != "tidegate: orders/fulfil failed: OutOfStock: no stock\n" || !strings.Contains(stdout, "no stock") {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
}

func TestMistakesAreOneSentence(t *testing.T) {
	fakeRuntime(t, nil)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"invoke"}, "tidegate invoke needs a function, such as orders/fulfil"},
		{[]string{"invoke", "orders"}, `"orders" names no function; write STACK/FUNCTION`},
		{[]string{"invoke", "orders/fulfil:"}, "names no function"},
		{[]string{"invoke", "a/b", "c"}, "takes only a function"},
		{[]string{"invoke", "a/b", "--payload", "{"}, "the payload from --payload is not JSON"},
		{[]string{"invoke", "a/b", "--payload", "@/does/not/exist"}, "cannot read the payload"},
		{[]string{"logs", "a", "--since", "tomorrow"}, `--since is "tomorrow"`},
		{[]string{"logs", "a/b:3"}, "a log is of a function, not of one version"},
		{[]string{"versions", "a/b:3"}, "already names one version"},
		{[]string{"stacks", "-o", "xml"}, "it can be text or json"},
		{[]string{"stacks", "--endpoint", "nowhere"}, `"nowhere"; it must be a URL`},
		{[]string{"serve", "--port", "1"}, "unknown flag: --port; see: tidegate serve --help"},
		{[]string{"serve", "--log-level", "loud"}, `--log-level is "loud"`},
		{[]string{"sevre"}, `unknown command "sevre"`},
	} {
		status, stdout, stderr := run(t, "", c.args...)
		if status != 1 || stdout != "" || !strings.HasPrefix(stderr, "tidegate: ") || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: got %d, %q, %q; want %q", c.args, status, stdout, stderr, c.want)
		}
		if strings.Contains(stderr, "Usage:") {
			t.Errorf("%v: dumps the usage", c.args)
		}
	}
}

func TestARuntimeThatIsNotThereIsExplained(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("TIDEGATE_TOKEN", "")
	t.Setenv("TIDEGATE_ENDPOINT", "http://127.0.0.1:1")
	status, _, stderr := run(t, "", "stacks")
	if status != 1 || !strings.Contains(stderr, "tidegate serve") {
		t.Errorf("got %d, %q", status, stderr)
	}
}

const deployment = `{
	"stack": {"name":"orders","trigger":{"queue":{}},"functions":{"fulfil":{"runtime":"python3.13"},"report":{}}},
	"creation":"finished", "url":"http://127.0.0.1:7421/queues/orders",
	"functions": {
		"fulfil": {"version":3,"routing":{"3":90,"4":10},"versions":[
			{"number":3,"config":{"runtime":"python3.13","code_sha256":"aaa="},"code_size":1500,"created":"2026-01-31T12:00:00Z"},
			{"number":4,"config":{"runtime":"python3.13","code_sha256":"bbb="},"code_size":2500000,"created":"2026-02-01T12:00:00Z"}]},
		"report": {"version":1,"routing":{"1":100},"versions":[]}
	},
	"components": {"queue":"ready","consumer":"disabled"}
}`

const host = `{"architecture":"x86_64","isolation":{"mode":"auto","enforced":[],"missing":["memory limit: no cgroup"]},"nodes":["n"],"max_concurrency":1000}`

func TestStacksAreListedWithWhatIsWrong(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{
		"GET /v1/stacks": answering(`{"stacks":[` + deployment + `]}`),
		"GET /v1/host":   answering(host),
	})
	status, stdout, stderr := run(t, "", "stacks")
	want := "STACK   TRIGGER  FUNCTIONS                    ADDRESS                              STATE\n" +
		"orders  queue    fulfil:3=90%/4=10%, report:1  http://127.0.0.1:7421/queues/orders  consumer disabled\n"
	if status != 0 || squeeze(stdout) != squeeze(want) {
		t.Errorf("got %d\n%s\nwant\n%s", status, stdout, want)
	}
	if !strings.Contains(stderr, "missing: memory limit: no cgroup") {
		t.Errorf("what isolation lacks is not told: %q", stderr)
	}
	_, stdout, _ = run(t, "", "stacks", "-o", "json")
	var out struct {
		Stacks []struct{ Stack struct{ Name string } }
		Host   struct{ Architecture string }
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil || len(out.Stacks) != 1 || out.Host.Architecture != "x86_64" {
		t.Errorf("got %s, %v", stdout, err)
	}
}

func TestVersionsAreListedWithTheirTraffic(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{"GET /v1/stacks/orders": answering(deployment)})
	_, stdout, _ := run(t, "", "versions", "orders/fulfil")
	for _, want := range []string{"VERSION LIVE CREATED RUNTIME SIZE CODE", "3 90%", "1.5 kB aaa=", "4 10%", "2.5 MB bbb="} {
		if !strings.Contains(squeeze(stdout), want) {
			t.Errorf("%q is not in\n%s", want, stdout)
		}
	}
	status, _, stderr := run(t, "", "versions", "orders/none")
	if status != 1 || !strings.Contains(stderr, "it has: fulfil, report") {
		t.Errorf("got %d, %q", status, stderr)
	}
}

func TestTheShellCompletesStacksAndFunctions(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{"GET /v1/stacks": answering(`{"stacks":[` + deployment + `]}`)})
	for word, want := range map[string]string{
		"":         "orders\norders/fulfil\norders/report\n:4\n",
		"orders/f": "orders/fulfil\n:4\n",
		"x":        ":4\n",
	} {
		if _, stdout, _ := run(t, "", "__complete", "invoke", word); stdout != want {
			t.Errorf("%q: got %q, want %q", word, stdout, want)
		}
	}
}

// squeeze makes columns comparable.
func squeeze(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.Join(strings.Fields(lines[i]), " ")
	}
	return strings.Join(lines, "\n")
}

func TestAFollowedLogThatBreaksOffGoesOnWithoutRepeating(t *testing.T) {
	line := func(second int, text string) string {
		return fmt.Sprintf(`{"time":"2026-01-31T12:00:%02dZ","function":"fulfil","version":"3","line":%q}`+"\n", second, text)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var connections atomic.Int32
	fakeRuntime(t, map[string]http.HandlerFunc{
		"GET /v1/stacks/orders": answering(deployment),
		"GET /v1/stacks/orders/logs": func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("follow") != "true" || r.URL.Query().Get("function") != "fulfil" {
				t.Errorf("asked for %s", r.URL)
			}
			switch connections.Add(1) {
			case 1:
				_, _ = io.WriteString(w, line(1, "one")+line(2, "two")+line(2, "two"))
			default:
				if since := r.URL.Query().Get("since"); since > "2026-01-31T12:00:02Z" {
					t.Errorf("went on from %s, after what it may have missed", since)
				}
				_, _ = io.WriteString(w, line(2, "two")+line(2, "two")+line(2, "two")+line(3, "three"))
				w.(http.Flusher).Flush()
				cancel()
				<-r.Context().Done()
			}
		},
	})
	status, stdout, stderr := runContext(ctx, "", "logs", "orders/fulfil", "--follow", "--since", "2026-01-31T00:00:00Z")
	var texts []string
	for line := range strings.Lines(stdout) {
		fields := strings.Fields(line)
		texts = append(texts, fields[len(fields)-1])
	}
	got := strings.Join(texts, " ")
	if status != 0 || !strings.HasPrefix(got, "one two two") || strings.Count(got, "two") > 3 || !strings.Contains(stderr, "connecting again") {
		t.Errorf("got %d, %q, %q", status, got, stderr)
	}
}

func TestSince(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"5m":                   now.Add(-5 * time.Minute),
		"5m ago":               now.Add(-5 * time.Minute),
		"2 hours ago":          now.Add(-2 * time.Hour),
		"1 day ago":            now.AddDate(0, 0, -1),
		"2w":                   now.AddDate(0, 0, -14),
		"1h30m":                now.Add(-90 * time.Minute),
		"90 seconds":           now.Add(-90 * time.Second),
		"2026-01-31":           time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
		"2026-01-31 12:30:00":  time.Date(2026, 1, 31, 12, 30, 0, 0, time.UTC),
		"2026-01-31T12:00:00Z": time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "yesterday", "-5m", "5 lightyears", "ago"} {
		if _, err := parseSince(bad, now); err == nil {
			t.Errorf("%q was understood", bad)
		}
	}
}

func FuzzSince(f *testing.F) {
	f.Add("5m ago")
	f.Add("99999w")
	f.Add("2026-01-31T12:00:00Z")
	f.Fuzz(func(t *testing.T, text string) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		if got, err := parseSince(text, now); err == nil {
			if _, err := time.Parse(time.RFC3339Nano, got.Format(time.RFC3339Nano)); err != nil {
				t.Fatalf("%q is %v, which cannot be sent: %v", text, got, err)
			}
		}
	})
}

func TestEveryLineOfATracebackIsALineOfTheLog(t *testing.T) {
	fakeRuntime(t, map[string]http.HandlerFunc{
		"GET /v1/stacks/orders": answering(deployment),
		"GET /v1/stacks/orders/logs": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"time":"2026-01-31T12:00:00Z","function":"fulfil","version":"3","line":"[ERROR] KeyError\rTraceback:\r  at line 7\r"}`+"\n")
		},
	})
	status, stdout, stderr := run(t, "", "logs", "orders", "--since", "2026-01-31T00:00:00Z")
	if status != 0 || !strings.HasSuffix(stdout, " fulfil:3 [ERROR] KeyError\nTraceback:\n  at line 7\n") {
		t.Errorf("got %d, %q, %q", status, stdout, stderr)
	}
}
