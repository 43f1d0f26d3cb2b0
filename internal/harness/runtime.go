package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// How long the runtime may take to be ready, and to end when asked to: long, for a
// machine whose cores have other things to do.
const (
	readyTimeout = 3 * time.Minute
	stopTimeout  = 3 * time.Minute
)

// RuntimeOptions say how to start `tidegate serve`.
type RuntimeOptions struct {
	// Dir holds everything of this runtime: data, configuration, log. It must
	// exist. Two runtimes need two.
	Dir string
	// Flags of `serve` beyond those that follow from Dir.
	Flags []string
	// Env are further variables, "NAME=value".
	Env []string
}

// A Runtime is a `tidegate serve` process with a data folder, configuration
// folder and ports of its own. Its ports stay the same when it is started again.
type Runtime struct {
	// Endpoint and Ingress are the URLs of its two listeners.
	Endpoint string
	Ingress  string
	// Token for management.
	Token string
	// DataDir is its --data-dir, ConfigHome its XDG_CONFIG_HOME.
	DataDir    string
	ConfigHome string

	binary string
	opts   RuntimeOptions
	ports  [2]int
	proc   *process
}

// StartRuntime starts a runtime and returns when it is ready.
func StartRuntime(ctx context.Context, opts RuntimeOptions) (*Runtime, error) {
	binary, err := Binary(ctx)
	if err != nil {
		return nil, err
	}
	r := &Runtime{
		DataDir:    filepath.Join(opts.Dir, "data"),
		ConfigHome: filepath.Join(opts.Dir, "config"),
		binary:     binary,
		opts:       opts,
	}
	for i := range r.ports {
		if r.ports[i], err = FreePort(); err != nil {
			return nil, err
		}
	}
	return r, r.Start(ctx)
}

// Start starts a runtime that was stopped or killed, on the same data and ports,
// and returns when it is ready.
func (r *Runtime) Start(ctx context.Context) error {
	if r.proc != nil && r.proc.running() {
		return errors.New("the runtime is running already")
	}
	readyFile := filepath.Join(r.opts.Dir, "ready.json")
	if err := os.Remove(readyFile); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	args := append([]string{
		"serve",
		"--listen", fmt.Sprintf("127.0.0.1:%d", r.ports[0]),
		"--ingress", fmt.Sprintf("127.0.0.1:%d", r.ports[1]),
		"--data-dir", r.DataDir,
		"--ready-file", readyFile,
	}, r.opts.Flags...)
	cmd := exec.Command(r.binary, args...)
	cmd.Env = append(r.env(), r.opts.Env...)
	proc, err := startProcess(cmd, filepath.Join(r.opts.Dir, "serve.log"))
	if err != nil {
		return err
	}
	r.proc = proc
	if err := r.awaitReady(ctx, readyFile); err != nil {
		return errors.Join(err, r.Kill(), fmt.Errorf("its log:\n%s", r.Log()))
	}
	return nil
}

func (r *Runtime) awaitReady(ctx context.Context, readyFile string) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	var ready struct {
		Endpoint  string `json:"endpoint"`
		Ingress   string `json:"ingress"`
		TokenFile string `json:"token_file"`
	}
	err := Wait(ctx, "tidegate serve to be ready", func() (bool, error) {
		if !r.proc.running() {
			return false, fmt.Errorf("tidegate serve ended before it was ready: %v", r.proc.cmd.ProcessState)
		}
		raw, err := os.ReadFile(readyFile)
		return err == nil && json.Unmarshal(raw, &ready) == nil, nil
	})
	if err != nil {
		return err
	}
	token, err := os.ReadFile(ready.TokenFile)
	if err != nil {
		return fmt.Errorf("read the token file named in --ready-file: %w", err)
	}
	r.Endpoint, r.Ingress, r.Token = ready.Endpoint, ready.Ingress, strings.TrimSpace(string(token))
	return nil
}

// Pid of the process.
func (r *Runtime) Pid() int { return r.proc.cmd.Process.Pid }

// Running tells whether the process has not ended.
func (r *Runtime) Running() bool { return r.proc != nil && r.proc.running() }

// Stop ends the runtime as a user would, and fails if it or an instance of a
// function is left.
func (r *Runtime) Stop() error {
	if r.proc == nil {
		return nil
	}
	return r.proc.end(syscall.SIGTERM, stopTimeout)
}

// Kill ends the runtime with SIGKILL, and fails if an instance of a function is
// left.
func (r *Runtime) Kill() error {
	if r.proc == nil {
		return nil
	}
	return r.proc.end(syscall.SIGKILL, stopTimeout)
}

// Log returns the end of what the process has printed.
func (r *Runtime) Log() string {
	if r.proc == nil {
		return ""
	}
	return r.proc.Log()
}

// Env is what makes the provider and the command line find this runtime.
func (r *Runtime) Env() []string {
	return []string{"TIDEGATE_ENDPOINT=" + r.Endpoint, "TIDEGATE_TOKEN=" + r.Token}
}

// env is the process's own environment, in which nothing of the user's Tidegate
// shows, nor how often other programs are to collect garbage.
func (r *Runtime) env() []string {
	env := []string{"XDG_CONFIG_HOME=" + r.ConfigHome}
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "TIDEGATE_") && !strings.HasPrefix(kv, "XDG_CONFIG_HOME=") && !strings.HasPrefix(kv, "GOGC=") {
			env = append(env, kv)
		}
	}
	return env
}

// CLI returns a command of the command line that talks to this runtime.
func (r *Runtime) CLI(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Env = append(r.env(), r.Env()...)
	return cmd
}
