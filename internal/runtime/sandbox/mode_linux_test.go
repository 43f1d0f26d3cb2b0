package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/runtime/sandbox/confine"
)

func TestModes(t *testing.T) {
	for mode, want := range map[Mode]string{
		"total": `isolation "total" is unknown; use auto, strict, process or oci`,
	} {
		if _, err := New(t.Context(), Options{Dir: t.TempDir(), Mode: mode}); err == nil || err.Error() != want {
			t.Errorf("mode %s: %v, not %s", mode, err, want)
		}
	}
	if _, err := New(t.Context(), Options{}); err == nil {
		t.Error("a sandbox needs no folder")
	}
}

// What auto could not have, strict refuses to be without.
func TestStrictIsAutoWithNothingMissing(t *testing.T) {
	lacking := newSandbox(t, ModeAuto).Isolation().Missing
	s, err := New(t.Context(), Options{Dir: t.TempDir(), Mode: ModeStrict})
	if len(lacking) == 0 {
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // newSandbox tests that
		if mode := s.Isolation().Mode; mode != "strict" {
			t.Errorf("the mode is %s", mode)
		}
		return
	}
	if err == nil {
		s.Close() //nolint:errcheck // newSandbox tests that
		t.Fatalf("strict starts without %v", lacking)
	}
	for _, missing := range lacking {
		// Why is told by names that another look at the host does not find again.
		measure, _, _ := strings.Cut(missing, ": ")
		if !strings.Contains(err.Error(), measure) {
			t.Errorf("%q does not name %q", err, measure)
		}
	}
}

func TestProcessModeSaysWhatItDoesWithout(t *testing.T) {
	isolation := newSandbox(t, ModeProcess).Isolation()
	if isolation.Mode != "process" {
		t.Errorf("the mode is %s", isolation.Mode)
	}
	for _, measure := range []string{mountNamespace, ownUser, privateTmp, noCapabilities} {
		if !slices.ContainsFunc(isolation.Missing, func(m string) bool { return strings.HasPrefix(m, measure+": ") }) {
			t.Errorf("%s is not among what is missing: %v", measure, isolation.Missing)
		}
	}
}

// ordinaryUser is a user of the tests'.
const ordinaryUser = 54321

// ordinaryUsersFolder is a folder of that user's.
func ordinaryUsersFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chown(dir, ordinaryUser, ordinaryUser); err != nil {
		t.Fatal(err)
	}
	// The folder of a test's folders is the tester's own.
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// An ordinary user has no cgroups here, and namespaces if the host allows.
func TestAnOrdinaryUserGetsWhatTheHostAllows(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("every other test here runs as an ordinary user already")
		return
	}
	task := taskDir(t)
	cmd := exec.Command(filepath.Join(task, "bootstrap"), ordinaryUsersFolder(t), task)
	cmd.Env = append(os.Environ(), programVariable+"=user")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: ordinaryUser, Gid: ordinaryUser}}
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, want := range []string{
		"missing own user per instance: the runtime does not run as root, and its user's subordinate ids cannot be used: ",
		"missing memory limit: this user may not make memory cgroups; it is watched instead\n",
		"OutOfMemory:true",
		"greeting hello <nil>\n",
		"strict isolation strict cannot be had on this host; missing: ",
		"left 0\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	if !strings.Contains(text, "enforced mount namespace\n") {
		t.Logf("this host gives an ordinary user no namespaces: %s", text)
		return
	}
	for _, want := range []string{"directory /var/task\n", "pid 2\n", "uid 993 993 993\n", "CapInh: 0000000000000000\n", "CapEff: 0000000000000000\n", "attacked\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q: %s", want, text)
		}
	}
	if _, rest, _ := strings.Cut(text, "\nstarted "); processesCounted(false, true) {
		var started int
		if _, err := fmt.Sscan(rest, &started); err != nil || started > maxProcesses {
			t.Errorf("%d processes could be started (%v); the limit is %d with their threads", started, err, maxProcesses)
		}
	}
	if strings.Contains(text, "possible: ") || confine.FilterMissing() == "" && strings.Contains(text, "reached: ") {
		t.Errorf("a function could do what it must not: %s", text)
	}
}
