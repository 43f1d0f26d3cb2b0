//go:build unix && !linux

package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A plain sandbox starts processes, each in a group of its own. It is what is
// possible where there is no Linux: good for developing on a Mac.
type plain struct {
	options Options

	mu        sync.Mutex
	closed    bool
	instances map[*plainInstance]struct{}
}

// New returns a sandbox of plain processes; mode strict is refused.
func New(_ context.Context, o Options) (Sandbox, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Mode == ModeStrict {
		return nil, errors.New("isolation strict cannot be had on this host; missing: all of it: only Linux can isolate")
	}
	if o.Mode == ModeOCI {
		return nil, errors.New("isolation oci cannot be had on this host: only Linux has containers")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	return &plain{options: o, instances: map[*plainInstance]struct{}{}}, nil
}

func (p *plain) Isolation() Isolation {
	return Isolation{
		Mode: string(ModeProcess), Enforced: []string{},
		Missing: []string{"all isolation and all limits: only Linux can isolate"},
	}
}

// Prepare does nothing: a plain process has nothing to prepare.
func (p *plain) Prepare(...Spec) {}

func (p *plain) Close() error {
	p.mu.Lock()
	p.closed = true
	running := make([]*plainInstance, 0, len(p.instances))
	for i := range p.instances {
		running = append(running, i)
	}
	p.mu.Unlock()
	for _, i := range running {
		i.Kill()
		<-i.Done()
	}
	return nil
}

func (p *plain) Start(ctx context.Context, spec Spec) (Instance, error) {
	if err := errors.Join(ctx.Err(), spec.validate()); err != nil {
		return nil, err
	}
	switch {
	case spec.Network == NetworkNone:
		return nil, fmt.Errorf("start instance %s: network mode none cannot be had on this host: only Linux can isolate", spec.ID)
	case len(spec.Extensions) > 0:
		return nil, fmt.Errorf("start instance %s: extensions are run on Linux only", spec.ID)
	}
	dir, err := os.MkdirTemp(p.options.Dir, spec.ID+"-")
	if err != nil {
		return nil, err
	}
	i := &plainInstance{sandbox: p, dir: dir, done: make(chan struct{})}
	if err := i.start(spec); err != nil {
		i.release()
		return nil, fmt.Errorf("start instance %s: %w", spec.ID, err)
	}
	return i, nil
}

type plainInstance struct {
	sandbox *plain
	dir     string
	api     *runtimeAPI
	output  *outputReader
	cmd     *exec.Cmd
	done    chan struct{}
	exit    Exit
}

var _ Instance = (*plainInstance)(nil)

func (i *plainInstance) start(spec Spec) (err error) {
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return fmt.Errorf("listen for the instance's Runtime API: %w", err)
	}
	i.api = newRuntimeAPI(spec.RuntimeAPI, listener)
	go i.api.run()
	output, writeEnd, err := newOutput(spec.Output)
	if err != nil {
		return err
	}
	defer writeEnd.Close()
	i.output = output
	endpoint := ""
	if spec.Ingress != nil {
		endpoint = spec.Ingress.URL
	}
	places := strings.NewReplacer(Task, spec.TaskDir, Layers, spec.LayersDir, Runtime, spec.RuntimeDir, Compiled, spec.CompiledDir, Endpoint, endpoint)
	var argv []string
	for _, argument := range spec.Argv {
		argv = append(argv, places.Replace(argument))
	}
	i.cmd = exec.Command(argv[0], argv[1:]...)
	i.cmd.Dir = spec.TaskDir
	for _, variable := range spec.Env {
		i.cmd.Env = append(i.cmd.Env, places.Replace(variable))
	}
	i.cmd.Env = append(i.cmd.Env, "AWS_LAMBDA_RUNTIME_API="+i.api.address, "LAMBDA_TASK_ROOT="+spec.TaskDir,
		"LAMBDA_RUNTIME_DIR="+spec.RuntimeDir, "HOME="+i.dir, "TMPDIR="+i.dir)
	i.cmd.Stdout, i.cmd.Stderr = writeEnd, writeEnd
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}

	p := i.sandbox
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("the sandbox is closed")
	}
	if err := i.cmd.Start(); err != nil {
		i.exit = Exit{Code: -1, StartError: explainExecution(filepath.Base(argv[0]), argv[0], err), At: time.Now()}
		close(i.done)
		go i.release()
		return nil
	}
	p.instances[i] = struct{}{}
	go i.attend()
	return nil
}

func (i *plainInstance) attend() {
	i.cmd.Wait() //nolint:errcheck // the state says how it ended
	syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL)
	i.release()
	i.exit = Exit{Code: i.cmd.ProcessState.ExitCode(), At: time.Now()}
	if status, ok := i.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		i.exit.Signal = signalNames[status.Signal()]
		if i.exit.Signal == "" {
			i.exit.Signal = status.Signal().String()
		}
	}
	i.sandbox.mu.Lock()
	delete(i.sandbox.instances, i)
	i.sandbox.mu.Unlock()
	close(i.done)
}

var signalNames = map[syscall.Signal]string{
	syscall.SIGKILL: "SIGKILL", syscall.SIGTERM: "SIGTERM", syscall.SIGSEGV: "SIGSEGV", syscall.SIGABRT: "SIGABRT",
	syscall.SIGINT: "SIGINT", syscall.SIGBUS: "SIGBUS", syscall.SIGPIPE: "SIGPIPE",
}

func (i *plainInstance) release() {
	if i.output != nil {
		i.output.finish()
	}
	if i.api != nil {
		i.api.close()
	}
	os.RemoveAll(i.dir)
}

func (i *plainInstance) Initialized()          {}
func (i *plainInstance) Prepared() bool        { return false }
func (i *plainInstance) Terminate()            { i.signal(syscall.SIGTERM) }
func (i *plainInstance) Kill()                 { i.signal(syscall.SIGKILL) }
func (i *plainInstance) Done() <-chan struct{} { return i.done }
func (i *plainInstance) Exit() Exit            { return i.exit }
func (i *plainInstance) MemoryPeak() int64     { return 0 }
func (i *plainInstance) SyncOutput()           { i.output.sync() }

func (i *plainInstance) PID() int {
	if i.cmd.Process == nil {
		return 0
	}
	return i.cmd.Process.Pid
}

func (i *plainInstance) signal(s syscall.Signal) {
	select {
	case <-i.done:
	default:
		if pid := i.PID(); pid > 0 {
			syscall.Kill(-pid, s)
		}
	}
}
