package aws

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// gated are the configurations of stacks whose gates look at metrics. One of them waits
// for its release.
const gated = `
variable "code" { type = string }

locals {
  stacks = {
    pair = { code = var.code, release = {
      strategy = "canary", weight = 20, interval = "2s", gate = { max_error_rate = 0.05 }
    } }
    slow = { code = var.code, release = {
      strategy = "Canary20Percent5Minutes", gate = { max_p95_ratio = 3 }, wait = false
    } }
    throttled = { code = var.code, release = {
      strategy = "canary", weight = 20, gate = { max_throttle_rate = 0.01 }, wait = false
    } }
    good = { code = var.code, release = {
      strategy = "linear", weight = 40, interval = "5m", wait = false
      gate     = { max_error_rate = 0.01, max_p95_ratio = 3, max_throttle_rate = 0.01, min_invocations = 100 }
    } }
    fix = { code = var.code, release = {
      strategy = "blue_green", gate = { max_error_rate = 0.01 }, wait = false
    } }
  }
}

resource "tidegate_stack" "each" {
  for_each = local.stacks
  name     = each.key

  functions = {
    for name in ["f", "g"] : name => { source = "${path.module}/code/${each.value.code}", runtime = "python3.13", handler = "app.handler" }
  }
  release = each.value.release
}

data "tidegate_releases" "fix" {
  stack      = "fix"
  depends_on = [tidegate_stack.each]
}

output "verdicts" { value = [for r in data.tidegate_releases.fix.releases : r.verdict] }
`

// meter is a function for snippets that puts what Lambda's metrics have of a hundred
// invocations of a version in one minute, or of all that an alias got where the version
// is none. The 95th percentile of the durations is in milliseconds.
const meter = `
from datetime import datetime, timedelta, timezone

def meter(function, version, ago=0, errors=0, throttles=0, p95=20):
    dimensions = {"FunctionName": function, "Resource": function + ":live"} | ({"ExecutedVersion": version} if version else {})
    at = {"Timestamp": datetime.now(timezone.utc) - timedelta(minutes=ago), "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()]}
    cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[
        {"MetricName": name, "Value": value, **at}
        for name, value in {"Invocations": 100, "Errors": errors, "Throttles": throttles, "Duration p95": p95}.items()
    ])
`

// pass is a snippet that has minutes pass: it puts all that AWS knows of the account's
// releases so far back.
const pass = `
import re, time

def earlier(text):
    form = "%Y-%m-%dT%H:%M:%SZ"
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lambda at: (datetime.strptime(at[0], form) - timedelta(minutes=minutes)).strftime(form), text)

for f in lambda_.list_functions()["Functions"]:
    live = lambda_.get_alias(FunctionName=f["FunctionName"], Name="live")
    lambda_.update_alias(FunctionName=f["FunctionName"], Name="live", Description=earlier(live["Description"]))
for group in logs.describe_log_groups(logGroupNamePrefix="/tidegate/")["logGroups"]:
    name = group["logGroupName"]
    for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]:
        of = {"logGroupName": name, "logStreamName": stream["logStreamName"]}
        lines = [{**e, "message": earlier(e["message"])} for e in logs.get_log_events(**of, startFromHead=True)["events"]]
        logs.delete_log_stream(**of)
        logs.create_log_stream(**of)
        logs.put_log_events(**of, logEvents=[{"timestamp": e["timestamp"], "message": e["message"]} for e in lines])
`

// passes has nine minutes pass, with those metrics: a step of five is over then, and its
// metrics are there. Up to three more may have passed by themselves.
func (w *workspace) passes(metrics string) {
	w.t.Helper()
	w.Python(meter+pass+metrics, map[string]any{"minutes": 9})
}

// Gates judge by CloudWatch's metrics: of one function of two, of both sides, and of
// what was before. Applies that do not wait go on with what others have begun.
func TestGatesJudgeByMetricsOnMoto(t *testing.T) {
	t.Parallel()
	files := configuration(t)
	files["main.tf"] = gated
	w := &ordeal{workspace: &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}}
	w.code("resize")
	w.Apply()

	// A failure that is certain is one at once. What is not waited for has begun.
	w.code("create")
	first := awswire.On("lambda:UpdateAlias").Where(func(r *awswire.Request) bool { return r.Param("FunctionName") == "pair-g" }).First(1)
	w.Proxy.After(first, func(*awswire.Request, *awswire.Answer) {
		w.Python(meter+`
meter("pair-f", "1")
meter("pair-f", "2")
meter("pair-g", "1", errors=1)
meter("pair-g", "2", errors=40)
`, nil)
	})
	complaint{`was rolled back: at 20 % the candidate version 2 of function "g" failed in 40 of 100 (40 %) invocations, with 5 % allowed; every alias is where it was before`}.
		check(t, w.fails("apply", "-auto-approve")[`tidegate_stack.each["pair"]`])
	w.routed(map[string]string{
		"pair": `["1", {}]`, "slow": `["1", {"2": 0.2}]`, "throttled": `["1", {"2": 0.2}]`, "good": `["1", {"2": 0.4}]`, "fix": `["2", {}]`,
	})
	_, plan := w.Plan()
	w.said(plan, `Release under way: stack "good"`, "is at 40 %, started by ", "has moved 40 % to version 2, begun by ",
		`Release under way: stack "fix"`, "is at 100 %, started by ", "0 to add, 5 to change, 0 to destroy")

	// Minutes later some have failed and one has passed. What failed first is released anew.
	w.edit("main.tf", `interval = "2s", gate = { max_error_rate = 0.05 }`, `interval = "5m", gate = { max_error_rate = 0.05 }, wait = false`)
	w.edit("main.tf", `pair = { code = var.code`, `pair = { code = "read"`)
	w.passes(`
for ago in (7, 6):
    for f in ("f", "g"):
        meter("slow-" + f, "1", ago)
        meter("throttled-" + f, "1", ago)
        meter("good-" + f, "1", ago)
        meter("good-" + f, "2", ago)
    meter("slow-f", "2", ago)
    meter("slow-g", "2", ago, p95=300)
    meter("throttled-f", "2", ago, throttles=25)
    meter("throttled-g", "2", ago)
    meter("fix-f", None, ago, errors=3)
for ago in (17, 15, 13):
    meter("fix-f", None, ago, errors=4)
`)
	failed := w.fails("apply", "-auto-approve")
	complaint{`was rolled back: at 20 % the candidate version 2 of function "g" took 300ms where the stable version takes 20ms ` +
		`(95th percentile of 200 and 200 invocations, 15 times), with 3 times allowed; every alias is where it was before`}.check(t, failed[`tidegate_stack.each["slow"]`])
	complaint{`was rolled back: at 20 % the candidate version 2 of function "f" was throttled in 50 of 250 (20 %) invocations, with 1 % allowed; every alias is where it was before`}.
		check(t, failed[`tidegate_stack.each["throttled"]`])
	w.routed(map[string]string{
		"pair": `["1", {"3": 0.2}]`, "slow": `["1", {}]`, "throttled": `["1", {}]`, "good": `["2", {"1": 0.2}]`, "fix": `["2", {}]`,
	})

	// The rest comes to its end.
	w.edit("main.tf", `slow = { code = var.code`, `slow = { code = "resize"`)
	w.edit("main.tf", `throttled = { code = var.code`, `throttled = { code = "resize"`)
	w.passes(`
for f in ("f", "g"):
    for stack, candidate in ("pair", "3"), ("good", "2"):
        meter(stack + "-" + f, "1", 6)
        meter(stack + "-" + f, candidate, 6)
`)
	w.Apply()
	w.EmptyPlan()
	w.routed(map[string]string{"pair": `["3", {}]`, "slow": `["1", {}]`, "throttled": `["1", {}]`, "good": `["2", {}]`, "fix": `["2", {}]`})
	verdicts := output[[]string](t, w.Workspace, "verdicts")
	if says := "100 % passed: f failed in 6 of 200 (3 %) invocations, more than the 1 % allowed, but the stable version did in 12 of 300 (4 %)"; len(verdicts) != 1 || verdicts[0] != says {
		t.Errorf("the verdicts are %q, want %q", verdicts, says)
	}
	w.Destroy()
	w.NothingLeft()
}

// routed checks where the aliases of both functions of stacks point.
func (w *workspace) routed(want map[string]string) {
	w.t.Helper()
	for name, at := range want {
		w.sees(sight{name, fmt.Sprintf("[routing(%q), routing(%q)]", name+"-f", name+"-g"), "[" + at + ", " + at + "]"})
	}
}

// said checks that Terraform has printed words, wherever its lines are broken.
func (w *workspace) said(out string, words ...string) {
	w.t.Helper()
	plain := strings.Join(strings.Fields(strings.ReplaceAll(out, "│", "")), " ")
	for _, word := range words {
		if !strings.Contains(plain, word) {
			w.t.Errorf("Terraform does not say %q:\n%s", word, out)
		}
	}
}
