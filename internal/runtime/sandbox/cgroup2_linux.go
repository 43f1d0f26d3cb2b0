package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs2"
	"github.com/opencontainers/cgroups/fscommon"
	"golang.org/x/sys/unix"
)

// A hierarchy2 makes cgroups v2, a folder for each instance. A cgroup that holds
// processes cannot give controllers to those below it, so that the folder is at
// the top of the tree, or, where that is not allowed, in the runtime's own
// cgroup, if a service manager delegated that and the runtime is alone in it.
type hierarchy2 struct {
	dir     string // empty if nothing works
	enabled map[string]bool
	why     map[string]string
}

func openHierarchy2(owner string, log *slog.Logger) hierarchy {
	h := &hierarchy2{enabled: map[string]bool{}, why: map[string]string{}}
	var errs []error
	for _, parent := range h.parents() {
		err := h.open(parent, owner, log)
		if err == nil {
			return h
		}
		errs = append(errs, err)
	}
	for _, name := range controllers {
		h.why[name] = missingController(name, errors.Join(errs...))
	}
	return h
}

func (h *hierarchy2) parents() []string {
	parents := []string{fs2.UnifiedMountpoint}
	if own, err := cgroups.ParseCgroupFile("/proc/self/cgroup"); err == nil && own[""] != "" && own[""] != "/" {
		parents = append(parents, filepath.Join(fs2.UnifiedMountpoint, own[""]))
	}
	return parents
}

func (h *hierarchy2) open(parent, owner string, log *slog.Logger) error {
	all := filepath.Join(parent, groupFolder)
	if err := os.MkdirAll(all, 0o755); err != nil {
		return err
	}
	sweepGroups(all, log)
	if parent != fs2.UnifiedMountpoint {
		// Out of the way, or no controllers can be given on.
		self := filepath.Join(parent, groupFolder+"-runtime")
		if err := os.MkdirAll(self, 0o755); err != nil {
			return err
		}
		if err := cgroups.WriteCgroupProc(self, os.Getpid()); err != nil {
			return err
		}
	}
	dir := filepath.Join(all, owner)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, at := range []string{parent, all, dir} {
		for _, name := range controllers {
			// One that cannot be enabled is found missing below.
			cgroups.WriteFile(at, "cgroup.subtree_control", "+"+name) //nolint:errcheck // see above
		}
	}
	given, err := cgroups.ReadFile(dir, "cgroup.subtree_control")
	if err != nil {
		return err
	}
	for _, name := range strings.Fields(given) {
		h.enabled[name] = true
	}
	for _, name := range controllers {
		if !h.enabled[name] {
			h.why[name] = fmt.Sprintf("the cgroup %s is not given the %s controller", parent, name)
		}
	}
	if h.enabled[cpuController] {
		// A cgroup that is left at its default weighs as much as its neighbour, in which all
		// else of the host may be, or the runtime with all its threads. Instances may weigh
		// as much together as one of these on every processor.
		weight := min(defaultWeight*runtime.NumCPU(), maxWeight)
		cgroups.WriteFile(all, "cpu.weight", strconv.Itoa(weight)) //nolint:errcheck // limits hold all the same
	}
	h.dir = dir
	return nil
}

// Values of cpu.weight.
const (
	defaultWeight = 100
	maxWeight     = 10000
)

func (h *hierarchy2) home() []string { return nil }

func (h *hierarchy2) missing() map[string]string { return h.why }

func (h *hierarchy2) create(id string) (group, error) {
	if h.dir == "" {
		return &group1{}, nil
	}
	g := &group2{dir: filepath.Join(h.dir, id), enabled: h.enabled}
	err := os.Mkdir(g.dir, 0o755)
	if err == nil {
		if err = g.configure(); err == nil {
			return g, nil
		}
		g.remove() //nolint:errcheck // the first error says it
	}
	return nil, fmt.Errorf("make the instance's cgroup: %w", err)
}

func (h *hierarchy2) folders() []string {
	if h.dir == "" {
		return nil
	}
	return []string{h.dir}
}

type group2 struct {
	dir     string
	limits  groupLimits
	enabled map[string]bool
	folder  *os.File
}

func (g *group2) set(r *cgroups.Resources) error {
	manager, err := fs2.NewManager(&cgroups.Cgroup{}, g.dir)
	if err != nil {
		return err
	}
	return manager.Set(r)
}

func (g *group2) configure() error {
	r := &cgroups.Resources{}
	if g.enabled[pidsController] {
		limit := int64(maxProcesses)
		r.PidsLimit = &limit
	}
	if err := g.set(r); err != nil {
		return err
	}
	var err error
	g.folder, err = os.OpenFile(g.dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	return err
}

func (g *group2) limitMemory(l groupLimits) error {
	g.limits = l
	if !g.enabled[memoryController] {
		return nil
	}
	r := &cgroups.Resources{Memory: l.backstop, Unified: map[string]string{
		"memory.high": fmt.Sprint(l.memory), "memory.oom.group": "1",
	}}
	if _, err := os.Stat(filepath.Join(g.dir, "memory.swap.max")); err == nil {
		r.Unified["memory.swap.max"] = "0"
	}
	return g.set(r)
}

func (g *group2) join(r *prepareRequest) []int {
	r.CgroupFD = true
	return []int{int(g.folder.Fd())}
}

func (g *group2) limitCPU(cpus float64) error {
	if !g.enabled[cpuController] || cpus <= 0 {
		return nil
	}
	return g.set(&cgroups.Resources{CpuPeriod: uint64(cpuPeriod.Microseconds()), CpuQuota: cpuQuota(cpus)})
}

func (g *group2) memory() (memoryUse, error) {
	if !g.enabled[memoryController] {
		return memoryUse{}, os.ErrNotExist
	}
	var use memoryUse
	total, err := fscommon.GetCgroupParamUint(g.dir, "memory.current")
	if err != nil {
		return use, err
	}
	stat, err := cgroups.ReadFile(g.dir, "memory.stat")
	if err != nil {
		return use, err
	}
	use.total = int64(total)
	use.cache = statValue(stat, "file") - statValue(stat, "shmem")
	if peak, err := fscommon.GetCgroupParamUint(g.dir, "memory.peak"); err == nil { // Linux 5.19
		use.peak = int64(peak)
	}
	use.oomKills, err = fs2.OOMKillCount(g.dir)
	return use, err
}

// crossed watches memory.events, which counts how often the group went over
// memory.high. Above that the kernel slows the group down to free memory, which
// a full /tmp cannot, so that the mark is taken away once it was crossed.
func (g *group2) crossed(stop <-chan struct{}) (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(fd), "memory events")
	if _, err := unix.InotifyAddWatch(fd, filepath.Join(g.dir, "memory.events"), unix.IN_MODIFY); err != nil {
		file.Close()
		return nil, err
	}
	changed := events(file, 4096, stop)
	crossed := make(chan struct{}, 1)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-changed:
			}
			high, err := fscommon.GetValueByKey(g.dir, "memory.events", "high")
			if err != nil || high == 0 {
				continue
			}
			cgroups.WriteFile(g.dir, "memory.high", "max") //nolint:errcheck // the group may be gone
			select {
			case crossed <- struct{}{}:
			default:
			}
		}
	}()
	return crossed, nil
}

func (g *group2) kill() {
	if err := cgroups.WriteFile(g.dir, "cgroup.kill", "1"); err != nil { // Linux 5.14
		killGroup(g.dir)
	}
}

func (g *group2) remove() error {
	if g.folder != nil {
		g.folder.Close()
	}
	return removeGroups(g.dir)
}
