package sandbox

import (
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/sandboxtest"
)

func TestAFunctionCannotTouchTheHost(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("this host has no namespaces: %v", h.Isolation().Missing)
		return
	}
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	neighbour := start(t, h, "family")
	neighbour.says("ready")
	if err := os.WriteFile(filepath.Join("/proc", strconv.Itoa(neighbour.PID()), "root/tmp/theirs"), []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	pid := strconv.Itoa(neighbour.PID())
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, h, "attack",
		secret, h.dir, h.options.Dir, home, "/home", "/root", "/mnt", "/sys", "/run", "/var/lib", "/var/log",
		"/etc/shadow", "/etc/hostname", "/etc/machine-id", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/shm",
		"/tmp/theirs", "/proc/kcore", "/proc/kmsg", "/proc/1/mem/../../../../"+secret,
		"/proc/"+pid+"/environ", "/proc/"+pid+"/root/tmp/theirs", "/var/task/../../"+secret)
	i.says("attacked")
	for line := range strings.Lines(i.output.String()) {
		if strings.HasPrefix(line, "possible: ") {
			t.Error(strings.TrimSpace(line))
		}
	}
	if _, err := os.Stat("/evil"); err == nil {
		t.Error("the function wrote to the host's root")
	}
	entries, err := os.ReadDir(i.Instance.(*instance).spec.TaskDir)
	if err != nil || len(entries) != 1 {
		t.Errorf("the package is not as it was: %v %v", entries, err)
	}
}

func TestALinkInThePackageLeadsNowhere(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("this host has no namespaces: %v", h.Isolation().Missing)
		return
	}
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	i := startWith(t, h, func(s *Spec) {
		if err := os.Symlink(secret, filepath.Join(s.TaskDir, "link")); err != nil {
			t.Fatal(err)
		}
	}, "attack", "/var/task/link")
	i.says("attacked")
	if strings.Contains(i.output.String(), "possible: read") {
		t.Error("a symbolic link in the package leads to the host's file")
	}
}

func TestAForkBombIsBounded(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason, missing := h.groups.missing()[pidsController]; missing {
		t.Logf("processes are not limited on this host: %s", reason)
		return
	}
	bystander := start(t, h, "term")
	bystander.says("ready")
	bomb := startWith(t, h, func(s *Spec) { s.Memory = 10240 }, "fork-bomb")
	started, err := strconv.Atoi(bomb.says("started "))
	if err != nil || started > maxProcesses {
		t.Errorf("%d processes could be started (%v); the limit is %d with their threads", started, err, maxProcesses)
	}
	bomb.says("ready")
	tree := treeOf(bomb)
	bomb.Kill()
	bomb.ended()
	for _, pid := range tree {
		if alive(pid) {
			t.Fatalf("process %d of %d outlived the fork bomb", pid, len(tree))
		}
	}
	bystander.Terminate()
	if e := bystander.ended(); e.Code != 3 {
		t.Errorf("the function beside the fork bomb ended so: %+v", e)
	}
}

func TestAMemoryBombIsEnded(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		within := start(t, h, "memory", "80")
		within.says("ready")
		bomb := start(t, h, "memory", "1500")
		e := bomb.ended()
		if !e.OutOfMemory || e.Signal != "SIGKILL" {
			t.Errorf("exit is %+v", e)
		}
		if peak := bomb.MemoryPeak(); peak < 100<<20 {
			t.Errorf("its peak is %d bytes, of 128 MB allowed", peak)
		}
		if peak := within.MemoryPeak(); peak < 80<<20 || peak > 128<<20 {
			t.Errorf("the peak of who took 80 MB is %d bytes", peak)
		}
		within.Kill()
		if e := within.ended(); e.OutOfMemory {
			t.Errorf("who stayed within the limit ended so: %+v", e)
		}
	})
}

func TestMemoryJustOverTheLimitIsNoticed(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		if e := start(t, h, "memory", "150").ended(); !e.OutOfMemory {
			t.Errorf("150 MB of 128 MB: %+v", e)
		}
	})
}

func TestTmpHasItsSizeAndIsNoMemory(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if h.namespace == noNamespaces {
		t.Logf("/tmp has no size on this host: %v", h.Isolation().Missing)
		return
	}
	i := startWith(t, h, func(s *Spec) { s.EphemeralStorage = 600 }, "fill-tmp")
	if got := i.says("full "); got != "600 true" {
		t.Errorf("writing to /tmp came to %q, not to 600 MB and ENOSPC", got)
	}
	i.says("ready")
	if peak := i.MemoryPeak(); peak > 128<<20 {
		t.Errorf("the memory's peak is %d bytes: /tmp was counted", peak)
	}
	i.Kill()
	if e := i.ended(); e.OutOfMemory {
		t.Errorf("a function that filled /tmp ended so: %+v", e)
	}
}

func TestProcessorTimeIsLimitedOnceInitialized(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason, missing := h.groups.missing()[cpuController]; missing {
		t.Logf("processor time is not limited on this host: %s", reason)
		return
	}
	started := make(chan Instance, 1)
	i := startWith(t, h, func(s *Spec) {
		s.CPUs = 0.2
		s.RuntimeAPI = sandboxtest.API{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			(<-started).Initialized()
		})}
	}, "spin")
	started <- i.Instance
	percent, err := strconv.Atoi(i.says("percent "))
	if err != nil || percent > 30 { // a busy host gives less
		t.Errorf("a fifth of a processor gave %d %% (%v)", percent, err)
	}
}

func TestOpenFilesAreLimited(t *testing.T) {
	eachMode(t, func(t *testing.T, h *host) {
		i := start(t, h, "descriptor")
		opened, full, _ := strings.Cut(i.says("opened "), " ")
		if n, err := strconv.Atoi(opened); err != nil || n < 900 || n > maxOpenFiles || full != "true" {
			t.Errorf("opened %s files, then EMFILE: %s", opened, full)
		}
	})
}
