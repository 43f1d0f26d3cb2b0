package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A processTable is a picture of the host's processes, shared by the instances
// that have no cgroup to count for them.
type processTable struct {
	mu       sync.Mutex
	taken    time.Time
	children map[int][]int
}

// tableAge is how old a picture may be.
const tableAge = 50 * time.Millisecond

// memoryOf adds up the memory of a process and its descendants, in bytes: what
// each has resident and does not share.
func (t *processTable) memoryOf(pid int) int64 {
	t.mu.Lock()
	if time.Since(t.taken) > tableAge {
		t.children, t.taken = childrenOfAll(), time.Now()
	}
	children := t.children
	t.mu.Unlock()
	var total int64
	tree := []int{pid}
	for i := 0; i < len(tree); i++ {
		total += privateMemory(tree[i])
		tree = append(tree, children[tree[i]]...)
	}
	return total
}

func childrenOfAll() map[int][]int {
	children := map[int][]int{}
	for _, pid := range processes() {
		if fields, err := statOf(pid); err == nil {
			if parent, err := strconv.Atoi(fields[1]); err == nil {
				children[parent] = append(children[parent], pid)
			}
		}
	}
	return children
}

func processes() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func privateMemory(pid int) int64 {
	statm, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) < 3 {
		return 0
	}
	resident, err1 := strconv.ParseInt(fields[1], 10, 64)
	shared, err2 := strconv.ParseInt(fields[2], 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return (resident - shared) * int64(os.Getpagesize())
}

// killMarked kills every process whose TMPDIR is the folder or in it, until there
// is none. It finds what has left its process group and lost its parent; a process
// that hides from it has changed its environment, which is why this is no isolation.
func killMarked(folder string) {
	self := os.Getpid()
	for until := time.Now().Add(dying); time.Now().Before(until); {
		found := false
		for _, pid := range processes() {
			if pid == self || !marked(pid, folder) {
				continue
			}
			found = true
			unix.Kill(pid, unix.SIGKILL) //nolint:errcheck // it may have ended
		}
		if !found {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func marked(pid int, folder string) bool {
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	for variable := range bytes.SplitSeq(environment, []byte{0}) {
		if dir, ok := strings.CutPrefix(string(variable), tmpVariable); ok {
			return within(dir, folder)
		}
	}
	return false
}
