package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
)

// What the API itself costs each synchronous invocation.
func BenchmarkInvoke(b *testing.B) {
	invoker := &fakeInvoker{response: invoke.Response{Payload: []byte(`{"ok":true}`), ExecutedVersion: "1"}}
	access := NewAccess("token", []byte("key"), func(string) (*store.Record, bool) { return nil, false })
	s := New(Options{Invoker: invoker, Access: access, Log: slog.New(slog.DiscardHandler)})
	mux := http.NewServeMux()
	s.mountInvoke(mux, func(*http.Request, string) *invoke.Error { return nil })
	handler := s.recovering(versioned(s.requireManagementToken(explainMisses(mux))))
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/orders-fulfil:live/invocations", strings.NewReader(`{"id":7}`))
		r.Header.Set("Authorization", "Bearer token")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code, w.Body)
		}
		_, _ = io.Copy(io.Discard, w.Body)
		invoker.requests = invoker.requests[:0]
	}
}
