package sandbox

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/cgroups"
	"golang.org/x/sys/unix"
)

// ociTools are the OCI runtimes of these tests: what each shares with the host's kernel
// differs, and what Tidegate makes of it must not.
var ociTools = []string{"runc", "crun", "runsc"}

// ociRuntime is the path of one of them.
func ociRuntime(t testing.TB, name string) string {
	t.Helper()
	tool := exec.Command("../../../tools/" + name)
	tool.Stderr = os.Stderr
	path, err := tool.Output()
	if err != nil {
		t.Fatalf("tools/%s: %v", name, err)
	}
	return strings.TrimSpace(string(path))
}

func newContainerSandbox(t testing.TB, name string) *containers {
	t.Helper()
	dir := t.TempDir()
	s, err := New(context.Background(), Options{
		Dir: dir, Mode: ModeOCI, OCIRuntime: ociRuntime(t, name), Log: slog.New(slog.NewTextHandler(testLog{t}, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.(*containers)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("folders are left: %v %v", left, err)
		}
		for _, pattern := range c.groups.folders() {
			if left, err := filepath.Glob(pattern); err != nil || len(left) > 0 {
				t.Errorf("cgroups are left: %v %v", left, err)
			}
		}
	})
	return c
}

// processesOf are the container's processes as the host sees them. gVisor has its own, and
// not one for each of the function's.
func processesOf(i *running) []int {
	pids, err := cgroups.GetAllPids(i.Instance.(*container).group.(*group1).dirs[pidsController])
	if err != nil {
		i.t.Fatal(err)
	}
	return pids
}

// eachOCIRuntime runs a test with each of the OCI runtimes.
func eachOCIRuntime(t *testing.T, test func(t *testing.T, s *containers)) {
	t.Helper()
	for _, name := range ociTools {
		t.Run(name, func(t *testing.T) { test(t, newContainerSandbox(t, name)) })
	}
}

func TestAnOCIRuntimeRunsFunctions(t *testing.T) { eachOCIRuntime(t, runsFunctions) }

func runsFunctions(t *testing.T, s *containers) {
	i := start(t, s, "world")
	if e := i.ended(); e.Code != 0 {
		t.Fatalf("it ended so: %+v\n%s", e, i.output)
	}
	for words, want := range map[string]string{
		"directory": "/var/task", "pid": "1", "hostname": "localhost", "groups": "0", "named": "true",
		"CapInh:": "0000000000000000", "CapPrm:": "0000000000000000", "CapEff:": "0000000000000000",
		"CapBnd:": "0000000000000000", "CapAmb:": "0000000000000000", "NoNewPrivs:": "1", "files": "1024 1024",
		"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "LAMBDA_TASK_ROOT": "/var/task", "LAMBDA_RUNTIME_DIR": "/var/runtime",
		"HOME": "/tmp", "TMPDIR": "/tmp", "PLACE": "/var/task/x",
	} {
		if got := i.says(words + " "); got != want {
			t.Errorf("%s is %q, not %q", words, got, want)
		}
	}
	if strings.Contains(i.output.String(), "\nopen ") {
		t.Errorf("descriptors are open: %s", i.output)
	}
	one, another := start(t, s, "call"), start(t, s, "call")
	for _, caller := range []*running{one, another} {
		id := caller.Instance.(*container).spec.ID
		if got := caller.says("answer "); got != id {
			t.Errorf("the Runtime API of %s answers %q", id, got)
		}
	}
	for measure, want := range map[string][]string{"boundary of " + filepath.Base(s.program): s.Isolation().Enforced, callFilter + ": left to the OCI runtime": s.Isolation().Missing} {
		if !slices.Contains(want, measure) {
			t.Errorf("%q is not reported: %+v", measure, s.Isolation())
		}
	}
}

func TestHowContainersEnd(t *testing.T) { eachOCIRuntime(t, endContainers) }

func endContainers(t *testing.T, s *containers) {
	if e := start(t, s, "exit").ended(); e.Code != 7 || e.Signal != "" || e.OutOfMemory {
		t.Errorf("exit status 7: %+v", e)
	}
	if e := start(t, s, "memory", "1500").ended(); !e.OutOfMemory || e.Signal != "SIGKILL" {
		t.Errorf("1500 MB of 128 MB: %+v", e)
	}
	asked := start(t, s, "term")
	asked.says("ready")
	asked.Terminate()
	if e := asked.ended(); e.Code != 3 {
		t.Errorf("who was asked to end: %+v", e)
	}
	for reason, change := range map[string]func(path string) error{
		"bootstrap is missing: the package has no such file": os.Remove,
		"bootstrap is empty": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o755))
		},
	} {
		e := startWith(t, s, func(spec *Spec) {
			if err := change(filepath.Join(spec.TaskDir, "bootstrap")); err != nil {
				t.Fatal(err)
			}
		}, "echo").ended()
		if e.StartError != reason {
			t.Errorf("it ended so: %+v, not for %q", e, reason)
		}
	}
}

func TestAContainerCannotTouchTheHost(t *testing.T) { eachOCIRuntime(t, attackHost) }

func attackHost(t *testing.T, s *containers) {
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	targets := []string{secret, s.dir, s.options.Dir, "/home", "/root", "/etc/shadow", "/dev/mem", "/dev/kmsg", "/proc/kcore"}
	if filepath.Base(s.program) != "runsc" { // whose /sys is its own kernel's, and not the host's
		targets = append(targets, "/sys/kernel")
	}
	i := start(t, s, "attack", targets...)
	i.says("attacked")
	for line := range strings.Lines(i.output.String()) {
		if strings.HasPrefix(line, "possible: ") {
			t.Error(strings.TrimSpace(line))
		}
	}
	// More than there is memory.
	full := startWith(t, s, func(spec *Spec) { spec.EphemeralStorage = 200 }, "fill-tmp")
	if got := full.says("full "); got != "200 true" {
		t.Errorf("writing to /tmp came to %q, not to 200 MB and ENOSPC", got)
	}
	family := start(t, s, "family")
	family.says("ready")
	pids := processesOf(family)
	if len(pids) < 2 {
		t.Fatalf("the family's processes are %v", pids)
	}
	family.Kill()
	family.ended()
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %d outlived its container", pid)
		}
	}
}

func TestNothingOfAKilledRuntimesContainersStays(t *testing.T) {
	for when, buried := range map[string]bool{"at once": true, "once the next has started": false} {
		for _, name := range ociTools {
			t.Run(name+" "+when, func(t *testing.T) { killRuntime(t, ociRuntime(t, name), buried) })
		}
	}
}

// killRuntime kills a runtime with a container, and its shim as well unless that is to bury
// the runtime.
func killRuntime(t *testing.T, program string, buried bool) {
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe", dir, program, taskDir(t))
	cmd.Env = append(os.Environ(), programVariable+"=containers")
	output, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill() //nolint:errcheck // it was killed already, unless the test failed
		cmd.Wait()         //nolint:errcheck // as above
	})
	told := map[string]string{}
	for text := bufio.NewScanner(output); text.Scan() && text.Text() != "ready"; {
		what, value, _ := strings.Cut(text.Text(), " ")
		told[what] = value
	}
	shim, err1 := strconv.Atoi(told["shim"])
	first, err2 := strconv.Atoi(told["instance"])
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	if !buried {
		if err := unix.Kill(shim, unix.SIGSTOP); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait() //nolint:errcheck // it was killed
	if !buried {
		if err := unix.Kill(shim, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the shim ends", func() bool { return !alive(shim) })
		if !alive(first) {
			t.Fatal("nothing is left for the next runtime")
		}
		next, err := New(t.Context(), Options{Dir: dir, Mode: ModeOCI, OCIRuntime: program})
		if err != nil {
			t.Fatal(err)
		}
		if err := next.Close(); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "container, cgroups and folders are gone", func() bool {
		left, err := filepath.Glob("/sys/fs/cgroup/*/" + told["group"])
		folders, err2 := os.ReadDir(dir)
		return !alive(first) && errors.Join(err, err2) == nil && len(left)+len(folders) == 0
	})
}

func TestWhatKeepsContainersFromStarting(t *testing.T) {
	for want, o := range map[string]Options{
		"the OCI runtime no-such is not a program that this user can execute; name another, or none to have crun, runc, runsc, kata-runtime looked for": {Mode: ModeOCI, OCIRuntime: "no-such"},
		"an OCI runtime is named, and isolation is auto; use isolation oci":                                                                             {OCIRuntime: "runc"},
	} {
		o.Dir = t.TempDir()
		if _, err := New(t.Context(), o); err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
	if _, err := New(t.Context(), Options{Dir: t.TempDir(), Mode: ModeOCI, OCIRuntime: "/bin/false"}); err == nil ||
		!strings.HasPrefix(err.Error(), "isolation oci: start instance rehearsal: false ran no container: ") {
		t.Errorf("an OCI runtime that is none: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	want := "isolation oci needs an OCI runtime, and none of crun, runc, runsc, kata-runtime is on the PATH; install one, or use auto"
	if _, err := New(t.Context(), Options{Dir: t.TempDir(), Mode: ModeOCI}); err == nil || err.Error() != want {
		t.Errorf("%v, not %s", err, want)
	}
}

// Who gives a start up does not wait for an OCI runtime that is not done, and leaves
// nothing of it.
func TestAStartOfAContainerCanBeGivenUp(t *testing.T) {
	folder, dir := t.TempDir(), t.TempDir()
	program, begun := filepath.Join(folder, "slow"), filepath.Join(folder, "begun")
	script := "#!/bin/sh\necho $$ >" + begun + ".new && mv " + begun + ".new " + begun + "\nexec sleep 1000\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := New(ctx, Options{Dir: dir, Mode: ModeOCI, OCIRuntime: program})
		ended <- err
	}()
	var pid int
	eventually(t, "the OCI runtime is started", func() bool {
		text, err := os.ReadFile(begun)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(text)))
		return err == nil
	})
	giveUp()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("it ended so: %v", err)
		}
	case <-time.After(patience):
		unix.Kill(pid, unix.SIGKILL) //nolint:errcheck // the test has failed
		t.Fatal("the start goes on")
	}
	if alive(pid) {
		t.Errorf("the OCI runtime goes on as process %d", pid)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("folders are left: %v %v", left, err)
	}
}

// runContainers is a runtime with one container, until it is killed.
func runContainers(args []string) {
	os.Unsetenv(programVariable)
	s, err := New(context.Background(), Options{Dir: args[0], Mode: ModeOCI, OCIRuntime: args[1]})
	must(err)
	output, input := net.Pipe()
	i, err := s.Start(context.Background(), functionSpec(args[2], "family", input, "family"))
	must(err)
	if line, err := bufio.NewReader(output).ReadString('\n'); line != "ready\n" {
		must(errors.Join(err, fmt.Errorf("the family said %q", line)))
	}
	fmt.Println("instance", i.PID())
	for _, pid := range processes() {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil || !strings.HasPrefix(string(name), shimName+"\x00") {
			continue
		}
		if fields, err := statOf(pid); err == nil && fields[1] == strconv.Itoa(os.Getpid()) {
			fmt.Println("shim", pid)
		}
	}
	fmt.Println("group", i.(*container).groupPath) //nolint:forcetypeassert // it is one in this mode
	ready()
	forever()
}
