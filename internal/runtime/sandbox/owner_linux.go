package sandbox

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Everything a sandbox makes on the host carries the name of the process that
// made it, so that what a dead one left is known: process id, when that process
// started (for ids are used again), the pid namespace the id is of, and which of
// the process's sandboxes it is.

var ownerName = regexp.MustCompile(`^([0-9]+)-([0-9]+)-([0-9]+)-[0-9]+$`)

var owners atomic.Int64

func newOwner() (string, error) {
	started, err := startOf(os.Getpid())
	if err != nil {
		return "", fmt.Errorf("read this process's start time: %w", err)
	}
	namespace, err := pidNamespace()
	if err != nil {
		return "", fmt.Errorf("read this process's pid namespace: %w", err)
	}
	return fmt.Sprintf("%d-%d-%d-%d", os.Getpid(), started, namespace, owners.Add(1)), nil
}

// ownerGone tells whether the name is an owner's that has ended. Of processes in
// other pid namespaces nothing is known, so that they are never taken for gone.
func ownerGone(name string) bool {
	m := ownerName.FindStringSubmatch(name)
	if m == nil {
		return false
	}
	namespace, err := pidNamespace()
	if err != nil || m[3] != strconv.FormatUint(namespace, 10) {
		return false
	}
	pid, err := strconv.Atoi(m[1])
	if err != nil {
		return false
	}
	started, err := startOf(pid)
	return err != nil || m[2] != strconv.FormatUint(started, 10)
}

// startOf returns when a process started, in clock ticks since the host did.
func startOf(pid int) (uint64, error) {
	fields, err := statOf(pid)
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(fields[19], 10, 64) // starttime is field 22, and these begin with the third
}

// statOf returns the fields of /proc/[pid]/stat after the command's name, which
// may hold anything: the state is first, the parent second.
func statOf(pid int) ([]string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, ok := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 {
		return nil, fmt.Errorf("/proc/%d/stat is malformed", pid)
	}
	return fields, nil
}

func pidNamespace() (uint64, error) {
	var info unix.Stat_t
	if err := unix.Stat("/proc/self/ns/pid", &info); err != nil {
		return 0, err
	}
	return info.Ino, nil
}
