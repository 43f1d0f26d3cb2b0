package sandbox

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A runtime in a process of its own, with two instances of six processes each.
type otherRuntime struct {
	cmd *exec.Cmd
	dir string
	// shim, gateway and tree are process ids; there may be no gateway.
	shim, gateway int
	tree          []int
	// networks are the namespaces of its instances.
	networks []string
	// groups are its cgroups.
	groups []string
}

func startOther(t *testing.T, mode Mode) *otherRuntime {
	t.Helper()
	o := &otherRuntime{dir: t.TempDir()}
	o.cmd = exec.Command("/proc/self/exe", o.dir, string(mode), taskDir(t))
	o.cmd.Env = append(os.Environ(), programVariable+"=runtime")
	output, err := o.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.cmd.Process.Kill() //nolint:errcheck // it was killed already, unless the test failed
		o.cmd.Wait()         //nolint:errcheck // as above
	})
	text := bufio.NewScanner(output)
	for text.Scan() && text.Text() != "ready" {
		what, value, _ := strings.Cut(text.Text(), " ")
		switch what {
		case "instance":
			pid, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			fields, err := statOf(pid)
			if err != nil {
				t.Fatal(err)
			}
			if o.shim, err = strconv.Atoi(fields[1]); err != nil {
				t.Fatal(err)
			}
			o.tree = append(o.tree, pid)
			// This process's own is not to be asked for: its first thread may have been
			// in another one for good since some other test.
			if network := namespaceOf(pid, "net"); network != namespaceOf(o.cmd.Process.Pid, "net") {
				o.networks = append(o.networks, network)
			}
		case "gateway":
			if o.gateway, err = strconv.Atoi(value); err != nil {
				t.Fatal(err)
			}
		case "group":
			o.groups = append(o.groups, value)
		default:
			t.Fatalf("the runtime said %q", text.Text())
		}
	}
	// Others may run these tests, too.
	instances := slices.Clone(o.tree)
	for _, pid := range processes() {
		fields, err := statOf(pid)
		if err != nil {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil && slices.Contains(instances, parent) {
			o.tree = append(o.tree, pid)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("there is left of it: %v", o.left())
		}
	})
	if len(o.tree) != 12 {
		t.Fatalf("%d processes of the instances are running, not 12", len(o.tree))
	}
	return o
}

func (o *otherRuntime) kill(t *testing.T) {
	t.Helper()
	if err := o.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	o.cmd.Wait() //nolint:errcheck // it was killed
}

// left tells what there still is of it.
func (o *otherRuntime) left() []string {
	var left []string
	for _, pid := range append(o.tree, o.shim, o.gateway) {
		if pid != 0 && alive(pid) {
			left = append(left, "process "+strconv.Itoa(pid))
		}
	}
	for _, network := range o.networks {
		if pid := holderOf(network); pid != 0 {
			left = append(left, fmt.Sprintf("network %s, held by process %d", network, pid))
		}
	}
	for _, pattern := range append(o.groups, filepath.Join(o.dir, "*")) {
		found, err := filepath.Glob(pattern)
		if err != nil {
			left = append(left, err.Error())
		}
		left = append(left, found...)
	}
	return left
}

// holderOf finds a process that is in a network namespace or has a descriptor of it,
// and with it of whatever interface is there; 0 if there is none.
func holderOf(network string) int {
	for _, pid := range processes() {
		if namespaceOf(pid, "net") == network {
			return pid
		}
		descriptors, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			continue
		}
		for _, d := range descriptors {
			if target, err := os.Readlink(d); err == nil && target == network {
				return pid
			}
		}
	}
	return 0
}

func TestNothingOfAKilledRuntimeStays(t *testing.T) {
	for _, mode := range []Mode{ModeAuto, ModeProcess} {
		t.Run(string(mode), func(t *testing.T) {
			o := startOther(t, mode)
			for _, network := range o.networks {
				if holderOf(network) == 0 {
					t.Fatalf("nobody is in the network %s", network)
				}
			}
			o.kill(t)
			eventually(t, "processes, cgroups and folders are gone", func() bool { return len(o.left()) == 0 })
		})
	}
}

// Where the shim was killed too, nobody is left to remove anything but the next
// runtime.
func TestTheNextRuntimeRemovesWhatIsLeft(t *testing.T) {
	for _, mode := range []Mode{ModeAuto, ModeProcess} {
		t.Run(string(mode), func(t *testing.T) {
			o := startOther(t, mode)
			if err := unix.Kill(o.shim, unix.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			o.kill(t)
			if err := unix.Kill(o.shim, unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the shim ends", func() bool { return !alive(o.shim) })
			if len(o.left()) == 0 {
				t.Fatal("nothing is left for the next runtime")
			}
			next, err := New(t.Context(), Options{Dir: o.dir, Mode: mode})
			if err != nil {
				t.Fatal(err)
			}
			if err := next.Close(); err != nil {
				t.Fatal(err)
			}
			// The gateway ends by itself, when it notices.
			eventually(t, "nothing is left", func() bool { return len(o.left()) == 0 })
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
