package sandbox

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// The controllers a sandbox uses.
const (
	memoryController = "memory"
	cpuController    = "cpu"
	pidsController   = "pids"
)

var controllers = []string{memoryController, cpuController, pidsController}

// maxProcesses is Lambda's limit on processes and threads per execution
// environment.
const maxProcesses = 1024

// cpuPeriod is over how long a share of processor time is counted. Lambda's own
// is 20 ms too: a longer one makes a function that used up its share wait longer.
const cpuPeriod = 20 * time.Millisecond

// groupFolder is the cgroup all runtimes of a host keep theirs in.
const groupFolder = "tidegate"

// groupLimits are known when the instance's function is.
type groupLimits struct {
	// memory is where the guard is to look; backstop is what the kernel enforces. In
	// bytes. See memoryGuard.
	memory, backstop int64
}

// A hierarchy is where this runtime makes its instances' cgroups.
type hierarchy interface {
	// home are the "tasks" files of the runtime's own cgroups v1.
	home() []string
	// folders are the cgroups that hold the instances', or, with a "*", a pattern of the
	// instances' own.
	folders() []string
	// missing tells, for each controller that cannot be used, why.
	missing() map[string]string
	// create makes one with a limit on processes alone.
	create(id string) (group, error)
	// container is for what an OCI runtime makes and limits: its cgroup, by the path that
	// is to be in the container's configuration.
	container(id string, l groupLimits) (path string, _ group, err error)
}

// A group is the cgroup of one instance, over all hierarchies.
type group interface {
	// join completes a launch so that the instance begins in the group. The
	// descriptors belong to the group.
	join(*prepareRequest) []int
	limitMemory(groupLimits) error
	// limitCPU sets the share of processor time, in CPUs.
	limitCPU(cpus float64) error
	memory() (memoryUse, error)
	// crossed returns a channel that gets a value when the memory in use comes to
	// groupLimits.memory from below, until stop is closed.
	crossed(stop <-chan struct{}) (<-chan struct{}, error)
	// kill kills all processes in it.
	kill()
	remove() error
}

// memoryUse is in bytes.
type memoryUse struct {
	// total is what the kernel counts, cache the part of it that it would give back:
	// cached files, but not those of a tmpfs.
	total, cache int64
	// peak is the most that total has been; 0 if unknown.
	peak int64
	// oomKills is how many processes the kernel has killed.
	oomKills uint64
}

func openHierarchy(owner string, log *slog.Logger) hierarchy {
	if cgroups.IsCgroup2UnifiedMode() {
		return openHierarchy2(owner, log)
	}
	return openHierarchy1(owner, log)
}

// cpuQuota is in microseconds per cpuPeriod. The kernel takes no less than 1 ms.
func cpuQuota(cpus float64) int64 {
	return max(int64(cpus*float64(cpuPeriod.Microseconds())), 1000)
}

// sweepGroups removes what runtimes that have ended left in a folder of owners,
// with every process in it.
func sweepGroups(dir string, log *slog.Logger) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if !entry.IsDir() || !ownerGone(entry.Name()) {
			continue
		}
		sweepGroup(filepath.Join(dir, entry.Name()), log)
	}
}

// flatGroup is an instance's cgroup where it is not in a folder of its owner's.
var flatGroup = regexp.MustCompile(`^` + groupFolder + `-([0-9]+-[0-9]+-[0-9]+-[0-9]+)-`)

// sweepFlatGroups is sweepGroups for instances' cgroups in the runtime's own.
func sweepFlatGroups(own string, log *slog.Logger) {
	entries, err := os.ReadDir(own)
	if err != nil {
		return
	}
	for _, entry := range entries {
		if m := flatGroup.FindStringSubmatch(entry.Name()); m != nil && ownerGone(m[1]) {
			sweepGroup(filepath.Join(own, entry.Name()), log)
		}
	}
}

// sweepGroup removes a cgroup with every process in it.
func sweepGroup(left string, log *slog.Logger) {
	killGroup(left)
	// Another user's is not this one's to remove.
	if err := cgroups.RemovePath(left); err != nil && !errors.Is(err, os.ErrPermission) {
		log.Warn("a cgroup of a runtime that has ended could not be removed", "cgroup", left, "error", err)
	}
}

// dying is how long processes may take to end that were killed: on a busy machine they
// wait for their turn to do even that, and those whose processor time is limited for
// longer.
const dying = 10 * time.Second

// killGroup kills the processes of a cgroup and of those below it, until there
// are none: those that fork meanwhile are found the next time around. Of a pattern it
// kills those of each.
func killGroup(dir string) {
	for _, dir := range matching(dir) {
		killOneGroup(dir)
	}
}

func killOneGroup(dir string) {
	for until := time.Now().Add(dying); time.Now().Before(until); {
		pids, err := cgroups.GetAllPids(dir)
		if err != nil || len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			if pid > 0 && pid != os.Getpid() {
				unix.Kill(pid, unix.SIGKILL) //nolint:errcheck // it may have ended
			}
		}
		time.Sleep(time.Millisecond)
	}
}

// removeOwnersGroup removes one of hierarchy.folders. What stays, the next runtime
// removes.
func removeOwnersGroup(dir string) {
	for _, dir := range matching(dir) {
		cgroups.RemovePath(dir) //nolint:errcheck // see above
	}
	if parent := filepath.Dir(dir); filepath.Base(parent) == groupFolder {
		os.Remove(parent) //nolint:errcheck // it may be other runtimes' too
	}
}

// matching returns the folder itself, or those that a pattern matches.
func matching(pattern string) []string {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}
	}
	dirs, err := filepath.Glob(pattern)
	if err != nil { // the pattern is malformed
		return nil
	}
	return dirs
}

// removeGroups removes folders that have become empty; the thread that started
// the instance may take a moment to end.
func removeGroups(dirs ...string) error {
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, cgroups.RemovePath(dir))
	}
	return errors.Join(errs...)
}

func missingController(name string, err error) string {
	switch {
	case cgroups.IsNotFound(err), errors.Is(err, os.ErrNotExist):
		return fmt.Sprintf("no %s cgroup on this host", name)
	case errors.Is(err, os.ErrPermission), errors.Is(err, unix.EROFS):
		return fmt.Sprintf("this user may not make %s cgroups", name)
	}
	return fmt.Sprintf("%s cgroup: %v", name, err)
}
