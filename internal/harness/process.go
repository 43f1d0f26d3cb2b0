package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"syscall"
	"time"
)

// childGrace is how long the children of a process that ended have to end too.
var childGrace = time.Minute

// A process is a program that runs until it is stopped, with its output in a
// file.
type process struct {
	cmd     *exec.Cmd
	logPath string
	done    chan struct{} // closed when the process has been waited for
}

// startProcess starts cmd in a process group of its own, appending both outputs
// to the file logPath.
func startProcess(cmd *exec.Cmd, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = ownGroup()
	p := &process{cmd: cmd, logPath: logPath, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The process is killed when the thread that started it ends, which threads do
		// whose goroutine has ended locked to them.
		goruntime.LockOSThread()
		defer goruntime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(cmd.Path), err)
	}
	return p, nil
}

// running tells whether the process has not ended yet.
func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// end sends the signal, kills what has not ended after grace, and returns an
// error if the process or any descendant it had is still there afterwards.
func (p *process) end(sig syscall.Signal, grace time.Duration) error {
	if !p.running() {
		return nil
	}
	family, err := descendants(p.cmd.Process.Pid)
	if err != nil {
		return err
	}
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	name := filepath.Base(p.cmd.Path)
	select {
	case <-p.done:
	case <-time.After(grace):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s (pid %d) had not ended %v after %v and was killed", name, p.cmd.Process.Pid, grace, sig)
	}
	ctx, cancel := context.WithTimeout(context.Background(), childGrace)
	defer cancel()
	if err := Wait(ctx, "the children of "+name+" to end", func() (bool, error) { return !anyAlive(family), nil }); err != nil {
		return fmt.Errorf("%w; still there: %s", err, strings.Join(describe(family), "; "))
	}
	return nil
}

// Log returns what the process has printed, at most its last 64 KB.
func (p *process) Log() string {
	log, err := os.ReadFile(p.logPath)
	if err != nil {
		return err.Error()
	}
	const most = 64 << 10
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return string(log)
}

// Wait asks until the condition holds, or returns its error, or the context's
// with what was waited for.
func Wait(ctx context.Context, what string, condition func() (bool, error)) error {
	pause := 5 * time.Millisecond
	for {
		ok, err := condition()
		if err != nil || ok {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		case <-time.After(pause):
		}
		pause = min(2*pause, 100*time.Millisecond)
	}
}
