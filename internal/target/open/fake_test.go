package open

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// fakeRuntime keeps one stack, as the management API would. The tests break it in
// ways in which the real one cannot be broken.
type fakeRuntime struct {
	mu       sync.Mutex
	stack    *stack.Stack
	revision int
	creation stack.Creation
	packages map[string][]byte
	requests []string
	// before may answer a request in the place of the runtime, by returning true.
	before func(w http.ResponseWriter, r *http.Request) bool
	// after may spoil the connection once the request was handled.
	after func(r *http.Request)
}

// serve starts the fake and returns a client that has little patience.
func (f *fakeRuntime) serve(t *testing.T) *Client {
	t.Helper()
	f.packages = map[string][]byte{}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return impatient(t, server.URL)
}

func impatient(t *testing.T, endpoint string) *Client {
	t.Helper()
	c, err := New(Options{Endpoint: endpoint, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	c.safe.RetryWaitMin, c.safe.RetryWaitMax = 1, 1
	c.once.RetryWaitMin, c.once.RetryWaitMax = 1, 1
	return c
}

const token = "hush-hush"

func (f *fakeRuntime) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, r.Method+" "+r.URL.Path)
	w.Header().Set(headerAPI, apiVersion)
	if f.before != nil && f.before(w, r) {
		return
	}
	f.handle(w, r)
	if f.after != nil {
		f.after(r)
	}
}

func (f *fakeRuntime) handle(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token:
		refuse(w, http.StatusUnauthorized, "no")
	case strings.HasPrefix(r.URL.Path, "/v1/packages/"):
		f.handlePackage(w, r, strings.TrimPrefix(r.URL.Path, "/v1/packages/"))
	case r.Method == http.MethodPut:
		f.handlePut(w, r)
	case f.stack == nil:
		refuse(w, http.StatusNotFound, "there is no such stack")
	case r.Method == http.MethodDelete:
		f.stack = nil
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost:
		f.creation = stack.CreationFinished
		f.revision++
		f.answer(w)
	default:
		f.answer(w)
	}
}

func (f *fakeRuntime) handlePut(w http.ResponseWriter, r *http.Request) {
	current := `"` + strconv.Itoa(f.revision) + `"`
	if none := r.Header.Get("If-None-Match"); none == "*" && f.stack != nil {
		refuse(w, http.StatusPreconditionFailed, "the stack exists already")
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && (f.stack == nil || match != "*" && match != current) {
		refuse(w, http.StatusPreconditionFailed, "the stack was changed")
		return
	}
	var s stack.Stack
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	for _, fn := range s.Functions {
		if _, ok := f.packages[fn.CodeSHA256]; !ok {
			refuse(w, http.StatusFailedDependency, "the package was not uploaded")
			return
		}
	}
	switch {
	case r.URL.Query().Get("creation") == "":
		f.creation = stack.CreationFinished
	case f.stack == nil:
		f.creation = stack.CreationUnfinished
	}
	f.stack = &s
	f.revision++
	f.answer(w)
}

func (f *fakeRuntime) handlePackage(w http.ResponseWriter, r *http.Request, name string) {
	sha := standardBase64(name)
	if r.Method == http.MethodHead {
		if _, ok := f.packages[sha]; !ok {
			w.WriteHeader(http.StatusNotFound)
		}
		return
	}
	content, err := io.ReadAll(r.Body)
	if err != nil || int64(len(content)) != r.ContentLength {
		refuse(w, http.StatusBadRequest, "the upload ended before it was complete")
		return
	}
	f.packages[sha] = content
}

func (f *fakeRuntime) answer(w http.ResponseWriter) {
	s := *f.stack
	_ = json.NewEncoder(w).Encode(stack.Deployment{Stack: s, Revision: strconv.Itoa(f.revision), Creation: f.creation})
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "detail": detail})
}

// count tells how many requests began with the text.
func (f *fakeRuntime) count(prefix string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, r := range f.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}
