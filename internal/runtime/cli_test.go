package runtime_test

import (
	"bufio"
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/tidegate-io/terraform-provider-tidegate/internal/stack"
)

// command is the command line as the user who runs serve has it: nothing but the
// endpoint tells it where to go.
func (n *node) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := n.CLI(ctx, args...)
	env := cmd.Env
	cmd.Env = nil
	for _, kv := range env {
		if !strings.HasPrefix(kv, "TIDEGATE_TOKEN=") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	return cmd
}

func TestTheCommandLineLooksAfterARuntime(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "one"))
	run := func(args ...string) string {
		t.Helper()
		out, err := n.command(t.Context(), args...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return string(out)
	}
	mustSay(t, run("invoke", "demo/echo", "--payload", `{"id":7}`), `"id":7`, `"version":"1"`)
	n.must(n.Call(t.Context(), http.MethodPut, "/v1/stacks/demo/functions/echo/aliases/beta", stack.Alias{Routing: stack.RouteTo(1)}, nil))
	mustSay(t, run("invoke", "demo/echo:beta", "--payload", `{"id":7}`), `"id":7`, `"version":"1"`)
	mustSay(t, run("stacks"), "demo", "echo:1", "ready")
	mustSay(t, run("versions", "demo/echo"), "100%")
	mustSay(t, run("logs", "demo/echo", "--since", "5m ago"), "handling 7", "REPORT RequestId")
	mustSay(t, run("invoke", "demo/echo", "--async", "-o", "json"), `"status": 202`)
}

func TestFollowedLogsOutliveARestart(t *testing.T) {
	n := startNode(t)
	n.deploy(echoStack(n, "one"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := n.command(ctx, "logs", "demo", "--follow", "--since", "1h")
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	n.must(err)
	n.must(cmd.Start())
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	sees := func(word string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), word) {
				return
			}
		}
		t.Fatalf("the log ended before %q", word)
	}
	n.invoke(t.Context(), "demo-echo:live", `{"id":"before"}`)
	sees("handling before")
	n.must(n.Kill())
	n.must(n.Start(t.Context()))
	n.invoke(t.Context(), "demo-echo:live", `{"id":"after"}`)
	sees("handling after")
}
