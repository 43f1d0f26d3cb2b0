package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/release"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/invoke"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/store"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/telemetry"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/trigger"
)

// Version of the API. Every answer carries it in HeaderVersion, so that a client
// can tell a runtime from anything else that listens at its address.
const (
	Version       = "1"
	HeaderVersion = "X-Tidegate-Api"
)

// Options are what the API needs of the rest of the runtime. All are required.
type Options struct {
	Store    *store.Store
	Invoker  Invoker
	Access   *Access
	Triggers *trigger.Triggers
	Logs     *telemetry.Logs
	// Usage tells what versions have used.
	Usage *telemetry.Meter
	// Seen tells what was seen of a release under way, on all nodes, since its current
	// step began.
	Seen func(ctx context.Context, stack string, r release.Release) (release.Seen, error)
	// Metrics answers /metrics.
	Metrics http.Handler
	// Runtimes tells which runtime identifiers this host can run.
	Runtimes Runtimes
	Host     Host
	// IngressURL is where the world reaches the ingress listener.
	IngressURL func() string
	Log        *slog.Logger
	// Draining ends when the runtime is asked to end; answers that have no end of
	// their own end with it.
	Draining context.Context
	// Now is the time.
	Now func() time.Time
}

// Invoker invokes functions.
type Invoker interface {
	invoke.Invoker
	// Resolve tells whether the function and qualifier can be invoked; its errors are
	// *invoke.Error.
	Resolve(function, qualifier string) (executedVersion string, err error)
}

// Runtimes knows the languages of the host.
type Runtimes interface {
	// Available lists runtime identifiers.
	Available() []string
	// Check returns nil if functions of that runtime can run here, else a sentence.
	Check(runtime string) error
}

// Host is what does not change while the runtime runs.
type Host struct {
	// Version of the program.
	Version string
	// Architecture of the host as Lambda names it: "x86_64" or "arm64".
	Architecture string
	Isolation    sandbox.Isolation
	// MaxConcurrency is the most instances at once, on all nodes.
	MaxConcurrency int
}

// A Server answers on both listeners.
type Server struct{ Options }

// New makes the server; it starts nothing.
func New(o Options) *Server {
	return &Server{o}
}

// Management is the handler of the operators' listener.
func (s *Server) Management() http.Handler {
	mux := http.NewServeMux()
	s.mountManagement(mux)
	s.mountInvoke(mux, func(*http.Request, string) *invoke.Error { return nil })
	mux.Handle("GET /metrics", s.Metrics)
	mountProfiles(mux)
	guarded := s.requireManagementToken(explainMisses(mux))

	root := http.NewServeMux()
	root.HandleFunc("GET /healthz", s.health)
	root.Handle("/", guarded)
	return s.recovering(versioned(root))
}

// Ingress is the handler of the world's listener: the triggers' addresses, and
// Invoke for functions with a token of their own.
func (s *Server) Ingress() http.Handler {
	mux := http.NewServeMux()
	s.Triggers.Mount(mux)
	s.mountInvoke(mux, s.allowInvoke)
	mux.HandleFunc("GET /healthz", healthz)
	return s.recovering(explainMisses(mux))
}

// recovering keeps a defect in one request's handler from looking like a lost
// connection to its client, and from going unnoticed.
func (s *Server) recovering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler {
				panic(reason) // the handler's way to cut off an answer
			}
			s.Log.ErrorContext(r.Context(), "a request's handler panicked", "method", r.Method, "path", r.URL.Path, "reason", reason, "stack", string(debug.Stack()))
			problem(http.StatusInternalServerError, "something went wrong in the runtime; its log says what").write(w)
		}()
		next.ServeHTTP(w, r)
	})
}

// healthz is what the world gets: nothing but that the runtime answers.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n"))
}

// versioned marks every answer with the API's version.
func versioned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(HeaderVersion, Version)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) requireManagementToken(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Access.IsManagement(r) {
			next.ServeHTTP(w, r)
			return
		}
		p := problem(http.StatusUnauthorized, "the management token is missing: send it as the header Authorization: Bearer <token>")
		if r.Header.Get("Authorization") != "" {
			p.Detail = "the token is not the management token of this runtime"
		}
		p.with("WWW-Authenticate", `Bearer realm="tidegate"`).write(w)
	})
}

// explainMisses answers what no handler is registered for with a problem, where
// ServeMux would write plain text.
func explainMisses(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		miss := missRecorder{header: http.Header{}}
		handler.ServeHTTP(&miss, r)
		if miss.status != http.StatusMethodNotAllowed {
			problem(http.StatusNotFound, "there is nothing at %s", r.URL.Path).write(w)
			return
		}
		allow := miss.header.Get("Allow")
		problem(http.StatusMethodNotAllowed, "%s does not take %s; it takes %s", r.URL.Path, r.Method, allow).
			with("Allow", allow).write(w)
	})
}

// missRecorder learns what ServeMux would have answered.
type missRecorder struct {
	header http.Header
	status int
}

func (m *missRecorder) Header() http.Header            { return m.header }
func (m *missRecorder) Write(text []byte) (int, error) { return len(text), nil }
func (m *missRecorder) WriteHeader(status int)         { m.status = status }
