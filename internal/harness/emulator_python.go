package harness

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// pythonRunner is the program that executes the snippets.
//
//go:embed emulator_python.py
var pythonRunner string

// Python is a process that executes snippets of Python with boto3, AWS's own
// client, to look at an emulator and to change things in it behind Terraform's
// back. It serves all emulators and accounts, one snippet at a time.
type Python struct {
	proc *process
	in   io.WriteCloser
	pipe *os.File
	out  *bufio.Reader // of pipe
	mu   sync.Mutex
}

// An Account is what a snippet's clients talk to.
type Account struct {
	// Endpoint of every service, as Emulator.URL.
	Endpoint string `json:"endpoint"`
	// ID of the account, twelve digits.
	ID string `json:"account"`
}

// StartPython starts a Python that keeps its log in dir.
func StartPython(ctx context.Context, dir string) (*Python, error) {
	python, err := emulatorPython(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(python, "-c", pythonRunner)
	cmd.Dir = dir
	cmd.Env = emulatorEnv(dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, answers, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.ExtraFiles = []*os.File{answers}
	proc, err := startProcess(cmd, filepath.Join(dir, "python.log"))
	answers.Close()
	if err != nil {
		out.Close()
		return nil, err
	}
	return &Python{proc: proc, in: in, pipe: out, out: bufio.NewReader(out)}, nil
}

// Do executes a snippet and returns the JSON of what it left in `result`. The
// snippet's names are vars, boto3, json, and a client of each service, made when
// it is first used: lambda_, iam, sqs, logs, apigatewayv2, scheduler, events, s3,
// sts, ec2, ecr, autoscaling. Timestamps become strings, bytes and streams text.
// An exception is an error with its traceback.
func (p *Python) Do(account Account, code string, vars map[string]any) (json.RawMessage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	request, err := json.Marshal(struct {
		Account
		Code string         `json:"code"`
		Vars map[string]any `json:"vars"`
	}{account, code, vars})
	if err != nil {
		return nil, err
	}
	if _, err := p.in.Write(append(request, '\n')); err != nil {
		return nil, fmt.Errorf("send a snippet to Python: %w; it had printed:\n%s", err, p.Log())
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return nil, fmt.Errorf("read Python's answer: %w; it had printed:\n%s", err, p.Log())
	}
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  string          `json:"error"`
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return nil, fmt.Errorf("read Python's answer: %w", err)
	}
	if answer.Error != "" {
		return nil, errors.New(answer.Error)
	}
	return answer.Result, nil
}

// Kill ends the process.
func (p *Python) Kill() error {
	p.in.Close()
	defer p.pipe.Close()
	return p.proc.end(syscall.SIGKILL, stopTimeout)
}

// Log returns the end of what snippets have printed.
func (p *Python) Log() string { return p.proc.Log() }
