package aws

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

const releasedAPI = `
resource "tidegate_http_api" "shop" {
  name   = "shop"
  routes = { "GET /" = { function = "f" } }
  functions = {
    f     = { source = "${path.module}/f", runtime = "python3.13", handler = "app.handler" }
    check = {
      source      = "${path.module}/check"
      runtime     = "python3.13"
      handler     = "app.handler"
      permissions = [{ actions = ["lambda:InvokeFunction"], resources = ["arn:aws:lambda:*:*:function:shop-f:*"] }]
    }
  }
  release = { strategy = "linear", weight = 60, interval = "1s", before = "check", after = "f" }
}

output "url" {
  value = tidegate_http_api.shop.url
}
`

// checking is the code of a function that invokes the candidate of f and expects a text.
const checking = `
import boto3, json

def handler(event, context):
    function = event["functions"]["f"]
    answer = boto3.client("lambda").invoke(FunctionName=function["function"], Qualifier=function["candidate"], Payload=b"{}")
    said = json.load(answer["Payload"])
    if said.get("body") != %q:
        raise ValueError("version " + function["candidate"] + ", which follows " + function["stable"] + ", says " + json.dumps(said))
    return said
`

// The functions that run before and after the traffic moves are run, with the
// candidates.
func TestHooksRunTheCandidatesOnMinistack(t *testing.T) {
	t.Parallel()
	acctest.Allow(t, acctest.Ministack, "weights of aliases")
	code := func(text string) string {
		return fmt.Sprintf(`
def handler(event, context):
    if event.get("phase") == "after" and context.function_version != event["functions"]["f"]["candidate"]:
        raise ValueError("it is version " + context.function_version)
    return {"statusCode": 200, "body": %q}
`, text)
	}
	files := map[string]string{"main.tf": releasedAPI, "f/app.py": code("one"), "check/app.py": fmt.Sprintf(checking, "one")}
	w := &ordeal{workspace: &workspace{AWSWorkspace: acctest.AWS(t, acctest.Ministack, files), t: t, files: files}}
	w.Apply()
	url := output[string](t, w.Workspace, "url")

	// One that does not start, as the function finds out that checks it.
	w.put("f/app.py", "raise RuntimeError('there is no such table')\n")
	w.checked(`rolled back: the function check that runs before the traffic moves: `, "version 2, which follows 1, says ", "there is no such table")
	answers(t, request(t, http.MethodGet, url+"/", ""), http.StatusOK, "one")

	// One whose check does not start itself, and is its own candidate.
	w.put("f/app.py", code("two"))
	w.put("check/app.py", "raise RuntimeError('nor a check')\n")
	w.checked(`rolled back: the function check that runs before the traffic moves: `, "nor a check")
	if moves := w.moves("shop-f"); strings.Join(moves, ", ") != "1, 1, 1, 1" { // Twice the beginning, and the end.
		t.Errorf("the alias was moved %v", moves)
	}
	answers(t, request(t, http.MethodGet, url+"/", ""), http.StatusOK, "one")

	w.put("check/app.py", fmt.Sprintf(checking, "two"))
	w.Proxy.Forget()
	w.Apply()
	w.EmptyPlan()
	if moves := strings.Join(w.moves("shop-f"), ", "); moves != "1, 3 1=0.4, 3, 3" {
		t.Errorf("the alias was moved %s", moves)
	}
	w.movesTogether("shop")
	var ran []string
	for _, r := range w.Proxy.Matching("lambda:Invoke") {
		ran = append(ran, r.Param("FunctionName")+":"+r.Param("Qualifier"))
	}
	if strings.Join(ran, ", ") != "shop-check:3, shop-f:3" {
		t.Errorf("it ran %v", ran)
	}
	answers(t, request(t, http.MethodGet, url+"/", ""), http.StatusOK, "two")

	// One whose own check fails when it has got all traffic.
	w.put("f/app.py", strings.Replace(code("three"), "!=", "==", 1))
	w.put("check/app.py", fmt.Sprintf(checking, "three"))
	w.Proxy.Forget()
	w.checked(`rolled back: the function f that runs after the traffic moves: `, "it is version 4")
	if moves := strings.Join(w.moves("shop-f"), ", "); moves != "3, 4 3=0.4, 4, 3" {
		t.Errorf("the alias was moved %s", moves)
	}
	answers(t, request(t, http.MethodGet, url+"/", ""), http.StatusOK, "two")
	w.Destroy()
	w.NothingLeft()
}

// checked applies, which fails because of a function that said so.
func (w *ordeal) checked(says ...string) {
	w.t.Helper()
	complaint(append(says, "every alias is where it was before")).check(w.t, w.fails("apply", "-auto-approve")["tidegate_http_api.shop"])
}
