package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// documentPath is where the API describes itself.
const documentPath = "/v1/openapi.json"

// mountManagement registers every operation of the management API, and the
// document that describes them.
func (s *Server) mountManagement(mux *http.ServeMux) {
	api := humago.New(mux, huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Tidegate open runtime",
				Version: Version,
				Description: "Deploys and looks after stacks. A stack is a trigger together with the functions that depend on it. " +
					"Functions are invoked with Lambda's own Invoke API, at /2015-03-31/functions/{name}/invocations.",
				License: &huma.License{Name: "MPL-2.0", Identifier: "MPL-2.0"},
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}},
			Tags: []*huma.Tag{
				{Name: "stacks", Description: "Stacks, as they are deployed."},
				{Name: "releases", Description: "How stacks' aliases move to new versions, and back."},
				{Name: "functions", Description: "Single functions, their versions and the alias \"live\"."},
				{Name: "bindings", Description: "What connects a trigger to functions."},
				{Name: "queues", Description: "A queue's messages and dead letters."},
				{Name: "packages", Description: "Functions' code."},
				{Name: "logs", Description: "What functions wrote."},
				{Name: "runtime", Description: "The runtime itself."},
			},
		},
		Formats:       huma.DefaultFormats,
		DefaultFormat: "application/json",
	})
	s.registerStacks(api)
	s.registerReleases(api)
	s.registerFunctions(api)
	s.registerBindings(api)
	s.registerQueues(api)
	s.registerPackages(api)
	s.registerLogs(api)
	s.registerUsage(api)
	s.registerHost(api)

	schemas := api.OpenAPI().Components.Schemas.Map()
	for name, schema := range schemas {
		if required, ok := requiredInBodies[name]; ok {
			schema.Required = required
		}
	}
	document, err := json.MarshalIndent(api.OpenAPI(), "", "  ")
	if err != nil {
		panic(fmt.Sprintf("the OpenAPI document cannot be written: %v", err))
	}
	mux.HandleFunc("GET "+documentPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(document)
	})
}

// schemaName tells a stack's release, which is a policy, from one that takes place, and
// an alias with a name of the user's own from "live".
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[stack.Alias]() || t == reflect.TypeFor[*stack.Alias]() {
		return "NamedAlias"
	}
	if t == reflect.TypeFor[stack.Release]() || t == reflect.TypeFor[*stack.Release]() {
		return "ReleasePolicy"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

// requiredInBodies names the fields of the model that a request cannot leave
// out; every other field has a default. Answers always have all fields.
var requiredInBodies = map[string][]string{
	"Stack":         {"functions"},
	"Function":      {"code_sha256", "runtime"},
	"Permission":    {"actions", "resources"},
	"Network":       nil,
	"Trigger":       nil,
	"HTTPAPI":       {"routes"},
	"Route":         {"function"},
	"Throttle":      {"rate", "burst"},
	"JWTAuth":       {"issuer", "audience"},
	"AccessLog":     nil,
	"Queue":         nil,
	"Consumer":      {"function"},
	"DeadLetter":    {"max_receives"},
	"Schedule":      {"schedules"},
	"ScheduleItem":  {"function", "expression"},
	"ScheduleRetry": nil,
	"Concurrency":   nil,
	"Async":         nil,
	"Logs":          nil,
	"FunctionURL":   nil,
	"NamedAlias":    {"routing"},
	"CORS":          nil,
	"ReleasePolicy": nil,
	"Gate":          nil,
}

// operation is what every operation of the API has in common.
func operation(id, method, path, tag, summary, description string, errors ...int) huma.Operation {
	return huma.Operation{
		OperationID: id,
		Method:      method,
		Path:        path,
		Tags:        []string{tag},
		Summary:     summary,
		Description: description,
		Errors:      append([]int{http.StatusUnauthorized}, errors...),
	}
}
