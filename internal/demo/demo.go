package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// reportAfter is when the shop's report is due, counted from the first apply: long
// enough for the apply, short enough to wait for.
const reportAfter = 15 * time.Second

// patience is how long a step waits for what must happen.
const patience = 3 * time.Minute

// A demo is one run.
type demo struct {
	narrator
	// dir holds all of it, terraform is the program to use.
	dir       string
	terraform string
	runtime   *harness.Runtime
	// workspace of the example that is shown now.
	workspace *harness.Workspace
	shop      shop
	parcels   *customers
}

// run plays the demo from the first step to the last, telling it to out. Nothing
// is left of it, whether it fails or not.
func run(ctx context.Context, out io.Writer, terraform string) (err error) {
	start := time.Now()
	d := &demo{narrator: narrator{out: out}, terraform: terraform}
	d.dir, err = os.MkdirTemp("", "tidegate-demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(d.dir)) }()

	if err := d.build(ctx); err != nil {
		return err
	}
	if err := d.serve(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n\nthe runtime's log:\n%s", err, d.runtime.Log())
		}
		err = errors.Join(err, d.runtime.Kill())
	}()
	defer func() { d.parcels.leave() }()
	steps := []func(context.Context) error{
		d.deployShop, d.sendOrders, d.planIsEmpty, d.changeFunction, d.breakAndRepair, d.report, d.destroy,
		d.deployParcels, d.releaseBad, d.releaseGood, d.goBack, d.destroy,
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("step %d: %w", d.steps, err)
		}
	}
	if err := d.runtime.Stop(); err != nil {
		return err
	}
	d.say("The runtime has stopped, and no process of it is left.")
	fmt.Fprintln(out)
	d.took("All of this", start)
	return nil
}

func (d *demo) build(ctx context.Context) error {
	d.step("Build Tidegate: one program, which is the provider, the runtime and the command line")
	start := time.Now()
	if _, err := harness.Binary(ctx); err != nil {
		return err
	}
	d.took("Building", start)
	return nil
}

func (d *demo) serve(ctx context.Context) (err error) {
	d.step("Start a runtime with a data folder of its own, on free ports")
	home := filepath.Join(d.dir, "runtime")
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	d.runtime, err = harness.StartRuntime(ctx, harness.RuntimeOptions{Dir: home})
	if err != nil {
		return err
	}
	d.command("tidegate serve --data-dir %s", d.runtime.DataDir)
	d.say("It is managed at %s; the world reaches its functions at %s.", d.runtime.Endpoint, d.runtime.Ingress)
	return nil
}

// open copies an example, which the demo is going to change, and sets its variables:
// to those given, and to the newest runtimes of this machine's with the prefixes given.
func (d *demo) open(ctx context.Context, example string, variables, runtimes map[string]string) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	copied := filepath.Join(d.dir, example)
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(root, "examples", example))); err != nil {
		return err
	}
	d.workspace, err = harness.NewWorkspace(ctx, copied, d.terraform, d.runtime.Env()...)
	if err != nil {
		return err
	}
	variables = maps.Clone(variables)
	for variable, prefix := range runtimes {
		if variables[variable], err = d.runtime.RuntimeIdentifier(ctx, prefix); err != nil {
			return err
		}
	}
	text, err := json.MarshalIndent(variables, "", "  ")
	if err != nil {
		return err
	}
	return d.workspace.Write("demo.auto.tfvars.json", string(text))
}

func (d *demo) deployShop(ctx context.Context) error {
	d.step("Deploy a shop: an HTTP API in JavaScript, a queue's consumer in Python, a schedule in Go")
	err := d.open(ctx, "quickstart",
		map[string]string{"report_schedule": "at(" + time.Now().UTC().Add(reportAfter).Format("2006-01-02T15:04:05") + ")"},
		map[string]string{"node_runtime": "nodejs", "python_runtime": "python3."})
	if err != nil {
		return err
	}
	if err := d.apply(ctx); err != nil {
		return err
	}
	return d.output(ctx, "url", &d.shop.url)
}

// apply shows the apply of something new.
func (d *demo) apply(ctx context.Context) error {
	d.command("%s apply", d.program())
	start := time.Now()
	out, err := d.workspace.Apply(ctx)
	if err != nil {
		return err
	}
	d.show(lines(out, `: Creation complete|^Apply complete`))
	d.took("The apply", start)
	return nil
}

func (d *demo) sendOrders(ctx context.Context) error {
	d.step("Order something: the API puts each order on the queue, whose consumer fulfils it")
	orders := []struct {
		item     string
		quantity int
	}{{"tea", 2}, {"coffee", 1}, {"cake", 3}}
	for _, o := range orders {
		if err := d.orderAndWait(ctx, o.item, o.quantity, "fulfilled order "); err != nil {
			return err
		}
	}
	status, answer, err := d.shop.post(ctx, []byte(`{"item":"beer"}`))
	if err != nil {
		return err
	}
	if status != http.StatusUnprocessableEntity {
		return fmt.Errorf("an order for what is not on the menu was answered with %d: %s", status, answer)
	}
	d.say(`POST /orders {"item":"beer"} -> %d %s`, status, answer)
	return d.cli(ctx, "logs", "orders/fulfil")
}

func (d *demo) planIsEmpty(ctx context.Context) error {
	d.step("Plan again: nothing has changed, so there is nothing to do")
	return d.emptyPlan(ctx)
}

func (d *demo) changeFunction(ctx context.Context) error {
	d.step("Change one function and apply: it gets one new version, the others get none")
	before, err := d.versions(ctx)
	if err != nil {
		return err
	}
	if err := d.edit("fulfil/app.py", "fulfilled order", "packed and sent order"); err != nil {
		return err
	}
	d.command("%s apply", d.program())
	out, err := d.workspace.Apply(ctx)
	if err != nil {
		return err
	}
	d.show(lines(out, `^Plan:|: Modifications complete|^Apply complete`))
	after, err := d.versions(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		version, want := after[name], before[name]
		if name == "orders/fulfil" {
			want++
		}
		d.say("%s: version %d, was %d", name, version, before[name])
		if version != want {
			return fmt.Errorf("%s has version %d, want %d", name, version, want)
		}
	}
	return d.orderAndWait(ctx, "tea", 1, "packed and sent order ")
}

func (d *demo) breakAndRepair(ctx context.Context) error {
	d.step("Break something behind Terraform's back: disable the queue's consumer through the API")
	const binding = "/v1/stacks/orders/bindings/consumer"
	if err := d.runtime.Call(ctx, http.MethodPut, binding, map[string]bool{"enabled": false}, nil); err != nil {
		return err
	}
	d.say(`PUT %s {"enabled": false}`, binding)
	id, err := d.shop.order(ctx, "coffee", 2)
	if err != nil {
		return err
	}
	d.say("Order %s is on the queue, and nobody fulfils it. Terraform's plan sees why:", id)
	d.command("%s plan", d.program())
	changes, out, err := d.workspace.Plan(ctx)
	if err != nil {
		return err
	}
	d.show(story(out))
	if !changes {
		return errors.New("the plan does not see that the consumer is disabled")
	}
	if logs, err := d.logs(ctx, "orders/fulfil"); err != nil || strings.Contains(logs, id) {
		return errors.Join(err, fmt.Errorf("order %s was fulfilled by a disabled consumer", id))
	}
	d.command("%s apply", d.program())
	if out, err = d.workspace.Apply(ctx); err != nil {
		return err
	}
	d.show(lines(out, `^Apply complete`))
	line, err := d.waitForLog(ctx, "orders/fulfil", "packed and sent order "+id)
	if err != nil {
		return err
	}
	d.say("The consumer runs again: %s", line)
	return d.emptyPlan(ctx)
}

func (d *demo) report(ctx context.Context) error {
	d.step("Wait for the schedule: the report was due %v after the first apply began", reportAfter)
	line, err := d.waitForLog(ctx, "report/report", "is open")
	if err != nil {
		return err
	}
	d.say("%s", line)
	return nil
}

func (d *demo) destroy(ctx context.Context) error {
	d.parcels.leave()
	d.step("Destroy everything of it and clean up")
	d.command("%s destroy", d.program())
	out, err := d.workspace.Destroy(ctx)
	if err != nil {
		return err
	}
	d.show(lines(out, `^Destroy complete`))
	var answer struct {
		Stacks []json.RawMessage `json:"stacks"`
	}
	if err := d.runtime.Call(ctx, http.MethodGet, "/v1/stacks", nil, &answer); err != nil {
		return err
	}
	if len(answer.Stacks) != 0 {
		return fmt.Errorf("%d stacks are left on the runtime after destroy", len(answer.Stacks))
	}
	d.say("The runtime has no stack left.")
	return nil
}
