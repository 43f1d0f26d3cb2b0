package harness

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// EmulatorKind names a program that answers as AWS does.
type EmulatorKind string

const (
	// Moto answers the control plane and runs no functions.
	Moto EmulatorKind = "moto"
	// Ministack also runs the functions, polls queues and fires schedules.
	Ministack EmulatorKind = "ministack"
)

// emulatorStart is how long an emulator may take to answer: the first one after an
// installation compiles its bytecode, beside others that do the same.
const emulatorStart = 2 * time.Minute

// motoMain starts moto, faster.
//
//go:embed emulator_moto.py
var motoMain string

// ministackMain starts ministack with its clocks sped up.
//
//go:embed emulator_ministack.py
var ministackMain string

// An Emulator is a process that answers as AWS does, for all its services on one
// URL. It has forgotten everything when it ends. Each account's resources are its
// own, so tests that use one account each can share an emulator.
type Emulator struct {
	Kind EmulatorKind
	// URL to use as the endpoint of every service, "http://127.0.0.1:PORT".
	URL string

	proc *process
}

// StartEmulator starts an emulator that keeps its files in dir, which must exist,
// and returns when it answers. It waits for tools/emulators to install it.
func StartEmulator(ctx context.Context, kind EmulatorKind, dir string) (*Emulator, error) {
	python, err := emulatorPython(ctx)
	if err != nil {
		return nil, err
	}
	// Another process may take the free port before the emulator does.
	for range 3 {
		e, ended, startErr := startEmulator(ctx, kind, python, dir)
		if startErr == nil {
			return e, nil
		}
		if err = startErr; !ended {
			break
		}
	}
	return nil, err
}

func startEmulator(ctx context.Context, kind EmulatorKind, python, dir string) (e *Emulator, ended bool, err error) {
	port, err := FreePort()
	if err != nil {
		return nil, false, err
	}
	e = &Emulator{Kind: kind, URL: fmt.Sprintf("http://127.0.0.1:%d", port)}
	var cmd *exec.Cmd
	var ready func(context.Context) error
	switch kind {
	case Moto:
		cmd = exec.Command(python, "-c", motoMain, "--host", "127.0.0.1", "--port", strconv.Itoa(port))
		ready = func(ctx context.Context) error {
			return e.post(ctx, "/moto-api/config", `{"lambda": {"use_docker": false}}`)
		}
	case Ministack:
		cmd = exec.Command(python, "-c", ministackMain)
		ready = func(ctx context.Context) error { return e.request(ctx, http.MethodGet, "/_ministack/ready", "") }
	default:
		return nil, false, fmt.Errorf("there is no emulator %q", kind)
	}
	cmd.Dir = dir
	cmd.Env = append(emulatorEnv(dir),
		"GATEWAY_PORT="+strconv.Itoa(port),
		"BIND_HOST=127.0.0.1",
		"MINISTACK_HOST=127.0.0.1",
		"SERVICES=lambda,iam,sts,sqs,logs,apigateway,scheduler,events,s3,ec2,ecr,kms,monitoring,dynamodb,sns,secretsmanager,ssm",
		"SFTP_ENABLED=0",
		"IOT_MTLS_ENABLED=0",
		"MOTO_EC2_LOAD_DEFAULT_AMIS=false", // 1,300 for every account that looks at its subnets
	)
	if e.proc, err = startProcess(cmd, filepath.Join(dir, string(kind)+".log")); err != nil {
		return nil, false, err
	}
	waiting, cancel := context.WithTimeout(ctx, emulatorStart)
	defer cancel()
	err = Wait(waiting, string(kind)+" to answer", func() (bool, error) {
		if !e.proc.running() {
			return false, fmt.Errorf("%s ended before it answered: %v", kind, e.proc.cmd.ProcessState)
		}
		return ready(waiting) == nil, nil
	})
	if err != nil {
		ended = !e.proc.running()
		return nil, ended, errors.Join(err, e.Kill(), fmt.Errorf("its log:\n%s", e.Log()))
	}
	return e, false, nil
}

// emulatorEnv is an environment in which nothing of the user's shows, and whose
// temporary files lie in dir. Python may write its bytecode.
func emulatorEnv(dir string) []string {
	env := []string{"HOME=" + dir, "TMPDIR=" + dir, "PYTHONUNBUFFERED=1", "LANG=C.UTF-8"}
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, "PATH=") {
			env = append(env, kv)
		}
	}
	return env
}

// EmulatorEnvironment returns the folder of the Python virtual environment that
// the emulators and the services' models are in, installing it if need be.
func EmulatorEnvironment(ctx context.Context) (string, error) {
	root, err := Root()
	if err != nil {
		return "", err
	}
	program := filepath.Join(root, "tools", "emulators")
	// Go does not take the result of tests with other emulators for these: it sees what a
	// test reads.
	for _, pins := range []string{program, program + ".txt"} {
		if _, err := os.ReadFile(pins); err != nil {
			return "", err
		}
	}
	out, err := exec.CommandContext(ctx, program).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return "", fmt.Errorf("tools/emulators: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

func emulatorPython(ctx context.Context) (string, error) {
	environment, err := EmulatorEnvironment(ctx)
	return filepath.Join(environment, "bin", "python"), err
}

// Reset makes the emulator forget everything, of all accounts.
func (e *Emulator) Reset(ctx context.Context) error {
	if e.Kind == Moto {
		return e.post(ctx, "/moto-api/reset", "")
	}
	return e.post(ctx, "/_ministack/reset", "")
}

// HTTPAPI returns the address at which a request reaches an HTTP API's stage on
// Ministack, without a slash at its end.
func (e *Emulator) HTTPAPI(apiID, stage string) string {
	return e.URL + "/_aws/execute-api/" + apiID + "/" + stage
}

// FunctionURL returns the address at which a request reaches a function's URL
// (https://ID.lambda-url.REGION.on.aws/) on Ministack, without a slash at its end.
func (e *Emulator) FunctionURL(url string) string {
	id, _, _ := strings.Cut(strings.TrimPrefix(url, "https://"), ".")
	return e.URL + "/_aws/lambda-url/" + id
}

// Kill ends the emulator and everything it runs, and fails if something is left.
func (e *Emulator) Kill() error {
	// Functions run in its process group.
	if err := syscall.Kill(-e.proc.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return e.proc.end(syscall.SIGKILL, stopTimeout)
}

// Log returns the end of what the emulator has printed.
func (e *Emulator) Log() string { return e.proc.Log() }

func (e *Emulator) post(ctx context.Context, path, body string) error {
	return e.request(ctx, http.MethodPost, path, body)
}

func (e *Emulator) request(ctx context.Context, method, path, body string) error {
	req, err := http.NewRequestWithContext(ctx, method, e.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = &StatusError{Method: method, Path: path, Status: resp.StatusCode, Body: string(answer)}
	}
	return err
}
