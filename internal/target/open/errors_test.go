package open

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// wantError checks that an error has each of the words, is one line, and does not
// tell the token.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("there is no error; want one with %q", words)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
	if strings.ContainsAny(err.Error(), "\n") {
		t.Errorf("%q is not one line", err)
	}
	if strings.Contains(err.Error(), token) {
		t.Errorf("%q tells the token", err)
	}
}

func TestARuntimeThatIsDownIsNamedWithTheWayOut(t *testing.T) {
	c := impatient(t, unusedAddress(t))
	_, err := c.Read(t.Context(), stack.Stack{Name: "orders"})
	wantError(t, err, "cannot reach the runtime at "+c.endpoint, "connection refused", "tidegate serve", EnvEndpoint)
}

func TestARuntimeThatIsDownIsNotWaitedForTwice(t *testing.T) {
	c := impatient(t, unusedAddress(t))
	attempts := 0
	c.safe.PrepareRetry = func(*http.Request) error {
		attempts++
		return nil
	}
	_, _ = c.Read(t.Context(), stack.Stack{Name: "a"})
	if attempts != retries {
		t.Errorf("the first call was tried again %d times, want %d", attempts, retries)
	}
	attempts = 0
	_, err := c.Read(t.Context(), stack.Stack{Name: "b"})
	wantError(t, err, "connection refused")
	if attempts != 0 {
		t.Errorf("the second call was tried again %d times", attempts)
	}
}

// unusedAddress is a URL at which nothing listens.
func unusedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestARuntimeThatRestartsIsWaitedFor(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	create(t, c, orders("code"))
	down := 3
	f.before = func(w http.ResponseWriter, r *http.Request) bool {
		down--
		if down == 0 {
			f.before = nil
		}
		refuse(w, http.StatusServiceUnavailable, "starting")
		return true
	}
	if _, err := c.Read(t.Context(), stack.Stack{Name: "orders"}); err != nil {
		t.Error(err)
	}
}

func TestARuntimeThatHangsIsGivenUp(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	c.answerTimeout = 20 * time.Millisecond
	f.before = func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}
	_, err := c.Read(t.Context(), stack.Stack{Name: "orders"})
	wantError(t, err, c.endpoint, "did not answer GET /v1/stacks/orders in time")
}

func TestAnswersThatNoRuntimeGives(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		words  []string
	}{
		"a web site": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>hello</html>")) },
			[]string{"not a Tidegate runtime", "check the endpoint"},
		},
		"a redirect": {
			func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
			[]string{"302", "not a Tidegate runtime"},
		},
		"another version": {
			func(w http.ResponseWriter, _ *http.Request) { w.Header().Set(headerAPI, "7") },
			[]string{`version "7" of the management API`, `version "1"`},
		},
		"garbage": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				_, _ = w.Write([]byte("{]"))
			},
			[]string{"does not understand"},
		},
		"another stack": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				_, _ = w.Write([]byte(`{"stack":{"name":"invoices"}}`))
			},
			[]string{`"orders"`, `"invoices"`},
		},
		"an answer cut short": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("{"))
			},
			[]string{"connection was closed before"},
		},
		"a failure without words": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				w.WriteHeader(http.StatusInternalServerError)
			},
			[]string{"500 Internal Server Error", "its log may have one"},
		},
		"a wrong token": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				refuse(w, http.StatusUnauthorized, "no")
			},
			[]string{"refused the token", EnvToken},
		},
		"an answer that repeats the token": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(headerAPI, apiVersion)
				refuse(w, http.StatusBadRequest, "what is "+token+"?")
			},
			[]string{"what is ***?"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.answer)
			defer server.Close()
			_, err := impatient(t, server.URL).Read(t.Context(), stack.Stack{Name: "orders"})
			wantError(t, err, c.words...)
		})
	}
}

func TestAStackThatIsNotThereIsNotFound(t *testing.T) {
	f := &fakeRuntime{}
	if _, err := f.serve(t).Read(t.Context(), stack.Stack{Name: "orders"}); !errors.Is(err, target.ErrNotFound) {
		t.Errorf("Read returned %v", err)
	}
}

func TestAnEventIsNeverSentTwice(t *testing.T) {
	f := &fakeRuntime{}
	c := f.serve(t)
	f.after = func(*http.Request) { panic(http.ErrAbortHandler) }
	if _, err := c.Invoke(t.Context(), Invocation{Function: "orders-fulfil"}); err == nil {
		t.Error("there is no error although the answer was lost")
	}
	if n := f.count("POST /2015-03-31/"); n != 1 {
		t.Errorf("the event was sent %d times", n)
	}
}
