package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// TerraformProgram returns the path of the Terraform or OpenTofu to use, as
// tools/terraform selects it. args are passed on to that script.
func TerraformProgram(ctx context.Context, args ...string) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(root, "tools", "terraform"), args...)
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("tools/terraform: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// A Workspace is a folder with a configuration, and the real Terraform program to
// apply it with the provider of this tree. There is nothing to init: the provider
// is found through dev_overrides.
type Workspace struct {
	// Dir holds the configuration and the state.
	Dir string
	// Program is the path of terraform or tofu.
	Program string
	// Env are the variables that Terraform runs with.
	Env []string
}

// NewWorkspace prepares dir for Terraform. env are variables beyond the process's
// own ("NAME=value"), such as Runtime.Env.
func NewWorkspace(ctx context.Context, dir, program string, env ...string) (*Workspace, error) {
	binary, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, ".terraformrc")
	text := fmt.Sprintf(`provider_installation {
  dev_overrides { "tidegate-io/tidegate" = %q }
  direct {}
}
`, filepath.Dir(binary))
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	// A provider that is killed leaves its socket behind, here to go with the folder.
	temporary := filepath.Join(dir, ".tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	w := &Workspace{Dir: dir, Program: program}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "TIDEGATE_") && !strings.HasPrefix(kv, "TF_") {
			w.Env = append(w.Env, kv)
		}
	}
	cache, err := CacheEnv(ctx)
	if err != nil {
		return nil, err
	}
	w.Env = append(w.Env, cache...)
	w.Env = append(w.Env,
		"TMPDIR="+temporary,
		"TF_CLI_CONFIG_FILE="+config,
		"TF_IN_AUTOMATION=1",
		"TF_INPUT=0",
		"CHECKPOINT_DISABLE=1", // asks nobody for newer versions
	)
	w.Env = append(w.Env, env...)
	return w, nil
}

// Write puts a file into the workspace's folder.
func (w *Workspace) Write(name, text string) error {
	path := filepath.Join(w.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// Command returns a Terraform command that runs in the workspace. It gets SIGINT
// when the context ends, as from a user, and a minute to finish.
func (w *Workspace) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.Program, args...)
	cmd.Dir = w.Dir
	cmd.Env = w.Env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = time.Minute
	return cmd
}

// A CommandError is a Terraform command that failed.
type CommandError struct {
	Args   []string
	Output string
	Err    error
}

func (e *CommandError) Error() string {
	return fmt.Sprintf("terraform %s: %v\n%s", strings.Join(e.Args, " "), e.Err, e.Output)
}

func (e *CommandError) Unwrap() error { return e.Err }

// Run runs a command and returns what it printed on both outputs, without
// colours.
func (w *Workspace) Run(ctx context.Context, command string, args ...string) (string, error) {
	args = append([]string{command}, args...)
	cmd := w.Command(ctx, args...)
	cmd.Env = append(cmd.Env, "TF_CLI_ARGS=-no-color")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), &CommandError{Args: args, Output: string(out), Err: err}
	}
	return string(out), nil
}

// Apply applies the configuration.
func (w *Workspace) Apply(ctx context.Context, args ...string) (string, error) {
	return w.Run(ctx, "apply", append([]string{"-auto-approve"}, args...)...)
}

// Destroy destroys everything in the state.
func (w *Workspace) Destroy(ctx context.Context, args ...string) (string, error) {
	return w.Run(ctx, "destroy", append([]string{"-auto-approve"}, args...)...)
}

// Plan makes a plan and tells whether it would change anything.
func (w *Workspace) Plan(ctx context.Context, args ...string) (changes bool, out string, err error) {
	out, err = w.Run(ctx, "plan", append([]string{"-detailed-exitcode"}, args...)...)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 {
		return true, out, nil
	}
	return false, out, err
}
