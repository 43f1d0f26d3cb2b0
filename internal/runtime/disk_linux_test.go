package runtime_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// startNodeOnSmallDisk starts serve with its data on a disk of its own, in a
// mount namespace that is gone with the process. It returns the disk's path as
// this process reaches it.
func startNodeOnSmallDisk(t *testing.T, megabytes int) (*node, string) {
	t.Helper()
	binary, err := harness.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	data, ready, logPath := filepath.Join(dir, "data"), filepath.Join(dir, "ready.json"), filepath.Join(dir, "serve.log")
	if err := os.Mkdir(data, 0o700); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf(`mount -t tmpfs -o size=%dm tmpfs "$0" && exec "$@"`, megabytes)
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, data,
		binary, "serve", "--listen", "127.0.0.1:0", "--ingress", "127.0.0.1:0", "--data-dir", data, "--ready-file", ready, "--isolation", "process")
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	log, err := os.Create(logPath)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("serve did not end in order: %v", err)
			}
		case <-time.After(patience):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			t.Error("serve did not end")
		}
		if text, _ := os.ReadFile(logPath); t.Failed() {
			t.Logf("its log:\n%s", text)
		}
	})
	n := &node{&harness.Runtime{}, t}
	wait(t, "serve to be ready", func() bool {
		var said struct {
			Endpoint, Ingress string
			TokenFile         string `json:"token_file"`
		}
		text, err := os.ReadFile(ready)
		if err != nil || json.Unmarshal(text, &said) != nil {
			return false
		}
		token, err := os.ReadFile(said.TokenFile)
		n.Endpoint, n.Ingress, n.Token = said.Endpoint, said.Ingress, strings.TrimSpace(string(token))
		return err == nil
	})
	return n, filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid), "root", data)
}

func TestAFullDiskIsSaidAndLosesNothing(t *testing.T) {
	n, disk := startNodeOnSmallDisk(t, 96)
	work := stack.Stack{Name: "work", Functions: map[string]stack.Function{"f": n.javascript(echo)}}
	n.deploy(work)

	refused := func(err error) {
		t.Helper()
		var status *harness.StatusError
		if !errors.As(err, &status) || status.Status != http.StatusInsufficientStorage {
			t.Fatalf("got %v, want 507", err)
		}
		var p struct{ Detail string }
		n.must(json.Unmarshal([]byte(status.Body), &p))
		mustSay(t, p.Detail, "no space left")
	}
	big := make([]byte, 90<<20)
	_, _ = rand.Read(big)
	sum := sha256.Sum256(big)
	path := "/v1/packages/" + base64.RawURLEncoding.EncodeToString(sum[:])
	refused(n.Call(t.Context(), http.MethodPut, path, big, nil))
	if err := n.Call(t.Context(), http.MethodHead, path, nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
		t.Errorf("the package that found no room is there: %v", err)
	}

	filler := filepath.Join(disk, "filler")
	if err := os.WriteFile(filler, make([]byte, 96<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk did not become full: %v", err)
	}
	changed := work
	changed.Tags = map[string]string{"changed": "yes"}
	refused(n.Call(t.Context(), http.MethodPut, "/v1/stacks/work", changed, nil))
	if got := n.invoke(t.Context(), "work-f:live", `{"id":1}`, "X-Amz-Invocation-Type", "Event"); got.status < 500 {
		t.Errorf("an event was accepted by a full disk: %+v", got)
	}
	var d stack.Deployment
	n.must(n.Call(t.Context(), http.MethodGet, "/v1/stacks/work", nil, &d))
	if len(d.Stack.Tags) != 0 {
		t.Errorf("the refused change was made: %v", d.Stack.Tags)
	}

	n.must(os.Remove(filler))
	wait(t, "the runtime to go on when there is room again", func() bool {
		return n.Call(t.Context(), http.MethodPut, "/v1/stacks/work", changed, nil) == nil
	})
	if got := n.invoke(t.Context(), "work-f:live", `{"id":1}`); got.status != 200 {
		t.Errorf("after that the function does not run: %+v", got)
	}
}
