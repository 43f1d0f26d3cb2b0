package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// terraform is the program's name, as a person types it.
func (d *demo) terraform() string { return filepath.Base(d.workspace.Program) }

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
	d.command("%s plan", d.terraform())
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

func (d *demo) showLogs(ctx context.Context, function string) error {
	logs, err := d.logs(ctx, function)
	if err != nil {
		return err
	}
	d.command("tidegate logs %s", function)
	d.show(logs)
	return nil
}
