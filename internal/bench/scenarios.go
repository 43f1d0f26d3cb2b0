package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// A bench has what every scenario needs.
type bench struct {
	dir     string
	program string
	runtime *harness.Runtime
}

// quickstart measures the apply of examples/quickstart: three stacks from nothing.
func (b bench) quickstart(ctx context.Context) ([]row, error) {
	root, err := harness.Root()
	if err != nil {
		return nil, err
	}
	shop, err := b.workspace(ctx, "quickstart")
	if err != nil {
		return nil, err
	}
	if err := os.CopyFS(shop.Dir, os.DirFS(filepath.Join(root, "examples", "quickstart"))); err != nil {
		return nil, err
	}
	variables := map[string]string{}
	for variable, prefix := range map[string]string{"node_runtime": "nodejs", "python_runtime": "python3."} {
		if variables[variable], err = b.runtime.RuntimeIdentifier(ctx, prefix); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(variables)
	if err != nil {
		return nil, err
	}
	if err := shop.Write("bench.auto.tfvars.json", string(text)); err != nil {
		return nil, err
	}
	alone, err := b.builtin(ctx, 3)
	if err != nil {
		return nil, err
	}
	// Compiles the Go function, which later applies find in the cache.
	if _, _, err := shop.Plan(ctx); err != nil {
		return nil, err
	}
	apply := row{what: "apply of the quickstart, three stacks", atMost: 3 * time.Second}
	if err := apply.measure(ctx, shop, alone, runs, true, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	return []row{apply}, nil
}

// hundredStacks measures a hundred stacks of two functions, each with a source of
// its own: their first apply, and then a plan that finds nothing to do.
func (b bench) hundredStacks(ctx context.Context) ([]row, error) {
	const stacks = 100
	many, err := b.workspace(ctx, "many")
	if err != nil {
		return nil, err
	}
	python, err := b.runtime.RuntimeIdentifier(ctx, "python3.")
	if err != nil {
		return nil, err
	}
	if err := writeStacks(many, "bench", stacks, python); err != nil {
		return nil, err
	}
	alone, err := b.builtin(ctx, stacks)
	if err != nil {
		return nil, err
	}
	apply := row{what: "apply of 100 stacks of two functions"}
	if err := apply.measure(ctx, many, alone, 1, false, "apply", "-auto-approve"); err != nil {
		return nil, err
	}
	plan := row{what: "empty plan of them", atMost: 5 * time.Second, memoryAtMost: 200 << 20}
	if err := plan.measure(ctx, many, alone, runs, false, "plan", "-detailed-exitcode"); err != nil {
		return nil, err
	}
	return []row{apply, plan}, nil
}

// writeStacks writes the configuration of stacks of two functions, each with a source of
// its own. Their names are the prefix and a number.
func writeStacks(w *harness.Workspace, prefix string, stacks int, runtime string) error {
	var config strings.Builder
	config.WriteString("terraform {\n  required_providers {\n    tidegate = { source = \"tidegate-io/tidegate\" }\n  }\n}\n")
	for i := range stacks {
		fmt.Fprintf(&config, `
resource "tidegate_stack" "s%[1]d" {
  name = "%[3]s-%[1]d"
  functions = {
    one = { source = "${path.module}/src/%[1]d/one", runtime = %[2]q, handler = "app.handler" }
    two = { source = "${path.module}/src/%[1]d/two", runtime = %[2]q, handler = "app.handler" }
  }
}
`, i, runtime, prefix)
	}
	if err := writeCode(w, stacks); err != nil {
		return err
	}
	return w.Write("main.tf", config.String())
}

// writeCode writes the code of as many stacks of two functions.
func writeCode(w *harness.Workspace, stacks int) error {
	for i := range stacks {
		for _, function := range []string{"one", "two"} {
			code := fmt.Sprintf("def handler(event, context):\n    return %q\n", fmt.Sprint(function, i))
			if err := w.Write(fmt.Sprintf("src/%d/%s/app.py", i, function), code); err != nil {
				return err
			}
		}
	}
	return nil
}
