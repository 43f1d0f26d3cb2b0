package aws

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/target"
)

// answering is code that answers every request with the route's key and this text.
func answering(text string) string {
	return "def handler(event, context):\n    return {'statusCode': 200, 'body': event['routeKey'] + ' " + text + "'}"
}

func TestAWholeStackWithAnHTTPAPI(t *testing.T) {
	s := openShopOn(t, harness.Ministack)
	one := s.stack(s.pack(answering("one")))
	log := stack.NewAccessLog()
	one.Trigger.HTTPAPI = &stack.HTTPAPI{
		Routes:    map[string]stack.Route{"GET /orders/{id}": {Function: "create", Auth: "inherit"}},
		AccessLog: &log,
	}
	d := s.create(one)
	_, id, _ := strings.Cut(d.ARN, "arn:aws:execute-api:us-east-1:123456789012:")
	if id == "" || !strings.Contains(d.URL, id) || strings.HasSuffix(d.URL, "/") {
		t.Errorf("ARN %s, URL %s", d.ARN, d.URL)
	}
	s.answers(id, "/orders/7", "GET /orders/{id} one")

	// Nobody who lacks the state sees anything else, and another create adopts it.
	if _, err := s.target.Create(t.Context(), target.Deploy{Stack: one, Packages: s.packages}); err != nil {
		t.Errorf("creating exactly what is there: %v", err)
	}

	// A second function takes a route over, and is gone again with it.
	two := s.stack(s.pack(answering("one")))
	audit := two.Functions["create"]
	audit.CodeSHA256 = s.pack(answering("two"))
	two.Functions["audit"] = audit
	two.Trigger.HTTPAPI = &stack.HTTPAPI{Routes: map[string]stack.Route{
		"GET /orders/{id}": {Function: "audit", Auth: "inherit"}, "$default": {Function: "create", Auth: "inherit"},
	}, AccessLog: &log}
	s.update(two)
	s.answers(id, "/orders/7", "GET /orders/{id} two")
	s.answers(id, "/", "$default one")
	s.update(one)
	s.answers(id, "/orders/7", "GET /orders/{id} one")

	if err := s.target.Delete(t.Context(), "shop"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.target.Read(t.Context(), stack.Stack{Name: "shop"}); err != target.ErrNotFound {
		t.Errorf("reading it then: %v", err)
	}
}

// answers checks what a request to the API with this id gets.
func (s *shop) answers(id, path, want string) {
	s.t.Helper()
	url := aws.ToString(s.lambda.Options().BaseEndpoint) + "/_aws/execute-api/" + id + "/" + stageName + path
	response, err := http.Get(url)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || string(body) != want {
		s.t.Errorf("%s: %s %q (%v), want %q", path, response.Status, body, err, want)
	}
}

func TestNoPartOfAnHTTPAPIWaitsForItself(t *testing.T) {
	i := newInventory(&session{}, shape{name: "shop", kind: stack.KindHTTPAPI, functions: map[string]bool{"a": true, "b": true}})
	var tasks []task
	for _, p := range i.parts {
		tasks = append(tasks, task{name: p.name(), after: p.needs})
	}
	if err := checkAcyclic(tasks); err != nil {
		t.Error(err)
	}
}
