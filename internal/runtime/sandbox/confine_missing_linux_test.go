//go:build amd64 || arm64

package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

func init() { programs["old-kernel"] = runOnOldKernel }

// runOnOldKernel makes a sandbox where neither Landlock nor filters are known, by a filter
// around this whole process that says so.
func runOnOldKernel(args []string) {
	os.Unsetenv(programVariable)
	rulings := map[uint32]confine.Ruling{}
	for number := range uint32(confine.LastCall + 1) {
		rulings[number] = confine.Ruling{Otherwise: confine.Allow}
	}
	for _, number := range []uint32{unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_SECCOMP} {
		rulings[number] = confine.Ruling{Otherwise: confine.Absent}
	}
	filter, err := confine.Filter(rulings)
	must(err)
	runtime.LockOSThread()
	must(refusePrivileges())
	program := unix.SockFprog{Len: uint16(len(filter) / 8), Filter: (*unix.SockFilter)(unsafe.Pointer(&filter[0]))}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program))); errno != 0 {
		must(errno)
	}
	s, err := New(context.Background(), Options{Dir: args[0]})
	must(err)
	for _, measure := range s.Isolation().Missing {
		fmt.Println("missing", measure)
	}
	i, err := s.Start(context.Background(), functionSpec(args[1], "echo", os.Stdout, "echo", "it", "runs"))
	must(err)
	<-i.Done()
	must(s.Close())
	_, err = New(context.Background(), Options{Dir: args[0], Mode: ModeStrict})
	fmt.Println("strict", err)
}

func TestAKernelWithoutLandlockAndFiltersIsReported(t *testing.T) {
	if confine.FilterMissing() != "" {
		return // it is such a one, and every other test shows what then is
	}
	dir, task := t.TempDir(), taskDir(t)
	cmd := exec.Command(filepath.Join(task, "bootstrap"), dir, task)
	cmd.Env = append(os.Environ(), programVariable+"=old-kernel")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"missing " + callFilter + ": this host's kernel has no system-call filters",
		"missing " + landlocked + ": this host's kernel has no Landlock",
		"it runs\n", "strict isolation strict cannot be had on this host; missing: ",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q: %s", want, out)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("folders are left: %v %v", left, err)
	}
}
