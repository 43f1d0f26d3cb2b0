package aws

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

const (
	aliasedAPI = `
resource "tidegate_http_api" "shop" {
  name   = "shop"
  routes = { "GET /" = { function = "f" }, "GET /beta" = { function = "f", alias = "beta" } }
  functions = {
    f = { source = "${path.module}/f", runtime = "python3.13", handler = "app.handler", keep_versions = 3 }
  }
}

output "url" {
  value = tidegate_http_api.shop.url
}
`
	betaOfShop = `
resource "tidegate_alias" "beta" {
  stack    = tidegate_http_api.shop.name
  function = "f"
  name     = "beta"
  routing  = { "1" = 100 }
  url      = { auth = "none" }
}
`
)

// An alias keeps its version and its permissions while its stack is deployed again.
func TestAnAliasAnswersAtItsRouteWhateverIsLive(t *testing.T) {
	t.Parallel()
	code := func(text string) string {
		return "def handler(event, context):\n    return {'statusCode': 200, 'body': '" + text + "'}\n"
	}
	files := map[string]string{"main.tf": aliasedAPI, "alias.tf": betaOfShop, "f/app.py": code("one")}
	w := &workspace{AWSWorkspace: acctest.AWS(t, acctest.Ministack, files), t: t, files: files}
	w.Apply()
	w.EmptyPlan()
	url := output[string](t, w.Workspace, "url")
	for _, text := range []string{"two", "three"} {
		w.put("f/app.py", code(text))
		w.Apply()
	}
	answers(t, request(t, http.MethodGet, url+"/", ""), http.StatusOK, "three")
	answers(t, request(t, http.MethodGet, url+"/beta", ""), http.StatusOK, "one")
	w.EmptyPlan()

	w.Python(`
lambda_.update_alias(FunctionName="shop-f", Name="beta", FunctionVersion="3")
lambda_.remove_permission(FunctionName="shop-f", Qualifier="beta", StatementId="tidegate-api-beta")
`, nil)
	w.planSays("It gives 100 % to version 3, and gave 100 % to version 1", `its statement tidegate-api-beta is missing" -> "ready"`)
	w.edit("alias.tf", `{ "1" = 100 }`, `{ "1" = 90, "3" = 10 }`)
	w.Apply()
	w.EmptyPlan()
	is := string(w.Python(`
found = lambda_.get_alias(FunctionName="shop-f", Name="beta")
result = [found["FunctionVersion"], found["RoutingConfig"]["AdditionalVersionWeights"], found["Description"]]
`, nil))
	if strings.Join(strings.Fields(is), "") != `["1",{"3":0.1},"MadebyTidegate"]` {
		t.Errorf("the alias is %s", is)
	}

	for _, args := range [][]string{{"state", "rm", "tidegate_alias.beta"}, {"import", "tidegate_alias.beta", "shop/f/beta"}} {
		if out, err := w.Run(t.Context(), args[0], args[1:]...); err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, out)
		}
	}
	w.EmptyPlan()

	w.remove("alias.tf")
	w.Apply()
	w.EmptyPlan()
	w.Destroy()
	w.NothingLeft()
}
