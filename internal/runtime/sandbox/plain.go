package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// plain starts plain processes: a process group each, nothing more.
type plain struct {
	options Options
	spawner *spawner

	mu        sync.Mutex
	closed    bool
	instances map[*plainInstance]struct{}
}

// New returns the sandbox for the mode.
func New(_ context.Context, o Options) (Sandbox, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the sandbox's folder: %w", err)
	}
	return &plain{options: o, spawner: newSpawner(), instances: map[*plainInstance]struct{}{}}, nil
}

func (p *plain) Isolation() Isolation {
	return Isolation{Mode: "process", Enforced: []string{"process group"}, Missing: []string{}}
}

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
	}
	for _, i := range running {
		<-i.Done()
	}
	p.spawner.close()
	return nil
}

func (p *plain) Start(ctx context.Context, spec Spec) (Instance, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	api, err := serveRuntimeAPI(spec.RuntimeAPI)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(p.options.Dir, spec.ID+"-")
	if err != nil {
		api.close()
		return nil, err
	}
	places := strings.NewReplacer(Task, spec.TaskDir, Layers, spec.LayersDir, Runtime, spec.RuntimeDir)
	argv := make([]string, len(spec.Argv))
	for i, a := range spec.Argv {
		argv[i] = places.Replace(a)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = spec.TaskDir
	for _, v := range spec.Env {
		cmd.Env = append(cmd.Env, places.Replace(v))
	}
	cmd.Env = append(cmd.Env, "AWS_LAMBDA_RUNTIME_API="+api.address, "LAMBDA_TASK_ROOT="+spec.TaskDir,
		"LAMBDA_RUNTIME_DIR="+spec.RuntimeDir, "HOME="+dir, "TMPDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		api.close()
		os.RemoveAll(dir)
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	i := &plainInstance{cmd: cmd, done: make(chan struct{})}
	err = p.spawner.start(cmd)
	w.Close()
	if err != nil {
		var pathErr *fs.PathError
		if !errors.As(err, &pathErr) {
			err = fmt.Errorf("start %s: %w", filepath.Base(argv[0]), err)
		}
		r.Close()
		api.close()
		os.RemoveAll(dir)
		i.exit = Exit{Code: -1, StartError: err.Error(), At: time.Now()}
		close(i.done)
		return i, nil
	}
	i.pid = cmd.Process.Pid
	p.mu.Lock()
	p.instances[i] = struct{}{}
	p.mu.Unlock()
	go func() {
		read := make(chan struct{})
		go func() { io.Copy(spec.Output, r); close(read) }()
		err := cmd.Wait()
		i.Kill()
		r.SetReadDeadline(time.Now().Add(time.Second))
		<-read
		r.Close()
		api.close()
		os.RemoveAll(dir)
		i.exit = exitOf(cmd.ProcessState, err)
		p.mu.Lock()
		delete(p.instances, i)
		p.mu.Unlock()
		close(i.done)
	}()
	return i, nil
}

func exitOf(state *os.ProcessState, _ error) Exit {
	e := Exit{Code: state.ExitCode(), At: time.Now()}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		e.Code, e.Signal = -1, signalName(ws.Signal())
	}
	return e
}

func signalName(s syscall.Signal) string {
	switch s {
	case syscall.SIGKILL:
		return "SIGKILL"
	case syscall.SIGTERM:
		return "SIGTERM"
	}
	return s.String()
}

type plainInstance struct {
	cmd  *exec.Cmd
	pid  int
	done chan struct{}
	exit Exit
}

func (i *plainInstance) Terminate()            { i.signal(syscall.SIGTERM) }
func (i *plainInstance) Kill()                 { i.signal(syscall.SIGKILL) }
func (i *plainInstance) Done() <-chan struct{} { return i.done }
func (i *plainInstance) Exit() Exit            { return i.exit }
func (i *plainInstance) MemoryPeak() int64     { return 0 }
func (i *plainInstance) PID() int              { return i.pid }

func (i *plainInstance) signal(s syscall.Signal) {
	select {
	case <-i.done:
	default:
		if i.pid > 0 {
			syscall.Kill(-i.pid, s)
		}
	}
}
