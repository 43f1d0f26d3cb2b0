package provider

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

const (
	aliasedAPI = `
resource "tidegate_http_api" "shop" {
  name      = "shop"
  routes    = { "GET /" = { function = "f" }, "GET /beta" = { function = "f", alias = "beta" } }
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler", keep_versions = 2 } }
}
`
	betaOfShop = `
resource "tidegate_alias" "beta" {
  stack    = tidegate_http_api.shop.name
  function = "f"
  name     = "beta"
  routing  = ROUTING
  url      = { auth = "none" }
}

output "arn" {
  value = tidegate_alias.beta.arn
}

output "url" {
  value = tidegate_alias.beta.function_url
}
`
)

func beta(routing string) string { return strings.Replace(betaOfShop, "ROUTING", routing, 1) }

// get returns the status and the body of an answer of the ingress.
func (l *lab) get(url string) (int, string) {
	l.t.Helper()
	r, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// An alias keeps its version over deployments of its stack, and answers at its route and
// at its own address; what is done to it behind Terraform's back is undone.
func TestAnAliasFromItsFirstApplyToItsLast(t *testing.T) {
	const path = "/v1/stacks/shop/functions/f/aliases/beta"
	l := newLab(t, map[string]string{"f/app.py": handler("one"), "main.tf": aliasedAPI + beta(`{ "1" = 100 }`)})
	answers := func(at, want string) {
		t.Helper()
		if status, body := l.get(at); status != http.StatusOK || body != want {
			t.Errorf("%s answers %d %q, want %q", at, status, body, want)
		}
	}
	l.Apply()
	l.EmptyPlan()
	api, own := l.read("shop").URL, ""
	var made stack.AliasStatus
	l.runtime.Call(http.MethodGet, path, nil, &made)
	own = made.FunctionURL
	if out, err := l.Run(t.Context(), "output", "-raw", "url"); err != nil || strings.TrimSpace(out) != own {
		t.Errorf("the address is %q, want %q (%v)", out, own, err)
	}
	if out, err := l.Run(t.Context(), "output", "-raw", "arn"); err != nil || strings.TrimSpace(out) != stack.QualifiedARN("shop", "f", "beta") {
		t.Errorf("the ARN is %q (%v)", out, err)
	}

	// Deployments of the stack leave the alias, and what it points at.
	for _, text := range []string{"two", "three"} {
		l.write("f/app.py", handler(text))
		l.Apply()
	}
	answers(api+"/", "three")
	answers(api+"/beta", "one")
	answers(own, "one")
	l.EmptyPlan()

	// Both change in one apply.
	l.write("f/app.py", handler("four"))
	l.write("main.tf", aliasedAPI+beta(`{ "3" = 100 }`))
	l.Apply()
	answers(api+"/", "four")
	answers(own, "three")
	l.EmptyPlan()

	// Drift is shown in words, and undone.
	l.runtime.Call(http.MethodPut, path, stack.Alias{Routing: stack.RouteTo(4), URL: &stack.FunctionURL{Auth: "none", InvokeMode: "buffered"}}, nil)
	changed, printed := l.Plan()
	if !changed || !strings.Contains(oneLine(printed), "It gives 100 % to version 4, and gave 100 % to version 3.") {
		t.Errorf("the plan says nothing of the drift:\n%s", printed)
	}
	l.Apply()
	answers(own, "three")
	l.runtime.Call(http.MethodDelete, path, nil, nil)
	l.Apply()
	answers(api+"/beta", "three")

	// It can be imported, and an alias of another configuration is not taken.
	if _, err := l.Run(t.Context(), "state", "rm", "tidegate_alias.beta"); err != nil {
		t.Fatal(err)
	}
	l.write("main.tf", aliasedAPI+beta(`{ "4" = 100 }`))
	if out := l.fails("apply", "-auto-approve"); !strings.Contains(out, `has an alias "beta" already`) || !strings.Contains(out, "terraform import tidegate_alias.<label> shop/f/beta") {
		t.Errorf("taking another's alias says:\n%s", out)
	}
	l.write("main.tf", aliasedAPI+beta(`{ "3" = 100 }`))
	if _, err := l.Run(t.Context(), "import", "tidegate_alias.beta", "shop/f/beta"); err != nil {
		t.Fatal(err)
	}
	l.EmptyPlan()

	// Without it its route fails, and the stack can be deployed on.
	l.write("main.tf", aliasedAPI)
	l.Apply()
	if status, _ := l.get(api + "/beta"); status != http.StatusInternalServerError {
		t.Errorf("without the alias its route answers %d", status)
	}
	l.EmptyPlan()
	l.Destroy()
}

// What is not known in the plan is known to the apply: here the version that it releases.
func TestAnAliasMayNameTheVersionThatTheApplyReleases(t *testing.T) {
	l := newLab(t, map[string]string{
		"f/app.py": handler("one"),
		"main.tf":  aliasedAPI + beta(`{ (tidegate_http_api.shop.functions["f"].version) = 100 }`),
	})
	l.Apply()
	l.EmptyPlan()
	l.write("f/app.py", handler("two"))
	l.Apply()
	l.EmptyPlan()
	if status, body := l.get(l.read("shop").URL + "/beta"); status != http.StatusOK || body != "two" {
		t.Errorf("the alias answers %d %q", status, body)
	}
	l.Destroy()
}

func TestAliasesThatCannotBeAreRefused(t *testing.T) {
	l := newLab(t, map[string]string{"f/app.py": handler("one"), "main.tf": aliasedAPI})
	l.Apply()
	for _, text := range []string{"two", "three"} {
		l.write("f/app.py", handler(text))
		l.Apply()
	}
	plan := func(config string, words ...string) {
		t.Helper()
		l.write("main.tf", aliasedAPI+config)
		out := l.fails("plan")
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("the plan does not say %q:\n%s", w, out)
			}
		}
	}
	plan(beta(`{ "1" = 100 }`), `no version 1 any more; there are [2 3]`)
	plan(beta(`{ "3" = 90 }`), "add up to 90")
	plan(beta(`{ "3" = 50, "4" = 25, "5" = 25 }`), "one or two versions, not 3")
	plan(beta(`{ "three" = 100 }`), `"three" is not the number of a published version`)
	plan(strings.Replace(beta(`{ "3" = 100 }`), `name     = "beta"`, `name     = "live"`, 1), "the stack's own")
	plan(strings.Replace(beta(`{ "3" = 100 }`), `auth = "none"`, `auth = "open"`, 1), "url.auth")

	l.write("main.tf", aliasedAPI+beta(`{ "7" = 100 }`))
	if out := l.fails("apply", "-auto-approve"); !strings.Contains(out, "was not published yet: the newest is version 3") {
		t.Errorf("a version of the future is refused with:\n%s", out)
	}
	twice := beta(`{ "2" = 100 }`) + strings.ReplaceAll(beta(`{ "3" = 100 }`), `"beta" {`, `"again" {`)
	l.write("main.tf", aliasedAPI+twice[:strings.LastIndex(twice, "output \"arn\"")])
	if out := l.fails("apply", "-auto-approve"); strings.Count(out, `has an alias "beta" already`) != 1 {
		t.Errorf("one alias twice is refused with:\n%s", out)
	}
	l.write("main.tf", aliasedAPI+strings.Replace(beta(`{ "3" = 100 }`), `function = "f"`, `function = "g"`, 1))
	if out := l.fails("apply", "-auto-approve"); !strings.Contains(out, `no function named "g"`) {
		t.Errorf("a function that is not there is refused with:\n%s", out)
	}
	for _, id := range []string{"shop/f/live", "shop/f/none", "shop"} {
		l.write("main.tf", aliasedAPI+beta(`{ "3" = 100 }`))
		if out := l.fails("import", "tidegate_alias.beta", id); !strings.Contains(out, "Cannot import alias") {
			t.Errorf("importing %s says:\n%s", id, out)
		}
	}
}
