package aws

import (
	"os/exec"
	"slices"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/acctest"
)

// command is the tidegate command, as somebody else uses it.
func (w *workspace) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(w.t.Context(), acctest.Binary(w.t), args...)
	cmd.Env = append(slices.Clone(w.Workspace.Workspace.Env), w.AWSAccount.Env()...)
	cmd.Env = append(cmd.Env, "TIDEGATE_TARGET=aws", "TZ=UTC")
	return cmd
}

// tidegate runs the command, which succeeds and complains of nothing.
func (w *workspace) tidegate(args ...string) string {
	w.t.Helper()
	cmd := w.command(args...)
	var out, complaints strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		w.t.Errorf("tidegate %s: %v: %s", strings.Join(args, " "), err, &complaints)
	}
	return out.String()
}
