package harness

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// envTaken makes this test's program, started once more, try to reserve a port.
const envTaken = "TIDEGATE_TEST_PORT"

func TestAPortIsHandedOutOnceWhileItsProcessRuns(t *testing.T) {
	if port, err := strconv.Atoi(os.Getenv(envTaken)); err == nil {
		mine, err := ports.reserve(port)
		t.Logf("mine: %v, %v", mine, err)
		return
	}
	port, err := FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := ports.reserve(port); again || err != nil {
		t.Errorf("a second time: %v, %v", again, err)
	}
	ask := func(port int) string {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), envTaken+"="+strconv.Itoa(port))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	if said := ask(port); !strings.Contains(said, "mine: false, <nil>") {
		t.Errorf("another process may have it, too:\n%s", said)
	}
	// One that is nobody's, beyond what is handed out, and asked for by no other run of this test.
	if said := ask(lastPort + os.Getpid()); !strings.Contains(said, "mine: true, <nil>") {
		t.Errorf("another process has no port at all:\n%s", said)
	}
}
