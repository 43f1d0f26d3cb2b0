package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
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
			wall, memory, err := timed(w.Command(ctx, args...), providerProcess)
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

// timed runs a command and returns its wall time, and the peak memory of the provider: the
// process it starts whose name begins so.
func timed(cmd *exec.Cmd, provider string) (wall time.Duration, memory int64, err error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	peak := harness.PeakMemory(cmd.Process.Pid, provider)
	err = cmd.Wait()
	wall, memory = time.Since(start), peak()
	if err != nil {
		return 0, 0, fmt.Errorf("%v: %w\n%s", cmd.Args, err, &out)
	}
	return wall, memory, nil
}
