package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// providerProcess is how Linux names a provider's process.
const providerProcess = "terraform-provi"

// workspace makes a workspace in a folder of its own, whose provider has the runtime
// as its target, unless env says otherwise.
func (b bench) workspace(ctx context.Context, name string, env ...string) (*harness.Workspace, error) {
	dir := filepath.Join(b.dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return harness.NewWorkspace(ctx, dir, b.program, append(b.runtime.Env(), env...)...)
}

// builtin is a workspace with as many resources of Terraform's built-in provider:
// what Terraform itself takes.
func (b bench) builtin(ctx context.Context, resources int) (*harness.Workspace, error) {
	w, err := b.workspace(ctx, fmt.Sprintf("builtin-%d", resources))
	if err != nil {
		return nil, err
	}
	var config bytes.Buffer
	for i := range resources {
		fmt.Fprintf(&config, "resource \"terraform_data\" \"r%[1]d\" { input = %[1]d }\n", i)
	}
	return w, w.Write("main.tf", config.String())
}

// measure runs the same command in both workspaces by turns. With undo it
// destroys what the command made before the next turn.
func (r *row) measure(ctx context.Context, subject, alone *harness.Workspace, runs int, undo bool, args ...string) error {
	var took, base []cost
	for range runs {
		for _, w := range []*harness.Workspace{subject, alone} {
			wall, memory, err := timed(ctx, w, args...)
			if err != nil {
				return err
			}
			if w == subject {
				took = append(took, cost{took: wall, memory: memory})
			} else {
				base = append(base, cost{took: wall})
			}
			if undo {
				if _, err := w.Destroy(ctx); err != nil {
					return err
				}
			}
		}
	}
	r.cost, r.base, r.beside = medianCost(took), medianCost(base), "Terraform alone"
	return nil
}

// timed runs Terraform and returns its wall time and the provider's peak memory.
func timed(ctx context.Context, w *harness.Workspace, args ...string) (wall time.Duration, memory int64, err error) {
	var out bytes.Buffer
	cmd := w.Command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	peak := harness.PeakMemory(cmd.Process.Pid, providerProcess)
	err = cmd.Wait()
	wall, memory = time.Since(start), peak()
	if err != nil {
		return 0, 0, fmt.Errorf("terraform %v: %w\n%s", args, err, &out)
	}
	return wall, memory, nil
}
