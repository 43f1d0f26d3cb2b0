package harness

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Descendant returns the first process below pid whose name begins with prefix.
// Linux keeps 15 bytes of a name.
func Descendant(pid int, prefix string) (Process, bool) {
	family, _ := descendants(pid)
	for _, p := range family {
		if name, _ := highWater(p.pid); strings.HasPrefix(name, prefix) {
			return p, true
		}
	}
	return Process{}, false
}

// Kill sends SIGKILL to the process, unless it has ended.
func (p Process) Kill() error {
	if !p.Alive() {
		return nil
	}
	return syscall.Kill(p.pid, syscall.SIGKILL)
}

// PeakMemory watches the process that Descendant finds, and when it has ended the next
// one, until stop is called, which returns the largest resident memory that any ever
// had, in bytes.
func PeakMemory(pid int, prefix string) (stop func() int64) {
	quit, peak := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		var watched Process
		for {
			// The search reads about every process of the machine, and would slow down what
			// is measured.
			if !watched.Alive() {
				watched, _ = Descendant(pid, prefix)
			}
			_, bytes := highWater(watched.pid)
			most = max(most, bytes)
			select {
			case <-quit:
				peak <- most
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(quit)
		return <-peak
	}
}

// highWater reads a process's name and its peak resident memory, which the kernel
// keeps, from proc_pid_status(5).
func highWater(pid int) (name string, peak int64) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return "", 0
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		field, value, _ := strings.Cut(lines.Text(), ":")
		switch field {
		case "Name":
			name = strings.TrimSpace(value)
		case "VmHWM":
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			peak = kb << 10
		}
	}
	return name, peak
}
