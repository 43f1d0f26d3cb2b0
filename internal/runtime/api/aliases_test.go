package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const betaPath = fulfilPath + "/aliases/beta"

func TestAnAliasIsMadeReadChangedAndDeleted(t *testing.T) {
	f := withTwoVersions(t)
	f.call(http.MethodGet, betaPath, nil).problem(http.StatusNotFound, `no alias "beta"`)
	f.call(http.MethodPut, betaPath, `{"routing":{"1":90,"2":10},"url":{"auth":"none"}}`, "If-None-Match", "*").want(http.StatusOK)
	f.call(http.MethodPut, betaPath, `{"routing":{"1":100}}`, "If-None-Match", "*").problem(http.StatusPreconditionFailed, `has an alias "beta" already`)

	var got stack.AliasStatus
	f.call(http.MethodGet, betaPath, nil).want(http.StatusOK).decode(&got)
	if got.Routing[1] != 90 || got.Routing[2] != 10 || got.ARN != stack.QualifiedARN("orders", "fulfil", "beta") ||
		got.FunctionURL != f.ingress+"/functions/orders/fulfil:beta/" || got.URL.Auth != "none" {
		t.Errorf("the alias is %+v", got)
	}
	f.call(http.MethodPut, betaPath, `{"routing":{"2":100}}`).want(http.StatusOK).decode(&got)
	if got.Routing[2] != 100 {
		t.Errorf("the alias is %+v", got)
	}
	f.call(http.MethodPut, betaPath, `{"routing":{"1":10,"2":80}}`).problem(http.StatusUnprocessableEntity, "add up to 90")
	f.call(http.MethodPut, betaPath, `{"routing":{"7":100}}`).problem(http.StatusUnprocessableEntity, "not published yet")
	f.call(http.MethodPut, betaPath, `{}`).problem(http.StatusUnprocessableEntity, "one or two versions, not 0")
	f.call(http.MethodPut, fulfilPath+"/aliases/Beta", `{"routing":{"1":100}}`).problem(http.StatusUnprocessableEntity, "cannot name an alias")
	f.call(http.MethodPut, "/v1/stacks/orders/functions/none/aliases/beta", `{"routing":{"1":100}}`).problem(http.StatusNotFound, `no function named "none"`)
	f.call(http.MethodPut, "/v1/stacks/none/functions/none/aliases/beta", `{"routing":{"1":100}}`).problem(http.StatusNotFound, `no stack named "none"`)

	f.call(http.MethodDelete, fulfilPath+"/versions/2", nil).problem(http.StatusConflict, "alias")
	f.call(http.MethodDelete, betaPath, nil).want(http.StatusNoContent)
	f.call(http.MethodDelete, betaPath, nil).problem(http.StatusNotFound, `no alias "beta"`)
}

func TestWhoSawAStackMayChangeItAfterItsAliases(t *testing.T) {
	f := withTwoVersions(t)
	seen := f.call(http.MethodGet, "/v1/stacks/orders", nil).deployment().Revision
	f.call(http.MethodPut, betaPath, `{"routing":{"1":100}}`).want(http.StatusOK)
	s := f.queue("orders")
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-Match", `"`+seen+`"`).want(http.StatusOK)
	f.call(http.MethodPut, "/v1/stacks/orders", s, "If-Match", `"`+seen+`"`).problem(http.StatusPreconditionFailed, "was changed")
	var got stack.AliasStatus
	f.call(http.MethodGet, betaPath, nil).want(http.StatusOK).decode(&got)
	if got.Routing[1] != 100 {
		t.Errorf("after the deployment the alias is %+v", got)
	}
}

func TestAFunctionInvokesTheAliasItMay(t *testing.T) {
	f := newFixture(t)
	s := f.queue("orders")
	fn := s.Functions["fulfil"]
	fn.Permissions = []stack.Permission{{
		Actions: []string{"lambda:InvokeFunction"}, Resources: []string{stack.QualifiedARN("orders", "fulfil", "beta")},
	}}
	s.Functions["fulfil"] = fn
	f.call(http.MethodPut, "/v1/stacks/orders", s).want(http.StatusOK)
	f.call(http.MethodPut, betaPath, `{"routing":{"1":100}}`).want(http.StatusOK)
	r, _ := f.server.Store.Directory().Stack("orders")
	token := f.server.Access.FunctionToken("orders", r.Incarnation, "fulfil")
	invoke := func(qualifier string) answer {
		return f.send(f.ingress, http.MethodPost, "/2015-03-31/functions/orders-fulfil:"+qualifier+"/invocations", strings.NewReader("{}"), "Authorization", "Bearer "+token)
	}
	invoke("beta").want(http.StatusOK)
	invoke("live").want(http.StatusForbidden)
}
