package sandbox

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// isolated are the modes to test on this host; plain processes work everywhere.
func eachMode(t *testing.T, test func(t *testing.T, h *host)) {
	for _, mode := range []Mode{ModeAuto, ModeProcess} {
		t.Run(string(mode), func(t *testing.T) { test(t, newSandbox(t, mode)) })
	}
}

func TestAFunctionSeesItsOwnWorldOnly(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("this host has no namespaces: %v", h.Isolation().Missing)
		return
	}
	i := start(t, h, "world")
	for words, want := range map[string]string{
		"directory":          "/var/task",
		"pid":                "2",
		"groups":             "0",
		"hostname":           "localhost",
		"CapInh:":            "0000000000000000",
		"CapPrm:":            "0000000000000000",
		"CapEff:":            "0000000000000000",
		"CapBnd:":            "0000000000000000",
		"CapAmb:":            "0000000000000000",
		"NoNewPrivs:":        "1",
		"Seccomp:":           "2",
		"list /var":          "cache runtime runtime-api task",
		"list /dev":          "fd full null random stderr stdin stdout urandom zero",
		"files":              "1024 1024",
		"named":              "true",
		"LAMBDA_TASK_ROOT":   "/var/task",
		"LAMBDA_RUNTIME_DIR": "/var/runtime",
		"HOME":               "/tmp",
		"TMPDIR":             "/tmp",
		"PLACE":              "/var/task/x",
	} {
		if got := i.says(words + " "); got != want {
			t.Errorf("%s: %q, not %q", words, got, want)
		}
	}
	for _, name := range strings.Fields(i.says("list / ")) {
		known := []string{"bin", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "opt", "proc", "sbin", "tmp", "usr", "var"}
		if !slices.Contains(known, name) {
			t.Errorf("/%s is in the instance's root", name)
		}
	}
	i.says("descriptors")
	if strings.Contains(i.output.String(), "\nopen ") {
		t.Errorf("descriptors are left open: %s", i.output)
	}
	if uids := strings.Fields(i.says("uid ")); uids[0] == "0" || uids[1] != uids[0] || uids[2] != uids[0] {
		t.Errorf("user, effective user and group are %v", uids)
	}
	if e := i.ended(); e.Code != 0 || e.Signal != "" || e.StartError != "" || e.OutOfMemory {
		t.Errorf("exit is %+v", e)
	}
}

func TestAPlainProcessSeesWhereItsPackageIs(t *testing.T) {
	h := newSandbox(t, ModeProcess)
	task := ""
	i := startWith(t, h, func(s *Spec) { task = s.TaskDir }, "world")
	for words, want := range map[string]string{"directory": task, "LAMBDA_TASK_ROOT": task, "PLACE": task + "/x", "files": "1024 1024"} {
		if got := i.says(words + " "); got != want {
			t.Errorf("%s: %q, not %q", words, got, want)
		}
	}
	tmp := i.says("TMPDIR ")
	if !strings.HasPrefix(tmp, h.dir) {
		t.Errorf("TMPDIR is %s, not the instance's own folder", tmp)
	}
	i.ended()
	if _, err := os.Stat(tmp); err == nil {
		t.Errorf("%s is left", tmp)
	}
}

func TestExitTellsHowAnInstanceEnded(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		t.Run("status", func(t *testing.T) {
			if e := start(t, h, "exit").ended(); e.Code != 7 || e.Signal != "" {
				t.Errorf("exit is %+v", e)
			}
		})
		t.Run("crash", func(t *testing.T) {
			// The first process of a pid namespace does not die of a signal of its own; Go
			// turns it into a status.
			if e := start(t, h, "crash").ended(); e.Code == 0 {
				t.Errorf("exit is %+v", e)
			}
		})
		t.Run("kill", func(t *testing.T) {
			i := start(t, h, "wait")
			i.says("ready")
			i.Kill()
			i.Kill()
			if e := i.ended(); e.Code != -1 || e.Signal != "SIGKILL" || e.OutOfMemory || e.At.IsZero() {
				t.Errorf("exit is %+v", e)
			}
			i.Kill()
		})
		t.Run("terminate", func(t *testing.T) {
			i := start(t, h, "term")
			i.says("ready")
			i.Terminate()
			if e := i.ended(); e.Code != 3 {
				t.Errorf("exit is %+v", e)
			}
			i.Terminate()
		})
	})
}

func TestArgumentsAndOutputPassThrough(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := start(t, h, "echo", "a b", "ü", Task)
		i.ended()
		task := "/var/task"
		if h.namespace == noNamespaces {
			task = i.Instance.(*instance).spec.TaskDir
		}
		if got, want := i.output.String(), "a b ü "+task+"\n"; got != want {
			t.Errorf("output is %q, not %q", got, want)
		}
	})
}

func TestTheWholeTreeEnds(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := start(t, h, "family")
		i.says("ready")
		tree := treeOf(i)
		if len(tree) < 6 {
			t.Fatalf("the tree has %d processes, not 6", len(tree))
		}
		i.Kill()
		i.ended()
		for _, pid := range tree {
			if alive(pid) {
				t.Errorf("process %d outlived its instance", pid)
			}
		}
	})
}

// treeOf lists the instance's processes, also those that left the tree.
func treeOf(i *running) []int {
	var pids []int
	inside := i.Instance.(*instance)
	address := "\x00AWS_LAMBDA_RUNTIME_API=" + inside.prepared.address + "\x00"
	namespace := namespaceOf(inside.PID(), "pid")
	for _, pid := range processes() {
		own := strings.Contains(environmentOf(pid), address)
		if inside.host.namespace != noNamespaces {
			own = own && namespaceOf(pid, "pid") == namespace
		}
		if own {
			pids = append(pids, pid)
		}
	}
	return pids
}

// namespaceOf identifies a process's namespace of a kind.
func namespaceOf(pid int, kind string) string {
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
	if err != nil {
		return ""
	}
	return namespace
}

func alive(pid int) bool {
	fields, err := statOf(pid)
	return err == nil && fields[0] != "Z"
}

func TestOutputThatNobodyTakesHoldsTheFunctionBack(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		slow := &gate{open: make(chan struct{}), reached: make(chan struct{})}
		i := startWith(t, h, func(s *Spec) { s.Output = slow }, "flood")
		<-slow.reached
		// The pipe fills up and the writer sleeps.
		eventually(t, "the flooding function waits", func() bool {
			fields, err := statOf(i.PID())
			return err == nil && fields[0] == "S"
		})
		close(slow.open)
		i.Kill()
		i.ended()
		if slow.written > 1<<20 {
			t.Errorf("%d bytes were taken from a function that was held back", slow.written)
		}
	})
}

// A gate lets nothing pass until it is open.
type gate struct {
	open, reached chan struct{}
	written       int
}

func (g *gate) Write(p []byte) (int, error) {
	if g.written == 0 {
		close(g.reached)
	}
	<-g.open
	g.written += len(p)
	return len(p), nil
}

func TestAnOutputThatFailsDoesNotStopTheFunction(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		r, w := io.Pipe()
		r.Close()
		i := startWith(t, h, func(s *Spec) { s.Output = w }, "echo", strings.Repeat("x", 100<<10))
		if e := i.ended(); e.Code != 0 {
			t.Errorf("exit is %+v", e)
		}
	})
}

func TestEachInstanceHasItsOwnRuntimeAPI(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	victim := start(t, h, "wait")
	victim.says("ready")
	intruder := start(t, h, "call", victim.Instance.(*instance).prepared.address, localRuntimeAPI)
	intruder.ended()
	id := intruder.Instance.(*instance).spec.ID
	if slices.ContainsFunc(h.Isolation().Missing, func(m string) bool { return strings.HasPrefix(m, runtimeAPIUser) }) {
		t.Logf("instances share a user and a network on this host: %v", h.Isolation().Missing)
		return
	}
	// In a network of its own, the address is its own.
	want := "answer " + id + "\nanswer " + id + "\nanswer " + id + "\n"
	switch {
	case intruder.Instance.(*instance).prepared.network == hostNetwork:
		want = "refused\nrefused\nanswer " + id + "\n"
	case !refusesDescriptors(t):
		want = "answer " + id + "\nrefused\nanswer " + id + "\n"
	}
	if got := intruder.output.String(); got != want {
		t.Errorf("calling another's Runtime API, and then its own in both ways, printed %q, not %q", got, want)
	}
}

// refusesDescriptors tells whether the kernel can keep descriptors from being passed over
// a UNIX socket.
func refusesDescriptors(t *testing.T) bool {
	t.Helper()
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(s)
	return unix.SetsockoptInt(s, unix.SOL_SOCKET, soPassRights, 0) == nil
}

func TestStartRefusesWhatCannotBe(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	good := functionSpec(taskDir(t), "a", io.Discard, "wait")
	for name, c := range map[string]struct {
		change func(*Spec)
		want   string
	}{
		"id":          {func(s *Spec) { s.ID = "../x" }, "is not made of"},
		"no program":  {func(s *Spec) { s.Argv = nil }, "Argv is empty"},
		"no api":      {func(s *Spec) { s.RuntimeAPI = nil }, "RuntimeAPI is nil"},
		"no memory":   {func(s *Spec) { s.Memory = 0 }, "Memory is 0 MB"},
		"no storage":  {func(s *Spec) { s.EphemeralStorage = 0 }, "EphemeralStorage is 0 MB"},
		"no task":     {func(s *Spec) { s.TaskDir = "x" }, "is not an absolute path"},
		"lost task":   {func(s *Spec) { s.TaskDir = "/does/not/exist" }, "no such file or directory"},
		"environment": {func(s *Spec) { s.Env = []string{"A=" + strings.Repeat("x", 1<<20)} }, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := good
			c.change(&spec)
			i, err := h.Start(t.Context(), spec)
			if err == nil {
				<-i.Done() // a program that could not be executed
				err = fmt.Errorf("%s", i.Exit().StartError)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%q does not say %q", err, c.want)
			}
		})
	}
}

func TestTheShimIsReplacedWhenItDies(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := start(t, h, "wait")
		i.says("ready")
		parent, err := statOf(i.PID())
		if err != nil {
			t.Fatal(err)
		}
		shim, err := strconv.Atoi(parent[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Kill(shim, unix.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if e := i.ended(); e.Signal != "SIGKILL" {
			t.Errorf("exit is %+v", e)
		}
		if next := start(t, h, "echo", "again"); next.says("again") != "" {
			t.Error("the next instance does not run")
		}
	})
}

func TestManyInstancesStartAtOnce(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		task := taskDir(t)
		var all sync.WaitGroup
		for n := range 100 {
			all.Go(func() {
				output := &lines{changed: make(chan struct{})}
				id := fmt.Sprintf("many-%d", n)
				spec := functionSpec(task, id, output, "")
				spec.Argv = []string{"/bin/echo", id}
				i, err := h.Start(t.Context(), spec)
				if err != nil {
					t.Error(err)
					return
				}
				<-i.Done()
				if e := i.Exit(); e.Code != 0 || output.String() != id+"\n" {
					t.Errorf("%s ended with %+v and said %q", id, e, output)
				}
			})
		}
		all.Wait()
	})
}

func TestLayersAndInterpretersCanBothBeInOpt(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		return
	}
	layers := t.TempDir()
	if err := os.Chmod(layers, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(layers, "file"), []byte("from a layer\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	interpreter, err := os.MkdirTemp("/opt", "sandbox-test-*")
	if err != nil {
		t.Logf("this user may not write to /opt: %v", err)
		return
	}
	defer os.RemoveAll(interpreter)
	if err := os.Chmod(interpreter, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(interpreter, "file"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cat := func(readable ...string) string {
		i := startWith(t, h, func(s *Spec) {
			s.LayersDir, s.Readable = layers, readable
			s.Argv = []string{"/bin/cat", Layers + "/file", interpreter + "/file"}
		}, "cat")
		i.ended()
		return i.output.String()
	}
	if got := cat(interpreter); got != "from a layer\nfrom the host\n" {
		t.Errorf("with an interpreter in /opt it reads %q", got)
	}
	if got := cat(); !strings.HasPrefix(got, "from a layer\n") || strings.Contains(got, "from the host") {
		t.Errorf("without one it reads %q", got)
	}
}

func TestNothingStartsAfterClose(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	i := start(t, h, "wait")
	i.says("ready")
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if e := i.ended(); e.Signal != "SIGKILL" {
		t.Errorf("exit is %+v", e)
	}
	if _, err := h.Start(t.Context(), functionSpec(taskDir(t), "late", io.Discard, "wait")); err == nil {
		t.Error("a closed sandbox starts instances")
	}
}

func TestAProgramThatCannotBeExecutedIsToldInASentence(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		for name, c := range map[string]struct {
			prepare func(bootstrap string) error
			want    string
		}{
			"missing":        {os.Remove, "bootstrap is missing: the package has no such file"},
			"not executable": {func(b string) error { return rewrite(b, "#!/bin/sh\n", 0o644) }, "bootstrap is not executable (mode 0644); make it so before packaging (chmod +x)"},
			"interpreter":    {func(b string) error { return rewrite(b, "#!/no/shell\n", 0o755) }, `bootstrap asks for the interpreter "/no/shell", which is not there`},
			"no program":     {func(b string) error { return rewrite(b, "hello\n", 0o755) }, "bootstrap is neither a Linux program nor a script that begins with #!"},
		} {
			t.Run(name, func(t *testing.T) {
				i := startWith(t, h, func(s *Spec) {
					if err := c.prepare(filepath.Join(s.TaskDir, "bootstrap")); err != nil {
						t.Fatal(err)
					}
				}, "echo")
				if e := i.ended(); e.StartError != c.want || e.Code != -1 {
					t.Errorf("exit is %+v, not %q", e, c.want)
				}
			})
		}
	})
}

// rewrite replaces a file; the old one is this test's own binary, linked.
func rewrite(path, content string, mode os.FileMode) error {
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), mode)
}

func TestOrphansAreReaped(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	i := startWith(t, h, func(s *Spec) {
		s.Argv = []string{"/bin/sh", "-c", `for i in 1 2 3 4 5; do (true & exit); done; echo ready; exec tail -f /dev/null`}
	}, "shell")
	i.says("ready")
	if h.namespace == noNamespaces {
		return
	}
	eventually(t, "the orphans are gone", func() bool {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/root/proc", i.PID()))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range entries {
			if _, err := strconv.Atoi(e.Name()); err == nil {
				n++
			}
		}
		return n == 2 // the first process and the function
	})
}

// A program that handles no signals ends by SIGTERM all the same, which the first
// process of a pid namespace would not.
func TestTerminateEndsWhoDoesNotListen(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := startWith(t, h, func(s *Spec) {
			s.Argv = []string{"/bin/sh", "-c", "echo ready; exec tail -f /dev/null"}
		}, "shell")
		i.says("ready")
		i.Terminate()
		if e := i.ended(); e.Signal != "SIGTERM" || e.Code != -1 {
			t.Errorf("exit is %+v", e)
		}
	})
}

func BenchmarkStart(b *testing.B) {
	for _, mode := range []Mode{ModeAuto, ModeProcess} {
		b.Run(string(mode), func(b *testing.B) {
			h := newSandbox(b, mode)
			spec := functionSpec(taskDir(b), "", nil, "")
			spec.Argv = []string{"/bin/true"}
			took := make([]time.Duration, 0, b.N)
			for n := range b.N {
				spec.ID = fmt.Sprintf("bench-%d", n)
				begin := time.Now()
				i, err := h.Start(b.Context(), spec)
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begin))
				<-i.Done()
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms-p50")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "ms-p99")
		})
	}
}
