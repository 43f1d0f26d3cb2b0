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
const patience = 30 * time.Second

// A demo is one run.
type demo struct {
	narrator
	runtime   *harness.Runtime
	workspace *harness.Workspace
	shop      shop
}

// run plays the demo from the first step to the last, telling it to out. Nothing
// is left of it, whether it fails or not.
func run(ctx context.Context, out io.Writer, terraform string) (err error) {
	start := time.Now()
	d := &demo{narrator: narrator{out: out}}
	dir, err := os.MkdirTemp("", "tidegate-demo")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	if err := d.build(ctx); err != nil {
		return err
	}
	if err := d.serve(ctx, dir); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\n\nthe runtime's log:\n%s", err, d.runtime.Log())
		}
		err = errors.Join(err, d.runtime.Kill())
	}()
	if err := d.prepare(ctx, dir, terraform); err != nil {
		return err
	}
	steps := []func(context.Context) error{
		d.apply, d.sendOrders, d.planIsEmpty, d.changeFunction, d.breakAndRepair, d.report, d.destroy,
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

func (d *demo) serve(ctx context.Context, dir string) (err error) {
	d.step("Start a runtime with a data folder of its own, on free ports")
	home := filepath.Join(dir, "runtime")
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

// prepare copies the quickstart, which the demo is going to change, and sets its
// variables to what this machine has.
func (d *demo) prepare(ctx context.Context, dir, terraform string) error {
	root, err := harness.Root()
	if err != nil {
		return err
	}
	copied := filepath.Join(dir, "quickstart")
	if err := os.CopyFS(copied, os.DirFS(filepath.Join(root, "examples", "quickstart"))); err != nil {
		return err
	}
	d.workspace, err = harness.NewWorkspace(ctx, copied, terraform, d.runtime.Env()...)
	if err != nil {
		return err
	}
	variables := map[string]string{
		"report_schedule": "at(" + time.Now().UTC().Add(reportAfter).Format("2006-01-02T15:04:05") + ")",
	}
	for variable, prefix := range map[string]string{"node_runtime": "nodejs", "python_runtime": "python3."} {
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

func (d *demo) apply(ctx context.Context) error {
	d.step("Deploy a shop: an HTTP API in JavaScript, a queue's consumer in Python, a schedule in Go")
	d.command("%s apply", d.terraform())
	start := time.Now()
	out, err := d.workspace.Apply(ctx)
	if err != nil {
		return err
	}
	d.show(lines(out, `: Creation complete|^Apply complete`))
	d.took("The apply", start)
	var url string
	if err := d.output(ctx, "url", &url); err != nil {
		return err
	}
	d.shop = shop{url}
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
	return d.showLogs(ctx, "orders/fulfil")
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
	app := filepath.Join(d.workspace.Dir, "fulfil", "app.py")
	code, err := os.ReadFile(app)
	if err != nil {
		return err
	}
	if err := d.workspace.Write("fulfil/app.py", strings.Replace(string(code), "fulfilled order", "packed and sent order", 1)); err != nil {
		return err
	}
	d.command(`sed -i 's/fulfilled order/packed and sent order/' fulfil/app.py`)
	d.command("%s apply", d.terraform())
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
	d.command("%s plan", d.terraform())
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
	d.command("%s apply", d.terraform())
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
	d.step("Destroy everything and clean up")
	d.command("%s destroy", d.terraform())
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
