package sandbox

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fscommon"
	"golang.org/x/sys/unix"
)

// A hierarchy1 makes cgroups v1: a folder in each controller's tree, below the
// runtime's own cgroup, so that the limits on the runtime hold for its
// instances.
//
// In the cpu controller's tree there is no folder between the runtime's and the
// instances', which share the processors with the runtime's own processes, and with
// whatever else is there, as one process each. Below a common folder they would all
// together be one process.
type hierarchy1 struct {
	owns  map[string]string // the runtime's own cgroup, by controller, of those that work
	why   map[string]string // by controller, those that do not
	owner string
}

func openHierarchy1(owner string, log *slog.Logger) hierarchy {
	h := &hierarchy1{owns: map[string]string{}, why: map[string]string{}, owner: owner}
	for _, name := range controllers {
		if err := h.open(name, log); err != nil {
			h.why[name] = missingController(name, err)
		}
	}
	return h
}

func (h *hierarchy1) open(name string, log *slog.Logger) error {
	own, err := cgroups.GetOwnCgroupPath(name)
	if err != nil {
		return err
	}
	sweepGroups(filepath.Join(own, groupFolder), log)
	sweepFlatGroups(own, log)
	if name != cpuController {
		if err := os.MkdirAll(filepath.Join(own, groupFolder, h.owner), 0o755); err != nil {
			return err
		}
	}
	// That a limit can be set is known when one has been.
	probe := &group1{dirs: map[string]string{name: h.folder(name, own, "probe")}}
	err = probe.make()
	if err == nil {
		err = probe.limitMemory(groupLimits{memory: 1 << 27, backstop: 1 << 27})
	}
	if err == nil {
		err = probe.limitCPU(0.5)
	}
	if e := probe.remove(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	h.owns[name] = own
	return nil
}

// folder is an instance's.
func (h *hierarchy1) folder(controller, own, id string) string {
	if controller == cpuController {
		return filepath.Join(own, groupFolder+"-"+h.owner+"-"+id)
	}
	return filepath.Join(own, groupFolder, h.owner, id)
}

func (h *hierarchy1) home() []string {
	var tasks []string
	for _, own := range h.owns {
		tasks = append(tasks, filepath.Join(own, "tasks"))
	}
	return tasks
}

func (h *hierarchy1) missing() map[string]string { return h.why }

func (h *hierarchy1) create(id string) (group, error) {
	g := &group1{dirs: map[string]string{}}
	for name, own := range h.owns {
		g.dirs[name] = h.folder(name, own, id)
	}
	if err := g.make(); err != nil {
		g.remove() //nolint:errcheck // the first error says it
		return nil, fmt.Errorf("make the instance's cgroup: %w", err)
	}
	return g, nil
}

func (h *hierarchy1) folders() []string {
	var folders []string
	for name, own := range h.owns {
		folders = append(folders, filepath.Dir(h.folder(name, own, "any")))
		if name == cpuController {
			folders[len(folders)-1] = h.folder(name, own, "*")
		}
	}
	return folders
}

// A group1 is one folder per controller; those that are missing do nothing.
type group1 struct {
	dirs   map[string]string
	limits groupLimits
}

func (g *group1) make() error {
	for _, dir := range g.dirs {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if dir, ok := g.dirs[pidsController]; ok {
		limit := int64(maxProcesses)
		if err := (&fs.PidsGroup{}).Set(dir, &cgroups.Resources{PidsLimit: &limit}); err != nil {
			return err
		}
	}
	if dir, ok := g.dirs[memoryController]; ok {
		return limitBuffers(dir)
	}
	return nil
}

// maxBuffers is how much the kernel may keep in an instance's sockets, in bytes. Version 1
// does not count that as memory, and what the whole host may have is bounded.
const maxBuffers = 32 << 20

// limitBuffers does nothing where the kernel cannot count it.
func limitBuffers(dir string) error {
	err := cgroups.WriteFile(dir, "memory.kmem.tcp.limit_in_bytes", strconv.Itoa(maxBuffers))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (g *group1) limitMemory(l groupLimits) error {
	g.limits = l
	dir, ok := g.dirs[memoryController]
	if !ok {
		return nil
	}
	r := &cgroups.Resources{Memory: l.backstop}
	if _, err := os.Stat(filepath.Join(dir, "memory.memsw.limit_in_bytes")); err == nil {
		r.MemorySwap = l.backstop // memory and swap together: no swap
	}
	return (&fs.MemoryGroup{}).Set(dir, r)
}

func (g *group1) join(r *prepareRequest) []int {
	for _, dir := range g.dirs {
		r.CgroupTasks = append(r.CgroupTasks, filepath.Join(dir, "tasks"))
	}
	return nil
}

func (g *group1) limitCPU(cpus float64) error {
	dir, ok := g.dirs[cpuController]
	if !ok || cpus <= 0 {
		return nil
	}
	return (&fs.CpuGroup{}).Set(dir, &cgroups.Resources{
		CpuPeriod: uint64(cpuPeriod.Microseconds()), CpuQuota: cpuQuota(cpus),
	})
}

func (g *group1) memory() (memoryUse, error) {
	dir, ok := g.dirs[memoryController]
	if !ok {
		return memoryUse{}, os.ErrNotExist
	}
	var use memoryUse
	total, err := fscommon.GetCgroupParamUint(dir, "memory.usage_in_bytes")
	if err != nil {
		return use, err
	}
	peak, err := fscommon.GetCgroupParamUint(dir, "memory.max_usage_in_bytes")
	if err != nil {
		return use, err
	}
	stat, err := cgroups.ReadFile(dir, "memory.stat")
	if err != nil {
		return use, err
	}
	use.total, use.peak = int64(total), int64(peak)
	use.cache = statValue(stat, "total_cache") - statValue(stat, "total_shmem")
	// Older kernels do not count.
	use.oomKills, _ = fscommon.GetValueByKey(dir, "memory.oom_control", "oom_kill") //nolint:errcheck // see above
	return use, nil
}

// statValue finds "name value" among the lines of a memory.stat.
func statValue(stat, name string) int64 {
	lines := bufio.NewScanner(strings.NewReader(stat))
	for lines.Scan() {
		if key, value, ok := strings.Cut(lines.Text(), " "); ok && key == name {
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}

// crossed asks for the event described in the kernel's
// Documentation/admin-guide/cgroup-v1/memory.rst, section 9.
func (g *group1) crossed(stop <-chan struct{}) (<-chan struct{}, error) {
	dir := g.dirs[memoryController]
	usage, err := os.Open(filepath.Join(dir, "memory.usage_in_bytes"))
	if err != nil {
		return nil, err
	}
	defer usage.Close()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, err
	}
	event := os.NewFile(uintptr(fd), "memory event")
	registration := fmt.Sprintf("%d %d %d", fd, usage.Fd(), g.limits.memory)
	if err := cgroups.WriteFile(dir, "cgroup.event_control", registration); err != nil {
		event.Close()
		return nil, err
	}
	return events(event, 8, stop), nil
}

// events turns what can be read from a descriptor into values of a channel,
// until stop is closed; then it closes the descriptor.
func events(file *os.File, size int, stop <-chan struct{}) <-chan struct{} {
	happened := make(chan struct{}, 1)
	go func() {
		<-stop
		file.Close()
	}()
	go func() {
		buffer := make([]byte, size)
		for {
			if _, err := file.Read(buffer); err != nil {
				return
			}
			select {
			case happened <- struct{}{}:
			default:
			}
		}
	}()
	return happened
}

func (g *group1) kill() {
	for _, dir := range g.dirs {
		killGroup(dir)
		return // the same processes are in all of them
	}
}

func (g *group1) remove() error {
	var dirs []string
	for _, dir := range g.dirs {
		dirs = append(dirs, dir)
	}
	return removeGroups(dirs...)
}
