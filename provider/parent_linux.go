package provider

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// readParent looks at the process that started this one. Its id has the time at
// which it started beside its pid, since pids are used again.
func readParent() (parentProcess, bool) {
	pid := os.Getppid()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	id, ok := processID(pid)
	if err != nil || !ok {
		return parentProcess{}, false
	}
	var args []string
	for _, arg := range bytes.Split(bytes.TrimSuffix(raw, []byte{0}), []byte{0}) {
		args = append(args, string(arg))
	}
	return parentProcess{id: id, args: args[1:], alive: isAlive}, true
}

// processID returns false of a process that is gone.
func processID(pid int) (string, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", false
	}
	// proc_pid_stat(5): the second field is the program's name in parentheses, which
	// may hold spaces and parentheses; the 22nd is the time it started.
	stat := string(raw)
	after := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const started = 22 - 3
	if len(after) <= started {
		return "", false
	}
	return fmt.Sprintf("%d-%s", pid, after[started]), true
}

// isAlive tells whether a process of that id still runs.
func isAlive(id string) bool {
	pid, _, _ := strings.Cut(id, "-")
	number, err := strconv.Atoi(pid)
	if err != nil {
		return false
	}
	now, ok := processID(number)
	return ok && now == id
}
