package soak

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
)

// The names of what is counted, in the order in which it is reported.
var names = []string{
	"live heap", "goroutines", "descriptors", "processes", "cgroups", "mounts", "network namespaces", "files",
}

// collections counts the garbage collections that there were. It is not compared.
const collections = "garbage collections"

// Counts is how much there is of each of names: the live heap in bytes.
type Counts map[string]float64

// count counts what the runtime and the processes below it have. Temp is the folder for
// their temporary files.
func count(ctx context.Context, r *harness.Runtime, temp string) (Counts, error) {
	c := Counts{}
	if err := c.addMetrics(ctx, r); err != nil {
		return nil, err
	}
	namespaces := map[string]bool{}
	for _, pid := range family(r.Pid()) {
		dir := fmt.Sprintf("/proc/%d", pid)
		c["processes"]++
		if mounts, err := os.ReadFile(dir + "/mountinfo"); err == nil {
			c["mounts"] += float64(strings.Count(string(mounts), "\n"))
		}
		if ns, err := os.Readlink(dir + "/ns/net"); err == nil {
			namespaces[ns] = true
		}
		descriptors, _ := os.ReadDir(dir + "/fd")
		c["descriptors"] += float64(len(descriptors))
		for _, d := range descriptors {
			if to, err := os.Readlink(filepath.Join(dir, "fd", d.Name())); err == nil && strings.HasPrefix(to, "net:[") {
				namespaces[to] = true
			}
		}
	}
	c["network namespaces"] = float64(len(namespaces))
	c["cgroups"] = float64(cgroupsOf(r.Pid()))
	for _, dir := range []string{filepath.Join(r.DataDir, "instances"), temp} {
		c["files"] += float64(entries(dir))
	}
	return c, nil
}

// addMetrics adds what the runtime says of itself. The live heap is what the last garbage
// collection left, of which the size that begins the next one is a multiple.
func (c Counts) addMetrics(ctx context.Context, r *harness.Runtime) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Endpoint+"/metrics", nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		what := map[string]string{
			"go_goroutines": "goroutines", "go_memstats_next_gc_bytes": "live heap", "go_gc_duration_seconds_count": collections,
		}[name]
		if what == "" {
			continue
		}
		if c[what], err = strconv.ParseFloat(value, 64); err != nil {
			return fmt.Errorf("metric %s: %w", name, err)
		}
	}
	if c["goroutines"] == 0 || c["live heap"] == 0 {
		return fmt.Errorf("/metrics has neither goroutines nor a heap: %s", answer.Status)
	}
	return nil
}

// family is a process and all below it.
func family(pid int) []int {
	children := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		child, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		// proc_pid_stat(5): the name is in parentheses, and may hold both.
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
		if len(fields) < 2 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], child)
	}
	var all []int
	for next := []int{pid}; len(next) > 0; next = next[1:] {
		all = append(all, next[0])
		next = append(next, children[next[0]]...)
	}
	return all
}

// cgroupsOf counts the cgroups that carry the runtime's pid in their names.
func cgroupsOf(pid int) (n int) {
	own := regexp.MustCompile(fmt.Sprintf(`/tidegate[/-]%d-`, pid))
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && own.MatchString(path) {
			n++
		}
		return nil
	})
	return n
}

// entries counts what is below a folder, whether it is a file or a folder.
func entries(dir string) (n int) {
	_ = filepath.WalkDir(dir, func(_ string, _ fs.DirEntry, err error) error {
		if err == nil {
			n++
		}
		return nil
	})
	return n
}
