package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

func TestAStackIsCreatedReadListedChangedAndDeleted(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")

	created := f.call(http.MethodPut, "/v1/stacks/orders", s)
	d := created.deployment()
	if d.Functions["fulfil"].Version != 1 || d.Creation != stack.CreationFinished {
		t.Errorf("created as %+v", d)
	}
	if created.header.Get("ETag") != `"`+d.Revision+`"` {
		t.Errorf("the ETag is %s, the revision %s", created.header.Get("ETag"), d.Revision)
	}
	for component, state := range d.Components {
		if state != stack.Ready {
			t.Errorf("component %s is %s", component, state)
		}
	}

	if read := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment(); read.Revision != d.Revision {
		t.Errorf("read revision %s, want %s", read.Revision, d.Revision)
	}
	var list struct{ Stacks []stack.Deployment }
	f.call(http.MethodGet, "/v1/stacks", nil).want(http.StatusOK).decode(&list)
	if len(list.Stacks) != 1 || list.Stacks[0].Stack.Name != "orders" {
		t.Errorf("the list is %+v", list)
	}

	fn := s.Functions["fulfil"]
	fn.Memory = 256
	s.Functions["fulfil"] = fn
	if d = f.call(http.MethodPut, "/v1/stacks/orders", s).deployment(); d.Functions["fulfil"].Version != 2 {
		t.Errorf("the changed function has version %d, want 2", d.Functions["fulfil"].Version)
	}

	f.call(http.MethodDelete, "/v1/stacks/orders", nil).want(http.StatusNoContent)
	f.call(http.MethodGet, "/v1/stacks/orders", nil).problem(http.StatusNotFound, `no stack named "orders"`)
	f.call(http.MethodDelete, "/v1/stacks/orders", nil).problem(http.StatusNotFound, `no stack named "orders"`)

	if d = f.call(http.MethodPut, "/v1/stacks/orders", s).deployment(); d.Functions["fulfil"].Version != 3 {
		t.Errorf("after a deletion the version is %d, want 3: numbers are never used again", d.Functions["fulfil"].Version)
	}
}

// httpAPI is a stack with one route.
func (f *fixture) httpAPI(name string) stack.Stack {
	return stack.Stack{
		Name:      name,
		Trigger:   stack.Trigger{HTTPAPI: &stack.HTTPAPI{Routes: map[string]stack.Route{"$default": {Function: "fulfil"}}}},
		Functions: map[string]stack.Function{"fulfil": f.function()},
	}
}

// A stack's functions may say what only AWS has a counterpart for.
func TestWhatOnlyAWSHasIsKeptAsItCame(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	fn := s.Functions["fulfil"]
	fn.RoleARN = "arn:aws:iam::123456789012:role/shop"
	fn.KMSKeyARN, fn.Environment = "arn:aws:kms:eu-central-1:123456789012:key/1234", map[string]string{"KEY": "1"}
	fn.Network = &stack.Network{SubnetIDs: []string{"subnet-1"}, SecurityGroupIDs: []string{"sg-1"}, IPv6: true}
	fn.Permissions = nil
	s.Functions["fulfil"] = fn
	f.call(http.MethodPut, "/v1/stacks/orders", s).deployment()
	got := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment().Stack.Functions["fulfil"]
	if got.Hash() != fn.Hash() || got.RoleARN != fn.RoleARN || got.KMSKeyARN != fn.KMSKeyARN || got.Network == nil || !got.Network.IPv6 {
		t.Errorf("the function is %+v, want %+v", got, fn)
	}

	api := f.httpAPI("shop")
	api.Trigger.HTTPAPI.AccessLog = &stack.AccessLog{Format: "$context.requestId", RetentionDays: 7}
	f.call(http.MethodPut, "/v1/stacks/shop", api).deployment()
	if got := f.call(http.MethodGet, "/v1/stacks/shop", nil).deployment().Stack.Trigger.HTTPAPI.AccessLog; got == nil || *got != *api.Trigger.HTTPAPI.AccessLog {
		t.Errorf("the access log is %+v", got)
	}
}

func TestAnAccessLogHasDefaults(t *testing.T) {
	f := newFixture(t)
	raw, err := json.Marshal(f.httpAPI("shop"))
	if err != nil {
		t.Fatal(err)
	}
	body := strings.Replace(string(raw), `"http_api":{`, `"http_api":{"access_log":{},`, 1)
	got := f.call(http.MethodPut, "/v1/stacks/shop", json.RawMessage(body)).deployment().Stack.Trigger.HTTPAPI.AccessLog
	if got == nil || *got != stack.NewAccessLog() {
		t.Errorf("the access log is %+v", got)
	}
}

func TestImagesAreRefused(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	fn := stack.NewFunction()
	fn.Image = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop:1"
	s.Functions["fulfil"] = fn
	f.call(http.MethodPut, "/v1/stacks/orders", s).problem(http.StatusUnprocessableEntity, `functions["fulfil"].image`)
}

func TestSendingWhatIsDeployedChangesNothing(t *testing.T) {
	f := newFixture(t)
	before := f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).deployment()
	after := f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).deployment()
	if before.Revision != after.Revision || len(after.Functions["fulfil"].Versions) != 1 {
		t.Errorf("revision %s became %s, with versions %+v", before.Revision, after.Revision, after.Functions["fulfil"].Versions)
	}
}

func TestPreconditionsGuardAgainstOthersChanges(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-Match", "*").problem(http.StatusPreconditionFailed, "does not exist")
	old := f.call(http.MethodPut, "/v1/stacks/orders", s, "If-None-Match", "*").deployment()
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-None-Match", "*").problem(http.StatusPreconditionFailed, "exists already")

	s.Tags = map[string]string{"team": "shop"}
	d := f.call(http.MethodPut, "/v1/stacks/orders", s, "If-Match", `"`+old.Revision+`"`).deployment()
	s.Tags["team"] = "other"
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-Match", `"`+old.Revision+`"`).problem(http.StatusPreconditionFailed, "nothing was changed")
	f.call(http.MethodDelete, "/v1/stacks/orders", nil, "If-Match", `"`+old.Revision+`"`).problem(http.StatusPreconditionFailed)
	if now := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment(); now.Revision != d.Revision || now.Stack.Tags["team"] != "shop" {
		t.Errorf("the stack was changed: %+v", now)
	}
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-None-Match", `"1"`).problem(http.StatusBadRequest, "If-None-Match")
}

func TestACreationIsUnfinishedUntilItIsConfirmed(t *testing.T) {
	f := newFixture(t)
	d := f.call(http.MethodPut, "/v1/stacks/orders?creation=unfinished", f.queue("orders"), "If-None-Match", "*").deployment()
	if d.Creation != stack.CreationUnfinished {
		t.Errorf("creation is %q", d.Creation)
	}
	if d = f.call(http.MethodPost, "/v1/stacks/orders/confirm", nil).deployment(); d.Creation != stack.CreationFinished {
		t.Errorf("creation is %q after confirming", d.Creation)
	}
	if d = f.call(http.MethodPut, "/v1/stacks/orders?creation=unfinished", f.queue("orders")).deployment(); d.Creation != stack.CreationFinished {
		t.Errorf("creation is %q after an update: what was finished stays so", d.Creation)
	}
	f.call(http.MethodPost, "/v1/stacks/nothing/confirm", nil).problem(http.StatusNotFound)
	f.call(http.MethodPut, "/v1/stacks/orders?creation=maybe", f.queue("orders")).problem(http.StatusUnprocessableEntity, "query.creation")
}

func TestEveryProblemOfAStackIsNamedAndNothingIsChanged(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	fn := f.function()
	fn.Memory = 64
	fn.Runtime = "nodejs22.x"
	s.Functions["fulfil"] = fn
	s.Trigger.Queue.Consumer.Function = "nobody"

	p := f.call(http.MethodPut, "/v1/stacks/orders", s).problem(http.StatusUnprocessableEntity, "cannot be deployed")

	locations := map[string]bool{}
	for _, e := range p.Errors {
		locations[e.Location] = true
	}
	for _, want := range []string{`functions["fulfil"].memory`, `functions["fulfil"].runtime`, "consumer.function"} {
		if !locations[want] {
			t.Errorf("no problem at %s; got %+v", want, p.Errors)
		}
	}
	f.call(http.MethodGet, "/v1/stacks/orders", nil).problem(http.StatusNotFound)
}

func TestAStackThatCannotRunHereIsRefused(t *testing.T) {
	f := newFixture(t)
	change := func(edit func(*stack.Function)) answer {
		s := f.queue("orders")
		fn := f.function()
		edit(&fn)
		s.Functions["fulfil"] = fn
		return f.call(http.MethodPut, "/v1/stacks/orders", s)
	}
	change(func(fn *stack.Function) { fn.Architecture = "arm64" }).
		problem(http.StatusUnprocessableEntity, "architecture", "this host is x86_64")
	absent := strings.Repeat("A", 43) + "="
	change(func(fn *stack.Function) { fn.CodeSHA256 = absent }).
		problem(http.StatusFailedDependency, `functions["fulfil"].code_sha256`, absent, "was not uploaded")
	change(func(fn *stack.Function) { fn.Layers = []string{absent} }).
		problem(http.StatusFailedDependency, `functions["fulfil"].layers[0]`, absent)
	empty := f.upload(map[string]string{"readme": "nothing to run"})
	change(func(fn *stack.Function) { fn.CodeSHA256 = empty }).
		problem(http.StatusUnprocessableEntity, `functions["fulfil"].handler`, "bootstrap")
	f.call(http.MethodPut, "/v1/stacks/orders", f.queue("others")).
		problem(http.StatusUnprocessableEntity, `is "others", but the request is for stack "orders"`)
	f.call(http.MethodGet, "/v1/stacks/orders", nil).problem(http.StatusNotFound)
}

func TestTwoFunctionsAreNeverCalledTheSame(t *testing.T) {
	f := newFixture(t)
	one := stack.Stack{Name: "a", Functions: map[string]stack.Function{"b-c": f.function()}}
	two := stack.Stack{Name: "a-b", Functions: map[string]stack.Function{"c": f.function()}}
	f.call(http.MethodPut, "/v1/stacks/a", one).want(http.StatusOK)
	f.call(http.MethodPut, "/v1/stacks/a-b", two).problem(http.StatusUnprocessableEntity, "a-b-c", "rename")
	f.call(http.MethodDelete, "/v1/stacks/a", nil).want(http.StatusNoContent)
	f.call(http.MethodPut, "/v1/stacks/a-b", two).want(http.StatusOK)
}

func TestSecretsGoInAndNeverOut(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	fn := f.function()
	fn.Secrets, fn.SecretsVersion = map[string]string{"PASSWORD": "hunter2"}, "1"
	s.Functions["fulfil"] = fn
	answers := []answer{
		f.call(http.MethodPut, "/v1/stacks/orders", s),
		f.call(http.MethodGet, "/v1/stacks/orders", nil),
		f.call(http.MethodGet, "/v1/stacks", nil),
		f.call(http.MethodGet, "/v1/stacks/orders/functions/fulfil", nil),
		f.call(http.MethodPut, "/v1/stacks/orders/functions/fulfil", fn),
		f.call(http.MethodGet, "/v1/stacks/orders/functions/fulfil/versions", nil),
		f.call(http.MethodPost, "/v1/stacks/orders/confirm", nil),
	}
	for i, a := range answers {
		a.want(http.StatusOK)
		if strings.Contains(a.text, "hunter2") {
			t.Errorf("answer %d tells the secret: %s", i, a.text)
		}
	}
	record, err := f.server.Store.Record(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	if record.Stack.Functions["fulfil"].Secrets["PASSWORD"] != "hunter2" {
		t.Error("the secret did not arrive")
	}
}

// Changes that name no revision do not fail because of each other.
func TestConcurrentChangesAllHappen(t *testing.T) {
	f := newFixture(t)
	f.call(http.MethodPut, "/v1/stacks/orders", f.queue("orders")).want(http.StatusOK)
	var all sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		all.Go(func() {
			fn := f.function()
			fn.Memory = 128 + i
			s := f.queue("orders")
			s.Functions["fulfil"] = fn
			answers[i] = f.call(http.MethodPut, "/v1/stacks/orders", s)
		})
	}
	all.Wait()
	for _, a := range answers {
		a.want(http.StatusOK)
	}
	if last := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment().Functions["fulfil"].Version; last > 8 {
		t.Errorf("eight changes made version %d", last)
	}
}
