package runtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/harness"
	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// serveFails starts serve with flags it cannot start with, and returns what it
// says.
func serveFails(t *testing.T, env []string, flags ...string) string {
	t.Helper()
	binary, err := harness.Binary(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, append([]string{"serve"}, flags...)...)
	cmd.Env = append(append(os.Environ(), "XDG_CONFIG_HOME="+t.TempDir()), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("serve ended with %v, want exit status 1\n%s", err, stderr.String())
	}
	if stdout.Len() > 0 {
		t.Errorf("serve says that it is ready: %s", stdout.String())
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, "tidegate: ") || strings.Contains(stderr.String(), "panic") {
		t.Errorf("the error is not one sentence:\n%s", stderr.String())
	}
	return last
}

func mustSay(t *testing.T, sentence string, words ...string) {
	t.Helper()
	for _, word := range words {
		if !strings.Contains(sentence, word) {
			t.Errorf("%q does not say %q", sentence, word)
		}
	}
}

func TestAPortInUseIsSaidWithItsFlag(t *testing.T) {
	n := startNode(t)
	taken := strings.TrimPrefix(n.Endpoint, "http://")
	free := []string{"--data-dir", t.TempDir(), "--listen", "127.0.0.1:0", "--ingress", "127.0.0.1:0"}
	mustSay(t, serveFails(t, nil, append(free, "--listen", taken)...), "--listen "+taken, "in use")
	mustSay(t, serveFails(t, nil, append(free, "--ingress", taken)...), "--ingress "+taken, "in use")
	mustSay(t, serveFails(t, nil, append(free, "--listen", "7420")...), "--listen 7420", "127.0.0.1:7420")
}

func TestADataFolderHasOneProcess(t *testing.T) {
	n := startNode(t)
	said := serveFails(t, nil, "--data-dir", n.DataDir, "--listen", "127.0.0.1:0", "--ingress", "127.0.0.1:0")
	mustSay(t, said, n.DataDir)
}

func TestADataFolderOfANewerVersionIsLeftAlone(t *testing.T) {
	n := startNode(t)
	n.must(n.Stop())
	path := filepath.Join(n.DataDir, "format")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the data folder does not say its format: %v", err)
	}
	n.must(os.WriteFile(path, []byte("99\n"), 0o600))
	said := serveFails(t, nil, "--data-dir", n.DataDir, "--listen", "127.0.0.1:0", "--ingress", "127.0.0.1:0")
	mustSay(t, said, "newer version", n.DataDir)
}

func TestFlagsThatMakeNoSenseAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		flags []string
		words []string
	}{
		{[]string{"--isolation", "perfect"}, []string{"--isolation", "perfect", "strict"}},
		{[]string{"--replicas", "3"}, []string{"--replicas", "--nats-url"}},
		{[]string{"--max-concurrency", "0"}, []string{"--max-concurrency"}},
		{[]string{"--pool-window", "10ms"}, []string{"--pool-window", "3m"}},
		{[]string{"--nats-url", "nats://127.0.0.1:1"}, []string{"--nats-url"}},
		{[]string{"--ingress-url", "apps"}, []string{"--ingress-url", "https://"}},
		{[]string{"--interpreters", "/does/not/exist"}, []string{"/does/not/exist"}},
	} {
		flags := append([]string{"--data-dir", dir, "--listen", "127.0.0.1:0", "--ingress", "127.0.0.1:0"}, c.flags...)
		mustSay(t, serveFails(t, nil, flags...), c.words...)
	}
}

func TestTheTokenIsForItsUserAloneAndStaysTheSame(t *testing.T) {
	n := startNode(t)
	first := n.Token
	files, err := filepath.Glob(filepath.Join(n.ConfigHome, "tidegate", "tokens", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the token files are %v, %v", files, err)
	}
	info, err := os.Stat(files[0])
	n.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the token file has mode %o, want 600", info.Mode().Perm())
	}
	n.must(n.Stop())
	if _, err := os.Stat(files[0]); err != nil {
		t.Errorf("the token file is gone after the end: %v", err)
	}
	n.must(n.Start(t.Context()))
	if n.Token != first {
		t.Error("a restart made another token")
	}
	if strings.Contains(n.Log(), first) {
		t.Error("the token is in the log")
	}
}

func TestAWrongTokenAMalformedAndATooLargeBodyChangeNothing(t *testing.T) {
	n := startNode(t)
	right := n.Token
	put := func(body string) string {
		err := n.Call(t.Context(), http.MethodPut, "/v1/stacks/orders", []byte(body), nil)
		var refused *harness.StatusError
		if !errors.As(err, &refused) {
			t.Fatalf("got %v, want a refusal", err)
		}
		var p struct {
			Status int
			Detail string
		}
		if err := json.Unmarshal([]byte(refused.Body), &p); err != nil || p.Status != refused.Status {
			t.Fatalf("%s: %v", refused.Body, err)
		}
		return p.Detail
	}
	for _, wrong := range []string{"", "wrong", right + "x"} {
		n.Token = wrong
		mustSay(t, put(`{}`), "token")
	}
	n.Token = right
	mustSay(t, put(`{"name":`), "not valid JSON")
	mustSay(t, put(`{"name":"orders","functions":{},"colour":1}`), "colour: there is no such field")
	mustSay(t, put(`{"name":"`+strings.Repeat("x", 2<<20)+`"}`), "larger than 2 MB")
	if err := n.Call(t.Context(), http.MethodGet, "/v1/stacks/orders", nil, nil); !harness.IsStatus(err, http.StatusNotFound) {
		t.Errorf("after all that there is a stack: %v", err)
	}
}

// A runtime that is asked to end lets what runs finish.
func TestWhatRunsFinishesBeforeTheEnd(t *testing.T) {
	n := startNode(t)
	s := newSink(t)
	slow := n.javascript(`
export const handler = async event => {
  await fetch(process.env.SINK, { method: 'POST', body: JSON.stringify({ handled: ['begun'], node: 'n' }) })
  await new Promise(resolve => setTimeout(resolve, 500))
  return 'finished'
}`)
	slow.Environment = map[string]string{"SINK": s.url}
	n.deploy(stack.Stack{Name: "slow", Functions: map[string]stack.Function{"f": slow}})
	answer := make(chan result, 1)
	go func() { answer <- n.invoke(t.Context(), "slow-f:live", `{}`) }()
	wait(t, "the function to begin", func() bool { return len(s.handled("begun")) > 0 })
	n.must(n.Stop())
	if got := <-answer; got.err != nil || got.payload != `"finished"` {
		t.Errorf("got %+v", got)
	}
}
