package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
)

// Where the host's controllers are on cgroups v1, the interface files of v2 are
// plain ones here, as the library's own tests have them.
func TestVersion2GroupsSayTheSameLimits(t *testing.T) {
	cgroups.TestMode = true
	defer func() { cgroups.TestMode = false }()
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("cgroup.controllers", "cpu memory pids")
	write("memory.swap.max", "max")
	g := &group2{
		dir:     dir,
		enabled: map[string]bool{memoryController: true, cpuController: true, pidsController: true},
	}
	if err := g.configure(); err != nil {
		t.Fatal(err)
	}
	defer g.folder.Close()
	if err := g.limitMemory(groupLimits{memory: 128 << 20, backstop: 640 << 20}); err != nil {
		t.Fatal(err)
	}
	if err := g.limitCPU(0.25); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"memory.high": "134217728", "memory.max": "671088640", "memory.swap.max": "0", "memory.oom.group": "1",
		"pids.max": "1024", "cpu.max": "5000 20000",
	} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %q, not %q (%v)", name, got, want, err)
		}
	}

	write("memory.current", "90000000\n")
	write("memory.peak", "95000000\n")
	write("memory.stat", "anon 30000000\nfile 60000000\nshmem 20000000\n")
	write("memory.events", "low 0\nhigh 3\nmax 0\noom 0\noom_kill 2\n")
	use, err := g.memory()
	if want := (memoryUse{total: 90000000, cache: 40000000, peak: 95000000, oomKills: 2}); err != nil || use != want {
		t.Errorf("memory is %+v, not %+v (%v)", use, want, err)
	}

	stop := make(chan struct{})
	defer close(stop)
	crossed, err := g.crossed(stop)
	if err != nil {
		t.Fatal(err)
	}
	write("memory.events", "low 0\nhigh 4\nmax 0\noom 0\noom_kill 2\n")
	<-crossed
	eventually(t, "the mark is taken away", func() bool {
		high, err := os.ReadFile(filepath.Join(dir, "memory.high"))
		return err == nil && string(high) == "max"
	})
	var r prepareRequest
	if descriptors := g.join(&r); !r.CgroupFD || len(descriptors) != 1 || len(r.CgroupTasks) != 0 {
		t.Errorf("an instance joins by %v, %+v", descriptors, r)
	}
}

func TestTheShareOfAProcessorIsNeverLessThanTheKernelTakes(t *testing.T) {
	for cpus, want := range map[float64]int64{0.01: 1000, 0.0724: 1448, 1: 20000, 5.8: 116000} {
		if got := cpuQuota(cpus); got != want {
			t.Errorf("%v CPUs are %d us of 20 ms, not %d", cpus, got, want)
		}
	}
}
