package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// program is Terraform's name, as a person types it.
func (d *demo) program() string { return filepath.Base(d.workspace.Program) }

// edit changes a line of the example with a command that a person may type.
func (d *demo) edit(file, from, to string) error {
	path := filepath.Join(d.workspace.Dir, file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.Count(string(text), from) != 1 {
		return fmt.Errorf("%s does not have %q once", file, from)
	}
	// What means something in a pattern is none of what it is about.
	d.command("sed -i 's/%s/%s/' %s", strings.ReplaceAll(from, "*", `\*`), to, file)
	return d.workspace.Write(file, strings.Replace(string(text), from, to, 1))
}

// cli shows a command of tidegate and what it prints, line by line.
func (d *demo) cli(ctx context.Context, args ...string) error {
	d.command("tidegate %s", strings.Join(args, " "))
	var problem strings.Builder
	cmd := d.runtime.CLI(ctx, args...)
	cmd.Stdout, cmd.Stderr = &liner{narrator: &d.narrator}, &problem
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("tidegate %s: %w: %s", strings.Join(args, " "), err, &problem)
	}
	return nil
}

// output reads one of Terraform's outputs.
func (d *demo) output(ctx context.Context, name string, value any) error {
	out, err := d.workspace.Command(ctx, "output", "-json", name).Output()
	if err != nil {
		return fmt.Errorf("terraform output %s: %w", name, err)
	}
	return json.Unmarshal(out, value)
}

// versions returns every function's live version.
func (d *demo) versions(ctx context.Context) (map[string]int, error) {
	versions := map[string]int{}
	return versions, d.output(ctx, "versions", &versions)
}

// emptyPlan shows that a plan changes nothing.
func (d *demo) emptyPlan(ctx context.Context) error {
	d.command("%s plan", d.program())
	changes, out, err := d.workspace.Plan(ctx)
	if err != nil {
		return err
	}
	if changes {
		return fmt.Errorf("the plan is not empty:\n%s", story(out))
	}
	d.show(lines(out, `^No changes`))
	return nil
}

// orderAndWait orders something and waits for the log line that ends its way.
func (d *demo) orderAndWait(ctx context.Context, item string, quantity int, done string) error {
	id, err := d.shop.order(ctx, item, quantity)
	if err != nil {
		return err
	}
	d.say(`POST /orders {"item":%q,"quantity":%d} -> 202 {"id":%q}`, item, quantity, id)
	_, err = d.waitForLog(ctx, "orders/fulfil", done+id)
	return err
}

// waitForLog waits for a line with that text in a function's log, and returns the
// message from there on.
func (d *demo) waitForLog(ctx context.Context, function, text string) (line string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = harness.Wait(ctx, fmt.Sprintf("%q in the log of %s", text, function), func() (bool, error) {
		logs, err := d.logs(ctx, function)
		line = lines(logs, regexp.QuoteMeta(text))
		return line != "", err
	})
	return line, err
}

// logs returns a function's log as `tidegate logs` shows it.
func (d *demo) logs(ctx context.Context, function string) (string, error) {
	var problem strings.Builder
	cmd := d.runtime.CLI(ctx, "logs", function)
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return "", errors.Join(fmt.Errorf("tidegate logs %s: %w", function, err), errors.New(problem.String()))
	}
	return string(out), nil
}
