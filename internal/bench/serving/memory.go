package serving

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A process is what the kernel tells of one.
type process struct {
	pid, parent int
	name        string
	// memory is its proportional set size in bytes: pages that several processes share
	// count in parts, so that a sum over processes counts each page once.
	memory int64
}

// tree returns a process and all below it.
func tree(pid int) ([]process, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	children, parents := map[int][]int{}, map[int]int{}
	names := map[int]string{}
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		raw, readErr := os.ReadFile(path)
		if err != nil || readErr != nil {
			continue // it has ended
		}
		// proc_pid_stat(5): the name is in parentheses, and may hold both.
		begin, end := bytes.IndexByte(raw, '('), bytes.LastIndexByte(raw, ')')
		fields := strings.Fields(string(raw[end+1:]))
		if begin < 0 || len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			children[parent] = append(children[parent], child)
			parents[child] = parent
			names[child] = string(raw[begin+1 : end])
		}
	}
	var all []process
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		if memory, ok := proportional(next[0]); ok {
			all = append(all, process{next[0], parents[next[0]], names[next[0]], memory})
		}
		next = append(next, children[next[0]]...)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("process %d has ended", pid)
	}
	return all, nil
}

// memoryOf is the proportional set size of a process and all below it, in bytes.
func memoryOf(pid int) (sum int64, err error) {
	all, err := tree(pid)
	for _, p := range all {
		sum += p.memory
	}
	return sum, err
}

// proportional reads the Pss of proc_pid_smaps(5).
func proportional(pid int) (int64, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, false
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "Pss:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(value, "kB")), 10, 64)
			return kb << 10, err == nil
		}
	}
	return 0, false
}
