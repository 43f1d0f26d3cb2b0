package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

const (
	// pulumiStacks are previewed by Pulumi, and as many planned by Terraform.
	pulumiStacks = 50
	// pulumiRuns of each are measured, of which the median counts.
	pulumiRuns = 5
	// pulumiSlowerBy is how many times as long as a plan a preview may take.
	pulumiSlowerBy = 1.5
	// pluginProcess is how Linux names the plugin's process.
	pluginProcess = "pulumi-resource"
)

// pulumi measures previews of stacks by Pulumi, of a program in YAML, beside plans of the
// same stacks by Terraform: before there is any, and when all are there as they should be.
func (b bench) pulumi(ctx context.Context) ([]row, error) {
	python, err := b.runtime.RuntimeIdentifier(ctx, "python3.")
	if err != nil {
		return nil, err
	}
	terraform, err := b.workspace(ctx, "by-terraform")
	if err != nil {
		return nil, err
	}
	if err := writeStacks(terraform, "terraform", pulumiStacks, python); err != nil {
		return nil, err
	}
	pulumi, err := b.pulumiProject(ctx, "by-pulumi", python)
	if err != nil {
		return nil, err
	}
	first := row{what: fmt.Sprintf("first pulumi preview of %d stacks", pulumiStacks), slowerBy: pulumiSlowerBy}
	if err := first.preview(ctx, pulumi, terraform); err != nil {
		return nil, err
	}
	if _, err := terraform.Apply(ctx); err != nil {
		return nil, err
	}
	if _, err := pulumi.Run(ctx, "up", "--yes", "--skip-preview"); err != nil {
		return nil, err
	}
	empty := row{what: "empty pulumi preview of them", slowerBy: pulumiSlowerBy}
	if err := empty.preview(ctx, pulumi, terraform); err != nil {
		return nil, err
	}
	return []row{first, empty}, nil
}

// preview measures previews and plans by turns.
func (r *row) preview(ctx context.Context, pulumi, terraform *harness.Workspace) error {
	var took, base []cost
	for range pulumiRuns {
		var subject, beside cost
		var err error
		if subject.took, subject.memory, err = timed(pulumi.Command(ctx, "preview"), pluginProcess); err != nil {
			return err
		}
		if beside.took, beside.memory, err = timed(terraform.Command(ctx, "plan"), providerProcess); err != nil {
			return err
		}
		took, base = append(took, subject), append(base, beside)
	}
	r.cost, r.base, r.beside = medianCost(took), medianCost(base), "terraform plan"
	return nil
}

// pulumiProject makes a project with a program in YAML, whose stacks are those that
// writeStacks declares for Terraform.
func (b bench) pulumiProject(ctx context.Context, name, python string) (*harness.Workspace, error) {
	root, err := harness.PulumiRoot(ctx)
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	env, err := harness.PulumiEnv(ctx, dir)
	if err != nil {
		return nil, err
	}
	programs := filepath.Join(root, "bin")
	env = append(env, "PATH="+programs+string(os.PathListSeparator)+os.Getenv("PATH"))
	p := &harness.Workspace{
		Dir: dir, Program: filepath.Join(programs, "pulumi"),
		Env: append(append(os.Environ(), env...), b.runtime.Env()...),
	}
	var program strings.Builder
	program.WriteString("name: bench\nruntime: yaml\nresources:\n")
	for i := range pulumiStacks {
		fmt.Fprintf(&program, `
  s%[1]d:
    type: tidegate:Stack
    properties:
      name: pulumi-%[1]d
      functions:
        one: { source: ./src/%[1]d/one, runtime: %[2]s, handler: app.handler }
        two: { source: ./src/%[1]d/two, runtime: %[2]s, handler: app.handler }
`, i, python)
	}
	if err := p.Write("Pulumi.yaml", program.String()); err != nil {
		return nil, err
	}
	if err := writeCode(p, pulumiStacks); err != nil {
		return nil, err
	}
	_, err = p.Run(ctx, "stack", "init", "dev")
	return p, err
}
