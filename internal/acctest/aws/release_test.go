package aws

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/awswire"
)

// releases are the configuration of a stack with two functions that are released in a
// canary, and of a look at their history.
const releases = `
variable "code" { type = string }

resource "tidegate_stack" "media" {
  name = "media"

  functions = {
    for name in ["resize", "crop"] : name => {
      source  = "${path.module}/code/${var.code}"
      runtime = "python3.13"
      handler = "app.handler"
    }
  }

  release = {
    strategy = "canary"
    weight   = 20
    interval = "2s"
    before   = "resize"
    gate     = { alarms = ["errors"] }
  }
}

data "tidegate_releases" "media" {
  stack      = tidegate_stack.media.name
  depends_on = [tidegate_stack.media]
}

output "history" { value = [for r in data.tidegate_releases.media.releases : "${r.state} by ${r.by != "" ? "somebody" : "nobody"}"] }
`

// alarm makes the alarm of the gate be in a state.
func (w *workspace) alarm(state string) {
	w.t.Helper()
	w.Python(`
cloudwatch.put_metric_alarm(AlarmName="errors", MetricName="Errors", Namespace="AWS/Lambda", Period=60, EvaluationPeriods=1, Threshold=1,
    ComparisonOperator="GreaterThanThreshold", Statistic="Sum")
cloudwatch.set_alarm_state(AlarmName="errors", StateValue=state, StateReason="test")
`, map[string]any{"state": state})
}

// code has both functions have another code.
func (w *workspace) code(name string) { w.put("code.auto.tfvars", fmt.Sprintf("code = %q\n", name)) }

// moves are the changes of a function's alias, in their order: the version that it was
// pointed at, and the share that another got.
func (w *workspace) moves(function string) (moves []string) {
	for _, r := range w.Proxy.Matching("lambda:UpdateAlias") {
		if r.Param("FunctionName") != function || r.Status/100 != 2 {
			continue
		}
		move := r.Param("FunctionVersion")
		if routing, ok := r.Params["RoutingConfig"].(map[string]any); ok {
			for version, weight := range routing["AdditionalVersionWeights"].(map[string]any) {
				move += fmt.Sprintf(" %s=%v", version, weight)
			}
		}
		moves = append(moves, move)
	}
	return moves
}

func TestReleasesOnMoto(t *testing.T) {
	t.Parallel()
	files := configuration(t)
	files["main.tf"] = releases
	w := &ordeal{workspace: &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}}
	w.alarm("OK")
	w.code("resize")
	w.Apply()

	// A good one, to its end: first the function that is to run before, then the weights.
	w.code("create")
	w.Proxy.Forget()
	w.Apply()
	w.EmptyPlan()
	for _, function := range []string{"resize", "crop"} {
		if moves := strings.Join(w.moves("media-"+function), ", "); moves != "1, 1 2=0.2, 2" {
			t.Errorf("the alias of %s was moved %s", function, moves)
		}
	}
	if invoked := w.Proxy.Matching("lambda:Invoke"); len(invoked) != 1 || invoked[0].Param("FunctionName") != "media-resize" || invoked[0].Param("Qualifier") != "2" {
		t.Errorf("it invoked %v", invoked)
	}

	// One whose alarm goes off, and one whose function fails.
	w.code("read")
	stop := w.Proxy.After(awswire.On("lambda:UpdateAlias"), func(r *awswire.Request, _ *awswire.Answer) {
		if strings.Contains(string(r.Body), `"3":0.2`) {
			w.alarm("ALARM")
		}
	})
	w.rolledBack(`rolled back: the alarm "errors" went into alarm at 20 %; every alias is where it was before`)
	stop()
	w.alarm("OK")
	stop = w.Proxy.Answer(awswire.On("lambda:Invoke"), func(*awswire.Request) *awswire.Answer {
		return &awswire.Answer{Status: 200, Header: http.Header{"X-Amz-Function-Error": {"Unhandled"}}, Body: []byte(`{"errorMessage": "no way"}`)}
	})
	w.rolledBack(`rolled back: the function resize that runs before the traffic moves: it failed and returned {"errorMessage": "no way"}; every alias is where it was before`)
	stop()

	// The next apply releases it after all.
	w.Apply()
	w.EmptyPlan()
	w.sees(sight{"the aliases", `[routing("media-resize"), routing("media-crop"), versions("media-crop")]`, `[["3", {}], ["3", {}], ["1", "2", "3"]]`})
	history, err := w.Run(t.Context(), "output", "-json", "history")
	if err != nil || strings.TrimSpace(history) != `["finished by somebody","rolled_back by somebody","rolled_back by somebody","finished by somebody"]` {
		t.Errorf("the history is %s, %v", history, err)
	}

	// An alarm that there is not is found while planning.
	w.edit("main.tf", `["errors"]`, `["errors", "nobody's"]`)
	complaint{`there is no CloudWatch alarm "nobody's" in this account and region`}.check(t, w.fails("plan")["tidegate_stack.media"])
	w.edit("main.tf", `["errors", "nobody's"]`, `["errors"]`)
	w.Destroy()
	w.Python(`cloudwatch.delete_alarms(AlarmNames=["errors"])`, nil)
	w.NothingLeft()
}

// rolledBack applies, which fails and says so, and checks that the next plan offers the
// same again.
func (w *ordeal) rolledBack(says string) {
	w.t.Helper()
	complaint{says}.check(w.t, w.fails("apply", "-auto-approve")["tidegate_stack.media"])
	w.sees(sight{"the aliases", `[routing("media-resize"), routing("media-crop")]`, `[["2", {}], ["2", {}]]`})
	if changes, _ := w.Plan(); !changes {
		w.t.Error("the next plan does not offer the release again")
	}
}
