package soak

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
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
	liveHeap, "goroutines", "descriptors", "processes", "cgroups", "mounts", namespaces, "files", anonymous,
}

// remembered are the events that the runtime has accepted lately. They are not compared.
const remembered = "events in the last ten minutes"

const (
	liveHeap   = "live heap"
	namespaces = "network namespaces"
	// anonymous is the memory that all processes have for themselves, in bytes. How much a
	// garbage collector gives back, and when, is its own affair, so that this is told, and
	// not compared.
	anonymous = "anonymous memory"
)

// Counts is how much there is of each of names: memory in bytes.
type Counts map[string]float64

// count counts what the runtime and the processes below it have. Temp is the folder for
// their temporary files.
func count(ctx context.Context, r *harness.Runtime, temp string) (Counts, error) {
	said, err := ask(ctx, r)
	if err != nil {
		return nil, err
	}
	c := Counts{liveHeap: said["go_gc_heap_live_bytes"], "goroutines": said["go_goroutines"]}
	if c[liveHeap] == 0 || c["goroutines"] == 0 {
		return nil, errors.New("/metrics has neither goroutines nor a heap")
	}
	networks := map[string]bool{}
	for _, pid := range family(r.Pid()) {
		dir := fmt.Sprintf("/proc/%d", pid)
		c["processes"]++
		c[anonymous] += anonymousOf(dir)
		c["mounts"] += float64(mountsOf(dir, r.DataDir))
		if ns, err := os.Readlink(dir + "/ns/net"); err == nil {
			networks[ns] = true
		}
		descriptors, _ := os.ReadDir(dir + "/fd")
		c["descriptors"] += float64(len(descriptors))
		for _, d := range descriptors {
			if to, err := os.Readlink(filepath.Join(dir, "fd", d.Name())); err == nil && strings.HasPrefix(to, "net:[") {
				networks[to] = true
			}
		}
	}
	c[namespaces] = float64(len(networks))
	c["cgroups"] = float64(cgroupsOf(r.Pid()))
	for _, dir := range []string{filepath.Join(r.DataDir, "instances"), temp} {
		c["files"] += float64(entries(dir))
	}
	return c, nil
}

// ask returns what the runtime says of itself: the sums of its metrics over all labels
// but "outcome", which stands behind the name.
func ask(ctx context.Context, r *harness.Runtime) (said map[string]float64, err error) {
	answer, err := get(ctx, r, "/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	said = map[string]float64{}
	lines := bufio.NewScanner(answer)
	for lines.Scan() {
		series, value, _ := strings.Cut(lines.Text(), " ")
		if at := strings.LastIndexByte(lines.Text(), '}'); at >= 0 { // labels may hold spaces
			series, value = lines.Text()[:at], strings.TrimSpace(lines.Text()[at+1:])
		}
		name, labels, _ := strings.Cut(series, "{")
		if strings.HasPrefix(name, "#") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("metric %s: %w", series, err)
		}
		if _, outcome, ok := strings.Cut(labels, `outcome="`); ok {
			outcome, _, _ = strings.Cut(outcome, `"`)
			name += " " + outcome
		}
		said[name] += n
	}
	return said, lines.Err()
}

// get asks the management API.
func get(ctx context.Context, r *harness.Runtime, path string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.Endpoint+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return answer.Body, nil
}

// mountsOf counts the mounts that the process with that folder in /proc sees. Of those of
// the host, where others mount as well, only those below the runtime's folder count.
func mountsOf(dir, data string) (n int) {
	mounts, _ := os.ReadFile(dir + "/mountinfo")
	own, _ := os.Readlink("/proc/self/ns/mnt")
	its, _ := os.Readlink(dir + "/ns/mnt")
	for line := range strings.Lines(string(mounts)) {
		if its != own || strings.Contains(line, data) {
			n++
		}
	}
	return n
}

// anonymousOf is the anonymous memory of the process with that folder in /proc, in bytes.
func anonymousOf(dir string) float64 {
	status, _ := os.ReadFile(dir + "/status")
	_, rest, found := strings.Cut(string(status), "RssAnon:")
	if !found {
		return 0 // it has ended
	}
	line, _, _ := strings.Cut(rest, "\n")
	kilobytes, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(line, "kB")), 64)
	return kilobytes * 1024
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
