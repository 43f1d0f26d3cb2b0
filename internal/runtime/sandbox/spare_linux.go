package sandbox

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
)

const (
	// preparedSize is what a prepared sandbox may take of the host's memory, in bytes:
	// that of an interpreter that waits. Without one it is a hundredth of that.
	preparedSize = 48 << 20
	// preparedPerCPU bounds how many sandboxes are prepared, per processor: what takes
	// them can be no quicker than these.
	preparedPerCPU = 16
)

// spareSandboxes is how many sandboxes the host has room for now that nobody has
// asked for yet: a sixteenth of its memory, a quarter of what is available, and none
// where little is. One at least where the memory is not known.
func spareSandboxes() int {
	meminfo, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 1
	}
	return spareIn(meminfo, runtime.GOMAXPROCS(0))
}

func spareIn(meminfo []byte, cpus int) int {
	total, ok := memoryLine(meminfo, "MemTotal:")
	available, ok2 := memoryLine(meminfo, "MemAvailable:")
	switch {
	case !ok || !ok2:
		return 1
	case available < total/8:
		return 0
	}
	return int(min(max(total/16/preparedSize, 1), available/4/preparedSize, uint64(cpus*preparedPerCPU)))
}

// memoryLine reads "MemTotal:  24684452 kB" as bytes.
func memoryLine(meminfo []byte, name string) (size uint64, ok bool) {
	for line := range bytes.Lines(meminfo) {
		rest, found := bytes.CutPrefix(line, []byte(name))
		if !found {
			continue
		}
		kilobytes, err := strconv.ParseUint(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
		return kilobytes << 10, err == nil
	}
	return 0, false
}
