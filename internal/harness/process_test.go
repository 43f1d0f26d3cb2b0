package harness

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) *process {
	t.Helper()
	p, err := startProcess(exec.Command("sh", "-c", script), filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.end(syscall.SIGKILL, time.Minute) })
	await(t, func() bool { return strings.Contains(p.Log(), "ready") })
	return p
}

func await(t *testing.T, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Wait(ctx, "a condition of the test", func() (bool, error) { return condition(), nil }); err != nil {
		t.Fatal(err)
	}
}

func TestEndingAProcessEndsItInOrder(t *testing.T) {
	p := start(t, `trap 'kill $!; echo ended; exit' TERM; sleep 1000 & echo ready; wait`)
	if err := p.end(syscall.SIGTERM, time.Minute); err != nil {
		t.Fatal(err)
	}
	if p.running() || !strings.Contains(p.Log(), "ended") {
		t.Errorf("running %v, log %q", p.running(), p.Log())
	}
}

func TestAProcessThatWillNotEndIsKilledAndReported(t *testing.T) {
	p := start(t, `trap '' TERM; echo ready; exec sleep 1000`)
	err := p.end(syscall.SIGTERM, time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "was killed") {
		t.Errorf("error %v", err)
	}
	if p.running() {
		t.Error("it is still running")
	}
}

func TestAChildThatOutlivesItsParentIsReported(t *testing.T) {
	defer func(grace time.Duration) { childGrace = grace }(childGrace)
	childGrace = 50 * time.Millisecond
	p := start(t, `setsid sleep 1000 & echo ready; wait`)
	// The child is known by its own name once it has become sleep.
	var child Process
	await(t, func() (found bool) { child, found = Descendant(p.cmd.Process.Pid, "sleep"); return })
	defer child.Kill()
	err := p.end(syscall.SIGKILL, time.Minute)
	if err == nil || !strings.Contains(err.Error(), "sleep 1000") {
		t.Errorf("error %v, want one that names the child", err)
	}
}

func TestWaitNamesWhatItWaitedFor(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := Wait(ctx, "the moon", func() (bool, error) { return false, nil })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the moon") {
		t.Errorf("error %v", err)
	}
}
