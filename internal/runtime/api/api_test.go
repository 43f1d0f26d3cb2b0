package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestEveryRequestButHealthNeedsTheToken(t *testing.T) {
	f := newFixture(t)
	for _, path := range []string{"/v1/version", "/v1/stacks", "/v1/openapi.json", "/metrics", "/debug/pprof/heap", "/nothing", "/"} {
		missing := f.send(f.management, http.MethodGet, path, nil)
		missing.problem(http.StatusUnauthorized, "token is missing", "Authorization: Bearer")
		if !strings.HasPrefix(missing.header.Get("WWW-Authenticate"), "Bearer") {
			t.Errorf("%s: WWW-Authenticate is %q", path, missing.header.Get("WWW-Authenticate"))
		}
		f.send(f.management, http.MethodGet, path, nil, "Authorization", "Bearer wrong").
			problem(http.StatusUnauthorized, "not the management token")
	}
	for base, told := range map[string]bool{f.management: true, f.ingress: false} {
		health := f.send(base, http.MethodGet, "/healthz", nil)
		health.want(http.StatusOK)
		if strings.Contains(health.text, `"isolation"`) != told {
			t.Errorf("%s/healthz answers %s", base, health.text)
		}
	}
}

func TestEveryAnswerNamesTheAPIsVersion(t *testing.T) {
	f := newFixture(t)
	for _, a := range []answer{
		f.call(http.MethodGet, "/v1/version", nil),
		f.call(http.MethodGet, "/v1/stacks/none", nil),
		f.call(http.MethodPost, "/2015-03-31/functions/none/invocations", nil),
		f.send(f.management, http.MethodGet, "/v1/version", nil),
		f.send(f.management, http.MethodGet, "/healthz", nil),
	} {
		if got := a.header.Get(HeaderVersion); got != "1" {
			t.Errorf("%s is %q", HeaderVersion, got)
		}
	}
}

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	f := newFixture(t)
	f.call(http.MethodGet, "/v1/stakcs", nil).problem(http.StatusNotFound, "nothing at /v1/stakcs")
	a := f.call(http.MethodPatch, "/v1/stacks/orders", nil)
	a.problem(http.StatusMethodNotAllowed, "does not take PATCH", "DELETE")
	if allow := a.header.Get("Allow"); !strings.Contains(allow, "PUT") {
		t.Errorf("Allow is %q", allow)
	}
	f.send(f.ingress, http.MethodGet, "/v1/stacks", nil).problem(http.StatusNotFound)
}

func TestABadBodyIsRefusedAndChangesNothing(t *testing.T) {
	f := newFixture(t)
	put := func(body string) answer { return f.call(http.MethodPut, "/v1/stacks/orders", body) }
	put(`{"name"`).problem(http.StatusBadRequest, "not valid JSON")
	put(``).problem(http.StatusBadRequest, "the body is empty")
	put(`{"name":"orders","colour":"red"}`).problem(http.StatusUnprocessableEntity, "colour: there is no such field")
	put(`{"tags":{"x":"`+strings.Repeat("x", maxBody)+`"}}`).problem(http.StatusRequestEntityTooLarge, "larger than 2 MB")
	f.call(http.MethodGet, "/v1/stacks/orders", nil).problem(http.StatusNotFound)
}

func TestABodyOfTwoMegabytesIsNotTooLarge(t *testing.T) {
	f := newFixture(t)
	text, err := json.Marshal(f.queue("orders"))
	if err != nil {
		t.Fatal(err)
	}
	padded := string(text) + strings.Repeat(" ", maxBody-len(text))
	f.call(http.MethodPut, "/v1/stacks/orders", padded).want(http.StatusOK)
}

func TestAPackageMustBeWhatItsNameSays(t *testing.T) {
	f := newFixture(t)
	name := "/v1/packages/" + strings.Repeat("A", 43)
	archive := zipped(t, map[string]string{"bootstrap": "x"})
	f.call(http.MethodHead, name, nil).want(http.StatusNotFound)
	f.call(http.MethodPut, name, archive).problem(http.StatusUnprocessableEntity, "SHA-256")
	f.call(http.MethodHead, name, nil).want(http.StatusNotFound)
	f.call(http.MethodPut, "/v1/packages/short", archive).problem(http.StatusBadRequest, "not a SHA-256")

	junk := []byte("not a zip")
	digest := sha256.Sum256(junk)
	f.call(http.MethodPut, "/v1/packages/"+base64.RawURLEncoding.EncodeToString(digest[:]), junk).problem(http.StatusUnprocessableEntity, "zip")

	sum := strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(f.code), "=")
	f.call(http.MethodHead, "/v1/packages/"+sum, nil).want(http.StatusNoContent)
}

func TestTheRuntimeTellsOfItself(t *testing.T) {
	f := newFixture(t)
	var version struct{ Version, API, Node string }
	f.call(http.MethodGet, "/v1/version", nil).want(http.StatusOK).decode(&version)
	if version.Version != "test" || version.API != "1" || version.Node == "" {
		t.Errorf("got %+v", version)
	}
	var runtimes struct{ Runtimes []string }
	f.call(http.MethodGet, "/v1/runtimes", nil).want(http.StatusOK).decode(&runtimes)
	if !slices.Equal(runtimes.Runtimes, []string{"provided.al2023"}) {
		t.Errorf("got %+v", runtimes)
	}
	var host struct {
		Architecture   string
		Nodes          []string
		Isolation      Isolation
		MaxConcurrency int `json:"max_concurrency"`
	}
	f.call(http.MethodGet, "/v1/host", nil).want(http.StatusOK).decode(&host)
	if host.Architecture != "x86_64" || len(host.Nodes) != 1 || host.MaxConcurrency != 1000 || host.Isolation.Missing == nil {
		t.Errorf("got %+v", host)
	}
	if a := f.call(http.MethodGet, "/metrics", nil).want(http.StatusOK); !strings.Contains(a.text, "go_goroutines") {
		t.Error("the metrics are empty")
	}
	if a := f.call(http.MethodGet, "/debug/pprof/heap?gc=1&debug=1", nil).want(http.StatusOK); !strings.Contains(a.text, "heap profile") {
		t.Errorf("the profile of the heap begins with %.100q", a.text)
	}
	f.call(http.MethodGet, "/debug/pprof/cmdline", nil).want(http.StatusNotFound)
}

// document is as much of OpenAPI as these tests look at.
type document struct {
	OpenAPI string
	Paths   map[string]map[string]struct {
		OperationID string `json:"operationId"`
		Summary     string
		Responses   map[string]struct{ Description string }
		RequestBody *struct {
			Content map[string]struct{ Schema map[string]any }
		} `json:"requestBody"`
	}
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any
			Required   []string
		}
	}
}

func TestTheDocumentDescribesEveryOperation(t *testing.T) {
	f := newFixture(t)
	a := f.call(http.MethodGet, "/v1/openapi.json", nil).want(http.StatusOK)
	var d document
	a.decode(&d)
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Errorf("openapi is %q", d.OpenAPI)
	}
	seen := map[string]bool{}
	for path, operations := range d.Paths {
		for method, op := range operations {
			if !regexp.MustCompile(`^[a-z]+[A-Za-z]+$`).MatchString(op.OperationID) || seen[op.OperationID] || op.Summary == "" {
				t.Errorf("%s %s has the id %q and the summary %q", method, path, op.OperationID, op.Summary)
			}
			seen[op.OperationID] = true
			if method == "put" && op.RequestBody == nil {
				t.Errorf("PUT %s has no body", path)
			}
		}
	}
	for _, path := range []string{
		"/v1/version", "/v1/runtimes", "/v1/host", "/v1/stacks", "/v1/stacks/{stack}", "/v1/stacks/{stack}/confirm",
		"/v1/stacks/{stack}/functions/{function}", "/v1/stacks/{stack}/functions/{function}/versions",
		"/v1/stacks/{stack}/functions/{function}/versions/{version}", "/v1/stacks/{stack}/functions/{function}/aliases/live",
		"/v1/stacks/{stack}/bindings", "/v1/stacks/{stack}/bindings/{binding}", "/v1/stacks/{stack}/logs",
		"/v1/stacks/{stack}/queue", "/v1/stacks/{stack}/queue/redrive", "/v1/stacks/{stack}/queue/purge",
		"/v1/stacks/{stack}/queue/dead-letters", "/v1/packages/{sha}",
	} {
		if _, ok := d.Paths[path]; !ok {
			t.Errorf("%s is not described", path)
		}
	}
	// Whatever is referred to exists.
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(a.text, -1) {
		if _, ok := d.Components.Schemas[ref[1]]; !ok {
			t.Errorf("the schema %s is missing", ref[1])
		}
	}
}

// What the document calls required is refused when it is missing, and nothing
// else is.
func TestTheDocumentKnowsWhatMayBeLeftOut(t *testing.T) {
	f := newFixture(t)
	var d document
	f.call(http.MethodGet, "/v1/openapi.json", nil).want(http.StatusOK).decode(&d)

	text, err := json.Marshal(f.queue("orders"))
	if err != nil {
		t.Fatal(err)
	}
	without := func(object func(map[string]any) map[string]any, field string) answer {
		var tree map[string]any
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		delete(object(tree), field)
		return f.call(http.MethodPut, "/v1/stacks/orders", tree)
	}
	child := func(names ...string) func(map[string]any) map[string]any {
		return func(tree map[string]any) map[string]any {
			for _, name := range names {
				tree = tree[name].(map[string]any)
			}
			return tree
		}
	}
	for schema, object := range map[string]func(map[string]any) map[string]any{
		"Stack":    child(),
		"Function": child("functions", "fulfil"),
		"Queue":    child("trigger", "queue"),
		"Consumer": child("trigger", "queue", "consumer"),
	} {
		var whole map[string]any
		if err := json.Unmarshal(text, &whole); err != nil {
			t.Fatal(err)
		}
		for field := range maps.Keys(object(whole)) {
			required := slices.Contains(d.Components.Schemas[schema].Required, field)
			a := without(object, field)
			if accepted := a.status == http.StatusOK; accepted == required {
				t.Errorf("%s.%s is required: %v; without it the answer is %d %s", schema, field, required, a.status, a.text)
			}
		}
	}
}

func TestADefectInAHandlerIsAnAnswer(t *testing.T) {
	f := newFixture(t)
	url := f.listen(f.server.recovering(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a defect") })))
	f.send(url, http.MethodGet, "/", nil).problem(http.StatusInternalServerError, "its log says what")
}
