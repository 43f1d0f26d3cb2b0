package aws

import (
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// eachStrategy are the configurations of stacks that are alike but for their release.
const eachStrategy = `
variable "code" { type = string }

variable "environment" {
  type    = map(string)
  default = null
}

locals {
  policies = {
    all-at-once = { strategy = "all_at_once" }
    sam         = { strategy = "AllAtOnce" }
    canary      = { strategy = "canary", weight = 25, interval = "1s" }
    linear      = { strategy = "linear", weight = 40, interval = "1s" }
    blue-green  = { strategy = "blue_green", interval = "1s", after = "g" }
  }
}

resource "tidegate_stack" "each" {
  for_each = local.policies
  name     = each.key

  functions = {
    f = { source = "${path.module}/code/${var.code}", runtime = "python3.13", handler = "app.handler", environment = var.environment }
    g = { source = "${path.module}/code/${var.code}", runtime = "python3.13", handler = "app.handler" }
  }
  release = each.value
}
`

// eachStrategysMoves are the changes of an alias from version A to B: the version that it
// points at, and what share another gets.
var eachStrategysMoves = map[string]string{
	"all-at-once": "B", "sam": "B", "canary": "A B=0.25, B", "linear": "A B=0.4, B A=0.2, B",
	"blue-green": "B, B, B", // All traffic, the function that runs after, the end.
}

// New code, then new settings, then what there was before are released with each
// strategy.
func TestEachStrategyMovesItsAliasesToTheEndOnMoto(t *testing.T) {
	t.Parallel()
	files := configuration(t)
	files["main.tf"] = eachStrategy
	w := &ordeal{workspace: &workspace{AWSWorkspace: acctest.AWS(t, acctest.Moto, files), t: t, files: files}}
	w.code("resize")
	w.Apply()
	if n := w.Proxy.Count("lambda:UpdateAlias"); n > 0 {
		t.Errorf("the creation moved aliases %d times", n)
	}

	w.releasesEach("create", "", [2]string{"1", "2"}, [2]string{"1", "2"})
	if n := w.Proxy.Count("lambda:PublishVersion"); n != 2*len(eachStrategysMoves) {
		t.Errorf("new code published %d versions", n)
	}
	w.releasesEach("create", `{ MODE = "bold" }`, [2]string{"2", "3"}, [2]string{})
	if n := w.Proxy.Count("lambda:PublishVersion"); n != len(eachStrategysMoves) {
		t.Errorf("new settings of one function published %d versions", n)
	}
	w.releasesEach("resize", "", [2]string{"3", "1"}, [2]string{"2", "1"})
	if n := w.Proxy.Count("lambda:PublishVersion"); n > 0 {
		t.Errorf("what there was before was published anew, %d times", n)
	}
	for name := range eachStrategysMoves {
		w.sees(sight{name, `[versions("` + name + `-f"), versions("` + name + `-g")]`, `[["1", "2", "3"], ["1", "2"]]`})
	}

	// Whoever knows SAM's names need not learn others. They are of minutes, for which a
	// plan knows whether there is time.
	w.edit("main.tf", `"AllAtOnce"`, `"Linear10PercentEvery1Minute"`)
	w.planSays(`"Linear10PercentEvery1Minute"`, "0 to add, 1 to change, 0 to destroy")
	w.edit("main.tf", "  release = each.value\n", "  release = each.value\n  timeouts = { update = \"5m\" }\n")
	complaint{"an update may take 5m", "linear, 10 % more every 1m", "takes at least 9m"}.check(t, w.fails("plan")[`tidegate_stack.each["sam"]`])
	w.edit("main.tf", "  timeouts = { update = \"5m\" }\n", "")
	w.Destroy()
	w.NothingLeft()
}

// releasesEach applies code and the environment of f, and checks how that moves the
// aliases of f and g, if it does.
func (w *ordeal) releasesEach(code, environment string, f, g [2]string) {
	w.t.Helper()
	text := "code = \"" + code + "\"\n"
	if environment != "" {
		text += "environment = " + environment + "\n"
	}
	w.put("code.auto.tfvars", text)
	w.Proxy.Forget()
	w.Apply()
	for name, shape := range eachStrategysMoves {
		both := map[string][2]string{"f": f, "g": g}
		for function, versions := range both {
			want := ""
			if versions[0] != "" {
				want = strings.NewReplacer("A", versions[0], "B", versions[1]).Replace(shape)
			}
			if moves := strings.Join(w.moves(name+"-"+function), ", "); moves != want {
				w.t.Errorf("the alias of %s of stack %s was moved %q, want %q", function, name, moves, want)
			}
		}
		w.movesTogether(name)
	}
	w.EmptyPlan()
}

// movesTogether checks that no alias of a stack takes a step before the others have
// taken the one before, and that each change is of the alias that was seen.
func (w *workspace) movesTogether(stack string) {
	w.t.Helper()
	taken := map[string]int{}
	for _, r := range w.Proxy.Matching("lambda:UpdateAlias") {
		function := r.Param("FunctionName")
		if !strings.HasPrefix(function, stack+"-") || r.Status/100 != 2 {
			continue
		}
		if r.Param("RevisionId") == "" {
			w.t.Errorf("%v changes whatever the alias is", r)
		}
		for other, steps := range taken {
			if steps < taken[function] {
				w.t.Errorf("%s takes step %d, and %s has taken %d", function, taken[function]+1, other, steps)
			}
		}
		taken[function]++
	}
}
