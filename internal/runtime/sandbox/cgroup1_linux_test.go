package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/cgroups"
)

// Two that are in the same cgroup, or beside each other in one, share a processor by
// their own weights, and whatever is above them does not matter.
func TestAnInstanceWeighsAsMuchAsAProcessOfTheRuntime(t *testing.T) {
	h := newSandbox(t, ModeAuto)
	if reason, missing := h.groups.missing()[cpuController]; missing {
		t.Logf("processor time is not limited on this host: %s", reason)
		return
	}
	i := start(t, h, "wait")
	i.says("ready")
	g, ok := i.Instance.(*instance).prepared.group.(*group1)
	if !ok {
		t.Log("this host has cgroups v2, where a process has no weight of its own")
		return
	}
	own, err := cgroups.GetOwnCgroupPath(cpuController)
	if err != nil {
		t.Fatal(err)
	}
	dir := g.dirs[cpuController]
	if filepath.Dir(dir) != own {
		t.Errorf("the instance's cgroup %s is not right below the runtime's %s", dir, own)
	}
	const process = "1024" // what the kernel gives a process with nice value 0
	if shares, err := os.ReadFile(filepath.Join(dir, "cpu.shares")); err != nil || strings.TrimSpace(string(shares)) != process {
		t.Errorf("the instance has %s shares, not %s (%v)", shares, process, err)
	}
}
