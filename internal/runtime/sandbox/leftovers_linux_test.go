package sandbox

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A runtime that is killed takes its instances with it, and what it leaves on
// the host is gone once the next has started.
func TestNothingOfAKilledRuntimeStays(t *testing.T) {
	for _, mode := range []Mode{ModeAuto, ModeProcess} {
		t.Run(string(mode), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command("/proc/self/exe", dir, string(mode), taskDir(t))
			cmd.Env = append(os.Environ(), programVariable+"=runtime")
			output, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pids []int
			text := bufio.NewScanner(output)
			for text.Scan() && text.Text() != "ready" {
				pid, err := strconv.Atoi(strings.TrimPrefix(text.Text(), "pid "))
				if err != nil {
					t.Fatalf("the runtime said %q", text.Text())
				}
				pids = append(pids, pid)
			}
			if len(pids) != 2 {
				t.Fatalf("the runtime started %d instances, not 2", len(pids))
			}
			var tree []int
			for _, pid := range processes() {
				if strings.Contains(environmentOf(pid), "\x00"+programVariable+"=orphan") {
					tree = append(tree, pid)
				}
			}
			if len(tree) < 10 {
				t.Fatalf("%d processes of the instances are running, not 10", len(tree))
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			cmd.Wait() //nolint:errcheck // it was killed
			for _, pid := range pids {
				eventually(t, "the instances end with their runtime", func() bool { return !alive(pid) })
			}
			if mode == ModeAuto {
				for _, pid := range tree {
					eventually(t, "all their processes end with their runtime", func() bool { return !alive(pid) })
				}
			}

			h := newSandbox(t, mode)
			next, err := New(t.Context(), Options{Dir: dir, Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			defer next.Close() //nolint:errcheck // newSandbox tests that
			for _, pid := range tree {
				if alive(pid) {
					t.Errorf("process %d outlived the next start", pid)
				}
			}
			if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 {
				t.Errorf("folders beside the new runtime's own are left: %v %v", left, err)
			}
			for _, folder := range groupFolders(h) {
				owners, err := os.ReadDir(filepath.Dir(folder))
				if err != nil {
					t.Fatal(err)
				}
				for _, owner := range owners {
					if strings.HasPrefix(owner.Name(), strconv.Itoa(cmd.Process.Pid)+"-") {
						t.Errorf("the cgroup %s of the killed runtime is left", owner.Name())
					}
				}
			}
		})
	}
}

func environmentOf(pid int) string {
	environment, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return ""
	}
	return "\x00" + string(environment)
}

func TestOnlyDeadOwnersAreTakenForGone(t *testing.T) {
	own, err := newOwner()
	if err != nil {
		t.Fatal(err)
	}
	part := strings.Split(own, "-")
	for name, gone := range map[string]bool{
		own:                              false,
		part[0] + "-1-" + part[2] + "-1": true, // the id is another process's now
		"4194304-" + part[1] + "-" + part[2] + "-1": true,  // no such process
		part[0] + "-1-1-1":                          false, // of another pid namespace
		"something":                                 false,
		"":                                          false,
	} {
		if got := ownerGone(name); got != gone {
			t.Errorf("%q is gone: %v, not %v", name, got, gone)
		}
	}
	if _, err := startOf(unix.Getpid()); err != nil {
		t.Error(err)
	}
}
