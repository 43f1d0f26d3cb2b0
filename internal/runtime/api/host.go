package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

type versionOutput struct {
	Body struct {
		Version string `json:"version" doc:"Version of the program."`
		API     string `json:"api" doc:"Version of this API, as in the header X-Tidegate-Api."`
		Node    string `json:"node" doc:"The process that answered; a restart gets a new one."`
	}
}

type runtimesOutput struct {
	Body struct {
		Runtimes []string `json:"runtimes" doc:"Runtime identifiers that this host can run, such as python3.13."`
	}
}

type hostOutput struct {
	Body struct {
		Architecture   string    `json:"architecture" enum:"x86_64,arm64" doc:"Architecture of this host."`
		Isolation      Isolation `json:"isolation"`
		Nodes          []string  `json:"nodes" doc:"The processes that share the store, this one among them."`
		MaxConcurrency int       `json:"max_concurrency" doc:"The most instances at once, on all nodes."`
	}
}

// Isolation says how far functions are kept apart on a host.
type Isolation struct {
	Mode     string   `json:"mode" doc:"strict when nothing is missing, else auto or process."`
	Enforced []string `json:"enforced" doc:"Measures that hold."`
	Missing  []string `json:"missing" doc:"Measures that do not hold, each with the reason."`
}

func (s *Server) registerHost(api huma.API) {
	huma.Register(api, operation("getVersion", http.MethodGet, "/v1/version", "runtime",
		"Versions of the program and of the API", ""),
		func(context.Context, *struct{}) (*versionOutput, error) {
			out := &versionOutput{}
			out.Body.Version, out.Body.API, out.Body.Node = s.Host.Version, Version, s.Store.NodeID()
			return out, nil
		})
	huma.Register(api, operation("listRuntimes", http.MethodGet, "/v1/runtimes", "runtime",
		"Runtime identifiers that this host can run", ""),
		func(context.Context, *struct{}) (*runtimesOutput, error) {
			out := &runtimesOutput{}
			out.Body.Runtimes = s.Runtimes.Available()
			return out, nil
		})
	huma.Register(api, operation("getHost", http.MethodGet, "/v1/host", "runtime",
		"Isolation, nodes and limits", ""),
		func(context.Context, *struct{}) (*hostOutput, error) {
			out := &hostOutput{}
			out.Body.Architecture = s.Host.Architecture
			out.Body.Isolation = s.isolation()
			out.Body.Nodes = s.Store.Nodes()
			out.Body.MaxConcurrency = s.Host.MaxConcurrency
			return out, nil
		})
}

func (s *Server) isolation() Isolation {
	return Isolation{
		Mode:     s.Host.Isolation.Mode,
		Enforced: orEmpty(s.Host.Isolation.Enforced),
		Missing:  orEmpty(s.Host.Isolation.Missing),
	}
}

// health is what operators' checks get, without a token: that the runtime answers, and
// how far it keeps functions apart.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Status    string    `json:"status"`
		Isolation Isolation `json:"isolation"`
	}{"ok", s.isolation()})
}

// orEmpty keeps null out of JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
