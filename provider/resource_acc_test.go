package provider

import (
	"net/http"
	"strings"
	"testing"
)

func TestImportTellsWhatIsThere(t *testing.T) {
	l := newLab(t, map[string]string{
		"main.tf": `
resource "tidegate_stack" "shop" {
  name      = "shop"
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
`,
		"f/app.py": handler("f"),
	})
	l.Apply()
	if _, err := l.Run(t.Context(), "state", "rm", "tidegate_stack.shop"); err != nil {
		t.Fatal(err)
	}
	l.write("more.tf", "resource \"tidegate_queue\" \"shop\" {\n  name = \"shop\"\n  functions = { f = { source = \"f\", runtime = \"PYTHON\", handler = \"app.handler\" } }\n}\n")
	for _, c := range []struct{ address, name, want string }{
		{"tidegate_stack.shop", "nobody", "There is no stack of that name"},
		{"tidegate_queue.shop", "shop", "terraform import tidegate_stack.<label> shop"},
	} {
		if out := l.fails("import", c.address, c.name); !strings.Contains(out, c.want) {
			t.Errorf("import %s %s lacks %q:\n%s", c.address, c.name, c.want, out)
		}
	}
	l.write("more.tf", "")
	if _, err := l.Run(t.Context(), "import", "tidegate_stack.shop", "shop"); err != nil {
		t.Fatal(err)
	}
	changes, printed := l.plannedChanges()
	// The runtime knows neither where code came from nor what files it was.
	want := `[functions["f"].code_manifest functions["f"].source]`
	if got := strings.Join(changes["shop"].Paths, " "); "["+got+"]" != want {
		t.Errorf("the plan after the import changes [%s], want %s\n%s", got, want, printed)
	}
	if strings.Contains(printed, "Changed outside Terraform") {
		t.Errorf("the plan warns:\n%s", printed)
	}
	revision := l.read("shop").Revision
	l.Apply()
	l.EmptyPlan()
	if got := l.read("shop"); got.Revision != revision || len(got.Functions["f"].Versions) != 1 {
		t.Errorf("the import changed the stack: revision %s, was %s", got.Revision, revision)
	}
}

func TestDataSourcesAndFunctionsTellOfStacks(t *testing.T) {
	l := newLab(t, map[string]string{
		"main.tf": `
resource "tidegate_queue" "orders" {
  name        = "orders"
  dead_letter = { max_receives = 3 }
  tags        = { team = "shop" }
  functions   = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
data "tidegate_stack" "orders" {
  name = tidegate_queue.orders.name
}
data "tidegate_versions" "f" {
  stack    = tidegate_queue.orders.name
  function = "f"
}
output "same_arn"  { value = data.tidegate_stack.orders.arn == tidegate_queue.orders.arn }
output "same_hash" { value = provider::tidegate::package_hash("f") == tidegate_queue.orders.functions.f.code_sha256 }
output "kind"      { value = data.tidegate_stack.orders.kind }
output "team"      { value = data.tidegate_stack.orders.tags.team }
output "live"      { value = data.tidegate_stack.orders.functions.f.routing }
output "numbers"   { value = data.tidegate_versions.f.versions[*].number }
output "runs"      { value = provider::tidegate::next_runs("cron(0 2 * * ? *)", "Europe/Berlin", 2, "2026-03-28T00:00:00Z") }
`,
		"f/app.py": handler("f"),
	})
	l.Apply()
	l.EmptyPlan()
	out, err := l.Run(t.Context(), "output", "-json")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"same_arn": { "sensitive": false, "type": "bool", "value": true }`,
		`"same_hash": { "sensitive": false, "type": "bool", "value": true }`,
		`"kind": { "sensitive": false, "type": "string", "value": "queue" }`,
		`"team": { "sensitive": false, "type": "string", "value": "shop" }`,
		`"value": { "1": 100 }`,
		`"value": [ 1 ]`,
		// On the 29th clocks go forward at two.
		`"2026-03-28T02:00:00+01:00", "2026-03-30T02:00:00+02:00"`,
	} {
		if !strings.Contains(oneLine(out), want) {
			t.Errorf("the outputs lack %s:\n%s", want, oneLine(out))
		}
	}
}

func TestAStackThatBecameAnotherKindIsSaidToBeGone(t *testing.T) {
	l := newLab(t, map[string]string{
		"main.tf": `
resource "tidegate_stack" "shop" {
  name      = "shop"
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
`,
		"f/app.py": handler("f"),
	})
	l.Apply()
	s := l.read("shop").Stack
	l.runtime.Call(http.MethodDelete, "/v1/stacks/shop", nil, nil)
	l.runtime.Call(http.MethodPut, "/v1/stacks/shop", map[string]any{
		"name": "shop", "functions": s.Functions, "trigger": map[string]any{"queue": map[string]any{}},
	}, nil)
	_, out := l.Plan()
	if out = oneLine(out); !strings.Contains(out, "another of that name is a tidegate_queue") {
		t.Errorf("the plan does not warn:\n%s", out)
	}
	if out := l.fails("apply", "-auto-approve"); !strings.Contains(out, "terraform import tidegate_queue.<label> shop") {
		t.Errorf("the apply took what is not its own:\n%s", out)
	}
}

// Terraform compares, in an apply, what functions answered in its plan.
func TestRunsFromTheTimeOfThePlanAreTheSameInItsApply(t *testing.T) {
	l := newLab(t, map[string]string{
		"main.tf": `
resource "tidegate_stack" "shop" {
  name      = "shop"
  tags      = { next = provider::tidegate::next_runs("rate(1 minute)", "UTC", 1, plantimestamp())[0] }
  functions = { f = { source = "f", runtime = "PYTHON", handler = "app.handler" } }
}
`,
		"f/app.py": handler("f"),
	})
	l.Plan("-out=plan")
	if out, err := l.Run(t.Context(), "apply", "plan"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
