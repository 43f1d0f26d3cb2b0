package acctest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// rounds per victim, each of which kills it in a create, an update and a destroy.
const rounds = 3

// Whatever is killed at whichever point of an apply, the next apply finishes what
// it began, and nothing is left over or there twice.
func TestTheNextApplyFinishesWhatAKilledOneBegan(t *testing.T) {
	victims := map[string]func(*crash, *terraformRun){
		"Terraform": (*crash).killTerraform,
		"provider":  (*crash).killProvider,
		"runtime":   (*crash).killRuntime,
	}
	for name, kill := range victims {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrash(t)
			fresh := c.stored()
			start := time.Now()
			c.workspace.Apply()
			c.usual = time.Since(start)
			c.converged(1)
			c.workspace.Destroy()
			c.nothingLeft(fresh)

			for range rounds {
				c.workspace.Write("two/app.py", handlerThatReturns("two"))
				c.disturb(kill, "apply")
				c.workspace.Apply()
				c.converged(1)

				c.workspace.Write("two/app.py", handlerThatReturns("two, changed"))
				c.disturb(kill, "apply")
				c.workspace.Apply()
				c.converged(2)

				c.disturb(kill, "destroy")
				c.workspace.Destroy()
				c.nothingLeft(fresh)
			}
		})
	}
}

// crashConfig has a stack of every kind of trigger.
func crashConfig(python string) string {
	function := func(name string) string {
		return fmt.Sprintf(`%[1]s = { source = "${path.module}/%[1]s", runtime = %[2]q, handler = "app.handler" }`, name, python)
	}
	return fmt.Sprintf(`
terraform {
  required_providers {
    tidegate = { source = "tidegate-io/tidegate" }
  }
}

resource "tidegate_stack" "plain" {
  name = "plain"
  functions = {
    %[1]s
    %[2]s
  }
}

resource "tidegate_queue" "queue" {
  name        = "queue"
  dead_letter = { max_receives = 3 }
  consumer    = { function = "one" }
  functions   = {
    %[1]s
  }
}

resource "tidegate_http_api" "api" {
  name   = "api"
  routes = { "GET /" = { function = "one" }, "POST /{id}" = { function = "two" } }
  functions = {
    %[1]s
    %[2]s
  }
}

resource "tidegate_schedule" "schedule" {
  name      = "schedule"
  schedules = { daily = { function = "two", expression = "rate(1 day)" } }
  functions = {
    %[2]s
  }
}
`, function("one"), function("two"))
}

// crashStacks are the stacks of crashConfig and their functions.
var crashStacks = map[string][]string{
	"plain":    {"one", "two"},
	"queue":    {"one"},
	"api":      {"one", "two"},
	"schedule": {"two"},
}

func handlerThatReturns(text string) string {
	return fmt.Sprintf("def handler(event, context):\n    return %q\n", text)
}

func newCrash(t *testing.T) *crash {
	seed := uint64(time.Now().UnixNano())
	t.Logf("the moments are random from seed %d", seed)
	r := StartRuntime(t)
	return &crash{
		t: t, runtime: r, random: rand.New(rand.NewPCG(seed, 0)),
		workspace: Terraform(t, r, map[string]string{
			"main.tf":    crashConfig(r.Interpreter("python3.")),
			"one/app.py": handlerThatReturns("one"),
			"two/app.py": handlerThatReturns("two"),
		}),
	}
}
