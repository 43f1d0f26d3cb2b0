package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ownGroup keeps a terminal's interrupt from the process, so that whoever started
// it can end it in order, and ends it if that one is killed.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// A Process is one process for ever, while its pid may be used again.
type Process struct {
	pid   int
	start string // clock ticks since boot
}

// descendants returns all processes below pid.
func descendants(pid int) ([]Process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children := map[int][]Process{}
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		if parent, start, _, ok := readStat(child); ok {
			children[parent] = append(children[parent], Process{child, start})
		}
	}
	var all []Process
	for next := []Process{{pid: pid}}; len(next) > 0; next = next[1:] {
		all = append(all, children[next[0].pid]...)
		next = append(next, children[next[0].pid]...)
	}
	return all, nil
}

// readStat reads proc_pid_stat(5); ok is false when the process is gone.
func readStat(pid int) (parent int, start string, state string, ok bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, "", "", false
	}
	// The second field is the program's name in parentheses, and may hold both.
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	if len(fields) < 20 {
		return 0, "", "", false
	}
	parent, err = strconv.Atoi(fields[1])
	return parent, fields[19], fields[0], err == nil
}

// Alive tells whether the process has not ended.
func (p Process) Alive() bool {
	_, start, state, ok := readStat(p.pid)
	return ok && start == p.start && state != "Z" && state != "X"
}

func anyAlive(ps []Process) bool {
	for _, p := range ps {
		if p.Alive() {
			return true
		}
	}
	return false
}

// describe tells the pid and command line of those that are alive.
func describe(ps []Process) []string {
	var out []string
	for _, p := range ps {
		if p.Alive() {
			cmdline, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
			out = append(out, fmt.Sprintf("%d %s", p.pid, strings.ReplaceAll(string(cmdline), "\x00", " ")))
		}
	}
	return out
}
