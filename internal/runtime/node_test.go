package runtime_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// A node is a real `tidegate serve` process, and how these tests talk to it:
// over HTTP alone, as a stranger would.
type node struct {
	*harness.Runtime
	t *testing.T
}

// startNode starts a process with a data folder of its own, which ends with the
// test.
func startNode(t *testing.T, flags ...string) *node {
	t.Helper()
	r, err := harness.StartRuntime(t.Context(), harness.RuntimeOptions{Dir: t.TempDir(), Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{r, t}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("serve did not end in order: %v", err)
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", r.Endpoint, r.Log())
		}
	})
	return n
}

// upload stores a package of these files and returns its hash.
func (n *node) upload(files map[string]string) string {
	n.t.Helper()
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(0o755)
		f, err := w.CreateHeader(header)
		if err != nil {
			n.t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[name]); err != nil {
			n.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		n.t.Fatal(err)
	}
	sum := sha256.Sum256(archive.Bytes())
	n.must(n.Call(n.t.Context(), http.MethodPut, "/v1/packages/"+base64.RawURLEncoding.EncodeToString(sum[:]), archive.Bytes(), nil))
	return base64.StdEncoding.EncodeToString(sum[:])
}

func (n *node) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

// javascript is a Node function of one file.
func (n *node) javascript(code string) stack.Function {
	n.t.Helper()
	return n.function("nodejs", "index.handler", map[string]string{"index.mjs": code})
}

// python is a Python function of one file.
func (n *node) python(code string) stack.Function {
	n.t.Helper()
	return n.function("python3.", "app.handler", map[string]string{"app.py": code})
}

func (n *node) function(family, handler string, files map[string]string) stack.Function {
	n.t.Helper()
	f := stack.NewFunction()
	var err error
	f.Runtime, err = n.RuntimeIdentifier(n.t.Context(), family)
	n.must(err)
	f.Handler = handler
	f.Timeout = stack.Duration(time.Minute)
	f.CodeSHA256 = n.upload(files)
	return f
}

// deploy creates or changes a stack.
func (n *node) deploy(s stack.Stack) stack.Deployment {
	n.t.Helper()
	var d stack.Deployment
	n.must(n.Call(n.t.Context(), http.MethodPut, "/v1/stacks/"+s.Name, s, &d))
	for component, state := range d.Components {
		if state != stack.Ready {
			n.t.Fatalf("component %s of stack %s is %s", component, s.Name, state)
		}
	}
	return d
}

// An invocation's answer.
type result struct {
	status                   int
	payload                  string
	functionError, errorType string
	version, requestID       string
	log                      string
	err                      error
}

// invoke invokes a function; headers are pairs.
func (n *node) invoke(ctx context.Context, function, payload string, headers ...string) result {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost,
		n.Endpoint+"/2015-03-31/functions/"+function+"/invocations", strings.NewReader(payload))
	if err != nil {
		return result{err: err}
	}
	r.Header.Set("Authorization", "Bearer "+n.Token)
	for pair := range slices.Chunk(headers, 2) {
		r.Header.Set(pair[0], pair[1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return result{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	tail, _ := base64.StdEncoding.DecodeString(response.Header.Get("X-Amz-Log-Result"))
	return result{
		status:        response.StatusCode,
		payload:       string(text),
		functionError: response.Header.Get("X-Amz-Function-Error"),
		errorType:     response.Header.Get("X-Amzn-Errortype"),
		version:       response.Header.Get("X-Amz-Executed-Version"),
		requestID:     response.Header.Get("X-Amzn-Requestid"),
		log:           string(tail),
		err:           err,
	}
}

// send puts a message on a queue, which may be followed by a query.
func (n *node) send(ctx context.Context, queue, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, n.Ingress+"/queues/"+queue, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+n.Token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("sending to %s: %d %s %w", queue, response.StatusCode, text, err)
	}
	return nil
}

// patience is how long a test waits for what must happen, on a machine with other
// things to do.
const patience = 5 * time.Minute

// wait waits for a condition.
func wait(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := harness.Wait(ctx, what, func() (bool, error) { return condition(), nil }); err != nil {
		t.Fatal(err)
	}
}

// A sink is a server outside of the runtime, where functions tell what they have
// handled.
type sink struct {
	url string

	mu sync.Mutex
	// reports by what was handled: by which node, how often.
	reports map[string][]string
	// order in which ids were reported for the first time.
	order []string
}

func newSink(t *testing.T) *sink {
	s := &sink{reports: map[string][]string{}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var report struct {
			Handled []string
			Node    string
		}
		if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, id := range report.Handled {
			if len(s.reports[id]) == 0 {
				s.order = append(s.order, id)
			}
			s.reports[id] = append(s.reports[id], report.Node)
		}
	}))
	listener, err := harness.ListenOutside()
	if err != nil {
		t.Fatal(err)
	}
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// handled returns which nodes reported the id.
func (s *sink) handled(id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reports[id]
}

// inOrder returns the ids with that prefix as they were reported first.
func (s *sink) inOrder(prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.order), func(id string) bool { return !strings.HasPrefix(id, prefix) })
}

// missing returns which of the ids nobody has reported.
func (s *sink) missing(ids []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return len(s.reports[id]) > 0 })
}

// byNode counts how many of the ids each node has reported.
func (s *sink) byNode(ids []string) map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, id := range ids {
		for _, node := range s.reports[id] {
			counts[node]++
		}
	}
	return counts
}

// reporter is a function that reports to the sink what it was invoked with: the
// bodies of a queue's messages, or an event's own id.
func (n *node) reporter(s *sink) stack.Function {
	n.t.Helper()
	f := n.javascript(`
import http from 'node:http'
const agent = new http.Agent({ keepAlive: true })
export const handler = event => new Promise((resolve, reject) => {
  const handled = event.Records ? event.Records.map(r => r.body) : [event.id]
  const request = http.request(process.env.SINK, { method: 'POST', agent }, response => {
    response.resume().on('end', () => response.statusCode === 200 ? resolve(handled) : reject(new Error('sink')))
  })
  request.on('error', reject)
  request.end(JSON.stringify({ handled, node: process.env.TIDEGATE_ENDPOINT }))
})`)
	f.Environment = map[string]string{"SINK": s.url}
	f.Timeout = stack.Duration(20 * time.Second)
	// A whole processor: with less, what takes long is the wait for its next turn.
	f.Memory = 1769
	return f
}
